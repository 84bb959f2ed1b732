//! What answers for a directory beside plain index files and listings, and the picture of `empty_gif`.

mod harness;

use harness::{Setup, each, host};
use std::collections::HashSet;

#[test]
fn index_files_have_variables_and_may_be_elsewhere() {
    let http = host(
        "location /var/ { index $arg_i.html index.html; } location /up/ { index no.html /$arg_i.html; }
         location /loop/ { index /loop/; } location /x.html { return 200 inner; }",
    );
    let files: [(&str, &[u8]); 4] =
        [("var/a.html", b"a"), ("var/b.html", b"b"), ("var/index.html", b"index"), ("up/y", b"")];
    let s = Setup::new(&http, &files).start();
    // The cache must not keep the answer of another request.
    for _ in 0..4 {
        let rows =
            [("/var/?i=a", "a"), ("/var/?i=b", "b"), ("/var/?i=c", "index"), ("/var/", "index"), ("/up/?i=x", "inner")];
        each(rows, |(target, body)| assert_eq!(s.get(target).expect(200, target).text(), *body, "{target}"));
    }
    s.get("/loop/").expect(500, "/loop/");
    s.get("/var/?i=../up/y%00").expect(200, "a name with odd bytes");
}

#[test]
fn a_file_of_the_folder_is_chosen_by_chance() {
    let http = host("location /r/ { random_index on; } location /list/ { random_index on; autoindex on; }");
    let files: [(&str, &[u8]); 6] = [
        ("r/a", b"a"),
        ("r/b", b"b"),
        ("r/.hidden", b"h"),
        ("r/dir/x", b"x"),
        ("none/dir/x", b"x"),
        ("list/dir/x", b""),
    ];
    let s = Setup::new(&http, &files).start();
    let found: HashSet<String> = (0..200).map(|_| s.get("/r/").expect(200, "/r/").text()).collect();
    assert_eq!(found, HashSet::from(["a".to_owned(), "b".to_owned()]));
    s.get("/r/dir").expect(301, "/r/dir");
    std::fs::remove_file(s.path("html/r/a")).expect("removed");
    std::fs::remove_file(s.path("html/r/b")).expect("removed");
    s.get("/r/").expect(403, "no files are left");
    assert!(s.get("/list/").expect(200, "a listing, since there is no file").text().contains("dir/"));
    s.ask("DELETE /r/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").expect(405, "DELETE");
}

#[test]
fn a_listing_calls_a_function() {
    let http = host("autoindex on; autoindex_format jsonp;");
    let s = Setup::new(&http, &[("dir/a", b"1")]).start();
    let answer = s.get("/dir/?callback=on.list").expect(200, "jsonp");
    assert_eq!(answer.field("Content-Type"), Some("application/javascript"));
    let text = answer.text();
    assert!(text.starts_with("/* callback */\r\non.list([\n{ \"name\":\"a\"") && text.ends_with("\n]);\n"), "{text}");
    for target in ["/dir/", "/dir/?callback="] {
        assert_eq!(s.get(target).expect(200, target).field("Content-Type"), Some("application/json"));
    }
    s.get("/dir/?callback=alert(1)").expect(400, "no name");
}

#[test]
fn a_transparent_pixel() {
    let s = Setup::new(&host("location /p { empty_gif; location /p/in/ { } }"), &[("p/in/a", b"a")]).start();
    let answer = s.get("/p").expect(200, "/p");
    assert!(answer.body.len() == 43 && answer.body.starts_with(b"GIF89a\x01\0\x01\0") && answer.body.ends_with(b";"));
    assert_eq!(answer.field("Content-Type"), Some("image/gif"));
    let date = answer.must("Last-Modified").to_owned();
    assert_eq!(date, "Mon, 28 Sep 1970 06:00:00 GMT");
    s.get_with("/p", &format!("If-Modified-Since: {date}\r\n")).expect(304, "it never changes");
    assert_eq!(s.head("/p").field("Content-Length"), Some("43"));
    s.ask("PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").expect(405, "PUT");
    assert_eq!(s.get("/p/in/a").text(), "a", "it is not inherited");
}
