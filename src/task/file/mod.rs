//! Tasks that find, read, list and write files.

mod answer_store;
mod body_file;
mod body_spool;
pub(super) mod dir_entry;
mod dir_read;
mod file_change;
mod file_probe;
mod file_read;
mod file_write;
mod nameless;
pub(super) mod new_file;
pub(super) mod open;
mod random_index;
mod reply_spool;
mod validators;

pub use answer_store::{AnswerAttributes, AnswerStore};
pub use body_file::BodyFile;
pub use body_spool::BodySpool;
pub use dir_read::DirRead;
pub use file_change::FileChange;
pub use file_probe::FileProbe;
pub use file_read::{FileRead, FileRequest};
pub use file_write::FileWrite;
pub use random_index::RandomIndex;
pub use reply_spool::ReplySpool;
