//! `geo`: a variable whose value is looked up by an address.

use super::real_ip::network;
use super::{Contexts, Directive, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Geo, GeoNetworks, GeoRanges, Network, RangeAdded, Source};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

pub(super) const TABLE: &[Directive] =
    &[row("geo", Contexts::HTTP, 1..=2, "geo $place { default world; 192.0.2.0/24 office; }")
        .syntax("[$ADDRESS] $VARIABLE")
        .without("there is no such variable")
        .differs("binary bases of ranges are not supported")
        .help("Defines a variable whose value is looked up by an address, by default the client's.")
        .table(geo)];

/// A `geo` that is being read.
struct GeoDraft {
    geo: Geo,
    /// The indices of values by their texts.
    values: HashMap<String, u32>,
    table: Addresses,
    is_volatile: bool,
    has_entries: bool,
}

enum Addresses {
    Networks(GeoNetworks),
    Ranges(GeoRanges),
}

fn geo(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let mut draft = GeoDraft {
        geo: Geo { values: vec![Arc::from(&b""[..])], ..Geo::default() },
        values: HashMap::new(),
        table: Addresses::Networks(GeoNetworks::default()),
        is_volatile: false,
        has_entries: false,
    };
    let (name, source) = match &it.args[..] {
        [source, name] => (name, Some(source)),
        args => (&args[0], None),
    };
    if let Some(source) = source {
        scope.variable_name(source)?; // not a whole text, as in nginx
        draft.geo.source = Some(scope.template(source)?);
    }
    for row in it.statements() {
        let outcome = draft.row(scope, row);
        scope.note(outcome);
    }
    draft.geo.addresses = match draft.table {
        Addresses::Networks(networks) => networks.finish(),
        Addresses::Ranges(ranges) => ranges.finish(),
    };
    scope.define(name, Source::Geo(Arc::new(draft.geo), draft.is_volatile))?;
    Ok(())
}

impl GeoDraft {
    fn row(&mut self, scope: &mut Scope<'_>, row: &Statement) -> Result<(), Fault> {
        let key = &row.name;
        if let Some(block) = &row.block {
            return Err(Fault::new(block.open, "no blocks inside of \"geo\""));
        }
        match (&key.text[..], &row.args[..]) {
            ("ranges", []) if self.has_entries => Err(key.fault("\"ranges\" must stand before all addresses")),
            ("ranges", []) => {
                self.table = Addresses::Ranges(GeoRanges::default());
                Ok(())
            }
            ("proxy_recursive", []) => {
                self.geo.proxy_recursive = true;
                Ok(())
            }
            ("volatile", []) => {
                self.is_volatile = true;
                Ok(())
            }
            ("proxy", [word]) => {
                let network = network(scope, word)?;
                self.geo.proxies.add(network);
                Ok(())
            }
            (_, [word]) => {
                self.has_entries = true;
                self.entry(scope, key, word)
            }
            (_, args) => {
                Err(key.fault(format!("an address of \"geo\" has one value, not {}: 192.0.2.0/24 VALUE;", args.len())))
            }
        }
    }

    /// `default VALUE;`, `delete ADDRESSES;`, `ADDRESSES VALUE;`
    fn entry(&mut self, scope: &mut Scope<'_>, key: &Word, word: &Word) -> Result<(), Fault> {
        if key.text == "delete" {
            return self.delete(scope, word);
        }
        let value = self.value(word);
        let former = match &mut self.table {
            Addresses::Networks(networks) if key.text == "default" => networks.add_default(value),
            Addresses::Ranges(_) if key.text == "default" => {
                let text = Arc::clone(&self.geo.values[value as usize]);
                let former = std::mem::replace(&mut self.geo.values[0], text);
                if former.is_empty() { None } else { Some(0) }
            }
            Addresses::Networks(networks) => match network(scope, key)? {
                Network::V4(first, last) => networks.add_v4(first, last, value),
                Network::V6(first, last) => networks.add_v6(first, last, value),
                Network::Unix => return Err(key.fault("\"geo\" looks up IP addresses only")),
            },
            Addresses::Ranges(ranges) => {
                let (first, last) = range(key)?;
                match ranges.add(first, last, value) {
                    RangeAdded::New => None,
                    RangeAdded::Again(former) => Some(former),
                    RangeAdded::Overlaps(first, last) => {
                        let other = Network::V4(first, last);
                        return Err(key.fault(format!("the range \"{}\" overlaps {other}", key.text)));
                    }
                }
            }
        };
        if former.is_some() {
            scope.warn(key, format!("\"{}\" had another value before; the last one holds", key.text));
        }
        Ok(())
    }

    fn delete(&mut self, scope: &mut Scope<'_>, word: &Word) -> Result<(), Fault> {
        let was_there = match &mut self.table {
            Addresses::Networks(networks) => match network(scope, word)? {
                Network::V4(first, last) => networks.remove_v4(first, last),
                Network::V6(first, last) => networks.remove_v6(first, last),
                Network::Unix => false,
            },
            Addresses::Ranges(ranges) => {
                let (first, last) = range(word)?;
                ranges.remove(first, last)
            }
        };
        if !was_there {
            scope.warn(word, format!("\"{}\" has no value that could be deleted", word.text));
        }
        Ok(())
    }

    /// The index of a value.
    fn value(&mut self, word: &Word) -> u32 {
        if let Some(index) = self.values.get(&word.text) {
            return *index;
        }
        let index = self.geo.values.len() as u32; // the files together have fewer words
        self.geo.values.push(Arc::from(word.text.as_bytes()));
        self.values.insert(word.text.clone(), index);
        index
    }
}

/// `192.0.2.0-192.0.2.255`
fn range(word: &Word) -> Result<(u32, u32), Fault> {
    let ends = word.text.split_once('-').and_then(|(first, last)| {
        let ip = |text: &str| text.parse::<Ipv4Addr>().ok().map(Ipv4Addr::to_bits);
        Some((ip(first)?, ip(last)?))
    });
    ends.filter(|(first, last)| first <= last)
        .ok_or_else(|| word.fault(format!("\"{}\" is no range; accepted: as in 192.0.2.0-192.0.2.255", word.text)))
}
