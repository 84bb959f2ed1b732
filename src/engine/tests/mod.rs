//! The engine's rules, one by one on a stage where nothing happens but by the script, and then all at once under
//! random schedules.

mod adoption;
mod deadlines;
mod endings;
mod kernel;
mod net;
mod panics;
mod places;
mod pump;
mod rounds;
mod schedules;
mod spare;
mod stage;
mod waiting;
