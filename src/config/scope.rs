//! The levels of a configuration: each starts with the settings of the level around it, and its directives change them.

use super::gateways::{GatewayDrafts, Pass};
use super::lex::Word;
use super::listeners::{Listen, ServerDraft};
use super::problem::{Errors, Fault, Files, Position};
use super::source::ConfigFiles;
use super::types::{
    AddHeader, AddressRule, Addresses, Branch, Cgi, Config, EchoBy, Location, Locations, Phases, Regex, RewriteStep,
    Settings, Template,
};
use super::upstreams::{UpstreamDraft, UpstreamGroups, UpstreamZone};
use super::variables::VariableDrafts;
use crate::password::Users;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

bitflags::bitflags! {
    /// The levels that a directive may be on.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct Contexts: u16 {
        /// Outside of all blocks.
        const MAIN = 1;
        const EVENTS = 2;
        const HTTP = 4;
        const SERVER = 8;
        const LOCATION = 16;
        const DIRECTORY = 32;
        /// A `server` in `directory`.
        const DIRECTORY_SERVER = 64;
        const ECHO = 128;
        /// A `server` in `echo`.
        const ECHO_SERVER = 256;
        /// An `if` in a server.
        const SERVER_IF = 512;
        /// An `if` in a location.
        const LOCATION_IF = 1024;
        /// A `limit_except` in a location.
        const LIMIT_EXCEPT = 2048;
        const UPSTREAM = 4096;
        /// All levels that describe requests.
        const REQUEST = Self::HTTP.bits() | Self::SERVER.bits() | Self::LOCATION.bits();
        /// The blocks of protocols beside HTTP.
        const PROTOCOL_BLOCK = Self::DIRECTORY.bits() | Self::ECHO.bits();
        /// A `server` in one of them.
        const PROTOCOL_SERVER = Self::DIRECTORY_SERVER.bits() | Self::ECHO_SERVER.bits();
    }
}

/// The configuration as far as it has been read.
pub(super) struct ConfigDraft {
    /// The finished parts.
    pub config: Config,
    /// How other files are read that a directive names.
    pub reader: ConfigFiles,
    /// The directory that relative paths start from.
    pub prefix: PathBuf,
    /// The texts, for messages that name a second position.
    pub files: Files,
    /// The `log_format`s by name.
    pub formats: HashMap<String, Arc<Template>>,
    /// The zones that limits used before they were defined.
    pub zones_used: Vec<Word>,
    /// The groups of servers by name.
    pub upstreams: UpstreamGroups,
    /// The zones that groups name.
    pub upstream_zones: Vec<UpstreamZone>,
    /// The `server`s in the order of the files.
    pub servers: Vec<ServerDraft>,
    /// The variables that are mentioned and defined so far.
    pub variables: VariableDrafts,
    /// The faults so far.
    pub faults: Vec<Fault>,
    /// The number of faults after those, which nobody will see.
    pub faults_left_out: usize,
    /// The warnings so far.
    pub warnings: Vec<Fault>,
    /// How many levels have been opened so far.
    pub levels: usize,
    /// How many servers and locations there are so far.
    pub routes: u32,
}

impl ConfigDraft {
    /// The number of a server or location that has just been read.
    pub fn next_route(&mut self) -> u32 {
        self.routes += 1;
        self.routes - 1
    }
}

/// One level: the file itself, or a block with directives. A directive changes it.
pub(super) struct Scope<'a> {
    pub draft: &'a mut ConfigDraft,
    /// The kind of this level; one flag.
    pub context: Contexts,
    /// The settings: those of the level around it, changed by the directives of this level.
    pub settings: Settings,
    /// Whether the current directive is the first of its name on this level. A level inherits a list only if it adds
    /// nothing to it, so the first directive empties the list.
    pub first: bool,
    /// The number of the current directive on this level: programs run in the order of the file.
    pub statement: usize,
    /// The steps of this level's program so far, each with the number of its directive.
    pub steps: Vec<(usize, RewriteStep)>,
    /// The `if` blocks of a location.
    pub branches: Vec<Branch>,
    /// The directives of this level, with the position of the first one of each name.
    pub seen: HashMap<&'static str, Position>,
    /// The `listen`s of a server.
    pub listens: Vec<Listen>,
    /// The `server_name`s of a server.
    pub names: Vec<Word>,
    /// The expressions among the `server_name`s of a server.
    pub regexes: Vec<Regex>,
    /// The head of this location.
    pub location: Option<LocationHead>,
    /// The locations directly inside.
    pub locations: Locations,
    /// The prefix locations directly inside, until all of them have been read.
    pub prefixes: Vec<Arc<Location>>,
    /// The positions of the locations inside, by how they are written.
    pub location_places: HashMap<String, Position>,
    /// The locations inside that have a `_pass` directive of their own.
    pub passing: Vec<Arc<Location>>,
    /// The named locations that an `error_page` of this level or below refers to.
    pub named_uses: Vec<Word>,
    /// The fields of `add_header` and `add_trailer` of the level around this one, which this level has replaced.
    pub outer_fields: Vec<AddHeader>,
    /// The `allow` and `deny` of this level, in their order.
    pub address_rules: Vec<(Addresses, AddressRule)>,
    /// The settings of `cgi`, also while no program answers here.
    pub cgi: CgiDraft,
    /// The directives of the gateway families, also while nothing is passed on here.
    pub gateways: GatewayDrafts,
    /// The `_pass` directive of this level.
    pub pass: Option<Pass>,
    /// The settings for servers of other protocols than HTTP.
    pub protocol: ProtocolDraft,
    /// The directives of an `upstream`.
    pub upstream: UpstreamDraft,
}

