//! The head of a part of a form: the name of the field, and the name of the file (RFC 7578 section 4.2).

use super::super::fields::{line_fault, split_line};
use super::super::{parameters, target};

/// A part of a form, as its head describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FormPart {
    /// The name of the field.
    pub name: String,
    /// The file name as the client sent it; it may be empty. None if the part is not a file.
    pub file_name: Option<Vec<u8>>,
    /// The Content-Type as it was sent.
    pub content_type: Option<String>,
}

const NO_DISPOSITION: &str = "a part without Content-Disposition (RFC 7578 section 4.2)";
const TWICE: &str = "a part with two Content-Dispositions";
const NOT_FORM_DATA: &str = "a Content-Disposition that is not form-data (RFC 7578 section 4.2)";
const NO_NAME: &str = "a part without a name (RFC 7578 section 4.2)";
const ENCODED: &str = "a part with a Content-Transfer-Encoding (RFC 7578 section 4.7)";

impl FormPart {
    /// Parses the head of a part, its empty line included. The error is the rule that the head breaks.
    pub(super) fn parse(head: &[u8]) -> Result<FormPart, &'static str> {
        let (mut disposition, mut content_type, mut rest) = (None, None, head);
        while rest != b"\r\n" {
            let parts = split_line(rest).ok_or_else(|| line_fault(rest))?;
            let (name, value) = (&rest[..parts.name_len], &rest[parts.value_start..parts.value_end]);
            if name.eq_ignore_ascii_case(b"content-disposition") {
                if disposition.replace(value).is_some() {
                    return Err(TWICE);
                }
            } else if name.eq_ignore_ascii_case(b"content-type") {
                content_type.get_or_insert_with(|| String::from_utf8_lossy(value).into_owned());
            } else if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
                let plain: [&[u8]; 3] = [b"binary", b"8bit", b"7bit"];
                if !plain.iter().any(|coding| value.eq_ignore_ascii_case(coding)) {
                    return Err(ENCODED);
                }
            }
            rest = &rest[parts.line_len..];
        }
        let (name, file_name) = names(disposition.ok_or(NO_DISPOSITION)?)?;
        Ok(FormPart { name, file_name, content_type })
    }
}

/// The names of the field and of the file in Content-Disposition.
fn names(disposition: &[u8]) -> Result<(String, Option<Vec<u8>>), &'static str> {
    let (kind, parameters) = parameters::split(disposition);
    if !kind.eq_ignore_ascii_case(b"form-data") {
        return Err(NOT_FORM_DATA);
    }
    let (mut name, mut file_name, mut extended) = (None, None, None);
    for parameter in parameters {
        let parameter = parameter?;
        match &parameter.name.to_ascii_lowercase()[..] {
            b"name" => drop(name.get_or_insert_with(|| decode_browser(&parameter.value))),
            b"filename" => drop(file_name.get_or_insert_with(|| decode_browser(&parameter.value))),
            b"filename*" => extended = extended.or_else(|| decode_extended(&parameter.value)),
            _ => {}
        }
    }
    let name = String::from_utf8_lossy(&name.ok_or(NO_NAME)?).into_owned();
    Ok((name, extended.or(file_name)))
}

/// Browsers write a quote, a CR and an LF in a name as `%22`, `%0D` and `%0A`. They encode nothing else this way, not
/// even a percent sign.
fn decode_browser(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let escaped = match rest {
            [b'%', b'2', b'2', ..] => Some(b'"'),
            [b'%', b'0', b'D' | b'd', ..] => Some(b'\r'),
            [b'%', b'0', b'A' | b'a', ..] => Some(b'\n'),
            _ => None,
        };
        out.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    out
}

/// Decodes `UTF-8'en'na%C3%AFve.txt` (RFC 8187 section 3.2). Returns None if it is malformed, or in a charset that the
/// RFC does not require.
fn decode_extended(text: &[u8]) -> Option<Vec<u8>> {
    let mut parts = text.splitn(3, |b| *b == b'\'');
    let (charset, _language, value) = (parts.next()?, parts.next()?, parts.next()?);
    let value = target::decode_text(value).ok()?;
    match &charset.to_ascii_lowercase()[..] {
        b"utf-8" => std::str::from_utf8(&value).is_ok().then_some(value),
        b"iso-8859-1" => Some(value.iter().map(|b| char::from(*b)).collect::<String>().into_bytes()),
        _ => None,
    }
}
