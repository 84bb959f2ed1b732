//! What each rule finds, and what looks like it and is right.

use super::super::parse::Parser;
use super::super::problem::{Files, Finding};
use super::super::source::{ConfigFiles, ConfigSource};
use super::{findings, markdown, rules};
use std::path::{Path, PathBuf};

/// The findings of a text; None if it cannot be parsed.
fn found(text: &str) -> Option<Vec<Finding>> {
    let (files, directory) = (ConfigFiles::default(), PathBuf::from("/"));
    let source = ConfigSource { files, embedded: &[("inner", "alias /x;")], disk_first: false, directory };
    let mut files = Files::default();
    let statements = Parser::new(&source, &mut files).text(Path::new("site.conf"), text).ok()?;
    Some(findings(&statements, &files))
}

/// Each row: a text, and its findings as "rule line:column", in the order of the files.
fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let found = found(text).expect(text);
        let shown = found.iter().map(|it| format!("{} {}:{}", it.rule, it.problem.line, it.problem.column));
        assert_eq!(shown.collect::<Vec<_>>().join(", "), *expected, "{text}\n{found:#?}");
    }
}

/// The same, for what stands in a server from column 10 on.
fn in_server(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        check(&[(&format!("server {{ {text} }}"), expected)]);
    }
}

#[test]
#[cfg(feature = "regex")] // expressions are compared with prefixes
fn the_examples_of_each_rule_are_true() {
    for rule in rules() {
        let wrong = found(rule.wrong).expect(rule.wrong);
        assert!(!wrong.is_empty() && wrong.iter().all(|it| it.rule == rule.name), "{}: {wrong:#?}", rule.name);
        let right = found(rule.right).expect(rule.right);
        assert!(right.is_empty(), "{}: {right:#?}", rule.name);
        assert!(rule.about.ends_with('.') && !rule.why.ends_with('.'), "{}", rule.name);
    }
    let mut names: Vec<&str> = rules().map(|rule| rule.name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "no rule has two rows");
}

#[test]
fn a_finding_has_its_place_the_reason_and_what_to_write() {
    let finding = &found("server {\n  location /i {\n    alias /data/;\n  }\n}").expect("it can be parsed")[0];
    let text = [
        "warning: site.conf:3:11: the location \"/i\" has no slash at its end and the alias has one: /i../x is \
         /data/../x, which is outside of /data/ (nginx opens it, this server does not)",
        "    alias /data/;",
        "          ^^^^^^",
        "  why:   the location's path is replaced as text: nothing is added or taken away at the seam (alias-slash)",
        "  write: location /i/ { alias /data/; }",
    ];
    let text = text.join("\n");
    assert_eq!(finding.to_string(), text);
}

/// A file that is included twice has its findings once.
#[test]
fn included_files_are_looked_at_once() {
    let text = "server { location /a/ { include inner; } location /a/ { include inner; } }";
    let found = found(text).expect("it can be parsed");
    assert_eq!((found.len(), &found[0].problem.file[..], found[0].problem.column), (1, "inner", 7));
}

#[test]
fn aliases() {
    in_server(&[
        ("location /i/ { alias /data; }", "alias-slash 1:31"),
        ("location ^~ /i { alias /data/; }", "alias-slash 1:33"),
        ("location /i/ { alias /data/$host; }", ""),
        ("location /i { alias /data/$host/; }", "alias-slash 1:30"),
        ("location = /i { alias /data/; }", ""),
        ("location ~ ^/i { alias /data/; }", ""),
        ("location /i { alias /data; }", ""),
        ("location /i/ { if ($a) { set $b 1; } alias /data/; }", ""),
    ]);
}

