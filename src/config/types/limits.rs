//! Limits of rates and of requests at a time: limit_req, limit_conn, limit_rate.

use super::{Level, Template};
use crate::rate::{Places, Rate, Requests, ZoneTable};
use std::sync::{Arc, OnceLock};

/// A zone: a name, what its keys are, and the table that all workers share.
///
/// A directive may use a zone before the one that defines it, so the definition comes later than the name. After the
/// configuration has been read, every zone that is used is defined.
#[derive(Debug, Default)]
pub struct Zone<T> {
    /// The name.
    pub name: String,
    definition: OnceLock<ZoneDefinition>,
    table: OnceLock<Arc<T>>,
}

/// What `limit_req_zone` or `limit_conn_zone` says.
#[derive(Clone, PartialEq, Debug)]
pub struct ZoneDefinition {
    /// Requests with the same value are counted together; those with an empty value are not limited.
    pub key: Template,
    /// The key as it is written.
    pub key_text: String,
    /// The memory that the table may take, about.
    pub bytes: usize,
    /// The rate of `limit_req_zone`; one per second for `limit_conn_zone`, which has none.
    pub rate: Rate,
}

impl<T: ZoneTable> Zone<T> {
    /// A zone that is not defined yet.
    pub fn named(name: String) -> Self {
        Self { name, definition: OnceLock::new(), table: OnceLock::new() }
    }

    /// Defines the zone. Returns false if it was defined already.
    pub fn define(&self, definition: ZoneDefinition) -> bool {
        self.definition.set(definition).is_ok()
    }

    /// The definition.
    pub fn definition(&self) -> Option<&ZoneDefinition> {
        self.definition.get()
    }

    /// The table.
    pub fn table(&self) -> &Arc<T> {
        let bytes = self.definition().map_or(0, |definition| definition.bytes);
        self.table.get_or_init(|| Arc::new(T::with_bytes(bytes)))
    }

    /// Goes on with the table of the same zone of an earlier configuration.
    fn adopt(&self, earlier: &[Arc<Zone<T>>]) {
        let is_same = |old: &&Arc<Zone<T>>| {
            let (old_definition, own) = (old.definition(), self.definition());
            let counted = |definition: &ZoneDefinition| (definition.key_text.clone(), definition.bytes);
            old.name == self.name && old_definition.map(counted) == own.map(counted)
        };
        if let Some(old) = earlier.iter().find(is_same) {
            let _ = self.table.set(Arc::clone(old.table())); // a table that is in use already stays
        }
    }
}

/// The zones of a configuration.
#[derive(Clone, Default, Debug)]
pub struct Zones {
    /// Those of `limit_req_zone`.
    pub requests: Vec<Arc<Zone<Requests>>>,
    /// Those of `limit_conn_zone`.
    pub places: Vec<Arc<Zone<Places>>>,
}

impl Zones {
    /// After a reload, a zone with the same name, key and size goes on with its table.
    pub fn adopt(&self, earlier: &Zones) {
        self.requests.iter().for_each(|zone| zone.adopt(&earlier.requests));
        self.places.iter().for_each(|zone| zone.adopt(&earlier.places));
    }

    /// Whether there is a zone with this name.
    pub fn has(&self, name: &str) -> bool {
        self.requests.iter().any(|zone| zone.name == name) || self.places.iter().any(|zone| zone.name == name)
    }
}

/// The limits of one level.
#[derive(Clone, Default, Debug)]
pub struct Limits {
    /// `limit_req` and the other limit_req_ directives.
    pub req: LimitReq,
    /// `limit_conn` and the other limit_conn_ directives.
    pub conn: LimitConn,
    /// `limit_rate` and `limit_rate_after`.
    pub rate: LimitRate,
}

/// `limit_req` and the other limit_req_ directives.
#[derive(Clone, Default, Debug)]
pub struct LimitReq {
    /// The limits, in order. A level inherits them only if it has none of its own.
    pub limits: Vec<RequestLimit>,
    /// How a request over a limit is refused.
    pub refusal: LimitRefusal,
}

/// `limit_req zone=NAME [burst=NUMBER] [nodelay|delay=NUMBER];`
#[derive(Clone, Debug)]
pub struct RequestLimit {
    /// The zone.
    pub zone: Arc<Zone<Requests>>,
    /// The excess up to which requests are not refused, in thousandths of a request.
    pub burst: u64,
    /// The excess up to which requests are not delayed, in thousandths of a request.
    pub undelayed: u64,
}

/// `limit_conn` and the other limit_conn_ directives.
#[derive(Clone, Default, Debug)]
pub struct LimitConn {
    /// The limits, in order. A level inherits them only if it has none of its own.
    pub limits: Vec<PlaceLimit>,
    /// How a request over a limit is refused.
    pub refusal: LimitRefusal,
}

/// `limit_conn NAME NUMBER;`
#[derive(Clone, Debug)]
pub struct PlaceLimit {
    /// The zone.
    pub zone: Arc<Zone<Places>>,
    /// Requests of one key that are answered at a time.
    pub most: u32,
}

/// `limit_req_status`, `limit_req_log_level`, `limit_req_dry_run`, and the same of limit_conn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitRefusal {
    /// The response's status. Default 503.
    pub status: u16,
    /// The level of the line in the error log. Default error.
    pub level: Level,
    /// Only the log and the variable say that the request would be refused or delayed. Default off.
    pub dry_run: bool,
}

impl LimitRefusal {
    /// The level of the line for a delay: one less serious than for a refusal.
    pub fn delay_level(self) -> Level {
        match self.level {
            Level::Error => Level::Warn,
            Level::Warn => Level::Notice,
            _ => Level::Info,
        }
    }
}

/// A number of bytes that may depend on the request.
#[derive(Clone, PartialEq, Debug)]
pub enum Size {
    /// The same for all requests.
    Fixed(u64),
    /// Text with variables. No text is 0.
    Made(Template),
}

/// `limit_rate` and `limit_rate_after`.
#[derive(Clone, PartialEq, Debug)]
pub struct LimitRate {
    /// Bytes per second for one response; 0 is no limit. `None`: not limited.
    pub rate: Option<Size>,
    /// Bytes at the beginning of a response that are not limited. Default 0.
    pub after: Size,
}
