//! The children of the server: programs, for which tasks wait, and the orphans that a server with pid 1 adopts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use webserv_sys::Result;
use webserv_sys::process::{self, Pid, Spawn, Status};

/// Starts and reaps children.
///
/// The kernel gives a process with pid 1 the children of processes that have ended, and only this process can reap
/// them. Then the pids of the programs of all workers are noted, so that no other child is taken for one of them.
#[derive(Clone, Default)]
pub struct Children(Option<Arc<Mutex<BTreeSet<Pid>>>>);

/// What was found among the children that have ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// No child has ended.
    None,
    /// A program, for which a task waits. It hides the children behind it until the task has reaped it.
    Program,
    /// An orphan, which has been reaped.
    Orphan(Pid),
}

impl Children {
    /// The children of a server that adopts orphans. All workers share them.
    pub fn with_orphans() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether this server adopts orphans.
    pub fn adopts(&self) -> bool {
        self.0.is_some()
    }

    /// Starts a program. The caller [`wait`](Self::wait)s for it.
    ///
    /// # Errors
    /// Those of [`process::spawn`].
    pub fn spawn(&self, spawn: &Spawn<'_>) -> Result<Pid> {
        let mut programs = self.programs(); // locked before the program can end
        let pid = process::spawn(spawn)?;
        if let Some(programs) = &mut programs {
            programs.insert(pid);
        }
        Ok(pid)
    }

    /// Reaps a program if it has ended.
    ///
    /// # Errors
    /// Those of [`process::wait`].
    pub fn wait(&self, pid: Pid) -> Result<Option<Status>> {
        let mut programs = self.programs(); // locked until a next child can have the pid
        let status = process::wait(pid);
        if let (Some(programs), Ok(Some(_))) = (&mut programs, &status) {
            programs.remove(&pid);
        }
        status
    }

    /// No task waits for this program any more: it is treated as an orphan.
    pub fn forget(&self, pid: Pid) {
        if let Some(programs) = &mut self.programs() {
            programs.remove(&pid);
        }
    }

    /// Reaps one orphan that has ended.
    ///
    /// # Errors
    /// Those of waitid(2) and waitpid(2).
    pub fn reap_orphan(&self) -> Result<Ended> {
        let programs = self.programs();
        match process::ended_child()? {
            None => Ok(Ended::None),
            Some(pid) if programs.as_ref().is_some_and(|programs| programs.contains(&pid)) => Ok(Ended::Program),
            Some(pid) => process::wait(pid).map(|_| Ended::Orphan(pid)),
        }
    }

    fn programs(&self) -> Option<MutexGuard<'_, BTreeSet<Pid>>> {
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