#[test]
fn lists() {
    in_server(&[
        ("add_header A 1; location / { add_header B 2; }", "list-replaced 1:39"),
        ("add_header A 1; location / { add_header a 2; }", ""),
        ("add_header A 1; location / { expires 1d; }", ""),
        ("add_header A ''; location / { add_header B 2; }", ""),
        ("add_header A 1; location / { location /b { add_header B 2; } }", "list-replaced 1:53"),
        ("add_header A 1; location / { add_header_inherit merge; add_header B 2; }", ""),
        ("add_header_inherit merge; add_header A 1; location / { add_header B 2; }", ""),
        ("add_header A 1; location /ok { add_header B 2; return 200 ok; }", ""),
        (
            "add_header Access-Control-Allow-Origin *; location /ok { add_header B 2; return 200; }",
            "list-replaced 1:67",
        ),
        ("add_header Cache-Control no-cache; location / { add_header B 2; expires 1y; }", ""),
        ("add_header X-Frame-Options DENY; location ~ \\.css$ { add_header B 2; }", ""),
        ("add_header X-Frame-Options DENY; location ~ \\.html$ { add_header B 2; }", "list-replaced 1:64"),
        ("proxy_set_header A 1; location / { proxy_set_header B 2; proxy_pass http://b; }", "list-replaced 1:45"),
        ("proxy_set_header A 1; location / { proxy_set_header B 2; }", ""),
        ("proxy_set_header A 1; location / { proxy_set_header Host b; proxy_pass http://b; }", ""),
        ("location / { add_header Content-Type a/b; }", "content-type-added 1:23"),
        ("location / { add_header Content-Type a/b; return 204; }", ""),
        ("location / { if ($request_method = OPTIONS) { add_header Content-Type a/b; return 200; } }", ""),
        ("location / { proxy_hide_header Content-Type; add_header Content-Type a/b; }", ""),
    ]);
    let finding = &found("add_header A 'b c'; server { add_header B 2; }").expect("it can be parsed")[0];
    assert!(finding.write.starts_with("repeat on this level: add_header A \"b c\";"), "{}", finding.write);
}

#[test]
fn words_of_the_client() {
    in_server(&[
        ("return 301 http://$http_host/;", "http-host 1:21"),
        ("rewrite ^ http://${http_host}/ permanent;", "http-host 1:20"),
        ("if ($http_host = a) { return 444; }", "http-host 1:14"),
        ("location / { proxy_set_header Host $http_host; return 200 $http_host; }", ""),
        ("if ($http_origin ~ 'https://a\\.b$') { set $cors 1; }", "origin-check 1:29"),
        ("if ($http_origin ~ '^https://a\\.b') { set $cors 1; }", "origin-check 1:29"),
        ("if ($http_origin !~ '^https://a\\.b(:\\d+)?$') { return 403; }", ""),
        ("if ($http_origin ~ evil) { return 403; }", ""),
        ("if ($http_origin ~ .) { set $cors 1; }", ""),
        ("if ($http_origin = 'https://a.b') { set $cors 1; }", ""),
        ("valid_referers none blocked a.b;", "referers-none 1:25"),
        ("valid_referers blocked a.b;", ""),
        ("location / { return 200 $http_referrer; }", "referrer-spelled 1:34"),
        ("location / { return 200 $http_referer; }", ""),
        ("location / { proxy_pass http://$http_x; }", "proxy-anywhere 1:34"),
        ("location / { internal; proxy_pass http://$arg_x; }", ""),
        ("location @x { proxy_pass http://$arg_x; }", ""),
        ("location / { proxy_pass http://b/$arg_x; }", ""),
        ("location / { proxy_pass http://$backend; }", ""),
        ("location ~ ^/p/(.*)$ { proxy_pass http://$1; }", "proxy-anywhere 1:44"),
        ("location ~ ^/p/(.*)/(.*)$ { set $h $1; proxy_pass http://$h/$2; }", "proxy-anywhere 1:60"),
        ("location ~ ^/p/(?<h>.*)$ { proxy_pass $h; }", "proxy-anywhere 1:48"),
        ("location ~ ^/p(/.*)$ { proxy_pass http://b$1; }", ""),
        ("location ~ ^/(a|b)/(.*)$ { proxy_pass http://$1/$2; }", ""),
        ("location ~ ^/([^/]+)/ { proxy_pass http://$1.example.com; }", ""),
        ("set $b http://c; location ~ ^/(.*)$ { proxy_pass $b; }", ""),
        ("location / { proxy_pass http://$http_host; }", ""),
        ("if ($http_origin !~ '^https://a\\.b/') { return 403; }", "origin-check 1:30"),
        ("add_header A 'b';", ""),
    ]);
    check(&[
        ("map $http_origin $x { default ''; ~*a\\.b$ 1; }", "origin-check 1:35"),
        ("map $http_origin $x { default ''; ~^https://a\\.b$ 1; }", ""),
        ("map $uri $x { ~a 1; }", ""),
        ("map $http_referrer $x { a 1; }", "referrer-spelled 1:5"),
    ]);
}