/// How a location is matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LocationMatch {
    /// `location = /path`
    Exact,
    /// `location /path`
    Prefix,
    /// `location ^~ /path`
    PrefixOnly,
    /// `location ~ EXPRESSION`, or `~*`, which ignores the case of letters
    Regex { ignores_case: bool },
    /// `location @name`
    Named,
}

/// The text between `location` and its `{`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct LocationHead {
    pub kind: LocationMatch,
    /// The path, the name with its "@", or the text of the expression.
    pub path: String,
}

/// The cgi settings of a level. They are inherited separately, also from levels where no program answers.
#[derive(Clone, Default)]
pub(super) struct CgiDraft {
    /// Whether a program answers here.
    pub on: bool,
    /// The settings, but for what follows here.
    pub cgi: Cgi,
    /// `cgi_hide_header`, in lower case.
    pub hide: Vec<String>,
    /// `cgi_pass_header`, in lower case.
    pub pass: Vec<String>,
}

/// The settings of a level for servers of other protocols than HTTP.
#[derive(Clone)]
pub(super) struct ProtocolDraft {
    pub users: Option<Arc<Users>>,
    pub timeout: Duration,
    pub echo_by: EchoBy,
}

impl Default for ProtocolDraft {
    fn default() -> Self {
        Self { users: None, timeout: Duration::from_secs(60), echo_by: EchoBy::Bytes }
    }
}

impl<'a> Scope<'a> {
    /// A level with these settings.
    pub fn new(draft: &'a mut ConfigDraft, context: Contexts, settings: Settings) -> Self {
        Scope {
            draft,
            context,
            settings,
            first: true,
            statement: 0,
            steps: Vec::new(),
            branches: Vec::new(),
            seen: HashMap::new(),
            listens: Vec::new(),
            names: Vec::new(),
            regexes: Vec::new(),
            location: None,
            locations: Locations::default(),
            prefixes: Vec::new(),
            location_places: HashMap::new(),
            passing: Vec::new(),
            named_uses: Vec::new(),
            outer_fields: Vec::new(),
            address_rules: Vec::new(),
            cgi: CgiDraft::default(),
            gateways: GatewayDrafts::default(),
            pass: None,
            protocol: ProtocolDraft::default(),
            upstream: UpstreamDraft::default(),
        }
    }

    /// A level inside this one. It inherits everything but what acts at once: `return`, `rewrite`, `try_files` and
    /// their kind, `limit_except`, `empty_gif` and the `_pass` directives. An `if` keeps `limit_except`: it must not
    /// lead around it. It keeps what its location passes requests to, too, and so does `limit_except`.
    pub fn inside(&mut self, context: Contexts) -> Scope<'_> {
        self.draft.levels += 1;
        let phases = self.settings.phases - Phases::NOT_INHERITED;
        let mut settings = Settings { phases, return_: None, ..self.settings.clone() };
        if context != Contexts::LOCATION_IF {
            settings.limit_except = None;
        }
        (settings.program, settings.try_files) = (None, None);
        settings.empty_gif &= context == Contexts::LOCATION_IF;
        settings.stub_status = false;
        if !context.intersects(Contexts::LOCATION_IF.union(Contexts::LIMIT_EXCEPT)) {
            settings.gateway = None;
        }
        let (cgi, gateways, protocol) = (self.cgi.clone(), self.gateways.clone(), self.protocol.clone());
        Scope { cgi, gateways, protocol, ..Scope::new(self.draft, context, settings) }
    }

    /// Adds a fault to the report.
    pub fn note(&mut self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            // Keep twice as many as are shown: faults of blocks come late and are sorted in.
            match self.draft.faults.len() < 2 * Errors::MAX {
                true => self.draft.faults.push(fault),
                false => self.draft.faults_left_out += 1,
            }
        }
    }

    /// Adds a warning.
    pub fn warn(&mut self, word: &Word, message: String) {
        self.draft.warnings.push(word.fault(message));
    }

    /// The position of an earlier word, for a message.
    pub fn first_at(&self, place: Position) -> String {
        format!("first at {}", self.draft.files.name(place))
    }

    /// A path; a relative one is relative to the prefix.
    pub fn path(&self, word: &Word) -> Result<PathBuf, Fault> {
        match &word.text[..] {
            "" => Err(word.fault("this path is empty")),
            text if text.contains('$') => Err(word.fault("variables are not supported in this path")),
            "." => Ok(self.draft.prefix.clone()),
            text => Ok(self.draft.prefix.join(text)),
        }
    }
}
