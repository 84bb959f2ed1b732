//! Parameters behind a value: `form-data; name="a"; filename="b.txt"` (RFC 9110 section 5.6.6, RFC 2183 section 2).

use super::octets::{all_token, trim};
use std::borrow::Cow;

/// One parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter<'a> {
    /// The name as it was sent; compare it without regard to case.
    pub name: &'a [u8],
    /// The value without its quotes.
    pub value: Cow<'a, [u8]>,
}

/// The parameters of one field value, in order. The error is the rule that is broken, and the last item.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    rest: &'a [u8],
}

const NO_VALUE: &str = "a parameter without a value";
const BAD_NAME: &str = "a parameter whose name is no token";
const OPEN_QUOTE: &str = "a quoted parameter that does not end";
const AFTER_QUOTE: &str = "something right behind a quoted parameter";

/// Splits a field value into its first part and its parameters.
pub fn split(value: &[u8]) -> (&[u8], Parameters<'_>) {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    (trim(&value[..end]), Parameters { rest: &value[end..] })
}

impl<'a> Parameters<'a> {
    /// The text behind the semicolon; skips blanks and further semicolons.
    fn parse(&mut self) -> Result<Option<Parameter<'a>>, &'static str> {
        let start = self.rest.iter().position(|b| !matches!(b, b';' | b' ' | b'\t'));
        let Some(start) = start else { return Ok(None) };
        let text = &self.rest[start..];
        let equals = text.iter().position(|b| matches!(b, b'=' | b';')).filter(|at| text[*at] == b'=');
        let equals = equals.ok_or(NO_VALUE)?;
        let (name, after) = (trim(&text[..equals]), &text[equals + 1..]);
        if !all_token(name) {
            return Err(BAD_NAME);
        }
        let blanks = after.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let (value, rest) = match &after[blanks..] {
            [b'"', quoted @ ..] => unquote(quoted)?,
            plain => {
                let end = memchr::memchr(b';', plain).unwrap_or(plain.len());
                (Cow::Borrowed(trim(&plain[..end])), &plain[end..])
            }
        };
        self.rest = rest;
        Ok(Some(Parameter { name, value }))
    }
}

/// The inside of a quoted string, and the text behind it. A backslash escapes a quote or another backslash. Before any
/// other byte it stands for itself, because browsers do not escape the backslashes of a file name.
fn unquote(text: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), &'static str> {
    let mut unescaped = Vec::new();
    let (mut at, mut from) = (0, 0);
    loop {
        match &text[at..] {
            [] => return Err(OPEN_QUOTE),
            [b'"', rest @ ..] => {
                if !matches!(rest.iter().find(|b| !matches!(b, b' ' | b'\t')), None | Some(b';')) {
                    return Err(AFTER_QUOTE);
                }
                if unescaped.is_empty() {
                    return Ok((text[from..at].into(), rest));
                }
                unescaped.extend_from_slice(&text[from..at]);
                return Ok((unescaped.into(), rest));
            }
            [b'\\', b'"' | b'\\', ..] => {
                unescaped.extend_from_slice(&text[from..at]);
                unescaped.push(text[at + 1]);
                at += 2;
                from = at;
            }
            _ => at += 1,
        }
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<Parameter<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.parse().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.rest = &[];
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::super::seeded::Seeded;
    use super::*;

    /// `first|name=value|...`, and the error if there is one.
    fn show(value: &[u8]) -> String {
        let (first, parameters) = split(value);
        let mut out = first.escape_ascii().to_string();
        for parameter in parameters {
            match parameter {
                Ok(it) => out += &format!("|{}={}", it.name.escape_ascii(), it.value.escape_ascii()),
                Err(reason) => out += &format!("|! {reason}"),
            }
        }
        out
    }

    #[test]
    fn values_are_split_into_their_parameters() {
        for (value, expected) in [
            ("form-data", "form-data"),
            (" form-data ; ;", "form-data"),
            ("form-data; name=\"a\"; filename=\"b.txt\"", "form-data|name=a|filename=b.txt"),
            ("form-data;name=a;filename=b c ", "form-data|name=a|filename=b c"),
            ("form-data; NAME = \"a\" ; x=\"\"", "form-data|NAME=a|x="),
            ("a; x=\"1;2=3,4\"; y=z", "a|x=1;2=3,4|y=z"),
            (r#"a; x="say \"hi\""; y="\\""#, r#"a|x=say \"hi\"|y=\\"#),
            (r#"a; x="C:\dir\new.txt""#, r"a|x=C:\\dir\\new.txt"),
            ("a; x=\"caf\u{e9}\"", "a|x=caf\\xc3\\xa9"),
            ("a; x", "a|! a parameter without a value"),
            ("a; x; y=1", "a|! a parameter without a value"),
            ("a; =1", "a|! a parameter whose name is no token"),
            ("a; b c=1", "a|! a parameter whose name is no token"),
            ("a; x=\"1", "a|! a quoted parameter that does not end"),
            (r#"a; x="1\""#, "a|! a quoted parameter that does not end"),
            ("a; x=\"1\"2", "a|! something right behind a quoted parameter"),
            ("", ""),
        ] {
            assert_eq!(show(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn no_change_of_a_value_panics_and_every_walk_ends() {
        let mut random = Seeded(41);
        for _ in 0..20_000 {
            let value = random.mutate(br#"form-data; name="a\"b"; filename="x\\y;z"; q=1"#);
            assert!(split(&value).1.count() <= value.len());
        }
    }
}
