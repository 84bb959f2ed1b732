//! Which levels inherit what of the gateways.

use super::super::directives::{Default, all};
use super::gateway::{PASSES, text};
use super::*;
use crate::config::{Gateway, GatewayTarget};
use crate::http::Method;

/// The names of the family's directives that stand in `server`.
fn directives_of(family: &str) -> impl Iterator<Item = &'static super::super::directives::Directive> {
    let prefix = format!("{family}_");
    let is_plain = |name: &str| !name.starts_with("proxy_protocol");
    all().filter(move |it| it.name.starts_with(&prefix) && !it.name.ends_with("_pass") && is_plain(it.name))
}

/// What is said in `http`, in `server` and in the location.
fn at(http: &str, server: &str, location: &str) -> Arc<Gateway> {
    let config = load(&format!("http {{ {http} server {{ listen 80; {server} location /p/ {{ {location} }} }} }}"));
    settings_at(&config, "/p/x").gateway.clone().expect("requests are passed on")
}

#[test]
fn every_directive_is_inherited_by_the_levels_inside() {
    let mut differ = 0;
    for (family, pass) in PASSES {
        let bare = format!("{:?}", at("", "", pass).rules);
        for directive in directives_of(family) {
            let example = directive.example;
            let own = format!("{:?}", at("", "", &format!("{pass} {example}")).rules);
            assert_eq!(format!("{:?}", at("", example, pass).rules), own, "{example} in server");
            assert_eq!(format!("{:?}", at(example, "", pass).rules), own, "{example} in http");
            differ += usize::from(own != bare);
            if let Default::Values(values) = directive.default {
                let given = format!("{pass} {} {values};", directive.name);
                assert_eq!(format!("{:?}", at("", "", &given).rules), bare, "{given}: this is not the default");
            }
        }
    }
    assert!(differ > 100, "{differ} directives change something");
}

#[test]
fn a_list_of_a_level_replaces_the_one_around_it() {
    let shown = |server: &str, location: &str| {
        let gateway = at("", server, &format!("proxy_pass http://127.0.0.1:1; {location}"));
        let params = gateway.rules.params.iter().map(|it| format!("{}={}", it.name, text(&it.value)));
        params.collect::<Vec<_>>().join(" ")
    };
    let server = "proxy_set_header Host a; proxy_set_header X-A b;";
    assert_eq!(shown(server, ""), "Host=a X-A=b");
    assert_eq!(shown(server, "proxy_set_header Host c;"), "Host=c", "no other is inherited");
    assert_eq!(shown(server, "proxy_hide_header X-B;"), "Host=a X-A=b", "another list is another thing");
}

