//! The media types of a configuration without `types`: those of the shipped config/mime.types.

use super::lex::{Lexer, Token, Word};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// `config/mime.types` as shipped.
pub(super) const MIME_TYPES: &str = include_str!("../../config/mime.types");

/// The media type of each extension, and the first extension of each media type.
#[derive(Clone, Default)]
pub(super) struct MediaTypes {
    pub types: Arc<HashMap<String, Arc<str>>>,
    pub extensions: Arc<HashMap<Arc<str>, String>>,
}

/// The built-in types. nginx has only those of html, gif and jpg, and sends a style sheet as text/plain if `include
/// mime.types` was forgotten.
pub(super) fn built_in() -> MediaTypes {
    static TYPES: OnceLock<MediaTypes> = OnceLock::new();
    TYPES.get_or_init(|| of_rows(Lexer::new(0, MIME_TYPES))).clone()
}

/// The rows of one `types` block. The text is fixed, so a fault ends it.
fn of_rows(mut lexer: Lexer<'_>) -> MediaTypes {
    let (mut types, mut extensions, mut row) = (HashMap::new(), HashMap::new(), Vec::new());
    loop {
        match lexer.token() {
            Ok(Token::Word(Word { text, .. })) => row.push(text),
            Ok(Token::Semicolon(_)) => {
                let mut words = row.drain(..);
                let media_type: Arc<str> = words.next().unwrap_or_default().into();
                for extension in words {
                    extensions.entry(Arc::clone(&media_type)).or_insert_with(|| extension.clone());
                    types.insert(extension, Arc::clone(&media_type));
                }
            }
            Ok(Token::Open(_)) => row.clear(), // the word before it is `types`
            Ok(Token::Close(_) | Token::End) | Err(_) => break,
        }
    }
    MediaTypes { types: Arc::new(types), extensions: Arc::new(extensions) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    #[test]
    fn they_are_those_of_the_shipped_file() {
        let text = "http { include mime.types; server { listen 80; } }";
        let included = Config::from_text("test.conf", text, Path::new("/"), "").expect("it is valid");
        let settings = &included.listeners[0].hosts.servers[0].settings;
        let built_in = built_in();
        assert!(built_in.types.len() > 130, "{}", built_in.types.len());
        assert_eq!((&built_in.types, &built_in.extensions), (&settings.types, &settings.extensions));
    }
}