#[test]
fn line_ends() {
    in_server(&[
        ("return 302 http://a${uri};", "header-splitting 1:21"),
        ("return http://a$document_uri;", "header-splitting 1:17"),
        ("return 200 $uri;", ""),
        ("set $a http://a$uri; return 302 $a;", "header-splitting 1:42"),
        ("set $a b; return 302 http://$a;", ""),
        ("set $a $a$a; return 302 http://${a}/;", ""),
        ("location = /a { return 302 http://a$uri; }", ""),
        ("location ~ ^/(\\d+).*$ { return 302 http://a$uri; }", ""),
        ("location ~ ^/(\\d+).* { return 302 http://a$uri; }", "header-splitting 1:44"),
        ("return 302 http://a$request_uri;", ""),
        ("rewrite ^ http://a$uri;", "header-splitting 1:20"),
        ("rewrite ^ /a$uri last;", ""),
        ("rewrite ^/(.*)$ http://a/$1 permanent;", ""),
        ("location / { add_header X $uri; }", "header-splitting 1:36"),
        ("location / { proxy_pass http://a$uri; }", "header-splitting 1:34"),
        ("location ~ ^/a/([^/]*)$ { return 302 http://a/$1; }", "header-splitting 1:47"),
        ("location ~ ^/a/(?<x>[^.]*)$ { add_header X $x; }", "header-splitting 1:53"),
        ("location ~ ^/a/([^/\\s]*)/(\\w+)/(.*)$ { return 302 http://a/$1/$2/$3; }", ""),
        ("location ~ ^/a/([^/]*)$ { proxy_pass http://a/b/$1; }", "header-splitting 1:47"),
        ("location ~ ^/a/([^/]*)/(.*)$ { return 302 http://a/$2; }", ""),
        ("location ~ ^/a/([^/]*)$ { if ($arg_a ~ (b)) { set $c 1; } return 302 http://a/$1; }", ""),
        ("location ~ ^/a/(?:[^/]*)/(b)$ { return 302 http://a/$1; }", ""),
    ]);
}

#[test]
fn access_and_if() {
    in_server(&[
        ("location / { allow 10.0.0.1; allow 10.0.0.2; }", "allow-alone 1:23"),
        ("location / { allow 10.0.0.1; deny 10.0.0.0/8; }", ""),
        ("location = /robots.txt { allow all; }", ""),
        ("satisfy any; location / { allow 10.0.0.1; auth_basic a; }", ""),
        ("deny all; location / { allow 10.0.0.1; }", "allow-alone 1:33"),
        ("location / { if ($a) { add_header A 1; } if ($b) { set $c 1; } }", "if-last-holds 1:33"),
        ("location / { if ($a) { add_header A 1; } }", ""),
        ("location / { if ($a) { add_header A 1; return 204; } if ($b) { add_header B 1; } }", ""),
        ("location / { if ($a = b) { expires 1d; } if ($a = c) { expires 2d; } }", ""),
        ("location / { if ($a = b) { expires 1d; } if ($b = c) { expires 2d; } }", "if-last-holds 1:37"),
        ("location / { try_files $uri =404; if ($a) { return 403; } }", ""),
        ("location / { try_files $uri =404; if ($a) { rewrite ^ /b last; } }", ""),
        ("location / { try_files $uri =404; if ($a) { rewrite ^ /b break; } }", "if-loses-try-files 1:44"),
        ("if ($a) { set $b 1; } location / { try_files $uri =404; }", ""),
    ]);
}

