//! Who gets what is here: `allow`, `deny`, `satisfy`, `auth_basic`.

use super::{Contexts, Directive, put, rewrite, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{
    AddressRule, AddressRules, Addresses, Literal, Network, NoNetwork, Phases, Satisfy, Template, UserFile,
};
use std::path::Path;
use std::sync::Arc;

const LEVELS: Contexts = Contexts::REQUEST.union(Contexts::LIMIT_EXCEPT);

pub(super) const TABLE: &[Directive] = &[
    row("allow", LEVELS, 1..=1, "allow 192.168.1.0/24;")
        .syntax("ADDRESS|NETWORK|unix:|all")
        .without("all")
        .help("Lets clients with this address in. The first allow or deny that fits an address counts.")
        .repeat(|scope, it| add_rule(scope, it, AddressRule::Allow)),
    row("deny", LEVELS, 1..=1, "deny all;")
        .syntax("ADDRESS|NETWORK|unix:|all")
        .without("nobody")
        .help("Answers 403 to clients with this address. The first allow or deny that fits an address counts.")
        .repeat(|scope, it| add_rule(scope, it, AddressRule::Deny)),
    row("satisfy", Contexts::REQUEST, 1..=1, "satisfy any;")
        .syntax("all|any")
        .default("all")
        .help("Whether all checks must let a client in, its address and its password, or any of them.")
        .once(|scope, it| {
            let choices = [("all", Satisfy::All), ("any", Satisfy::Any)];
            put(&mut scope.settings.access.satisfy, it.args[0].choice("value", &choices))
        }),
    row("auth_basic", LEVELS, 1..=1, "auth_basic \"staff only\";")
        .syntax("REALM|off")
        .default("off")
        .help("Asks for a name and a password; the browser shows the realm.")
        .once(realm),
    row("auth_basic_user_file", LEVELS, 1..=1, "auth_basic_user_file htpasswd;")
        .syntax("PATH")
        .without("none, and auth_basic asks for nothing")
        .differs("a file over 1 MiB is refused")
        .help("The users of auth_basic: lines of NAME:HASH, as htpasswd writes them.")
        .once(user_file),
    row("auth_delay", LEVELS, 1..=1, "auth_delay 2s;")
        .syntax("TIME")
        .default("0s")
        .help("How long a client without the right password waits for the answer 401.")
        .once(|scope, it| put(&mut scope.settings.access.auth_delay, it.args[0].time())),
    row("auth_request", Contexts::REQUEST, 1..=1, "auth_request /auth;")
        .syntax("URI|off")
        .default("off")
        .help("Asks this path of the server first: 2xx lets the client in, 401 and 403 are its answer.")
        .once(auth_request),
    row("auth_request_set", Contexts::REQUEST, 2..=2, "auth_request_set $user $sent_http_x_user;")
        .syntax("$VARIABLE VALUE")
        .without("no variable is set")
        .help("Gives a variable a value of the answer to auth_request.")
        .repeat(auth_request_set),
];

/// `auth_request URI|off;`
fn auth_request(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    scope.settings.access.subrequest = match word.plain()? {
        "off" => None,
        text if text.starts_with('/') => Some(Arc::from(text)),
        text => return Err(word.fault(format!("\"{text}\" is no path; write \"/{text}\", or \"off\""))),
    };
    Ok(())
}

/// `auth_request_set $VARIABLE VALUE;`
fn auth_request_set(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let target = rewrite::set_target(scope, &it.args[0])?;
    let value = scope.template(&it.args[1])?;
    let sets = &mut scope.settings.access.subrequest_sets;
    let mut all = if scope.first { Vec::new() } else { sets.to_vec() };
    all.push((target, value));
    *sets = all.into();
    Ok(())
}

/// `allow ADDRESSES;`, `deny ADDRESSES;`. As in nginx, a level with a rule of its own inherits none.
fn add_rule(scope: &mut Scope<'_>, it: &Statement, rule: AddressRule) -> Result<(), Fault> {
    let (addresses, is_cut) = addresses(&it.args[0])?;
    if is_cut {
        let text = &it.args[0].text;
        scope.warn(
            &it.args[0],
            format!("the bits of \"{text}\" behind the first ones that the number says are ignored"),
        );
    }
    scope.address_rules.push((addresses, rule));
    Ok(())
}

/// Parses `all`, `unix:`, an address, or a network. The flag says that bits of the address do not count.
fn addresses(word: &Word) -> Result<(Addresses, bool), Fault> {
    let text = &word.text[..];
    if text == "all" {
        return Ok((Addresses::All, false));
    }
    match Network::parse(text) {
        Ok((network, is_cut)) => Ok((Addresses::Of(network), is_cut)),
        Err(NoNetwork::Address) => Err(word.fault(format!(
            "\"{text}\" is no address; write \"all\", \"unix:\", an address, or a network as in 10.0.0.0/8 or \
             2001:db8::/32"
        ))),
        Err(NoNetwork::Bits) => {
            let width = if text.contains(':') { 128 } else { 32 };
            Err(word.fault(format!("\"{text}\": the number of bits behind \"/\" is from 0 to {width}")))
        }
    }
}

/// `auth_basic REALM|off;`
fn realm(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    if word.text.contains(char::is_control) {
        return Err(word.fault("a control character in this value"));
    }
    let realm = scope.template(word)?;
    scope.settings.access.realm = (realm.as_text() != Some("off")).then_some(realm);
    Ok(())
}

/// `auth_basic_user_file PATH;`
fn user_file(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    if word.text.is_empty() {
        return Err(word.fault("this path is empty"));
    }
    let mut path = scope.template(word)?;
    let prefix = scope.draft.prefix.clone();
    if let (Some(text), Some(prefix)) = (path.as_text(), prefix.to_str()) {
        let whole = Path::new(prefix).join(text).to_string_lossy().into_owned();
        path = Template { rest: Literal::new(whole), ..path };
    }
    scope.settings.access.user_file = Some(UserFile { path, prefix });
    Ok(())
}

/// Called when the plain directives of a level have been read: puts its rules together, and notes whether a request has
/// to be checked here.
pub(in crate::config) fn settle(scope: &mut Scope<'_>) {
    let rules = std::mem::take(&mut scope.address_rules);
    let settings = &mut scope.settings;
    if !rules.is_empty() {
        settings.access.rules = Some(Arc::new(AddressRules::new(&rules)));
    }
    settings.phases.set(Phases::ACCESS, settings.checks_access());
    let lacks_users = settings.access.realm.is_some() && settings.access.user_file.is_none();
    if let Some(place) = scope.seen.get("auth_basic").filter(|_| lacks_users && scope.context == Contexts::LOCATION) {
        let message = "without auth_basic_user_file, auth_basic asks for no password: everybody may come in";
        scope.draft.warnings.push(Fault::new(*place, message));
    }
}
