//! Cookies that know a visitor again.
