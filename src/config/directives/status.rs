//! `stub_status`: a page with the numbers of connections and requests.

use super::{Contexts, Directive, row};
use crate::config::types::Phases;

pub(super) const TABLE: &[Directive] =
    // nginx before 1.7.5 needed a value, which meant nothing.
    &[row("stub_status", Contexts::SERVER.union(Contexts::LOCATION), 0..=1, "stub_status;")
            .syntax("[WORD]")
            .without("files answer")
            .not_inherited()
            .help("Answers with a page that has the numbers of connections and requests.")
            .once(|scope, _| {
                scope.settings.stub_status = true;
                scope.settings.phases.insert(Phases::PRE_CONTENT);
                Ok(())
            })];
