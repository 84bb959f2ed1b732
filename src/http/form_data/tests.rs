use super::super::seeded::Seeded;
use super::*;

const LIMITS: FormLimits = FormLimits { parts_max: 4, file_bytes_max: 100, fields_bytes_max: 60, head_bytes_max: 200 };

/// The events as text, with content that came in pieces put together, up to the end or an error.
fn events(boundary: &[u8], limits: FormLimits, pieces: &[&[u8]]) -> String {
    let mut form = FormData::new(boundary, limits);
    let (mut out, mut data) = (String::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let event = form.next(&mut rest);
            if let Ok(Some(FormEvent::Data(bytes))) = event {
                assert!(!bytes.is_empty(), "content without bytes");
                data.extend_from_slice(bytes);
                continue;
            }
            let said = match event {
                Ok(None) => break,
                Ok(Some(FormEvent::Part(part))) => show(&part),
                Ok(Some(FormEvent::PartEnd)) => format!("{}]", std::mem::take(&mut data).escape_ascii()),
                Ok(Some(FormEvent::End)) => ".".to_owned(),
                Ok(Some(FormEvent::Data(_))) => String::new(),
                Err(error) => {
                    assert_eq!(form.next(&mut &b"--B--"[..]), Err(error), "an error that was forgotten");
                    assert_eq!(form.end(), Err(error));
                    return format!("{out}!{}", error.status);
                }
            };
            out += &said;
        }
        assert!(rest.is_empty(), "what is not used is lost");
    }
    match form.end() {
        Ok(()) => out,
        Err(error) => format!("{out}{}~{}", data.escape_ascii(), error.status),
    }
}

fn show(part: &FormPart) -> String {
    let file = part.file_name.as_ref().map(|name| format!("={}", name.escape_ascii())).unwrap_or_default();
    let kind = part.content_type.as_ref().map(|kind| format!(":{kind}")).unwrap_or_default();
    format!("{}{file}{kind}[", part.name.escape_default())
}

fn whole(body: &[u8]) -> String {
    events(b"B", LIMITS, &[body])
}

/// A field named `a` with this content, between the boundaries.
fn field(content: &str) -> Vec<u8> {
    format!("--B\r\nContent-Disposition: form-data; name=a\r\n\r\n{content}\r\n--B--\r\n").into_bytes()
}

/// A part with this head, and `x` in it.
fn headed(head: &str) -> String {
    whole(format!("--B\r\n{head}\r\n\r\nx\r\n--B--").as_bytes())
}

