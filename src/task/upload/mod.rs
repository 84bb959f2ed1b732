//! Uploads by POST: stores the body, or the files of a form, in a directory.

mod upload_store;

pub use upload_store::UploadStore;
