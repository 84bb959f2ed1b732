//! A row of the table of directives: what the parser, the messages, `--help` and docs/directives.md know of one.

use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::{Contexts, Scope};
use std::ops::RangeInclusive;

/// No upper limit on values.
pub(in crate::config) const MANY: usize = usize::MAX;

/// Changes the level that a directive is on.
pub(in crate::config) type Set = fn(&mut Scope<'_>, &Statement) -> Result<(), Fault>;

/// Reads statements into a level: `walk::read`, which a block's directive gets as an argument.
pub(in crate::config) type Read = fn(&mut Scope<'_>, &[Statement]);

/// Opens the level of a block, reads the block into it, and takes over what the level has at the end.
pub(in crate::config) type Enter = fn(&mut Scope<'_>, &Statement, Read) -> Result<(), Fault>;

/// How a directive is written, and the function that reads it.
#[derive(Clone, Copy)]
pub(in crate::config) enum Form {
    /// `name value;`, at most once on a level.
    Once(Set),
    /// `name value;`, any number of times.
    Repeat(Set),
    /// `name { key value; }`, a table, any number of times.
    Table(Set),
    /// `name { directives }`, at most once on a level.
    Section(Enter),
    /// `name { directives }`, any number of times.
    Sections(Enter),
}

/// What holds if a directive is not given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::config) enum Default {
    /// The row does not say it: only blocks may do so.
    Unsaid,
    /// The same as with these values, as they are written.
    Values(&'static str),
    /// What no values say, in words.
    Words(&'static str),
}

/// A directive beside the one of nginx with the same name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::config) enum Nginx {
    /// The same in all that matters.
    Same,
    /// This differs.
    Differs(&'static str),
    /// nginx does not have it.
    HasNone,
}

/// One directive.
pub(in crate::config) struct Directive {
    pub name: &'static str,
    /// The levels that it may be on.
    pub contexts: Contexts,
    /// The number of values, without a block.
    pub args: RangeInclusive<usize>,
    /// A correct example, for messages.
    pub example: &'static str,
    /// The values as in a manual: `on|off`, `SIZE`, `NAME ...`, `[TIME]`. Empty: the example says it.
    pub syntax: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// What holds without it.
    pub default: Default,
    /// Whether the levels inside take it over.
    pub is_inherited: bool,
    /// What differs from nginx.
    pub nginx: Nginx,
    /// The form and the function that reads it.
    pub form: Form,
}

impl Directive {
    /// Whether a block follows.
    pub fn takes_block(&self) -> bool {
        matches!(self.form, Form::Table(_) | Form::Section(_) | Form::Sections(_))
    }

    /// Whether a second one on the same level is an error.
    pub fn at_most_once(&self) -> bool {
        matches!(self.form, Form::Once(_) | Form::Section(_))
    }

    /// "exactly 1 value", for messages.
    pub fn takes(&self) -> String {
        let values = |count: usize| format!("{count} value{}", if count == 1 { "" } else { "s" });
        match (*self.args.start(), *self.args.end()) {
            (_, 0) => "no value".to_owned(),
            (least, MANY) => format!("at least {}", values(least)),
            (least, most) if least == most => values(most),
            (least, most) if least + 1 == most => format!("{least} or {}", values(most)),
            (least, most) => format!("{least} to {}", values(most)),
        }
    }
}

/// A row that still lacks its form. `row(...).help(...).default(...).once(...)` makes a [`Directive`]:
///
/// - [`syntax`](Row::syntax), [`help`](Row::help), and [`default`](Row::default) or [`without`](Row::without) say what
///   `--help` prints; a test sees that they are there and true.
/// - [`differs`](Row::differs), [`own`](Row::own) and [`not_inherited`](Row::not_inherited) only where they hold.
/// - The form comes last: [`once`](Row::once), [`repeat`](Row::repeat), [`table`](Row::table),
///   [`section`](Row::section) or [`sections`](Row::sections).
pub(super) struct Row {
    name: &'static str,
    contexts: Contexts,
    args: RangeInclusive<usize>,
    example: &'static str,
    syntax: &'static str,
    help: &'static str,
    default: Default,
    is_inherited: bool,
    nginx: Nginx,
}

/// A row: the name, the levels, the number of values without a block, and a correct example.
pub(super) const fn row(
    name: &'static str,
    contexts: Contexts,
    args: RangeInclusive<usize>,
    example: &'static str,
) -> Row {
    let (default, nginx) = (Default::Unsaid, Nginx::Same);
    Row { name, contexts, args, example, syntax: "", help: "", default, is_inherited: true, nginx }
}

impl Row {
    /// The values as in a manual: `on|off`, `SIZE`, `NAME ...`, `[TIME]`.
    pub const fn syntax(self, syntax: &'static str) -> Row {
        Row { syntax, ..self }
    }

    /// What it does, in one line.
    pub const fn help(self, help: &'static str) -> Row {
        Row { help, ..self }
    }

    /// The values that mean the same as no such directive.
    pub const fn default(self, values: &'static str) -> Row {
        Row { default: Default::Values(values), ..self }
    }

    /// What holds without it, where no values say that.
    pub const fn without(self, words: &'static str) -> Row {
        Row { default: Default::Words(words), ..self }
    }

    /// The levels inside do not take it over.
    pub const fn not_inherited(self) -> Row {
        Row { is_inherited: false, ..self }
    }

    /// What differs from nginx's directive.
    pub const fn differs(self, how: &'static str) -> Row {
        Row { nginx: Nginx::Differs(how), ..self }
    }

    /// nginx has no such directive.
    pub const fn own(self) -> Row {
        Row { nginx: Nginx::HasNone, ..self }
    }

    /// See [`Form::Once`].
    pub const fn once(self, set: Set) -> Directive {
        self.form(Form::Once(set))
    }

    /// See [`Form::Repeat`].
    pub const fn repeat(self, set: Set) -> Directive {
        self.form(Form::Repeat(set))
    }

    /// See [`Form::Table`].
    pub const fn table(self, set: Set) -> Directive {
        self.form(Form::Table(set))
    }

    /// See [`Form::Section`].
    pub const fn section(self, enter: Enter) -> Directive {
        self.form(Form::Section(enter))
    }

    /// See [`Form::Sections`].
    pub const fn sections(self, enter: Enter) -> Directive {
        self.form(Form::Sections(enter))
    }

    const fn form(self, form: Form) -> Directive {
        let Row { name, contexts, args, example, syntax, help, default, is_inherited, nginx } = self;
        Directive { name, contexts, args, example, syntax, help, default, is_inherited, nginx, form }
    }
}
