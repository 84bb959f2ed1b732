//! Tests of the engine: its rules, one by one with scripted tasks and a scripted poller, and then all together under
//! random schedules.

mod adoption;
mod deadlines;
mod door;
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
