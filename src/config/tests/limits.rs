//! limit_req, limit_conn, limit_rate.

use super::*;
use crate::config::{Escape, LimitRate, LimitRefusal, Phases, Size, Template};
use crate::log::Level;

const ZONES: &str = "limit_req_zone $arg_r zone=req:1m rate=10r/s; limit_conn_zone $arg_c zone=conn:1m;";

fn in_http(directives: &str) -> String {
    format!("http {{ {ZONES} {directives} server {{ listen 80; }} }}")
}

/// The message, without the place.
fn fault(directives: &str) -> String {
    let found = headlines(&in_http(directives));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].splitn(4, ':').nth(3).unwrap().trim_start().to_owned()
}

#[test]
fn limits_of_requests() {
    let table = [
        ("limit_req zone=req;", 0, 0),
        ("limit_req zone=req burst=5;", 5000, 0),
        ("limit_req burst=5 zone=req nodelay;", 5000, u64::MAX),
        ("limit_req zone=req burst=5 delay=3;", 5000, 3000),
    ];
    for (directive, burst, undelayed) in table {
        let settings = settings_at(&load(&in_http(directive)), "/");
        let limit = &settings.limits.req.limits[0];
        assert_eq!((&limit.zone.name[..], limit.burst, limit.undelayed), ("req", burst, undelayed), "{directive}");
        assert_eq!(limit.zone.definition().map(|zone| zone.bytes), Some(1 << 20));
        assert!(settings.phases.contains(Phases::PRE_ACCESS));
    }
    assert!(settings_at(&load(&in_http("")), "/").phases.is_empty());
    let wrong = [
        ("limit_req burst=5;", "\"limit_req\" needs zone="),
        ("limit_req zone=req burst=0;", "\"0\" is not a whole number from 1 to 4294967295"),
        ("limit_req zone=req delay=x;", "\"x\" is not a whole number from 1 to 4294967295"),
        ("limit_req zone=req burts=5;", "unknown option \"burts=5\"; accepted: zone=, burst=, nodelay, delay="),
        ("limit_req zone=rec;", "no limit_req_zone in \"http\" defines the zone \"rec\""),
        ("limit_req zone=conn;", "the zone \"conn\" is one of limit_conn_zone"),
        ("limit_req zone=req; limit_req zone=req burst=1;", "the zone \"req\" limits requests here already"),
        ("limit_req_status 200;", "\"200\" is not a whole number from 400 to 599"),
        ("limit_req_log_level debug;", "unknown level \"debug\"; accepted: info, notice, warn, error"),
        ("limit_req_dry_run yes;", "\"yes\" is neither \"on\" nor \"off\""),
    ];
    for (directives, message) in wrong {
        assert_eq!(fault(directives), message, "{directives}");
    }
}

#[test]
fn limits_of_connections() {
    let settings = settings_at(&load(&in_http("limit_conn conn 7; limit_conn_status 429;")), "/");
    let limit = &settings.limits.conn.limits[0];
    assert_eq!((&limit.zone.name[..], limit.most), ("conn", 7));
    assert_eq!(settings.limits.conn.refusal, LimitRefusal { status: 429, level: Level::Error, dry_run: false });
    assert!(settings.phases.contains(Phases::PRE_ACCESS));
    let wrong = [
        ("limit_conn conn 0;", "\"0\" is not a whole number from 1 to 65535"),
        ("limit_conn conn 65536;", "\"65536\" is not a whole number from 1 to 65535"),
        ("limit_conn con 1;", "no limit_conn_zone in \"http\" defines the zone \"con\""),
        ("limit_conn req 1;", "the zone \"req\" is one of limit_req_zone"),
        ("limit_conn conn 1; limit_conn conn 2;", "the zone \"conn\" limits connections here already"),
        ("limit_conn_status 600;", "\"600\" is not a whole number from 400 to 599"),
        ("limit_conn_log_level crit;", "unknown level \"crit\"; accepted: info, notice, warn, error"),
        ("limit_conn_dry_run 1;", "\"1\" is neither \"on\" nor \"off\""),
    ];
    for (directives, message) in wrong {
        assert_eq!(fault(directives), message, "{directives}");
    }
}

