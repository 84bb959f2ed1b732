//! Later.
mod harness;
