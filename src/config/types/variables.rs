//! The variables that a configuration defines itself.

use super::{Geo, Map, SplitClients, Template, Variable};
use std::sync::Arc;

/// A variable that the configuration defines. Its position in [`Config::variables`](super::Config::variables) is its
/// slot.
#[derive(Clone, Debug)]
pub struct UserVariable {
    /// The name without "$".
    pub name: String,
    /// Where its value comes from.
    pub source: Source,
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// What was stored last: by `set`, or by a named group of a regular expression. Empty before.
    Stored,
    /// `split_clients`: computed when it is first read.
    Split(Arc<SplitClients>),
    /// `map`; and whether it is looked up anew each time (`volatile`).
    Map(Arc<Map>, bool),
    /// `geo`; and whether it is looked up anew each time (`volatile`).
    Geo(Arc<Geo>, bool),
}

impl Source {
    /// The slots that the value is made of.
    pub fn slots(&self) -> Vec<u16> {
        let templates: Vec<&Template> = match self {
            Source::Stored => Vec::new(),
            Source::Map(map, _) => map.values.iter().chain([&map.source]).collect(),
            Source::Geo(geo, _) => geo.source.iter().collect(),
            Source::Split(split) => vec![&split.text],
        };
        let parts = templates.into_iter().flat_map(|template| &template.parts);
        let slot = |variable: &Variable| if let Variable::Slot(slot) = variable { Some(*slot) } else { None };
        parts.filter_map(|part| slot(&part.variable)).collect()
    }
}
