use super::super::HeadLimits;
use super::super::head::{self, Scan};
use super::super::number::hex_digit;
use super::super::seeded::Seeded;
use super::super::target::normalize;
use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT.
const THEN: i64 = 784_111_777;

/// Names that have got something in the way somewhere.
const ODD: [&[u8]; 22] = [
    b"a&b<c>.txt",
    b"it's \"quoted\"",
    b"-rf",
    b"--",
    b"%41",
    b"100%",
    b"a b+c",
    b"q?x=1#y",
    b"javascript:alert(1)",
    b"http:",
    b"back\\slash",
    b"new\nline\r\n.txt",
    b"\x01\x1b[31m\x7f",
    b"\xff\xfe",
    b"caf\xe9.txt",
    b"caf\xc3\xa9.txt",
    b"</script><script>alert(1)</script>",
    b"]]>",
    b"&#60;",
    b"\xc2\x80\xef\xbf\xbe\xed\xa0\x80",
    b"\xe2\x80\xaegpj.exe",
    b"\xf0\x9f\x93\x81",
];

fn file(name: &[u8]) -> ListingEntry<'_> {
    ListingEntry { name, is_directory: false, size_bytes: 1_234_567, modified_secs: THEN, offset_secs: 0 }
}

fn folder(name: &[u8]) -> ListingEntry<'_> {
    ListingEntry { is_directory: true, size_bytes: 4096, ..file(name) }
}

fn listing(format: Format) -> Listing<'static> {
    Listing { format, path: b"/a/b/", exact_size: true, localtime: false, callback: b"on.list_1" }
}

fn whole(listing: Listing<'_>, entries: &[ListingEntry<'_>]) -> String {
    let mut out = Vec::new();
    listing.push_head(&mut out, &Totals { directories: 1, files: 2, size_bytes: 5 });
    for (i, entry) in entries.iter().enumerate() {
        listing.push_entry(&mut out, entry, i + 1 == entries.len());
    }
    listing.push_tail(&mut out);
    String::from_utf8(out).expect("a listing is UTF-8, whatever the names are")
}

fn one(listing: Listing<'_>, entry: &ListingEntry<'_>) -> String {
    let mut out = Vec::new();
    listing.push_entry(&mut out, entry, true);
    String::from_utf8(out).expect("an entry is UTF-8, whatever the name is")
}

/// What stands between the first `from` and the next `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from} in {text}")) + from.len();
    &text[start..start + text[start..].find(to).unwrap_or_else(|| panic!("no {to} in {text}"))]
}

/// The odd names, and names of odd bytes without end.
fn each_name(mut check: impl FnMut(&[u8])) {
    ODD.iter().for_each(|name| check(name));
    (1..=255).filter(|&b| b != b'/').for_each(|byte| check(&[b'a', byte]));
    let mut random = Seeded(7);
    for _ in 0..5_000 {
        let count = 1 + random.below(12);
        let alphabet = b"a.&<>\"'%?#\\\n\r\t\x01\x7f\x80\xc3\xa9\xe2\x80\xae\xff;:-";
        let name = random.text(alphabet, count);
        if name != b"." && name != b".." {
            check(&name);
        }
    }
}

/// What the server makes of a click, after the browser has put the link behind the page's own path.
fn clicked(href: &str) -> Vec<u8> {
    assert!(
        href.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%/".contains(&b)),
        "{href} needs no escape in HTML"
    );
    normalize(&[b"/a/b/", href.as_bytes()].concat(), true).expect("the path of a link").into_owned()
}

#[test]
fn names_survive_the_way_to_a_click() {
    each_name(|name| {
        let row = one(listing(Format::Html), &file(name));
        assert_eq!(clicked(between(&row, "href=\"", "\"")), [b"/a/b/", name].concat());
        let row = one(listing(Format::Html), &folder(name));
        assert_eq!(clicked(between(&row, "href=\"", "\"")), [b"/a/b/", name, b"/"].concat());
    });
}

/// The tags of a row are those of the template, and its text has no control character.
#[test]
fn no_name_becomes_markup() {
    let plain = one(listing(Format::Html), &file(b"x.bin"));
    each_name(|name| {
        let row = one(listing(Format::Html), &file(name));
        for mark in ['<', '>', '"', '\n'] {
            assert_eq!(row.matches(mark).count(), plain.matches(mark).count(), "{mark:?} in {row}");
        }
        assert!(!row.trim_end().contains(|c: char| c.is_control()), "{row}");
        let label = between(&row, "\">", "</th>");
        let label = between(label, ">", "</a>");
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
        assert!(label.match_indices('&').all(|(at, _)| known.iter().any(|k| label[at..].starts_with(k))), "{label}");
    });
}