#[test]
#[cfg(feature = "regex")] // expressions are compared with prefixes
fn reached() {
    in_server(&[
        ("return 301 /; location /a { } location /b { } location @c { }", "server-answers-first 1:24"),
        ("location /a { } rewrite ^(.*)$ https://b$1 permanent;", "server-answers-first 1:10"),
        ("location /a { } rewrite ^/(.+)$ https://b/$1 permanent;", ""),
        ("location /a { } rewrite ^ /b last;", ""),
        ("if ($a) { return 301 /; } location /a { }", ""),
        ("return 301 /; location @c { }", ""),
        (
            "location ~ ^/ { } location ~ ^/a { } location /b { } location = /c { } location ^~ /d { }",
            "location-unreachable 1:39, location-unreachable 1:56",
        ),
        ("location ~ ^/a { } location ~ ^/ { }", ""),
        ("location ~* \\.zip$ { } location ~ \\.zip$ { }", "location-unreachable 1:44"),
        ("location ~ ^/a$ { } location /a { }", ""),
        ("location ~ ^/a(?!b) { } location /a { }", ""),
        ("location ~ /\\. { } location /.a/ { location ~ b { } }", ""),
        ("location ~ /\\. { deny all; } location /.git { return 404; }", ""),
        ("location ^~ a { }", "location-no-path 1:22"),
        ("location ^/a(.*)$ { }", "location-no-path 1:19"),
        ("location ^a { }", "location-no-path 1:19"),
        ("location ~ ^a { }", "location-no-path 1:21"),
        ("location ~ ^a?/b { }", ""),
        ("location ~ (^a|/b) { }", ""),
        ("location @a { }", ""),
    ]);
}

#[test]
fn targets() {
    in_server(&[
        ("try_files $uri a.html;", "try-files-last 1:25"),
        ("try_files $uri = 404;", "try-files-last 1:27"),
        ("try_files $uri https://a/;", "try-files-last 1:25"),
        ("try_files $uri $uri/ /a.php?$args;", ""),
        ("try_files $uri @a;", ""),
        ("try_files $uri $uri/;", ""),
        ("rewrite ^/a$ b last;", "rewrite-target 1:23"),
        ("rewrite ^/a/(.*)$ $1 break;", "rewrite-target 1:28"),
        ("rewrite ^/a(/.*)$ $1 break;", ""),
        ("rewrite ^/a(.*)$ $1 break;", ""),
        ("rewrite ^/a/?(.*)$ $1 break;", ""),
        ("rewrite ^/go/(.*)$ $1 redirect;", ""),
        ("rewrite ^/a$ $b last;", ""),
        ("rewrite ^/a$ /b?c=$1 last;", "rewrite-no-group 1:23"),
        ("rewrite ^/(a)/(?:b)/\\(c\\)$ /$2 last;", "rewrite-no-group 1:37"),
        ("rewrite ^/(?<n>a)/[(]$ /$1 last;", ""),
        ("rewrite ^/((a)(b))$ /$3 last;", ""),
    ]);
}

#[test]
fn expressions() {
    in_server(&[
        ("location ~* .(js|css)$ { }", "suffix-dot 1:22"),
        ("location ~ ^/a/.*.php$ { }", "suffix-dot 1:21"),
        ("location ~ /wp-config.php$ { }", ""),
        ("location ~ [.]php$ { }", ""),
        ("location ~ /v1.2$ { }", ""),
        ("location ~ \\.php { }", "suffix-end 1:21"),
        ("location ~ \\.php(/|$) { }", ""),
        ("location ~ \\.php { fastcgi_split_path_info ^(.+\\.php)(/.+)$; }", ""),
        ("location ~ \\.(bak|php) { deny all; }", ""),
        ("location ~ \\.(?:jpe?g|png) { }", "suffix-end 1:21"),
        ("location ~ \\.git { }", ""),
        ("server_name ~^a\\.b;", "server-name-ends 1:22"),
        ("server_name ~a\\.b$ _ *.c;", "server-name-ends 1:22"),
        ("server_name ~\\.b\\.c$ ~^www ~.* a.b;", ""),
        ("server_name ~^(www\\.)?(?<d>.+)$;", ""),
        ("location ~ \\.css\\?v=\\d+$ { }", "expression-query 1:21"),
        ("location ~ \\.css(\\?v=\\d+)?$ { }", ""),
        ("location ~ a|b\\?c { }", ""),
        ("location ~ (a|b)\\?c { }", "expression-query 1:21"),
        ("location ~ [\\?] { }", ""),
        ("location ~ a\\\\\\\\? { }", ""),
        ("location ~ \\.(pl|cgi)\\$ { deny all; }", "expression-dollar 1:21"),
        ("location = /a\\$ { }", ""),
    ]);
}

