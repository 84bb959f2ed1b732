//! The engine's rules, one by one on a stage where nothing happens but by the script, and then all at once under
//! random schedules.

mod deadlines;
mod endings;
mod kernel;
mod rounds;
mod stage;
mod waiting;
