//! Splits a text into tokens, as nginx does: words with quotes and escapes, comments, `;`, `{` and `}`.

use super::problem::{Fault, Position};
use std::str::Chars;

/// The longest word, in bytes.
pub(super) const WORD_BYTES_MAX: usize = 4096;

/// A word of the configuration, without its quotes and escapes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    pub text: String,
    pub place: Position,
    /// The word was in quotes, so it is a value, even if it looks like something else.
    pub quoted: bool,
}

impl Word {
    /// A fault at this word.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.place, message)
    }
}

/// A piece of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    Word(Word),
    Semicolon(Position),
    Open(Position),
    Close(Position),
    /// The end of the text.
    End,
}

/// Reads the tokens of a text.
pub(super) struct Lexer<'text> {
    rest: Chars<'text>,
    /// The position of the next character.
    at: Position,
}

impl<'text> Lexer<'text> {
    /// A lexer at the start of a file's text.
    pub fn new(file: usize, text: &'text str) -> Self {
        Lexer { rest: text.chars(), at: Position { file, line: 1, column: 1, width: 1 } }
    }

    /// The next token.
    pub fn token(&mut self) -> Result<Token, Fault> {
        self.skip_blank();
        let at = self.at;
        let mark = match self.peek() {
            None => return Ok(Token::End),
            Some(';') => Token::Semicolon(at),
            Some('{') => Token::Open(at),
            Some('}') => Token::Close(at),
            Some('"' | '\'') => return self.quoted(),
            Some(_) => return self.word(),
        };
        self.bump();
        Ok(mark)
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn skip_blank(&mut self) {
        while let Some(c) = self.peek() {
            if c == '#' {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.bump();
                }
            } else if !is_blank(c) {
                return;
            }
            self.bump();
        }
    }

    /// Reads a word without quotes: it ends before a blank, `;` or `{`, but `${name}` belongs to it.
    fn word(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        let mut text = String::new();
        let mut after_dollar = false;
        while let Some(c) = self.peek() {
            if is_blank(c) || c == ';' || (c == '{' && !after_dollar) {
                break;
            }
            after_dollar = c == '$';
            self.take(&mut text)?;
            if text.len() > WORD_BYTES_MAX {
                return Err(Fault::new(start, format!("this word is longer than {WORD_BYTES_MAX} bytes")));
            }
        }
        Ok(Token::Word(Word { text, place: self.since(start), quoted: false }))
    }

    /// Reads a word in quotes; a blank, `;`, `{`, `}` or `)` must follow.
    fn quoted(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        let quote = self.bump();
        let mut text = String::new();
        while self.peek() != quote {
            if self.peek().is_none() {
                return Err(Fault::new(self.since(start), "this quote is never closed"));
            }
            self.take(&mut text)?;
            if text.len() > WORD_BYTES_MAX {
                let message = format!("this word is longer than {WORD_BYTES_MAX} bytes; is its closing quote missing?");
                return Err(Fault::new(self.since(start), message));
            }
        }
        self.bump();
        let place = self.since(start);
        match self.peek() {
            // A parenthesis begins a word of its own, as in: if ($host = 'a').
            Some(c) if !is_blank(c) && !matches!(c, ';' | '{' | '}' | ')') => {
                Err(Fault::new(self.at, format!("\"{c}\" right after a closing quote; a space is missing")))
            }
            _ => Ok(Token::Word(Word { text, place, quoted: true })),
        }
    }

    /// Reads one character of a word, or two after a backslash.
    fn take(&mut self, text: &mut String) -> Result<(), Fault> {
        let at = self.at;
        let c = match self.bump() {
            Some('\0') => return Err(Fault::new(at, "a zero byte; this is no text file")),
            Some(char::REPLACEMENT_CHARACTER) => {
                return Err(Fault::new(at, "this is not UTF-8 text; save the file in UTF-8"));
            }
            Some('\\') => match self.peek() {
                Some(c @ ('"' | '\'' | '\\')) => self.bump().map(|_| c),
                Some('t') => self.bump().map(|_| '\t'),
                Some('r') => self.bump().map(|_| '\r'),
                Some('n') => self.bump().map(|_| '\n'),
                // Any other backslash stays, and the next character has no special meaning.
                Some('\0') | None => Some('\\'),
                Some(_) => {
                    text.push('\\');
                    self.bump()
                }
            },
            c => c,
        };
        text.extend(c);
        Ok(())
    }