#[test]
fn roots() {
    in_server(&[
        ("location / { root /a; } location /b { }", "root-only-in-slash 1:34"),
        ("root /c; location / { root /a; } location /b { }", ""),
        ("location / { root /a; } location = /50x.html { root /a; } location /b { return 204; }", ""),
        ("location / { root /a; } location /b { proxy_pass http://c; } location ~ /\\. { deny all; }", ""),
        ("location / { root /a; } location /b { try_files $uri @c; } location @c { }", ""),
        ("location / { root /a; } location ~ x { fastcgi_pass p; fastcgi_param SCRIPT_FILENAME /a/x.php; }", ""),
        (
            "location / { root /a; } location ~ x { fastcgi_pass p; fastcgi_param SCRIPT_FILENAME $document_root; }",
            "root-only-in-slash 1:34",
        ),
        ("location / { root /a; } location /stat { rtmp_stat all; }", ""),
        ("location / { root /a; } location /b { internal; }", ""),
        ("location /a { types { } }", "types-empty 1:24"),
        ("location /a { types { a/b c; } }", ""),
        ("location /a { types { } default_type a/b; }", ""),
        ("error_log off;", "error-log-off 1:20"),
        ("access_log off; error_log stderr;", ""),
        ("error_page 404 =200 /errors/404.html;", "error-page-200 1:25"),
        ("error_page 500 502 = /50x.html;", "error-page-200 1:29"),
        ("error_page 404 =200 /index.html;", ""),
        ("error_page 404 = @fallback;", ""),
        ("error_page 404 =404 /404.html;", ""),
        ("root /a; location /s/ { alias /b/; } location ~* \\.(png|css)$ { expires 1d; }", "ending-takes-alias 1:28"),
        ("root /a; location /s/ { alias /a/s/; } location ~* \\.css$ { expires 1d; }", ""),
        ("root /a; location /.well-known/ { alias /b/; } location ~* \\.css$ { expires 1d; }", ""),
        ("root /a; location ^~ /s/ { alias /b/; } location ~* \\.css$ { expires 1d; }", ""),
        ("root /a; location /s/ { alias /b/; } location ~* ^/t/.*\\.css$ { expires 1d; }", ""),
        ("root /a; location /s/ { alias /b/; } location ~* \\.php$ { expires 1d; }", ""),
        ("root /a; location /s/ { alias /b/; } location ~* \\.css$ { proxy_pass http://c; }", ""),
    ]);
}

/// The configurations of this repository are examples.
#[test]
fn shipped_configurations_have_no_findings() {
    for text in [include_str!("../../../config/default.conf"), include_str!("../../../config/example.conf")] {
        let text = text.replace("mime.types", "inner").replace("include       inner;", "");
        assert_eq!(found(&text.replace("include inner;", "")), Some(Vec::new()));
    }
}

/// Pieces of this file's rows in a row that they were not made for: a rule panics for none.
#[test]
fn no_text_panics() {
    let texts: Vec<&str> = rules().flat_map(|rule| [rule.wrong, rule.right]).collect();
    let pieces =
        ["(", ")", "[", "]", "\\", "?", "|", "ü", "(?<", "(?<n", "$", "${", "^", "~", ".", "/", "{", "}", "'", ";"];
    let mut parsed = 0;
    for text in &texts {
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            for piece in pieces {
                parsed += usize::from(found(&format!("{}{piece}{}", &text[..at], &text[at..])).is_some());
            }
            parsed += usize::from(found(&text[at..]).is_some());
        }
    }
    assert!(parsed > 10_000, "{parsed}");
}

#[test]
fn the_page_is_what_the_rules_say() {
    let how = "make it anew with: cargo run -- --lint=markdown > docs/lint.md";
    assert!(include_str!("../../../docs/lint.md") == markdown(), "docs/lint.md is not what the rules say; {how}");
}
