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

/// Folders whose comments have not been cleaned yet. A folder that is clean leaves the list and does not come back.
const NOT_YET: &[&str] = &[];

/// Comments in `src/` and `sys/` have no word of [`RIDDLES`], except in the folders of [`NOT_YET`].
pub fn plain_words(file: &Source, faults: &mut Vec<String>) {
    let is_ours = file.in_folder("src") || file.in_folder("sys");
    if !is_ours || NOT_YET.iter().any(|folder| file.in_folder(folder)) {
        return;
    }
    for (index, line) in file.lines.iter().enumerate() {
        let comment = line.comment.to_lowercase();
        for (word, plain) in RIDDLES.iter().filter(|(word, _)| has_word(&comment, word)) {
            faults.push(file.fault(index, &format!("\"{word}\": plain English, please: {plain}")));
        }
    }
}
