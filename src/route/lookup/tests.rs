use crate::config::*;
use std::sync::Arc;

/// splitmix64: reproducible numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    /// Labels of a few letters, joined, so that many of them collide.
    fn text(&mut self, letters: &[u8], separator: &str, parts: usize) -> String {
        let mut part = || {
            let length = 1 + self.below(2);
            (0..length).map(|_| letters[self.below(letters.len())] as char).collect::<String>()
        };
        let parts: Vec<String> = (0..parts).map(|_| part()).collect();
        parts.join(separator)
    }
}

fn hosts(patterns: &[Vec<String>]) -> Hosts {
    let mut hosts = Hosts::default();
    for (index, names) in patterns.iter().enumerate() {
        let server = Server {
            names: names.clone(),
            settings: Arc::new(Settings::default()),
            locations: Locations::default(),
            place: index.to_string(),
            route: index as u32,
        };
        hosts.servers.push(Arc::new(server));
        for name in names {
            // ".x" is two names.
            let bare = name.strip_prefix('.');
            bare.iter().for_each(|bare| hosts.add(bare, index));
            hosts.add(&bare.map_or(name.clone(), |bare| format!("*.{bare}")), index);
        }
    }
    hosts.sort();
    hosts
}

#[test]
fn hosts_by_rank() {
    let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
    let hosts = hosts(&[
        names(&["default.example"]),
        names(&["www.example.org", "*.example.org"]),
        names(&["*.deep.example.org", "mail.*"]),
        names(&["www.example.*"]),
        names(&[".both.example"]),
        names(&[""]),
    ]);
    let table: [(&[u8], usize); 16] = [
        (b"default.example", 0),
        (b"nobody.example", 0),
        (b"www.example.org", 1),
        (b"a.example.org", 1),
        (b"a.b.example.org", 1),
        (b"example.org", 0),
        (b".example.org", 0),
        (b"x.deep.example.org", 2),
        (b"deep.example.org", 1),
        (b"mail.com", 2),
        (b"mail.example.org", 1),
        (b"www.example.net", 3),
        (b"both.example", 4),
        (b"sub.both.example", 4),
        (b"", 5),
        (b"\xff\xfe", 0),
    ];
    for (host, expected) in table {
        assert_eq!(hosts.find(host).place, expected.to_string(), "{}", String::from_utf8_lossy(host));
    }
}

/// The rules as the manual states them, one name at a time.
fn hosts_reference(patterns: &[Vec<String>], host: &str) -> usize {
    let mut best = (0, 0, 0);
    for (index, names) in patterns.iter().enumerate() {
        for name in names {
            let rank = if name == host || name.strip_prefix('.') == Some(host) {
                (3, 0)
            } else if let Some(end) = name.strip_prefix('*').or(name.starts_with('.').then_some(name)) {
                if host.ends_with(end) && host != end { (2, end.len()) } else { continue }
            } else if let Some(start) = name.strip_suffix('*') {
                if host.starts_with(start) && host != start { (1, start.len()) } else { continue }
            } else {
                continue;
            };
            if rank > (best.0, best.1) {
                best = (rank.0, rank.1, index);
            }
        }
    }
    best.2
}

#[test]
fn hosts_as_a_naive_reference() {
    let mut random = Random(1);
    for round in 0..300 {
        let mut taken = std::collections::HashSet::new();
        let mut patterns = vec![Vec::new(); 2 + random.below(5)];
        for names in &mut patterns {
            for _ in 0..random.below(4) {
                let parts = 1 + random.below(3);
                let text = random.text(b"ab", ".", parts);
                let forms = match random.below(4) {
                    0 => vec![format!("*.{text}")],
                    1 => vec![format!("{text}.*")],
                    2 => vec![text.clone(), format!("*.{text}")],
                    _ => vec![text.clone()],
                };
                if forms.iter().any(|form| taken.contains(form)) {
                    continue;
                }
                names.push(if forms.len() == 2 { format!(".{text}") } else { forms[0].clone() });
                taken.extend(forms);
            }
        }
        let hosts = hosts(&patterns);
        for _ in 0..50 {
            let parts = 1 + random.below(4);
            let host = random.text(b"ab", ".", parts);
            let expected = hosts_reference(&patterns, &host).to_string();
            assert_eq!(hosts.find(host.as_bytes()).place, expected, "round {round}: {host} in {patterns:?}");
        }
    }
}

fn location(path: &str, inner: Locations) -> Arc<Location> {
    let settings = Arc::new(Settings::default());
    Arc::new(Location {
        path: path.as_bytes().to_vec(),
        regex: None,
        no_regex: false,
        settings,
        inner,
        branches: Vec::new(),
        route: 0,
    })
}

fn locations(exact: &[&str], prefixes: Vec<Arc<Location>>) -> Locations {
    let exact = exact.iter().map(|path| (path.as_bytes().to_vec(), location(path, Locations::default())));
    Locations {
        exact: exact.collect(),
        prefixes: Prefixes::new(prefixes),
        regexes: Vec::new(),
        named: Default::default(),
    }
}

#[test]
fn locations_by_rank() {
    let plain = |path| location(path, Locations::default());
    let inside = locations(&["/images/=logo"], vec![plain("/images/big/"), plain("/images/b")]);
    let tree = locations(&["/", "/images/"], vec![plain("/"), location("/images/", inside), plain("/im")]);
    let table = [
        ("/", "/"),
        ("/x", "/"),
        ("/im", "/im"),
        ("/image", "/im"),
        ("/images/", "/images/"),
        ("/images/a", "/images/"),
        ("/images/=logo", "/images/=logo"),
        ("/images/big/1", "/images/big/"),
        ("/images/bi", "/images/b"),
    ];
    for (path, expected) in table {
        let found = tree.find(path.as_bytes()).expect(path);
        assert_eq!(String::from_utf8_lossy(&found.path), expected, "{path}");
    }
    assert!(tree.find(b"").is_none());
    assert!(Locations::default().find(b"/").is_none());
}

