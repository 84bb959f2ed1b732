//! Children, signals and files.
