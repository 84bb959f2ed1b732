//! What `webserv -V` prints: the versions, how the program was built, and which of nginx's modules are here.

use crate::config::manual;

/// The version of nginx whose configuration language this is. nginx's test suite asks for it.
const NGINX_VERSION: &str = "1.29.0";

/// Modules that nginx is built with unless `--without-http_NAME_module` is given, and the directive whose presence here
/// means that the module is here.
const DEFAULT_MODULES: [(&str, &str); 28] = [
    ("charset", "charset"),
    ("gzip", "gzip"),
    ("ssi", "ssi"),
    ("userid", "userid"),
    ("access", "allow"),
    ("auth_basic", "auth_basic"),
    ("mirror", "mirror"),
    ("autoindex", "autoindex"),
    ("geo", "geo"),
    ("map", "map"),
    ("split_clients", "split_clients"),
    ("referer", "valid_referers"),
    ("rewrite", "rewrite"),
    ("proxy", "proxy_pass"),
    ("fastcgi", "fastcgi_pass"),
    ("uwsgi", "uwsgi_pass"),
    ("scgi", "scgi_pass"),
    ("grpc", "grpc_pass"),
    ("tunnel", "tunnel_pass"),
    ("memcached", "memcached_pass"),
    ("limit_conn", "limit_conn"),
    ("limit_req", "limit_req"),
    ("empty_gif", "empty_gif"),
    ("browser", "modern_browser"),
    ("upstream_hash", "hash"),
    ("upstream_ip_hash", "ip_hash"),
    ("upstream_least_conn", "least_conn"),
    ("upstream_least_time", "least_time"),
];

/// The rest of them.
const UPSTREAM_MODULES: [(&str, &str); 4] = [
    ("upstream_random", "random"),
    ("upstream_keepalive", "keepalive"),
    ("upstream_zone", "zone"),
    ("upstream_sticky", "sticky"),
];

/// Modules that nginx is built with only if `--with-NAME` is given, and their directives.
const OPTIONAL_MODULES: [(&str, &str); 20] = [
    ("http_ssl_module", "ssl_certificate"),
    ("http_v2_module", "http2"),
    ("http_v3_module", "http3"),
    ("http_realip_module", "set_real_ip_from"),
    ("http_addition_module", "add_after_body"),
    ("http_xslt_module", "xslt_stylesheet"),
    ("http_image_filter_module", "image_filter"),
    ("http_geoip_module", "geoip_country"),
    ("http_sub_module", "sub_filter"),
    ("http_dav_module", "dav_methods"),
    ("http_flv_module", "flv"),
    ("http_mp4_module", "mp4"),
    ("http_gunzip_module", "gunzip"),
    ("http_gzip_static_module", "gzip_static"),
    ("http_auth_request_module", "auth_request"),
    ("http_random_index_module", "random_index"),
    ("http_secure_link_module", "secure_link"),
    ("http_slice_module", "slice"),
    ("http_stub_status_module", "stub_status"),
    ("mail", "mail"),
];

/// The text of `webserv -V`. The first and the last line are as nginx has them, so that scripts can read them.
pub fn text() -> String {
    let (version, commit, built_by) = (env!("CARGO_PKG_VERSION"), env!("WEBSERV_COMMIT"), env!("WEBSERV_RUSTC"));
    let pollers = webserv_sys::poller::names().join(" ");
    let features = [
        ("auth", cfg!(feature = "auth")),
        ("regex", cfg!(feature = "regex")),
        ("secure_link", cfg!(feature = "secure_link")),
        ("kqueue-shim", cfg!(feature = "kqueue-shim")),
    ];
    let features: Vec<_> = features.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(" ") };
    format!(
        "nginx version: nginx/{NGINX_VERSION} (webserv/{version})\n\
         webserv/{version} ({commit})\nbuilt by {built_by}\npollers: {pollers}\nfeatures: {features}\n\
         configure arguments: {}\n",
        configure_arguments()
    )
}

/// What one would give to nginx's `configure` to get the modules that are here, and no other.
fn configure_arguments() -> String {
    let with = OPTIONAL_MODULES.iter().filter(|(_, directive)| manual::has(directive));
    let with = with.map(|(name, _)| format!("--with-{name}"));
    let without = DEFAULT_MODULES.iter().chain(&UPSTREAM_MODULES).filter(|(_, directive)| !manual::has(directive));
    let without = without.map(|(name, _)| format!("--without-http_{name}_module"));
    let pcre = (!cfg!(feature = "regex")).then(|| "--without-pcre".to_owned());
    let cache = (!manual::has("proxy_cache_path")).then(|| "--without-http-cache".to_owned());
    with.chain(without).chain(pcre).chain(cache).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_are_those_whose_directives_are_here() {
        let text = text();
        let line = text.lines().last().expect("there are lines");
        assert!(line.starts_with("configure arguments: --with-"), "{line}");
        let words: Vec<&str> = line.split(' ').collect();
        let has = |word: &str| words.contains(&word);
        assert!(has("--with-http_dav_module") && has("--without-http_grpc_module") && has("--without-http-cache"));
        assert!(!has("--without-http_autoindex_module") && !has("--with-http_ssl_module"));
        for (name, directive) in DEFAULT_MODULES.iter().chain(&UPSTREAM_MODULES) {
            let without = has(&format!("--without-http_{name}_module"));
            assert_eq!(without, !manual::has(directive), "{name}");
        }
        // The program that runs nginx's tests reads this line.
        assert!(text.starts_with(&format!("nginx version: nginx/{NGINX_VERSION} (webserv/")), "{text}");
    }
}
