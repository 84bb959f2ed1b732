//! Groups tokens into statements and blocks, and replaces each `include` by the statements of its files.

use super::lex::{Lexer, Token, Word};
use super::problem::{Fault, Files, Position};
use super::source::ConfigSource;
use std::path::{Path, PathBuf};

/// How deep blocks may be nested.
const DEPTH_MAX: usize = 32;

/// How deep files may include each other.
const INCLUDE_DEPTH_MAX: usize = 16;

/// How many files one configuration may have.
const FILES_MAX: usize = 1000;

/// `name args;` or `name args { ... }`.
#[derive(Debug)]
pub(super) struct Statement {
    pub name: Word,
    pub args: Vec<Word>,
    pub block: Option<Block>,
}

impl Statement {
    /// The block, if the statement has one.
    pub fn statements(&self) -> &[Statement] {
        self.block.as_ref().map_or(&[], |block| &block.statements)
    }
}

/// The statements between `{` and `}`.
#[derive(Debug)]
pub(super) struct Block {
    /// The position of the `{`.
    pub open: Position,
    pub statements: Vec<Statement>,
}

/// Parses statements; the first fault ends the parsing.
pub(super) struct Parser<'a> {
    source: &'a ConfigSource<'a>,
    files: &'a mut Files,
    /// The files that are being read; each is included by the one before it.
    including: Vec<PathBuf>,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// A parser that reads included files from `source` and adds all texts to `files`.
    pub fn new(source: &'a ConfigSource<'a>, files: &'a mut Files) -> Self {
        Parser { source, files, including: Vec::new(), depth: 0 }
    }

    /// Parses one text; `path` is its name.
    pub fn text(&mut self, path: &Path, text: &str) -> Result<Vec<Statement>, Fault> {
        let file = self.files.add(&path.to_string_lossy(), text);
        let text = self.files.text(file);
        self.including.push(path.to_owned());
        let statements = self.statements(&mut Lexer::new(file, &text), None);
        self.including.pop();
        statements
    }

    /// Parses statements up to the `}` of the block that `open` began, or up to the end of the file.
    fn statements(&mut self, lexer: &mut Lexer<'_>, open: Option<Position>) -> Result<Vec<Statement>, Fault> {
        let mut statements = Vec::new();
        loop {
            match (lexer.token()?, open) {
                (Token::Word(name), _) => {
                    let statement = self.statement(lexer, name)?;
                    if statement.name.text == "include" && !statement.name.quoted {
                        statements.append(&mut self.include(&statement)?);
                    } else {
                        statements.push(statement);
                    }
                }
                (Token::Close(_), Some(_)) | (Token::End, None) => return Ok(statements),
                (Token::Close(place), None) => {
                    return Err(Fault::new(place, "unexpected \"}\": no block is open here"));
                }
                (Token::End, Some(open)) => return Err(Fault::new(open, "missing \"}\": this block is never closed")),
                (Token::Semicolon(place), _) => {
                    return Err(Fault::new(place, "unexpected \";\": nothing stands before it"));
                }
                (Token::Open(place), _) => {
                    return Err(Fault::new(place, "unexpected \"{\": the block's name is missing before it"));
                }
            }
        }
    }

    fn statement(&mut self, lexer: &mut Lexer<'_>, name: Word) -> Result<Statement, Fault> {
        let mut args: Vec<Word> = Vec::new();
        loop {
            match lexer.token()? {
                Token::Word(word) => args.push(word),
                Token::Semicolon(_) => return Ok(Statement { name, args, block: None }),
                Token::Open(open) => {
                    if self.depth == DEPTH_MAX {
                        return Err(Fault::new(open, format!("more than {DEPTH_MAX} blocks inside one another")));
                    }
                    self.depth += 1;
                    let statements = self.statements(lexer, Some(open))?;
                    self.depth -= 1;
                    return Ok(Statement { name, args, block: Some(Block { open, statements }) });
                }
                Token::Close(_) | Token::End => {
                    let last = args.last().unwrap_or(&name);
                    return Err(last.fault(format!("missing \";\" after \"{}\"", last.text)));
                }
            }
        }
    }

    /// The statements of the files of an `include`.
    fn include(&mut self, statement: &Statement) -> Result<Vec<Statement>, Fault> {
        let (name, args) = (&statement.name, &statement.args);
        if let Some(block) = &statement.block {
            return Err(Fault::new(block.open, "\"include\" takes no block"));
        }
        let [pattern] = &args[..] else {
            return Err(
                name.fault(format!("\"include\" takes 1 value, not {}, as in: include mime.types;", args.len()))
            );
        };
        if self.including.len() == INCLUDE_DEPTH_MAX {
            return Err(pattern.fault(format!("more than {INCLUDE_DEPTH_MAX} files including one another")));
        }
        let mut statements = Vec::new();
        for path in self.source.expand(&pattern.text) {
            let shown = path.display();
            if self.including.contains(&path) {
                return Err(pattern.fault(format!("\"{shown}\" includes itself")));
            }
            if self.files.len() == FILES_MAX {
                return Err(pattern.fault(format!("more than {FILES_MAX} files in one configuration")));
            }
            let read = self.source.read(&path);
            let text = read.map_err(|error| pattern.fault(format!("cannot read \"{shown}\": {error}")))?;
            statements.append(&mut self.text(&path, &text)?);
        }
        Ok(statements)
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::ConfigFiles;
    use super::*;

    /// The statements in one line, or the fault as "! line:column message".
    fn parsed(text: &str) -> String {
        fn show(statements: &[Statement], out: &mut String) {
            for statement in statements {
                out.push_str(&statement.name.text);
                statement.args.iter().for_each(|arg| *out += &format!(" {}", arg.text));
                match &statement.block {
                    None => out.push_str("; "),
                    Some(block) => {
                        out.push_str(" { ");
                        show(&block.statements, out);
                        out.push_str("} ");
                    }
                }
            }
        }
        let source = ConfigSource {
            files: ConfigFiles::default(),
            embedded: &[("inner", "x 1; y { z; }"), ("self", "include self;")],
            disk_first: false,
            directory: "/".into(),
        };
        let mut files = Files::default();
        match Parser::new(&source, &mut files).text(Path::new("test"), text) {
            Ok(statements) => {
                let mut out = String::new();
                show(&statements, &mut out);
                out.trim_end().to_owned()
            }
            Err(fault) => format!("! {}:{} {}", fault.place.line, fault.place.column, fault.message),
        }
    }

    #[test]
    fn grammar() {
        let table = [
            ("", ""),
            ("a;", "a;"),
            ("a b 'c d';", "a b c d;"),
            ("a{b;}", "a { b; }"),
            ("a { b { } c; } d;", "a { b { } c; } d;"),
            ("include inner; a { include inner; }", "x 1; y { z; } a { x 1; y { z; } }"),
            ("'include' inner;", "include inner;"),
            (";", "! 1:1 unexpected \";\": nothing stands before it"),
            ("a; }", "! 1:4 unexpected \"}\": no block is open here"),
            ("a { b;", "! 1:3 missing \"}\": this block is never closed"),
            ("a {\n b { c; }\n", "! 1:3 missing \"}\": this block is never closed"),
            ("{", "! 1:1 unexpected \"{\": the block's name is missing before it"),
            ("a b", "! 1:3 missing \";\" after \"b\""),
            ("a { b }", "! 1:5 missing \";\" after \"b\""),
            ("include;", "! 1:1 \"include\" takes 1 value, not 0, as in: include mime.types;"),
            ("include a b;", "! 1:1 \"include\" takes 1 value, not 2, as in: include mime.types;"),
            ("include a { }", "! 1:11 \"include\" takes no block"),
            ("include self;", "! 1:9 \"self\" includes itself"),
        ];
        for (text, expected) in table {
            assert_eq!(parsed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| "a {".repeat(depth) + &"}".repeat(depth);
        assert!(parsed(&nested(DEPTH_MAX)).starts_with("a {"));
        assert_eq!(parsed(&nested(DEPTH_MAX + 1)), "! 1:99 more than 32 blocks inside one another");
        assert_eq!(parsed(&"a {".repeat(100_000)), "! 1:99 more than 32 blocks inside one another");
    }
}
