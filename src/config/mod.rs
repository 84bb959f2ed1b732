//! The configuration: nginx's language, read once into typed values with all inheritance resolved.

mod types;

pub use types::*;
