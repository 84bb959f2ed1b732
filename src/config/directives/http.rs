//! `http`: the block around all servers.

use super::{Contexts, Directive, row};

pub(super) const TABLE: &[Directive] = &[row("http", Contexts::MAIN, 0..=0, "http { server { listen 8080; } }")
    .help("The block around all HTTP servers, and what they have in common.")
    .section(|scope, it, read| {
        read(&mut scope.inside(Contexts::HTTP), it.statements());
        Ok(())
    })];