#[test]
fn fields_and_files() {
    let body = b"preamble\r\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--B \t\r\n\
        content-type: image/png\r\nX-Y: z\r\nCONTENT-DISPOSITION: Form-Data; filename=\"b.png\"; name=\"f\"\r\n\r\n\r\n\
        --B--  epilogue\r\n--B\r\n";
    assert_eq!(whole(body), "a[1\\r\\n2]f=b.png:image/png[].");
    assert_eq!(whole(b"--B--"), ".");
    assert_eq!(whole(b"\r\n--B--\r\n"), ".");
    assert_eq!(whole(b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B--"), "a[].", "no content at all");
}

/// Each of these is content, to the byte.
#[test]
fn what_looks_like_a_boundary_is_content() {
    for content in [
        "",
        "\r",
        "\n",
        "\r\n",
        "\r\n\r\n",
        "\r\r\n",
        "--",
        "--B",
        "-",
        "\r\n-",
        "\r\n--",
        "\r\n--b\r\n",
        "\r\n--Bx",
        "\r\n--B-",
        "\r\n--B-x",
        "\r\n--B\r",
        "\r\n--B\rx",
        "\r\n--B\r\r",
        "\r\n--Bx\r\n--B-\r\n--B\r\r\n--",
        "\n--B\r\n",
        "\n--B--",
        "\r\r\n--Bx",
        "\r\n\r\n--C\r\n",
        "-B\r\n-B--",
    ] {
        // The last boundary behind content that ends in the middle of one, too.
        let body = field(content);
        let expected = match content {
            "--B" => "a[]~400".to_owned(), // a line of its own: a boundary, behind which no head ends
            _ => format!("a[{}].", content.as_bytes().escape_ascii()),
        };
        assert_eq!(whole(&body), expected, "{content:?}");
        assert_eq!(events(b"B", LIMITS, &body.chunks(1).collect::<Vec<_>>()), expected, "{content:?}, byte by byte");
    }
}

#[test]
fn bodies_that_are_no_forms() {
    for (body, expected) in [
        (&b""[..], "~400"),
        (b"--B", "~400"),
        (b"--B-", "~400"),
        (b"--Bx--B--", "~400"),
        (b"x--B--", "~400"),
        (b"\n--B--", "~400"),
        (b"--B\n", "~400"),
        (b"--B x\r\n", "!400"),
        (b"--B \r\r", "!400"),
        (b"--B\r\n\r\n", "!400"),
        (b"--B\r\nX: y\r\n\r\n", "!400"),
        (b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx", "a[x~400"),
        (b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--B", "a[x~400"),
        (b"--B\r\nContent-Disposition: form-data; name=a\n\r\n", "!400"),
        (b"--B\r\nContent-Disposition: form-data; name=a\r\n\n", "!400"),
    ] {
        assert_eq!(whole(body), expected, "{}", body.escape_ascii());
    }
}

#[test]
fn heads_of_parts() {
    for (head, expected) in [
        ("Content-Disposition: form-data; name=\"a\"", "a[x]."),
        ("Content-Disposition:form-data;name=a", "a[x]."),
        ("Content-Disposition: form-data; name=\"\"", "[x]."),
        ("Content-Disposition: form-data; name=\"a%22%0D%0a%41%\"", "a\\\"\\r\\n%41%[x]."),
        ("Content-Disposition: form-data; name=\"a\\\"b\"; filename=\"c\\\\d\"", "a\\\"b=c\\\\d[x]."),
        ("Content-Disposition: form-data; name=a; filename=\"\"", "a=[x]."),
        ("Content-Disposition: form-data; name=a; filename=\"a\u{e9}\"", "a=a\\xc3\\xa9[x]."),
        ("Content-Disposition: form-data; name=a; filename*=UTF-8''a%C3%A9%2F", "a=a\\xc3\\xa9/[x]."),
        ("Content-Disposition: form-data; name=a; filename=b; filename*=utf-8'fr'c", "a=c[x]."),
        ("Content-Disposition: form-data; name=a; filename*=iso-8859-1''%E9; filename=b", "a=\\xc3\\xa9[x]."),
        ("Content-Disposition: form-data; name=a; filename=b; filename*=utf-16''c", "a=b[x]."),
        ("Content-Disposition: form-data; name=a; filename=b; filename*=utf-8''%FF", "a=b[x]."),
        ("Content-Disposition: form-data; name=a; filename=b; filename*=utf-8''%0", "a=b[x]."),
        ("Content-Disposition: form-data; name=a; filename*=c", "a[x]."),
        ("Content-Disposition: form-data; name=a; name=b; filename=c; filename=d", "a=c[x]."),
        ("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: 8BIT", "a[x]."),
        ("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "!400"),
        ("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b", "!400"),
        ("Content-Disposition: form-data; name=a\r\nContent-Type: a/b\r\nContent-Type: c/d", "a:a/b[x]."),
        ("Content-Disposition: form-data", "!400"),
        ("Content-Disposition: form-data; filename=a", "!400"),
        ("Content-Disposition: attachment; name=a", "!400"),
        ("Content-Disposition: form-data; name=\"a", "!400"),
        ("Content-Disposition: form-data;\r\n name=a", "!400"),
        ("Content-Disposition : form-data; name=a", "!400"),
        ("Content-Disposition: form-data; name=a\0", "!400"),
        ("no colon", "!400"),
    ] {
        assert_eq!(headed(head), expected, "{head}");
    }
}

#[test]
fn limits_hold_to_the_byte() {
    let file = |bytes: usize| {
        let head = "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n";
        [head, &"y".repeat(bytes), "\r\n--B--"].concat().into_bytes()
    };
    assert_eq!(whole(&file(100)), format!("f=x[{}].", "y".repeat(100)));
    assert_eq!(whole(&file(101)), "f=x[!413");
    let unlimited = FormLimits { file_bytes_max: 0, ..LIMITS };
    assert!(events(b"B", unlimited, &[&file(5000)]).ends_with("y]."));
    // The name counts, too, and all fields together.
    assert_eq!(whole(&field(&"y".repeat(59))), format!("a[{}].", "y".repeat(59)));
    assert_eq!(whole(&field(&"y".repeat(60))), "a[!413");
    let part = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n123456789\r\n";
    let parts = |count: usize| whole((part.repeat(count) + "--B--").as_bytes());
    assert_eq!(parts(4), "a[123456789]".repeat(4) + ".");
    assert_eq!(parts(5), "a[123456789]".repeat(3) + "a[!413");
    // 200 bytes of head, its two line ends counted.
    let head = |bytes: usize| headed(&format!("Content-Disposition: form-data; name=a; x={}", "y".repeat(bytes - 46)));
    assert_eq!((head(200), head(201)), ("a[x].".to_owned(), "!413".to_owned()));
    // A head that never ends is not gathered.
    let mut form = FormData::new(b"B", LIMITS);
    assert_eq!(form.next(&mut &b"--B\r\n"[..]), Ok(None));
    let refused = (0..1000).find_map(|_| form.next(&mut &b"endless"[..]).err());
    assert_eq!(refused.map(|error| error.status), Some(413));
    assert!(form.head.capacity() <= 400, "{}", form.head.capacity());
}

#[test]
fn boundaries() {
    for (content_type, expected) in [
        ("multipart/form-data; boundary=abc", Some("abc")),
        ("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b:c\"", Some("a b:c")),
        ("multipart/form-data; boundary=----WebKitFormBoundaryA1b2", Some("----WebKitFormBoundaryA1b2")),
        ("multipart/form-data; boundary=a/b=c", Some("a/b=c")),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"\"", None),
        ("multipart/form-data; boundary=\"a \"", None),
        ("multipart/form-data; boundary=\"a\tb\"", None),
        ("multipart/form-data; boundary=\u{e9}", None),
        ("multipart/form-data; boundary=\"a", None),
    ] {
        assert!(is_form_data(content_type.as_bytes()), "{content_type}");
        let found = boundary(content_type.as_bytes()).ok();
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{content_type}");
    }
    for bytes in [70, 71] {
        let long = format!("multipart/form-data; boundary={}", "x".repeat(bytes));
        assert_eq!(boundary(long.as_bytes()).is_ok(), bytes == 70);
    }
    for other in ["multipart/mixed; boundary=a", "application/x-www-form-urlencoded", "", "multipart/form-datax"] {
        assert!(!is_form_data(other.as_bytes()), "{other}");
    }
}

/// Content made of a boundary's bytes, wrapped in a form, comes back as it was, however the body is cut.
#[test]
fn any_content_comes_back_however_it_is_cut() {
    let mut random = Seeded(7578);
    for round in 0..4000 {
        let boundary = random.text(b"-aB", 1 + round % 9);
        let boundary = if boundary.ends_with(b" ") { b"B".to_vec() } else { boundary };
        let delimiter = [b"\r\n--", &boundary[..]].concat();
        let (mut body, mut expected) = (Vec::new(), String::new());
        for i in 0..random.below(4) {
            let mut content = random.text(b"\r\n--aBx", 40);
            if random.below(2) == 0 {
                content.extend_from_slice(&delimiter[..random.below(delimiter.len())]);
            }
            // What would be a boundary, on a line of its own, is not content.
            let framed = [b"\r\n", &content[..], &delimiter].concat();
            if memchr::memmem::find_iter(&framed, &delimiter).count() > 1 {
                content = b"-".to_vec();
            }
            let head = format!("\r\nContent-Disposition: form-data; name={i}; filename=x\r\n\r\n");
            body.extend_from_slice(
                &[if i == 0 { &delimiter[2..] } else { &delimiter }, head.as_bytes(), &content].concat(),
            );
            expected += &format!("{i}=x[{}]", content.escape_ascii());
        }
        body.extend_from_slice(&[if body.is_empty() { &delimiter[2..] } else { &delimiter }, b"--\r\n"].concat());
        let limits = FormLimits { file_bytes_max: 0, ..LIMITS };
        assert_eq!(events(&boundary, limits, &[&body]), expected + ".", "{}", body.escape_ascii());
        check_cuts(&boundary, limits, &body, &mut random);
    }
}

/// No change of a form panics, and any cut gives the same events.
#[test]
fn any_cut_of_anything_gives_the_same_events() {
    let mut random = Seeded(2046);
    let body = b"p\r\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--Bx\r\n--B \r\n\
        Content-Disposition: form-data; name=\"f\"; filename=\"%22.txt\"\r\nContent-Type: text/plain\r\n\r\n--\r\n\
        --B--\r\n";
    for _ in 0..20_000 {
        let changed = random.mutate(body);
        check_cuts(b"B", LIMITS, &changed, &mut random);
    }
}

fn check_cuts(boundary: &[u8], limits: FormLimits, body: &[u8], random: &mut Seeded) {
    let expected = events(boundary, limits, &[body]);
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(events(boundary, limits, &bytes), expected, "byte by byte: {}", body.escape_ascii());
    let (mut pieces, mut from) = (Vec::new(), 0);
    for cut in random.cuts(body.len()) {
        pieces.push(&body[from..cut]);
        from = cut;
    }
    pieces.push(&body[from..]);
    assert_eq!(events(boundary, limits, &pieces), expected, "{pieces:?}");
}
