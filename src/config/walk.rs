//! Reads the levels: each statement of a level goes to its directive, and a block is read as a level inside.

use super::directives::{self, Directive, Form};
use super::parse::Statement;
use super::problem::Fault;
use super::scope::{Contexts, LocationHead, LocationMatch, Scope};

/// Reads the statements of a level: first the plain ones, then the blocks, so that a directive below a block also
/// applies inside the block.
pub(super) fn read(scope: &mut Scope<'_>, statements: &[Statement]) {
    let mut sections = Vec::new();
    for (number, statement) in statements.iter().enumerate() {
        scope.statement = number;
        let outcome = admit(scope, statement).and_then(|directive| {
            scope.first = !scope.seen.contains_key(directive.name);
            scope.seen.entry(directive.name).or_insert(statement.name.place);
            match directive.form {
                Form::Once(set) | Form::Repeat(set) | Form::Table(set) => set(scope, statement)?,
                Form::Section(enter) | Form::Sections(enter) => sections.push((number, enter, statement)),
            }
            Ok(())
        });
        if outcome.is_err() {
            read_refused(scope, statement);
        }
        scope.note(outcome);
    }
    directives::access::settle(scope);
    directives::cgi::settle(scope);
    let outcome = directives::gateway::settle(scope);
    scope.note(outcome);
    directives::fields::settle(scope);
    let outcome = directives::charset::settle(scope);
    scope.note(outcome);
    directives::connection::settle(scope);
    let outcome = directives::upload::settle(scope);
    scope.note(outcome);
    // These come first: the one also holds inside of `if`, and the other is what locations name.
    sections.sort_by_key(|(_, _, statement)| !["limit_except", "upstream"].contains(&&statement.name.text[..]));
    for (number, enter, statement) in sections {
        scope.statement = number;
        let levels = scope.draft.levels;
        let outcome = enter(scope, statement, read);
        if outcome.is_err() && levels == scope.draft.levels {
            read_refused(scope, statement);
        }
        scope.note(outcome);
    }
    directives::rewrite::settle(scope);
    directives::location::finish(scope);
}

/// Reads the block of a statement that is refused, so that its problems are shown as well. What it says is dropped.
fn read_refused(scope: &mut Scope<'_>, statement: &Statement) {
    if let Some(context) = directives::level_inside(&statement.name.text, scope.context)
        && statement.block.is_some()
    {
        let is_location = context.intersects(Contexts::LOCATION.union(Contexts::LOCATION_IF));
        let mut inner = scope.inside(context);
        // A place where everything may stand that may stand in a location.
        inner.location = is_location.then(|| LocationHead { kind: LocationMatch::Prefix, path: String::new() });
        read(&mut inner, statement.statements());
    }
}

/// Checks that the statement's directive is known, allowed here, and has the right form.
fn admit(scope: &Scope<'_>, statement: &Statement) -> Result<&'static Directive, Fault> {
    let name = &statement.name;
    let directive = directives::find(name, scope.context)?;
    missing_semicolon(statement, scope.context)?;
    match (&statement.block, directive.takes_block()) {
        (Some(block), false) => {
            return Err(Fault::new(
                block.open,
                format!("\"{}\" takes no block, as in: {}", name.text, directive.example),
            ));
        }
        (None, true) => {
            return Err(name.fault(format!("\"{}\" needs a block, as in: {}", name.text, directive.example)));
        }
        _ => {}
    }
    if !directive.args.contains(&statement.args.len()) {
        let takes = directive.takes();
        let given = statement.args.len();
        let message = format!("\"{}\" takes {takes}, not {given}, as in: {}", name.text, directive.example);
        return Err(name.fault(message));
    }
    match scope.seen.get(directive.name) {
        Some(first) if directive.at_most_once() => {
            Err(name.fault(format!("\"{}\" is given twice, {}", name.text, scope.first_at(*first))))
        }
        _ => Ok(directive),
    }
}

/// The fault of a line of the statement that begins with a directive's name: the `;` of the line before is missing. A
/// directive with many values would otherwise take the next directive as values.
fn missing_semicolon(statement: &Statement, context: Contexts) -> Result<(), Fault> {
    let mut last = &statement.name;
    for word in &statement.args {
        if word.place.line > last.place.line && !word.quoted && directives::is_known(&word.text, context) {
            let (before, name) = (&last.text, &word.text);
            let message = format!(
                "missing \";\" after \"{before}\" (\"{name}\" on the next line is a directive; quote it if not)"
            );
            return Err(last.fault(message));
        }
        last = word;
    }
    Ok(())
}
