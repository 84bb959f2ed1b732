//! COPY, MOVE and DELETE with obstacles: another file system, folders that contain each other under other names, files
//! that appear and disappear during the operation, names that are reserved for the server.

mod harness;

use harness::{Random, Response, Server, Setup, host, site, wait_for};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const DAV: &str = "dav_methods PUT DELETE MKCOL COPY MOVE; client_max_body_size 0;";

fn ask(s: &Server, method: &str, target: &str, fields: &str) -> Response {
    s.ask(format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"))
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder on its own file system. Dropping it unmounts it.
struct Elsewhere(PathBuf);

impl Elsewhere {
    /// Returns `None` if the system has only the file system of the temporary directory.
    fn new() -> Option<Self> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let shm = Path::new("/dev/shm");
        let differs = fs::metadata(shm).ok()?.dev() != fs::metadata(std::env::temp_dir()).unwrap().dev();
        differs.then(|| {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let path = shm.join(format!("webserv-{}-{serial}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        })
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::create_dir_all(self.0.join(name).parent().unwrap()).unwrap();
        fs::write(self.0.join(name), content).unwrap();
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A site whose server runs without root's permissions, also if the tests run as root.
fn unprivileged(config: &str) -> Setup {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let main = if is_root { "user nobody; error_log stderr notice;" } else { "error_log stderr notice;" };
    Setup::new(&host(config), &[]).main(main)
}

/// A site with `/far/` on another file system.
fn two_file_systems() -> Option<(Server, Elsewhere)> {
    let Some(far) = Elsewhere::new() else {
        println!("skipped: there is no other file system");
        return None;
    };
    let setup = unprivileged(&format!("{DAV} location /far/ {{ root {}; }}", far.0.display()));
    fs::create_dir(far.0.join("far")).unwrap();
    for folder in [setup.path("html"), far.0.join("far")] {
        fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
    }
    Some((setup.start(), far))
}

#[test]
fn a_move_to_another_file_system_leaves_nothing_behind() {
    let Some((s, far)) = two_file_systems() else { return };
    for (name, content) in [("full/in.txt", "in"), ("full/deep/leaf", "leaf"), ("file", "new")] {
        s.write(&format!("html/{name}"), content.as_bytes());
    }
    for folder in ["full", "full/deep"] {
        fs::set_permissions(s.path("html").join(folder), PermissionsExt::from_mode(0o777)).unwrap();
    }
    ask(&s, "MOVE", "/full/", "Destination: /far/full/\r\n").expect(201, "a folder");
    ask(&s, "MOVE", "/file", "Destination: /far/file\r\n").expect(201, "a file");
    assert_eq!(names(&s.path("html")), [] as [&str; 0]);
    assert_eq!(names(&far.0.join("far")), ["file", "full"]);
    assert_eq!(fs::read(far.0.join("far/full/deep/leaf")).unwrap(), b"leaf");
    assert_eq!(fs::read(far.0.join("far/file")).unwrap(), b"new");
    ask(&s, "MOVE", "/far/full/", "Destination: /far/file\r\n").expect(204, "a folder in a file's place");
    ask(&s, "MOVE", "/far/file/", "Destination: /back/\r\n").expect(201, "and back");
    assert_eq!((names(&s.path("html")), names(&far.0.join("far"))), (vec!["back".to_owned()], vec![]));
}

/// The copy already had the destination's name, and the old destination kept a hidden name for ever.
#[test]
fn a_move_whose_original_could_not_go_replaced_the_destination_all_the_same() {
    let Some((s, far)) = two_file_systems() else { return };
    s.write("html/fixed/full/in.txt", b"new");
    s.write("html/fixed/file", b"new");
    fs::set_permissions(s.path("html/fixed"), PermissionsExt::from_mode(0o555)).unwrap();
    far.write("far/target/old.txt", b"old");
    far.write("far/file", b"old");
    for folder in ["far", "far/target"] {
        fs::set_permissions(far.0.join(folder), PermissionsExt::from_mode(0o777)).unwrap();
    }
    for (from, to) in [
        ("/fixed/full/", "/far/target/"),
        ("/fixed/file", "/far/target/"),
        ("/fixed/file", "/far/file"),
        ("/fixed/full/", "/far/new/"),
    ] {
        ask(&s, "MOVE", from, &format!("Destination: {to}\r\n")).expect(403, &format!("{from} {to}"));
        assert_eq!(names(&far.0.join("far")), ["file", "target"], "{from} {to}");
        assert_eq!(fs::read(far.0.join("far/target/old.txt")).unwrap(), b"old");
        assert_eq!(fs::read(far.0.join("far/file")).unwrap(), b"old");
        assert_eq!(names(&s.path("html/fixed")), ["file", "full"], "{from} {to}");
    }
    fs::set_permissions(s.path("html/fixed"), PermissionsExt::from_mode(0o755)).unwrap();
}

/// The folder for the copy was created but could not be opened; it stayed, with a hidden name.
#[test]
fn a_folder_that_could_not_be_opened_when_it_was_made_stayed() {
    let setup = unprivileged(&format!("{DAV} location /set/ {{ dav_access user:rw; }}")).before("umask 777");
    setup.write("html/full/in.txt", b"in");
    fs::create_dir(setup.path("html/set")).unwrap();
    for folder in ["html", "html/full", "html/set"] {
        fs::set_permissions(setup.path(folder), PermissionsExt::from_mode(0o777)).unwrap();
    }
    let s = setup.start();
    ask(&s, "COPY", "/full/", "Destination: /new/\r\n").expect(403, "COPY");
    ask(&s, "MKCOL", "/set/new/", "").expect(403, "MKCOL with dav_access");
    assert_eq!(names(&s.path("html")), ["full", "set"]);
    assert_eq!(names(&s.path("html/set")), [] as [&str; 0]);
}

/// Two different paths can lead to the same folder: then COPY replaced the folder with a part of itself.
#[test]
fn folders_that_lay_in_each_other_by_another_way_were_lost() {
    let s = site(&format!("merge_slashes off; {DAV} location /alias/ {{ alias html/../html/outer/; }}"), &[]);
    let plant = || {
        fs::remove_dir_all(s.path("html")).unwrap();
        s.write("html/outer/inner/leaf", b"leaf");
        s.write("html/outer/beside", b"beside");
        symlink("outer", s.path("html/link")).unwrap();
    };
    for method in ["COPY", "MOVE"] {
        for (from, to, status) in [
            ("/outer/inner/", "//outer/", 403),
            ("/alias/inner/", "/outer/", 403),
            ("/outer//inner/", "/outer/", 403),
            ("/link/inner/", "/outer/", 403),
            ("/outer/", "//outer/new/", 403),
            ("/outer/", "/alias/new/", 403),
            ("/outer/", "/link/new/", 403),
            ("/outer/", "/link/inner/", 403),
            ("/outer/inner/leaf", "//outer/", 403),
            ("/outer/inner/", "/link/", 204), // the link itself is replaced, and then leads nowhere
        ] {
            plant();
            let fields = format!("Destination: {to}\r\n");
            ask(&s, method, from, &fields).expect(status, &format!("{method} {from} {to}"));
            assert_eq!(s.text("html/outer/beside"), "beside", "{method} {from} {to}");
            let moved = method == "MOVE" && status == 204;
            let expected: &[&str] = if moved { &["beside"] } else { &["beside", "inner"] };
            assert_eq!(names(&s.path("html/outer")), expected, "{method} {from} {to}");
        }
    }
}

/// Between the two checks and the rename, another worker can run. Then an old destination kept its hidden name if its
/// own name was taken, and files that were added to a folder during its removal kept theirs.
#[test]
fn what_many_replaced_at_once_stayed_under_hidden_names() {
    let s = Setup::new(&host(DAV), &[]).main("worker_processes 4; error_log logs/error.log notice;").start();
    let requests = [
        "MKCOL /a/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "PUT /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx",
        "PUT /b/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx",
        "COPY /a/ HTTP/1.1\r\nHost: h\r\nDestination: /b/\r\n\r\n",
        "COPY /b/ HTTP/1.1\r\nHost: h\r\nDestination: /a/\r\n\r\n",
        "MOVE /b/ HTTP/1.1\r\nHost: h\r\nDestination: /a/\r\n\r\n",
        "MOVE /a/ HTTP/1.1\r\nHost: h\r\nDestination: /b/\r\n\r\n",
    ];
    std::thread::scope(|scope| {
        for seed in 0..12 {
            let (s, requests) = (&s, &requests);
            scope.spawn(move || {
                let (mut client, mut random) = (s.connect(), Random(seed));
                for _ in 0..400 {
                    let request = requests[random.below(requests.len())];
                    client.send(request);
                    let response = client.response();
                    assert!(response.status < 500, "{request}: {response}");
                }
            });
        }
    });
    let left: Vec<String> = names(&s.path("html")).into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, [] as [&str; 0]);
}

/// A file that was incomplete was listed as if it were complete, under an unknown name.
#[test]
fn an_upload_under_way_was_copied_with_its_folder() {
    let s = site(&format!("{DAV} location /up/ {{ upload_store html/up; }}"), &[("up/whole", b"whole")]);
    let mut client = s.connect();
    client.send("POST /up/ HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 20000\r\n\r\n");
    client.send(vec![b'x'; 10_000]);
    let hidden = wait_for("the upload has begun", || {
        let sizes = |name: &String| fs::metadata(s.path("html/up").join(name)).is_ok_and(|m| m.len() > 0);
        names(&s.path("html/up")).into_iter().find(|name| name.starts_with('.') && sizes(name))
    });
    ask(&s, "COPY", "/up/", "Destination: /copy/\r\n").expect(201, "COPY");
    assert_eq!(names(&s.path("html/copy")), ["whole"]);
    s.get(&format!("/up/{hidden}")).expect(404, "what is not complete is not served");
    client.send(vec![b'x'; 10_000]);
    client.response().expect(201, "the upload");
    assert_eq!(names(&s.path("html/up")).len(), 2);
}

/// A client could use a name that the server reserves for incomplete files. A file with such a name is not copied, so
/// it was lost when its folder was moved to another file system.
#[test]
fn names_of_the_servers_own_could_be_taken_by_clients() {
    let s = site(DAV, &[("ok.txt", b"ok")]);
    let number = "0123456789abcdef0123456789abcdef";
    for name in [format!(".{number}.part"), format!(".{number}.gone"), format!(".{number}-7.part")] {
        s.ask(format!("PUT /{name} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")).expect(409, &name);
        ask(&s, "MKCOL", &format!("/{name}/"), "").expect(409, &name);
        ask(&s, "COPY", "/ok.txt", &format!("Destination: /{name}\r\n")).expect(409, &name);
        s.write(&format!("html/{name}/in.txt"), b"in");
        for target in [format!("/{name}/"), format!("/{name}/in.txt")] {
            s.get(&target).expect(404, &target);
            ask(&s, "DELETE", &target, "").expect(404, &target);
            ask(&s, "MOVE", &target, "Destination: /new\r\n").expect(404, &target);
        }
        assert!(s.path("html").join(&name).join("in.txt").exists());
        fs::remove_dir_all(s.path("html").join(&name)).unwrap();
    }
    assert_eq!(names(&s.path("html")), ["ok.txt"]);
}