#[test]
fn controls_are_shown_as_pictures() {
    for (name, label) in [
        (&b"new\nline"[..], "new\u{240a}line"),
        (b"\x1b[31m\x7f", "\u{241b}[31m\u{2421}"),
        (b"caf\xe9", "caf\u{fffd}"),
        (b"caf\xc3\xa9", "caf\u{e9}"),
        (b"\xe2\x80\xaegpj.exe", "\u{fffd}gpj.exe"),
        (b"a&b<c>'\"", "a&amp;b&lt;c&gt;&#39;&quot;"),
    ] {
        let row = one(listing(Format::Html), &file(name));
        assert!(row.contains(&format!("\">{label}</a>")), "{row}");
    }
}

/// Undoes the escapes of a JSON string; panics if the text is not one.
fn json_string(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        assert!(character >= ' ' && character != '"', "a bare {character:?} in {text}");
        out.push(match (character, rest.as_str()) {
            ('\\', next) if next.starts_with('u') => {
                let code = u32::from_str_radix(&next[1..5], 16).unwrap();
                rest = next[5..].chars();
                char::from_u32(code).unwrap()
            }
            ('\\', _) => rest.next().filter(|c| "\\\"".contains(*c)).expect("an escape of JSON"),
            (other, _) => other,
        });
    }
    out
}

#[test]
fn json_and_xml_say_every_name_in_one_way_or_the_other() {
    let decoded = |href: &str| -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = href.as_bytes();
        while let [byte, after @ ..] = rest {
            (out, rest) = match after {
                [high, low, after @ ..] if *byte == b'%' => {
                    out.push(hex_digit(*high).unwrap() << 4 | hex_digit(*low).unwrap());
                    (out, after)
                }
                _ => ([&out[..], &[*byte]].concat(), after),
            };
        }
        out
    };
    each_name(|name| {
        let object = one(listing(Format::Json), &file(name));
        let text = json_string(between(&object, "\"name\":\"", "\", \"type\""));
        assert_eq!(text, String::from_utf8_lossy(name), "{object}");
        match object.contains("\", \"size\":1234567, \"href\":\"") {
            true => assert_eq!(decoded(between(&object, "\"href\":\"", "\"")), name),
            false => assert_eq!(text.as_bytes(), name),
        }

        let element = one(listing(Format::Xml), &file(name));
        let text = between(&element, "\">", "</file>");
        assert!(text.chars().all(|c| matches!(c, ' '..'\u{fffe}' | '\u{10000}'..)) && !text.contains('<'), "{element}");
        let mut plain = text.to_owned();
        for (escape, character) in [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#x09;", "\t"),
            ("&#x0a;", "\n"),
            ("&#x0d;", "\r"),
            ("&amp;", "&"),
        ] {
            plain = plain.replace(escape, character);
        }
        match element.contains("\" href=\"") {
            true => assert_eq!(decoded(between(&element, "href=\"", "\"")), name),
            false => assert_eq!(plain.as_bytes(), name),
        }
    });
}

/// The same members, attributes and forms as nginx's.
#[test]
fn json_and_xml_are_those_of_nginx() {
    let entries = [folder(b"sub"), file(b"x.txt"), ListingEntry { size_bytes: 0, modified_secs: 0, ..file(b"y") }];
    assert_eq!(
        whole(listing(Format::Json), &entries),
        "[\n{ \"name\":\"sub\", \"type\":\"directory\", \"mtime\":\"Sun, 06 Nov 1994 08:49:37 GMT\" },\n\
         { \"name\":\"x.txt\", \"type\":\"file\", \"mtime\":\"Sun, 06 Nov 1994 08:49:37 GMT\", \"size\":1234567 },\n\
         { \"name\":\"y\", \"type\":\"file\", \"mtime\":\"Thu, 01 Jan 1970 00:00:00 GMT\", \"size\":0 }\n]\n"
    );
    assert_eq!(
        whole(listing(Format::Xml), &entries),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<list>\n\
         <directory mtime=\"1994-11-06T08:49:37Z\">sub</directory>\n\
         <file mtime=\"1994-11-06T08:49:37Z\" size=\"1234567\">x.txt</file>\n\
         <file mtime=\"1970-01-01T00:00:00Z\" size=\"0\">y</file>\n</list>\n"
    );
    assert_eq!(whole(listing(Format::Json), &[]), "[\n]\n");
    assert_eq!(whole(listing(Format::Jsonp), &[]), "/* callback */\r\non.list_1([\n]);\n");
    let object = "{ \"name\":\"y\", \"type\":\"file\", \"mtime\":\"Thu, 01 Jan 1970 00:00:00 GMT\", \"size\":0 }";
    let call = format!("/* callback */\r\non.list_1([\n{object}\n]);\n");
    assert_eq!(whole(listing(Format::Jsonp), &entries[2..]), call);
    assert!(whole(listing(Format::Xml), &[]).ends_with("<list>\n</list>\n"));
}