#[test]
fn hidden_and_passed_fields_are_two_lists() {
    let hidden = |server: &str, location: &str| {
        let gateway = at("", server, &format!("uwsgi_pass 127.0.0.1:1; {location}"));
        let own = gateway.rules.hidden.iter().filter(|name| !name.starts_with("x-accel"));
        own.cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(hidden("uwsgi_hide_header X-A; uwsgi_hide_header X-B;", ""), "x-a x-b");
    assert_eq!(hidden("uwsgi_hide_header X-A; uwsgi_hide_header X-B;", "uwsgi_pass_header X-A;"), "x-b");
    assert_eq!(hidden("uwsgi_hide_header X-A; uwsgi_pass_header X-A;", "uwsgi_hide_header X-B;"), "x-b");
    assert_eq!(hidden("uwsgi_hide_header X-A; uwsgi_pass_header X-A;", "uwsgi_pass_header X-B;"), "x-a");
}

#[test]
fn off_ends_what_is_inherited() {
    let rules = |location: &str| {
        let server = "proxy_redirect a b; proxy_cookie_path a b; proxy_cookie_domain a b; proxy_cookie_flags a secure; \
                      proxy_bind 127.0.0.2; proxy_store on; proxy_limit_rate 1k; proxy_next_upstream off;";
        at("", server, &format!("proxy_pass http://127.0.0.1:1; {location}")).rules.clone()
    };
    let kept = rules("");
    let sizes = |it: &crate::config::ProxyRules| {
        [it.redirects.len(), it.cookie_paths.len(), it.cookie_domains.len(), it.cookie_flags.len()]
    };
    assert_eq!(sizes(&kept.proxy), [1; 4]);
    assert!(kept.bind.is_some() && kept.store.is_some() && kept.limit_rate.is_some());
    let off = rules(
        "proxy_redirect off; proxy_cookie_path off; proxy_cookie_domain off; proxy_cookie_flags off; proxy_bind off; \
         proxy_store off; proxy_limit_rate 0; proxy_next_upstream error;",
    );
    assert_eq!(sizes(&off.proxy), [0; 4]);
    assert!(off.bind.is_none() && off.store.is_none() && off.limit_rate.is_none());
    assert!(kept.next_upstream != off.next_upstream);
}

#[test]
fn the_families_do_not_mix() {
    let config = load(
        "http { server { listen 80; proxy_read_timeout 1s; fastcgi_read_timeout 2s; scgi_read_timeout 3s; \
         uwsgi_read_timeout 4s; location /proxy { proxy_pass http://127.0.0.1:1; } \
         location /fastcgi { fastcgi_pass 127.0.0.1:1; } location /scgi { scgi_pass 127.0.0.1:1; } \
         location /uwsgi { uwsgi_pass 127.0.0.1:1; } } }",
    );
    for (secs, (family, _)) in (1..).zip(PASSES) {
        let gateway = settings_at(&config, &format!("/{family}")).gateway.clone().expect("requests are passed on");
        assert_eq!(gateway.rules.read_timeout.as_secs(), secs, "{family}");
    }
}

/// As in nginx: a location inside is answered with files again, but an `if` is the same place.
#[test]
fn what_a_location_passes_on_is_not_inherited() {
    let config = load(
        "http { server { listen 80; cgi on; location /p/ { proxy_pass http://127.0.0.1:1/a; location /p/in { } \
         if ($arg_a) { add_header x y; } if ($arg_b) { fastcgi_pass 127.0.0.1:2; } \
         limit_except GET { proxy_pass http://127.0.0.1:3; } } \
         location /q/ { proxy_pass http://127.0.0.1:1; limit_except GET { deny all; } } \
         location /r/ { limit_except GET { proxy_pass http://127.0.0.1:3; } } } }",
    );
    assert!(settings_at(&config, "/p/in").gateway.is_none());
    let settings = settings_at(&config, "/p/x");
    assert!(settings.cgi.is_none(), "no program answers beside a gateway");
    let name = |gateway: Option<&Arc<Gateway>>| match gateway.map(|gateway| &gateway.target) {
        Some(GatewayTarget::Upstream(found)) => found.name.clone(),
        Some(GatewayTarget::Made(_)) => "made".to_owned(),
        None => "none".to_owned(),
    };
    let location = servers(&config)[0].locations.find(b"/p/x").expect("it is there");
    let in_if = &location.branches;
    assert_eq!(name(in_if[0].settings.gateway.as_ref()), "127.0.0.1:1");
    assert!(in_if[0].settings.gateway.as_ref().is_some_and(|gateway| gateway.uri.is_some()));
    assert_eq!(name(in_if[1].settings.gateway.as_ref()), "127.0.0.1:2");
    let by_method = |path: &str| {
        let settings = settings_at(&config, path);
        [Method::Get, Method::Post].map(|method| name(settings.gateway_for(method)))
    };
    assert_eq!(by_method("/p/x"), ["127.0.0.1:1", "127.0.0.1:3"]);
    assert_eq!(by_method("/q/x"), ["127.0.0.1:1", "127.0.0.1:1"]);
    assert_eq!(by_method("/r/x"), ["none", "127.0.0.1:3"]);
}

/// nginx's rule: `/p` is answered with a redirect to `/p/`.
#[test]
fn a_location_that_passes_everything_on_is_reached_without_its_slash() {
    for (_, pass) in PASSES {
        let config = load(&format!("http {{ server {{ listen 80; location /p/ {{ {pass} }} }} }}"));
        let settings = settings_at(&config, "/p");
        assert!(settings.return_.as_ref().is_some_and(|answer| answer.adds_slash), "{pass}");
    }
}
