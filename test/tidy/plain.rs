//! Plain English in comments: words that make a riddle of a sentence, and what to write in their place.

use super::scan::{Source, has_word};

/// A word or phrase, and the plain one.
const RIDDLES: &[(&str, &str)] = &[
    ("whom", "name the person or the part: \"the client that ...\", \"the task that ...\""),
    ("its kin", "name the others: \"`dav_methods` and the other dav_ directives\""),
    ("is none", "say what is missing or wrong: \"returns None if ...\", \"is not a ...\""),
    ("so many", "say how many: \"this number of\", \"`count` bytes\""),
    ("those who", "name them: \"the tasks that\", \"the callers that\""),
    ("nobody is told", "name who learns nothing of it: \"no task is woken\", \"no line is logged\""),
    ("news", "say what has come: \"inotify events\", \"changes\""),
    ("founder", "name the task: \"the protocol, ClientRead or ClientWrite\""),
    ("lent", "\"borrowed\", \"passed for this call\""),
    ("farewell", "\"the worker's exit\""),
    ("mate", "\"the other worker\""),
    ("entrance", "\"listener\""),
];

/// Folders and files whose comments are free of [`RIDDLES`] and stay so.
const PLAIN: &[&str] = &["src/password"];

/// Comments in the places that [`PLAIN`] names have no word of [`RIDDLES`].
pub fn plain_words(file: &Source, faults: &mut Vec<String>) {
    if !PLAIN.iter().any(|place| file.path == *place || file.in_folder(place)) {
        return;
    }
    for (index, line) in file.lines.iter().enumerate() {
        let comment = line.comment.to_lowercase();
        for (word, plain) in RIDDLES.iter().filter(|(word, _)| has_word(&comment, word)) {
            faults.push(file.fault(index, &format!("\"{word}\": plain English, please: {plain}")));
        }
    }
}