#[test]
fn functions_for_jsonp() {
    let longest = "x".repeat(128);
    for (name, is) in [("foo", true), ("a.b_9", true), ("", true), (&longest, true), ("a(", false), ("\u{e9}", false)] {
        assert_eq!(is_callback(name.as_bytes()), is, "{name}");
    }
    assert!(!is_callback(format!("{longest}x").as_bytes()));
}

/// The page shows the first 47 characters of a long name; the link has all of it, and so has its title.
#[test]
fn long_names_are_cut() {
    let rows = [
        ("a".repeat(50), None),
        ("a".repeat(51), Some("a".repeat(47))),
        ("\u{444}".repeat(50), None),
        (format!("<&{}", "\u{444}".repeat(60)), Some(format!("&lt;&amp;{}", "\u{444}".repeat(45)))),
    ];
    for (name, start) in rows {
        let row = one(listing(Format::Html), &file(name.as_bytes()));
        let label = between(between(&row, "href=", "</th>"), ">", "</a>").to_owned();
        match start {
            None => assert_eq!(label, name),
            Some(start) => {
                assert_eq!(label, format!("{start}..&gt;"));
                assert_eq!(between(&row, "title=\"", "\"").replace("&lt;", "<").replace("&amp;", "&"), name);
            }
        }
        assert_eq!(clicked(between(&row, "href=\"", "\"")), [b"/a/b/", name.as_bytes()].concat());
    }
}

#[test]
fn rows_of_the_page() {
    let exact = listing(Format::Html);
    let rounded = Listing { exact_size: false, localtime: true, ..exact };
    let east = ListingEntry { offset_secs: 3600 * 16, ..file(b"a.PNG") };
    for (listing, entry, expected) in [
        (
            exact,
            folder(b"sub"),
            "<a class=\"folder\" href=\"sub/\">sub/</a></th><td>1994-11-06 08:49</td><td></td></tr>",
        ),
        (
            exact,
            file(b"a b.tar.gz"),
            "<a class=\"pack\" href=\"a%20b.tar.gz\">a b.tar.gz</a></th><td>1994-11-06 08:49</td>\
             <td data-bytes=\"1234567\">1,234,567</td></tr>",
        ),
        (
            rounded,
            east,
            "<a class=\"image\" href=\"a.PNG\">a.PNG</a></th><td>1994-11-07 00:49</td>\
             <td data-bytes=\"1234567\">1.2 MiB</td></tr>",
        ),
    ] {
        assert_eq!(one(listing, &entry), format!("<tr><th scope=\"row\">{expected}\n"));
    }
    for (name, class) in [("a", "file"), ("png", "file"), ("a.mp3.", "file"), ("a.mp4", "film"), ("a.txt", "text")] {
        assert_eq!(icon(&file(name.as_bytes())), class, "{name}");
    }
}

