//! The directives of the gateway families on one level, as far as they have been read.
//!
//! A level inherits them family by family, also where nothing is passed on. What a location with a `_pass` directive
//! uses of them is put together when all directives of the level have been read ([`GatewayDraft::rules`]).

use super::lex::Word;
use super::types::{
    GatewayParam, GatewayProtocol, GatewayRules, GatewayStore, GatewayTarget, PassUri, ProxyRedirect, RewriteFrom,
    Template,
};
use std::sync::Arc;

/// The directives of all families. None: those of a family have their defaults.
#[derive(Clone, Default)]
pub(super) struct GatewayDrafts([Option<Arc<GatewayDraft>>; 4]);

/// The directives of one family.
#[derive(Clone)]
pub(super) struct GatewayDraft {
    /// All but those that follow here.
    pub rules: GatewayRules,
    /// `fastcgi_param` and its kind, or `proxy_set_header`.
    pub params: Vec<GatewayParam>,
    /// `_hide_header`, in lower case.
    pub hide: Vec<String>,
    /// `_pass_header`, in lower case.
    pub pass: Vec<String>,
    /// `_store`.
    pub store: StoreDraft,
    /// `_store_access`.
    pub store_mode: u32,
    /// `proxy_redirect`; None: `default`.
    pub redirects: Option<Vec<RedirectDraft>>,
}

/// `_store off|on|PATH;`
#[derive(Clone)]
pub(super) enum StoreDraft {
    Off,
    On,
    Path(Template),
}

/// One `proxy_redirect`. What `default` means is known when the `proxy_pass` of the level is.
#[derive(Clone)]
pub(super) enum RedirectDraft {
    /// `default`. The word is for a message.
    Default(Word),
    Pair(ProxyRedirect),
}

/// A `_pass` directive of a level.
pub(super) struct Pass {
    /// The directive's name.
    pub word: Word,
    pub protocol: GatewayProtocol,
    pub target: GatewayTarget,
    /// `$proxy_host`
    pub host: String,
    /// `$proxy_port`
    pub port: String,
    pub uri: Option<PassUri>,
    /// What `proxy_redirect default` means here; None if the target has variables.
    pub redirect: Option<ProxyRedirect>,
}

impl GatewayDrafts {
    /// The directives of a family.
    pub fn of(&mut self, protocol: GatewayProtocol) -> &mut GatewayDraft {
        let draft = self.0[protocol as usize].get_or_insert_with(|| Arc::new(GatewayDraft::new(protocol)));
        Arc::make_mut(draft)
    }
}

impl GatewayDraft {
    fn new(protocol: GatewayProtocol) -> Self {
        Self {
            rules: GatewayRules::of(protocol),
            params: Vec::new(),
            hide: Vec::new(),
            pass: Vec::new(),
            store: StoreDraft::Off,
            store_mode: 0o600,
            redirects: None,
        }
    }

    /// The rules of a location with this `_pass` directive. The error is the `proxy_redirect default` that means
    /// nothing, since the target has variables.
    pub fn rules(&self, pass: &Pass) -> Result<GatewayRules, Word> {
        let mut rules = self.rules.clone();
        rules.params = self.params.clone().into();
        rules.hidden = self.hidden(pass.protocol).into();
        let store = |path| Some(Arc::new(GatewayStore { path, mode: self.store_mode }));
        rules.store = match &self.store {
            StoreDraft::Off => None,
            StoreDraft::On => store(None),
            StoreDraft::Path(path) => store(Some(path.clone())),
        };
        if pass.protocol == GatewayProtocol::Http {
            Arc::make_mut(&mut rules.proxy).redirects = self.redirects(pass)?;
        }
        Ok(rules)
    }

    /// The fields that clients do not get. As in nginx, one that is passed is not hidden, even if it is by default.
    fn hidden(&self, protocol: GatewayProtocol) -> Vec<String> {
        let mut hidden: Vec<String> = protocol.hidden().map(str::to_owned).collect();
        let more = self.hide.iter().filter(|name| !protocol.hidden().any(|known| known == *name));
        hidden.extend(more.cloned());
        hidden.retain(|name| !self.pass.contains(name));
        hidden
    }

    fn redirects(&self, pass: &Pass) -> Result<Vec<ProxyRedirect>, Word> {
        let Some(drafts) = &self.redirects else { return Ok(pass.redirect.iter().cloned().collect()) };
        let redirect = |draft: &RedirectDraft| match draft {
            RedirectDraft::Pair(pair) => Ok(pair.clone()),
            RedirectDraft::Default(word) => pass.redirect.clone().ok_or_else(|| word.clone()),
        };
        drafts.iter().map(redirect).collect()
    }
}

impl Pass {
    /// `proxy_redirect default` for this URL, which has a path of its own or not, in this location.
    pub fn default_redirect(url: &str, has_path: bool, location: &str) -> ProxyRedirect {
        let (from, to) = if has_path { (url.to_owned(), location) } else { (format!("{url}/"), "/") };
        ProxyRedirect { from: RewriteFrom::Text(Template::from(&from[..])), to: Template::from(to) }
    }
}
