//! Whatever the text: an answer, never a panic, and every message points into the text.

use super::*;

const EXAMPLE: &str = include_str!("../../../config/example.conf");

/// Pieces that mean something to the reader.
const PIECES: [&str; 32] = [
    "{",
    "}",
    ";",
    "\"",
    "'",
    "\\",
    "$",
    "${",
    "#",
    "\n",
    " ",
    "\0",
    "=",
    "~",
    "@",
    "*",
    "ü",
    "\u{1f600}",
    "on",
    "off",
    "80",
    "99999999999999999999",
    "1h30m",
    "[::",
    "unix:",
    "listen",
    "location",
    "types",
    "include mime.types;",
    "server {",
    "}}",
    "return 301",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}

fn mutate(random: &mut Random, text: &[char]) -> String {
    let mut text = text.to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(text.len());
        let end = (at + random.below(12)).min(text.len());
        match random.below(4) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, PIECES[random.below(PIECES.len())].chars())),
            2 => drop(text.splice(at..end, PIECES[random.below(PIECES.len())].chars())),
            _ => {
                let piece: Vec<char> = text[at..end].to_vec();
                let to = random.below(text.len());
                drop(text.splice(to..to, piece));
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn no_text_panics() {
    // Comments would swallow most mutations.
    let lines = EXAMPLE.lines().filter(|line| !line.trim_start().starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n").replace("include       mime.types;", "types { text/html html; }");
    assert!(read(&text).is_ok());
    let text: Vec<char> = text.chars().collect();
    let mut random = Random(0x5eed);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..3000 {
        let text = mutate(&mut random, &text);
        match read(&text) {
            Ok(config) => {
                good += 1;
                for listener in &config.listeners {
                    listener.hosts.find(b"example.org").locations.find(b"/downloads/x");
                }
            }
            Err(errors) => {
                bad += 1;
                assert!(!errors.problems.is_empty() && errors.problems.len() <= Errors::MAX);
                for problem in &errors.problems {
                    if problem.file == "site.conf" {
                        let line = text.split('\n').nth(problem.line - 1).expect(&problem.message);
                        assert!(problem.column <= line.chars().count() + 1, "{problem}");
                    }
                    assert!(problem.to_string().lines().count() >= 2);
                }
            }
        }
    }
    assert!(good > 200 && bad > 1500, "the mutations are worth something: {good} good, {bad} bad");
}

#[test]
fn every_beginning_of_the_example() {
    let text: Vec<char> = EXAMPLE.chars().collect();
    for end in (0..text.len()).step_by(11) {
        let _ = read(&text[..end].iter().collect::<String>()).map_err(|errors| errors.to_string());
    }
}
