//! `rewrite`, `if`, `set`, `break`: they run in the order of the file, before a handler is chosen. So does `return`.

use super::{Contexts, Directive, MANY, Read, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{
    Branch, FileTest, Phases, Rewrite, RewriteProgram, RewriteStep, RewriteThen, SetTarget, Source, Test,
};
use std::sync::Arc;

/// The levels with programs.
pub(super) const REWRITING: Contexts =
    Contexts::SERVER.union(Contexts::LOCATION).union(Contexts::SERVER_IF).union(Contexts::LOCATION_IF);

pub(super) const TABLE: &[Directive] = &[
    row("rewrite", REWRITING, 2..=3, "rewrite ^/old/(.*)$ /new/$1 last;")
        .syntax("EXPRESSION TARGET [last|break|redirect|permanent]")
        .without("the path stays")
        .not_inherited()
        .help("Changes the path, or redirects the client, if the expression matches.")
        .repeat(rewrite),
    row("if", Contexts::SERVER.union(Contexts::LOCATION), 1..=MANY, "if ($request_method = POST) { return 405; }")
        .syntax("(TEST)")
        .not_inherited()
        .help("Directives that hold only if a variable, a comparison, or a test of a file is true.")
        .sections(if_),
    row("set", REWRITING, 2..=2, "set $kind static;")
        .syntax("$VARIABLE VALUE")
        .without("the variable is empty")
        .not_inherited()
        .help("Gives a variable a value.")
        .repeat(set),
    row("break", REWRITING, 0..=0, "break;")
        .without("all directives of the level run")
        .not_inherited()
        .help("Ends the rewriting of this level.")
        .repeat(|scope, _| {
            step(scope, RewriteStep::Break);
            Ok(())
        }),
    row(
        "rewrite_log",
        Contexts::REQUEST.union(Contexts::SERVER_IF).union(Contexts::LOCATION_IF),
        1..=1,
        "rewrite_log on;",
    )
    .syntax("on|off")
    .default("off")
    .help("Logs each rewrite at the level notice.")
    .once(|scope, it| put(&mut scope.settings.rewrite_log, it.args[0].flag())),
];

/// Adds a step to the program of this level.
pub(super) fn step(scope: &mut Scope<'_>, step: RewriteStep) {
    let at = scope.statement;
    scope.steps.push((at, step));
}

/// Called when all directives of a level have been read: makes its program.
pub(in crate::config) fn settle(scope: &mut Scope<'_>) {
    if scope.steps.is_empty() || scope.context.intersects(Contexts::SERVER_IF.union(Contexts::LOCATION_IF)) {
        return;
    }
    let program = RewriteProgram { steps: in_order(scope) };
    scope.settings.program = Some(Arc::new(program));
    scope.settings.phases |= match scope.context {
        Contexts::SERVER => Phases::SERVER_REWRITE,
        _ => Phases::REWRITE,
    };
}

/// The steps in the order of the file. Blocks were read after the other directives.
fn in_order(scope: &mut Scope<'_>) -> Vec<RewriteStep> {
    let mut steps = std::mem::take(&mut scope.steps);
    steps.sort_by_key(|(statement, _)| *statement);
    steps.into_iter().map(|(_, step)| step).collect()
}

/// `set $name value;`
fn set(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let target = set_target(scope, &it.args[0])?;
    let value = scope.template(&it.args[1])?;
    step(scope, RewriteStep::Set(target, value));
    Ok(())
}

/// The variable that a directive sets: one of the configuration's own, or one of the few of the server that can be set.
pub(super) fn set_target(scope: &mut Scope<'_>, name: &Word) -> Result<SetTarget, Fault> {
    Ok(match scope.variable_name(name)? {
        "args" | "query_string" => SetTarget::Args,
        "limit_rate" => SetTarget::LimitRate,
        _ => SetTarget::Slot(scope.define(name, Source::Stored)?),
    })
}

/// `rewrite EXPRESSION TARGET [last|break|redirect|permanent];`
fn rewrite(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (expression, target) = (&it.args[0], &it.args[1]);
    let regex = scope.regex(expression, &expression.text, false)?;
    let choices = [
        ("last", RewriteThen::Last),
        ("break", RewriteThen::Break),
        ("redirect", RewriteThen::Redirect(302)),
        ("permanent", RewriteThen::Redirect(301)),
    ];
    let then = it.args.get(2).map(|word| word.choice("flag", &choices)).transpose()?;
    let is_url = ["http://", "https://", "$scheme"].iter().any(|start| target.text.starts_with(start));
    let then = match then {
        Some(then @ RewriteThen::Redirect(_)) => then,
        _ if is_url => RewriteThen::Redirect(302),
        then => then.unwrap_or(RewriteThen::Continue),
    };
    let text = target.text.strip_suffix('?');
    let keeps_args = text.is_none();
    let target = scope.template(&Word { text: text.unwrap_or(&target.text).to_owned(), ..target.clone() })?;
    step(scope, RewriteStep::Rewrite(Box::new(Rewrite { regex, target, keeps_args, then })));
    Ok(())
}

/// `if (TEST) { ... }`
fn if_(scope: &mut Scope<'_>, it: &Statement, read: Read) -> Result<(), Fault> {
    let test = test(scope, it)?;
    let is_location = scope.context == Contexts::LOCATION;
    let context = if is_location { Contexts::LOCATION_IF } else { Contexts::SERVER_IF };
    let mut inner = scope.inside(context);
    inner.location = None;
    read(&mut inner, it.statements());
    let mut steps = in_order(&mut inner);
    let (settings, mut named_uses) = (inner.settings, inner.named_uses);
    scope.named_uses.append(&mut named_uses);
    if is_location {
        let route = scope.draft.next_route();
        scope.branches.push(Branch { route, settings: Arc::new(settings) });
        steps.insert(0, RewriteStep::Enter(route));
    }
    step(scope, RewriteStep::If(test, steps.len()));
    steps.into_iter().for_each(|inner| step(scope, inner));
    Ok(())
}

/// The test between the parentheses.
fn test(scope: &mut Scope<'_>, it: &Statement) -> Result<Test, Fault> {
    let words = inside_parentheses(it)?;
    let Some((first, rest)) = words.split_first() else {
        return Err(it.args[0].fault("this test is empty, as in: if ($request_method = POST) { return 405; }"));
    };
    let operator = first.text.strip_prefix('!').unwrap_or(&first.text);
    let negated = operator.len() < first.text.len();
    let asks = match operator {
        "-f" => Some(FileTest::File),
        "-d" => Some(FileTest::Directory),
        "-e" => Some(FileTest::Exists),
        "-x" => Some(FileTest::Executable),
        _ => None,
    };
    match (asks, rest) {
        (Some(asks), [path]) => Ok(Test::File { path: scope.template(path)?, asks, negated }),
        (Some(_), _) => Err(first.fault(format!("\"{}\" is followed by one path", first.text))),
        (None, _) if !first.text.starts_with('$') => {
            let message = format!(
                "\"{}\" is no test: it begins with a variable, or with -f, -d, -e or -x, as in (-f $request_filename)",
                first.text
            );
            Err(first.fault(message))
        }
        (None, []) => Ok(Test::Truth(scope.template(first)?)),
        (None, [operator, right]) => comparison(scope, first, operator, right),
        (None, _) => {
            Err(first.fault("a test has a variable, an operator and one value; put a value with spaces in quotes"))
        }
    }
}

fn comparison(scope: &mut Scope<'_>, left: &Word, operator: &Word, right: &Word) -> Result<Test, Fault> {
    let negated = operator.text.starts_with('!');
    match &operator.text[..] {
        "=" | "!=" => Ok(Test::Equal { left: scope.template(left)?, right: scope.template(right)?, negated }),
        "~" | "!~" | "~*" | "!~*" => {
            let ignores_case = operator.text.ends_with('*');
            let regex = scope.regex(right, &right.text, ignores_case)?;
            Ok(Test::Match { subject: scope.template(left)?, regex, negated })
        }
        "==" => Err(operator.fault("\"==\" is no operator; write \"=\"")),
        _ => Err(operator.unknown("operator", &["=", "!=", "~", "~*", "!~", "!~*"])),
    }
}

/// The words of the test, without the parentheses, which may touch the words or stand alone.
pub(in crate::config) fn inside_parentheses(it: &Statement) -> Result<Vec<Word>, Fault> {
    let mut words = it.args.clone();
    let (first, last) = (&it.args[0], &it.args[it.args.len() - 1]);
    let Some(text) = first.text.strip_prefix('(').filter(|_| !first.quoted) else {
        return Err(first.fault("a test stands in parentheses, as in: if ($request_method = POST) { return 405; }"));
    };
    words[0].text = text.to_owned();
    shift(&mut words[0], 1);
    let at = words.len() - 1;
    let Some(text) = words[at].text.strip_suffix(')').filter(|_| !last.quoted) else {
        return Err(last.fault("the \")\" at the end of the test is missing"));
    };
    words[at].text = text.to_owned();
    words[at].place.width = words[at].place.width.saturating_sub(1);
    words.retain(|word| !word.text.is_empty() || word.quoted);
    Ok(words)
}

/// Moves the beginning of a word's place.
fn shift(word: &mut Word, columns: usize) {
    word.place.column += columns;
    word.place.width = word.place.width.saturating_sub(columns);
}