    /// The range from `start` to here; without an end if that is on another line.
    fn since(&self, start: Position) -> Position {
        let width = if self.at.line == start.line { self.at.column - start.column } else { usize::MAX };
        Position { width, ..start }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens in short form: words as they are, quoted ones in guillemets, an error as "! line:column message".
    fn tokens(text: &str) -> String {
        let mut lexer = Lexer::new(0, text);
        let mut out = Vec::new();
        loop {
            out.push(match lexer.token() {
                Ok(Token::Word(word)) if word.quoted => format!("«{}»", word.text),
                Ok(Token::Word(word)) => word.text,
                Ok(Token::Semicolon(_)) => ";".into(),
                Ok(Token::Open(_)) => "{".into(),
                Ok(Token::Close(_)) => "}".into(),
                Ok(Token::End) => return out.join(" "),
                Err(fault) => {
                    out.push(format!("! {}:{} {}", fault.place.line, fault.place.column, fault.message));
                    return out.join(" ");
                }
            });
        }
    }

    #[test]
    fn grammar() {
        let table = [
            ("", ""),
            (" \t\r\n", ""),
            ("# only a comment", ""),
            ("a b;", "a b ;"),
            ("a b;c{d}", "a b ; c { d}"),
            ("a { } ;", "a { } ;"),
            ("a#b # c\nd", "a#b d"),
            // Quotes.
            ("'a b' \"c;d\";", "«a b» «c;d» ;"),
            ("\"\"", "«»"),
            ("a\"b", "a\"b"),
            ("\"a\nb\"", "«a\nb»"),
            ("'\"' \"'\"", "«\"» «'»"),
            ("\"a\"{", "«a» {"),
            ("\"a\"}", "«a» }"),
            ("('a')", "('a')"),
            ("(x 'a')", "(x «a» )"),
            ("\"a\"b", "! 1:4 \"b\" right after a closing quote; a space is missing"),
            ("x\n 'a", "x ! 2:2 this quote is never closed"),
            // Escapes.
            (r#""\"" '\'' \" \\"#, r#"«"» «'» " \"#),
            (r"a\tb '\r\n'", "a\tb «\r\n»"),
            (r"\.php \; a\ b", r"\.php \; a\ b"),
            ("a\\", "a\\"),
            ("'a\\", "! 1:1 this quote is never closed"),
            // Variables keep their braces.
            ("${a}b{", "${a}b {"),
            ("a$ {", "a$ {"),
            ("\"${a}\"", "«${a}»"),
            ("a}b;", "a}b ;"),
            ("a\0", "! 1:2 a zero byte; this is no text file"),
            ("\\\0", "! 1:2 a zero byte; this is no text file"),
            // What was no UTF-8 text in the file; in a comment it has no meaning.
            ("# \u{fffd}\na;", "a ;"),
            ("a 'b\u{fffd}';", "a ! 1:5 this is not UTF-8 text; save the file in UTF-8"),
        ];
        for (text, expected) in table {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }

    #[test]
    fn places_count_characters() {
        let mut lexer = Lexer::new(3, "ä 'ö\nü' \"x\\\"y\";");
        let mut place = |line, column, width| {
            let expected = Position { file: 3, line, column, width };
            match lexer.token().unwrap() {
                Token::Word(word) => assert_eq!(word.place, expected),
                Token::Semicolon(place) => assert_eq!(place, expected),
                other => panic!("{other:?}"),
            }
        };
        place(1, 1, 1);
        place(1, 3, usize::MAX);
        place(2, 4, 6);
        place(2, 10, 1);
    }

    #[test]
    fn words_have_a_limit() {
        let most = "x".repeat(WORD_BYTES_MAX);
        assert_eq!(tokens(&most), most);
        assert_eq!(tokens(&format!("{most}x")), "! 1:1 this word is longer than 4096 bytes");
        let quoted = format!("'{most}x");
        assert_eq!(tokens(&quoted), "! 1:1 this word is longer than 4096 bytes; is its closing quote missing?");
    }
}
