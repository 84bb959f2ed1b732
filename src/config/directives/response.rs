//! The settings of responses beside their content: redirects, validators, framing.

use super::{Contexts, Directive, MANY, put, row};
use crate::config::types::{GzipStatic, IfModifiedSince};

pub(super) const TABLE: &[Directive] = &[
    row("absolute_redirect", Contexts::REQUEST, 1..=1, "absolute_redirect off;")
        .syntax("on|off")
        .default("on")
        .help("Sends redirects with scheme and host, and not as a path.")
        .once(|scope, it| put(&mut scope.settings.redirects.absolute, it.args[0].flag())),
    row("port_in_redirect", Contexts::REQUEST, 1..=1, "port_in_redirect off;")
        .syntax("on|off")
        .default("on")
        .help("Shows the port in redirects.")
        .once(|scope, it| put(&mut scope.settings.redirects.port, it.args[0].flag())),
    row("server_name_in_redirect", Contexts::REQUEST, 1..=1, "server_name_in_redirect on;")
        .syntax("on|off")
        .default("off")
        .help("Takes the host of redirects from server_name, and not from the request.")
        .once(|scope, it| put(&mut scope.settings.redirects.server_name, it.args[0].flag())),
    row("gzip_static", Contexts::REQUEST, 1..=1, "gzip_static on;")
        .syntax("off|on|always")
        .default("off")
        .help("Sends FILE.gz in the place of FILE to clients that take gzip.")
        .once(|scope, it| {
            let choices = [("off", GzipStatic::Off), ("on", GzipStatic::On), ("always", GzipStatic::Always)];
            put(&mut scope.settings.gzip_static, it.args[0].choice("value", &choices))
        }),
    row("chunked_transfer_encoding", Contexts::REQUEST, 1..=1, "chunked_transfer_encoding off;")
        .syntax("on|off")
        .default("on")
        .help("Sends a body whose length is not known in chunks; off: it ends with the connection.")
        .once(|scope, it| put(&mut scope.settings.chunked_transfer_encoding, it.args[0].flag())),
    row("early_hints", Contexts::REQUEST, 1..=MANY, "early_hints $http_sec_fetch_mode;")
        .syntax("TEXT ...")
        .without("it is not passed on")
        .help("Passes 103 (Early Hints) of an HTTP server behind on if a text is neither empty nor 0.")
        .once(|scope, it| {
            let texts = it.args.iter().map(|word| scope.template(word)).collect::<Result<_, _>>()?;
            scope.settings.early_hints = texts;
            Ok(())
        }),
    row("if_modified_since", Contexts::REQUEST, 1..=1, "if_modified_since before;")
        .syntax("off|exact|before")
        .default("before")
        .differs("nginx's default is exact")
        .help("How the time of If-Modified-Since is compared with the file's.")
        .once(|scope, it| {
            let choices =
                [("off", IfModifiedSince::Off), ("exact", IfModifiedSince::Exact), ("before", IfModifiedSince::Before)];
            put(&mut scope.settings.if_modified_since, it.args[0].choice("value", &choices))
        }),
];
