//! `root` and `alias` with variables: they are put into the settings of the request's own route.

use crate::config::{Alias, Settings};
use crate::log::Level;
use crate::route::Route;
use crate::task::Work;
use crate::vars;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// Gives the request a route with the root that its variables say now. Most roots have no variables.
pub(super) fn resolve(w: &mut Work<'_>) {
    let Some(path) = w.t.route.settings.variable_root.as_ref().map(Arc::clone) else { return };
    let made = vars::expand(&path.text, &w.worker.view(w.identity, w.t, w.now));
    // A value such as a host's name must not lead out of the folder that the configuration names.
    let leaves = made.contains(&0) || made.split(|b| *b == b'/').any(|name| name == b"..");
    let root = match leaves {
        false => path.prefix.join(PathBuf::from(OsString::from_vec(made))),
        true => {
            w.log(Level::Error, format_args!("the root \"{}\" is refused: \"..\" in it", made.escape_ascii()));
            PathBuf::from("/dev/null") // nothing is below it
        }
    };
    let mut settings = Settings::clone(&w.t.route.settings);
    settings.open_file_cache.files_max = 0; // the cache knows locations by their settings, and these are not used again
    match settings.alias.as_mut().filter(|_| path.is_alias) {
        Some(Alias { path, .. }) => *path = root,
        None => settings.root = root,
    }
    let (server, location) = (Arc::clone(&w.t.route.server), w.t.route.location.clone());
    w.t.route = Rc::new(Route { server, location, settings: Arc::new(settings) });
}