#[test]
fn locations_as_a_naive_reference() {
    let mut random = Random(2);
    for round in 0..300 {
        let mut outer: Vec<String> = (0..random.below(6)).map(|_| format!("/{}", random.text(b"ab/", "", 2))).collect();
        outer.sort();
        outer.dedup();
        let exact: Vec<String> = (0..random.below(4)).map(|_| format!("/{}", random.text(b"ab/", "", 2))).collect();
        let mut inner: Vec<(String, String)> = Vec::new();
        for path in &outer {
            for _ in 0..random.below(3) {
                inner.push((path.clone(), format!("{path}{}", random.text(b"ab/", "", 1))));
            }
        }
        inner.sort();
        inner.dedup();
        let build = |path: &String| {
            let mine = inner.iter().filter(|(outer, _)| outer == path);
            location(path, locations(&[], mine.map(|(_, path)| location(path, Locations::default())).collect()))
        };
        let names: Vec<&str> = exact.iter().map(String::as_str).collect();
        let tree = locations(&names, outer.iter().map(build).collect());
        for _ in 0..50 {
            let path = format!("/{}", random.text(b"ab/", "", 3));
            let longest = |paths: &mut dyn Iterator<Item = &String>| {
                paths.filter(|p| path.starts_with(*p)).max_by_key(|p| p.len()).cloned()
            };
            let expected = if exact.contains(&path) {
                Some(path.clone())
            } else {
                longest(&mut outer.iter()).map(|found| {
                    let mut inside = inner.iter().filter(|(outer, _)| *outer == found).map(|(_, path)| path);
                    longest(&mut inside).unwrap_or(found)
                })
            };
            let found = tree.find(path.as_bytes()).map(|l| String::from_utf8_lossy(&l.path).into_owned());
            assert_eq!(found, expected, "round {round}: {path} in {outer:?} exact {exact:?} inner {inner:?}");
        }
    }
}

/// The path or expression of the location that is found in this server, by each path.
#[cfg(feature = "regex")]
fn found(server: &str, rows: &[(&str, &str)]) {
    let text = format!("http {{ server {{ listen 80; {server} }} }}");
    let config = Config::from_text("site.conf", &text, std::path::Path::new("/srv"), "");
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    let locations = &config.listeners[0].hosts.servers[0].locations;
    for (path, expected) in rows {
        let location = locations.find(path.as_bytes());
        let shown = location.map_or(String::new(), |location| String::from_utf8_lossy(&location.path).into_owned());
        assert_eq!(shown, *expected, "{server} {path}");
    }
}

#[test]
#[cfg(feature = "regex")]
fn expressions_come_after_exact_locations_and_before_prefixes() {
    found(
        "location / { } location /img/ { } location ^~ /raw/ { } location = /x.php { } \
         location ~ \\.php$ { } location ~* \\.PNG$ { } location ~ ^/img/ { }",
        &[
            ("/", "/"),
            ("/a.php", "\\.php$"),
            ("/x.php", "/x.php"),
            ("/x.php/a", "/"),
            ("/raw/a.php", "/raw/"),
            ("/a.png", "\\.PNG$"),
            ("/img/a.php", "\\.php$"),
            ("/img/a.txt", "^/img/"),
            ("/imga", "/"),
        ],
    );
}

#[test]
#[cfg(feature = "regex")]
fn expressions_inside_a_prefix_come_before_those_beside_it() {
    found(
        "location /a/ { location /a/b/ { } location ~ \\.in$ { } location = /a/c.out { } } \
         location ^~ /d/ { location ~ \\.in$ { } location /d/e/ { } } \
         location ~ \\.out$ { location ~ ^/f { } } location ~ ^/a/b/ { }",
        &[
            ("/a/x", "/a/"),
            ("/a/x.in", "\\.in$"),
            ("/a/b/x.in", "\\.in$"),
            ("/a/b/x", "^/a/b/"),
            ("/a/x.out", "\\.out$"),
            ("/a/c.out", "/a/c.out"),
            ("/d/x.out", "/d/"),
            ("/d/x.in", "\\.in$"),
            ("/d/e/x.out", "/d/e/"),
            ("/f.out", "^/f"),
            ("/g.out", "\\.out$"),
            ("/g", ""),
        ],
    );
}

#[test]
fn many_prefixes_as_a_naive_reference() {
    let mut random = Random(3);
    for round in 0..100 {
        let mut paths: Vec<String> =
            (0..9 + random.below(60)).map(|_| format!("/{}", random.text(b"ab/", "", 3))).collect();
        paths.sort();
        paths.dedup();
        let tree = locations(&[], paths.iter().map(|path| location(path, Locations::default())).collect());
        for _ in 0..50 {
            let path = format!("/{}", random.text(b"ab/", "", 4));
            let expected = paths.iter().filter(|p| path.starts_with(*p)).max_by_key(|p| p.len());
            let found = tree.find(path.as_bytes()).map(|l| String::from_utf8_lossy(&l.path).into_owned());
            assert_eq!(found.as_ref(), expected, "round {round}: {path} in {paths:?}");
        }
    }
}