#[test]
fn the_page_leads_up() {
    let page = |path: &[u8]| whole(Listing { path, ..listing(Format::Html) }, &[]);
    let heading = |path: &[u8]| between(&page(path), "<h1>", "</h1>").to_owned();
    let here = |name: &str| format!("<span aria-current=\"page\">{name}</span>");
    assert_eq!(heading(b"/"), format!("Index of {}", here("/")));
    assert!(!page(b"/").contains("../"), "nothing is above the root");
    let links = "<a href=\"../../../\">/</a><wbr><a href=\"../../\">a/</a><wbr><a href=\"../\">b&amp;c/</a><wbr>";
    assert_eq!(heading(b"/a/b&c/d/"), format!("Index of {links}{}", here("d/")));
    assert_eq!(between(&page(b"/<x>/"), "<title>", "</title>"), "Index of /&lt;x&gt;/");
    assert!(page(b"/a/").contains("<a class=\"parent\" href=\"../\">Parent folder</a>"));
    // Two slashes are kept where merge_slashes is off: one more step, as a browser counts them.
    assert!(heading(b"/a//b/").starts_with("Index of <a href=\"../../../\">/</a><wbr><a href=\"../../\">a/</a>"));
}

/// Elements are closed in order, names stand in an accessible table, and nothing is loaded from elsewhere.
#[test]
fn the_page_is_well_formed() {
    for path in [&b"/"[..], b"/a/b/", b"/<script>/&/\xff/"] {
        let entries = [folder(b"sub"), file(b"<!-- </style>"), file(b"x")];
        let page = whole(Listing { path, ..listing(Format::Html) }, &entries);
        let mut open = Vec::new();
        let mut rest = &page[..];
        while let Some(at) = rest.find('<') {
            let tag = rest[at + 1..].split(['>', ' ', '\n']).next().unwrap();
            rest = &rest[at + 1..];
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{page}"),
                None if ["script", "style"].contains(&tag) => {
                    let end = format!("</{tag}>");
                    rest = &rest[rest.find(&end).unwrap() + end.len()..];
                }
                None if !["!DOCTYPE", "meta", "wbr"].contains(&tag) => open.push(tag),
                None => {}
            }
        }
        assert!(open.is_empty(), "{open:?} in {page}");
        assert_eq!(page.matches("<tr><th scope=\"row\">").count(), 3 + usize::from(path != b"/"));
        assert_eq!(page.matches("<th scope=\"col\"").count(), 3);
        assert!(page.contains("<caption>1 folder, 2 files, 5 B</caption>"));
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("), "{page}");
    }
    for (part, end) in [(STYLE, "</style"), (SCRIPT, "</script")] {
        assert!(!part.contains(end) && !part.contains("<!--") && part.ends_with('\n'));
    }
    let local = whole(Listing { localtime: true, ..listing(Format::Html) }, &[]);
    assert!(local.contains("Changed (server time)") && whole(listing(Format::Html), &[]).contains("Changed (UTC)"));
}

#[test]
fn sizes() {
    for (bytes, exact, rounded) in [
        (0, "0", "0 B"),
        (999, "999", "999 B"),
        (1023, "1,023", "1023 B"),
        (1024, "1,024", "1.0 KiB"),
        (1536, "1,536", "1.5 KiB"),
        (10_188, "10,188", "9.9 KiB"),
        (10_189, "10,189", "10 KiB"),
        (1_048_063, "1,048,063", "1023 KiB"),
        (1_048_064, "1,048,064", "1.0 MiB"),
        (123_456_789_012, "123,456,789,012", "115 GiB"),
        (u64::MAX, "18,446,744,073,709,551,615", "16 EiB"),
    ] {
        let (mut grouped, mut short) = (b"x".to_vec(), Vec::new());
        push_grouped(&mut grouped, bytes);
        push_rounded(&mut short, bytes);
        assert_eq!(String::from_utf8(grouped).unwrap(), format!("x{exact}"));
        assert_eq!(String::from_utf8(short).unwrap(), rounded, "{bytes}");
    }
    let mut text = Vec::new();
    push_totals(&mut text, &Totals { directories: 1000, files: 1, size_bytes: 2048 });
    assert_eq!(text, b"1,000 folders, 1 file, 2.0 KiB");
}

#[test]
fn the_format_follows_accept() {
    for (accept, format) in [
        ("", Format::Html),
        ("*/*", Format::Html),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Html),
        ("application/json", Format::Json),
        ("application/xml", Format::Xml),
        ("text/xml, application/json;q=0.9", Format::Xml),
        ("image/png", Format::Html),
    ] {
        let text = format!("GET / HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\n\r\n");
        let read = head::request(text.as_bytes(), &mut Scan::default(), &HeadLimits::default());
        let Ok(Some((request, _))) = read else { panic!("{accept}: the head is right") };
        assert_eq!(Format::preferred(&request.fields), format, "{accept}");
    }
}