#[test]
fn zones() {
    let rate = "is not a rate; write a whole number of requests per second or minute, as in 10r/s or 30r/m";
    let wrong = [
        ("limit_req_zone $arg_x zone=x:1m rate=0r/s;", format!("\"0r/s\" {rate}")),
        ("limit_req_zone $arg_x zone=x:1m rate=1.5r/s;", format!("\"1.5r/s\" {rate}")),
        ("limit_req_zone $arg_x zone=x:1m rate=+1r/s;", format!("\"+1r/s\" {rate}")),
        ("limit_req_zone $arg_x zone=x:1m rate=1r/h;", format!("\"1r/h\" {rate}")),
        ("limit_req_zone $arg_x zone=x rate=1r/s;", "a zone has a name and a size, as in zone=one:10m".into()),
        ("limit_req_zone $arg_x zone=:1m rate=1r/s;", "a zone has a name and a size, as in zone=one:10m".into()),
        ("limit_req_zone $arg_x zone=x:31k rate=1r/s;", "a zone has a size from 32k to 64g".into()),
        ("limit_req_zone $arg_x name=x:1m rate=1r/s;", "unknown option \"name=x:1m\"; accepted: zone=, rate=".into()),
        ("limit_req_zone $arg_x zone=req:1m rate=1r/s;", "the zone \"req\" is defined twice".into()),
        ("limit_conn_zone $arg_x zone=conn:1m;", "the zone \"conn\" is defined twice".into()),
        ("limit_conn_zone $arg_x zone=req:1m;", "the zone \"req\" is one of limit_req_zone".into()),
        ("limit_conn_zone $agr_x zone=x:1m;", "unknown variable \"$agr_x\"".into()),
        (
            "limit_conn_zone $arg_x zone=x:1y;",
            "\"1y\" is not a size; write bytes, or a number with k, m or g, as in 64k".into(),
        ),
    ];
    for (directives, message) in wrong {
        assert_eq!(fault(directives), message, "{directives}");
    }
    for rate in ["1r/s", "30r/m", "5"] {
        load(&in_http(&format!("limit_req_zone $arg_x$uri zone=x:32k rate={rate};")));
    }
}

#[test]
fn a_limit_may_stand_before_its_zone() {
    let config = load("http { server { listen 80; limit_req zone=x; } limit_req_zone $arg_x zone=x:1m rate=1r/s; }");
    let limit = &settings_at(&config, "/").limits.req.limits[0];
    assert_eq!(limit.zone.definition().map(|zone| zone.bytes), Some(1 << 20));
}

#[test]
fn a_reload_goes_on_with_the_table_of_the_same_zone() {
    let (old, same) = (load(&in_http("limit_req zone=req;")), load(&in_http("limit_req zone=req burst=1;")));
    let other = load(&in_http("").replace("zone=req:1m", "zone=req:2m"));
    [&same, &other].into_iter().for_each(|config| config.zones.adopt(&old.zones));
    let table = |config: &Config| Arc::as_ptr(config.zones.requests[0].table());
    assert_eq!(table(&same), table(&old));
    assert_ne!(table(&other), table(&old));
    assert_eq!(Arc::as_ptr(other.zones.places[0].table()), Arc::as_ptr(old.zones.places[0].table()));
}

#[test]
fn rates() {
    let made = |text| Size::Made(Template { escape: Escape::None, ..Template::parse(text).unwrap() });
    let table = [
        ("", None, Size::Fixed(0)),
        ("limit_rate 100k;", Some(Size::Fixed(100 << 10)), Size::Fixed(0)),
        ("limit_rate 0; limit_rate_after 1m;", None, Size::Fixed(1 << 20)),
        ("limit_rate $arg_r; limit_rate_after ${arg_a}k;", Some(made("$arg_r")), made("${arg_a}k")),
    ];
    for (directives, rate, after) in table {
        assert_eq!(
            settings_at(&load(&in_http(directives)), "/").limits.rate,
            LimitRate { rate, after },
            "{directives}"
        );
    }
    let not_a_size = "\"fast\" is not a size; write bytes, or a number with k, m or g, as in 64k";
    assert_eq!(fault("limit_rate fast;"), not_a_size);
    assert_eq!(fault("limit_rate_after fast;"), not_a_size);
    assert_eq!(fault("limit_rate $no;"), "unknown variable \"$no\"");
}
