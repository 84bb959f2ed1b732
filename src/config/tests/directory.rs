//! `directory`: servers of the directory protocol.

use super::*;
use crate::config::{Address, DirectoryServer, DisableSymlinks, Listener, Protocol};
use std::path::PathBuf;
use std::time::Duration;

const HASH: &str = "$5$1$vueEAED27RXDXui5Slf6moKg90Mvb.kZZHunGxDnhN/";

/// A folder with `html` and a file `users`, gone with this value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, users: &str) -> Self {
        let path = std::env::temp_dir().join(format!("webserv-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("html")).unwrap();
        std::fs::write(path.join("users"), users).unwrap();
        Self(path)
    }

    fn read(&self, text: &str) -> Result<Config, Errors> {
        Config::from_text("site.conf", text, &self.0, "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn directory(protocol: &Protocol) -> Option<Arc<DirectoryServer>> {
    if let Protocol::Directory(server) = protocol { Some(Arc::clone(server)) } else { None }
}

fn server(config: &Config, at: usize) -> Arc<DirectoryServer> {
    directory(&config.listeners[at].protocol).expect("the directory protocol")
}

#[test]
fn values_and_what_holds_without_them() {
    let folder = Folder::new("values", &format!("# ours\nann:{HASH}\n"));
    let config = folder.read(
        "directory {
             timeout 5s;
             users users;
             server { }
             server { listen 127.0.0.1; root .; timeout 1m; users off; }
         }
         http { server { listen 81; } }",
    );
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    let root = folder.0.canonicalize().unwrap();
    let addresses: Vec<String> = config.listeners.iter().map(|l| l.address.to_string()).collect();
    assert_eq!(addresses, ["0.0.0.0:1202", "127.0.0.1:1202", "0.0.0.0:81"]);
    let (first, second) = (server(&config, 0), server(&config, 1));
    assert_eq!((first.timeout, first.users.is_some()), (Duration::from_secs(5), true));
    assert_eq!((second.timeout, second.users.is_some()), (Duration::from_secs(60), false));
    assert_eq!((&first.settings.root, &second.settings.root), (&root.join("html"), &root));
    assert_eq!(first.settings.disable_symlinks, DisableSymlinks::On);
    assert_eq!(config.listeners[0].hosts.servers[0].settings.send_timeout, first.timeout);
    assert!(matches!(config.listeners[2].protocol, Protocol::Http));
    let alone = folder.read("directory { server { listen unix:x.sock; root html; } }").expect("no http is needed");
    assert_eq!(alone.listeners[0].address, Address::Unix(folder.0.join("x.sock")));
    assert_eq!(server(&alone, 0).timeout, Duration::from_secs(60));
}

#[test]
fn mistakes_are_told_at_their_place() {
    let folder = Folder::new("mistakes", &format!("ann:{HASH}\nbob:secret\n"));
    let rows = [
        ("directory { server { root nowhere; } }", "1:22", "nowhere cannot be served: No such file"),
        ("directory { root nowhere; server { } }", "1:13", "nowhere cannot be served"),
        ("directory { server { root users; } }", "1:22", "it is no directory"),
        ("directory { server { users nowhere; } }", "1:28", "cannot be read: No such file"),
        ("directory { server { users users; } }", "1:28", "in line 2 of this file, the password's hash is not right"),
        ("directory { server { timeout soon; } }", "1:30", "soon"),
        (
            "directory { server { autoindex on; } }",
            "1:22",
            "\"autoindex\" is not allowed in a \"server\" of \"directory\"",
        ),
        ("directory { listen 1202; }", "1:13", "\"listen\" is not allowed in \"directory\""),
        ("http { server { users users; } }", "1:17", "\"users\" is not allowed in \"server\""),
        ("directory { server { users a b; } }", "1:22", "takes 1 value"),
        ("directory { } directory { }", "1:15", "given twice"),
        (
            "http { server { listen 81; } } directory { server { listen 81; } }",
            "1:60",
            "another server listens on 0.0.0.0:81, first at site.conf:1:24",
        ),
        ("directory { server { listen 81; } server { listen 81; } }", "1:51", "needs an address of its own"),
    ];
    for (text, place, told) in rows {
        let errors = folder.read(text).expect_err(text).to_string();
        assert!(errors.contains(&format!("site.conf:{place}: ")) && errors.contains(told), "{text}\n{errors}");
    }
}

#[test]
fn the_shipped_example() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config::load(&home.join("config/directory.conf"), home, "");
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.warnings, []);
    let users = |listener: &Listener| directory(&listener.protocol).map(|server| server.users.is_some());
    let required: Vec<_> = config.listeners.iter().map(users).collect();
    assert_eq!(required, [Some(false), Some(true), None]);
}
