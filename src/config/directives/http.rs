//! `http`: the block around all servers.

use super::{Contexts, Directive, Form};

pub(super) const TABLE: &[Directive] = &[Directive {
    name: "http",
    contexts: Contexts::MAIN,
    args: 0..=0,
    example: "http { server { listen 8080; } }",
    form: Form::Section(|scope, it, read| {
        read(&mut scope.inside(Contexts::HTTP), it.statements());
        Ok(())
    }),
}];
