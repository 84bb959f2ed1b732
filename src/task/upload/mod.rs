//! Uploads by POST: the body, or the files of a form, stored in a folder.

mod upload_store;

pub use upload_store::UploadStore;
