//! Enters the names of a configuration, as they are looked up.

use super::types::{Hosts, Server};

impl Hosts {
    /// Adds a `server_name` in lower case: exact, `*.x` or `x.*`. Call [`Hosts::sort`] after the last one.
    pub(crate) fn add(&mut self, name: &str, index: usize) {
        if let Some(end) = name.strip_prefix('*') {
            self.suffixes.push((end.to_owned(), index));
        } else if let Some(start) = name.strip_suffix('*') {
            self.prefixes.push((start.to_owned(), index));
        } else {
            self.exact.insert(name.into(), index);
        }
    }

    /// Sorts the wildcards by length, the longest first, as [`Hosts::find`] needs them.
    pub(crate) fn sort(&mut self) {
        for list in [&mut self.suffixes, &mut self.prefixes] {
            list.sort_by_key(|(fixed, _)| std::cmp::Reverse(fixed.len()));
        }
    }
}

impl Server {
    /// The name in logs and redirects: the first `server_name`, or "".
    pub fn name(&self) -> &str {
        &self.settings.server_name
    }
}
