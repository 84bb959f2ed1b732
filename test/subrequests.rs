//! `auth_request`: the server asks itself before it answers a client.

mod harness;

use harness::{each, site};

#[test]
fn the_answer_of_a_subrequest_lets_the_client_in_or_not() {
    let s = site(
        r#"location / { auth_request /auth; auth_request_set $who $sent_http_x_user; add_header X-Who $who always; }
           location = /auth { internal; add_header X-User "u-$arg_u"; return 204; }
           location /no/ { auth_request /deny; return 200 unreached; }
           location /403 { auth_request /forbid; }
           location /login { auth_request /ask; error_page 401 = @login; }
           location /broken { auth_request /missing; }
           location /loop { auth_request /loop; }
           location /any { satisfy any; deny all; auth_request /auth; alias html/a; }
           location /all { deny all; auth_request /auth; }
           location = /deny { internal; return 401; }
           location = /forbid { internal; return 403; }
           location = /ask { internal; return 401; }
           location @login { return 302 /page; }"#,
        &[("a", b"a"), ("403", b"x"), ("any", b"any"), ("broken", b"x"), ("loop", b"x")],
    );
    each(
        &[("/a", 200), ("/403", 403), ("/login", 302), ("/broken", 500), ("/any", 200), ("/all", 403)],
        |(target, status)| {
            let mut client = s.connect();
            client.get(target).expect(*status, target);
        },
    );
    let mut client = s.connect();
    let response = client.get("/a?u=7").expect(200, "/a");
    assert_eq!((response.must("X-Who"), response.text()), ("u-", "a".to_owned()), "the subrequest has its own query");
    client.get("/auth").expect(404, "a client cannot ask for it");
    assert_eq!(client.get("/a").expect(200, "once more").text(), "a");
}

/// The body of the request is not touched by the subrequest.
#[test]
fn a_body_waits_for_the_subrequest() {
    let s = site(
        r#"dav_methods PUT; location / { auth_request /auth; } location = /auth { internal; try_files /no =204; }
           location /no/ { auth_request /deny; } location = /deny { internal; return 403; }"#,
        &[],
    );
    let mut client = s.connect();
    client.send("PUT /new HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    client.response().expect(201, "PUT");
    assert_eq!(client.get("/new").expect(200, "GET").text(), "hello");
    client.send("PUT /no/new HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    client.response().expect(403, "PUT that is denied");
    assert_eq!(client.get("/new").expect(200, "the next request").text(), "hello");
    client.get("/no/new").expect(403, "nothing was stored, and nothing is told");
}

/// The handlers of the subrequest have ended before the request goes on.
#[test]
fn a_subrequest_may_be_answered_by_a_file() {
    let s = site(
        "location / { auth_request /gate/open; } location /gate/ { }",
        &[("a", b"a"), ("gate/open", &[b'x'; 200_000])],
    );
    let mut client = s.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/a").expect(200, "/a").text(), "a");
    }
}

#[test]
fn the_query_of_the_request_is_set_by_the_answer() {
    let s = site(
        r#"location / { auth_request /auth; auth_request_set $args "user=$sent_http_x_user"; add_header X-Args $args; }
           location = /auth { add_header X-User me; return 204; }"#,
        &[("a", b"a")],
    );
    let mut client = s.connect();
    let response = client.get("/a?old").expect(200, "/a");
    assert_eq!((response.must("X-Args"), response.text()), ("user=me", "a".to_owned()));
}

/// The groups of the subrequest's location replaced those of the request.
#[test]
fn groups_stay_those_of_the_request() {
    let s = site(
        r#"location ~ ^/files/(.*)$ { auth_request /auth/x; alias html/$1; } location ~ ^/auth/(.*)$ { return 204; }"#,
        &[("one", b"one"), ("x", b"wrong")],
    );
    assert_eq!(s.connect().get("/files/one").expect(200, "/files/one").text(), "one");
}
