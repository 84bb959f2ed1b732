use super::*;
use std::net::IpAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn resolver(server: &str) -> Resolver {
    let servers = [server, "127.0.0.2:53"].map(|server| server.parse().expect("an address"));
    Resolver { servers: servers.into(), ..Resolver::default() }
}

fn task(index: u32) -> Token {
    Token { index, generation: 1 }
}

fn addresses(last: &[u8], until: Moment) -> HostAddresses {
    HostAddresses::new(last.iter().map(|last| IpAddr::from([127, 0, 0, *last])).collect(), until)
}

fn first(addresses: Option<HostAddresses>) -> Option<String> {
    addresses.and_then(|it| it.iter().next()).map(|ip| ip.to_string())
}

#[test]
fn a_name_is_asked_for_once_and_all_get_the_result() {
    let (mut names, dns, now) = (HostNames::default(), resolver("127.0.0.1:53"), Moment::now());
    let ask = |names: &mut HostNames, host: &str, number| names.look_up(&dns, host.as_bytes(), task(number), now);
    assert_eq!(names.find(&dns, b"a.example", now), None);
    assert_eq!(ask(&mut names, "a.example", 1), NameState::Ask(0));
    assert_eq!(ask(&mut names, "A.Example.", 2), NameState::Asked);
    assert_eq!(ask(&mut names, "b.example", 3), NameState::Ask(1), "the next name begins with the next server");
    assert_eq!(ask(&mut names, "c.example", 4), NameState::Ask(0));
    assert_eq!(names.find(&dns, b"a.example", now), None, "it is only being asked for");
    let told = names.finish(&dns, b"a.example", Ok(addresses(&[1, 2], now.after(SECOND))), now);
    assert_eq!(told, [task(1), task(2)]);
    assert_eq!(first(names.take(task(1)).and_then(Result::ok)).as_deref(), Some("127.0.0.1"));
    assert_eq!(first(names.take(task(2)).and_then(Result::ok)).as_deref(), Some("127.0.0.2"));
    assert_eq!(names.take(task(2)), None, "a result is taken once");
    assert_eq!(first(names.find(&dns, b"A.EXAMPLE", now)).as_deref(), Some("127.0.0.1"));
    assert_eq!(first(names.find(&dns, b"a.example", now)).as_deref(), Some("127.0.0.2"));
    let NameState::Known(known) = ask(&mut names, "a.example", 5) else { panic!("it is known") };
    assert_eq!(first(Some(known)).as_deref(), Some("127.0.0.1"));
}

#[test]
fn an_answer_has_its_time() {
    let (mut names, dns, now) = (HostNames::default(), resolver("127.0.0.1:53"), Moment::now());
    for (until, is_kept) in [(now.after(SECOND), true), (now, false)] {
        assert!(matches!(names.look_up(&dns, b"a", task(1), now), NameState::Ask(_)));
        names.finish(&dns, b"a", Ok(addresses(&[1], until)), now);
        assert!(matches!(names.take(task(1)), Some(Ok(_))), "who has waited gets it");
        assert_eq!(names.find(&dns, b"a", now).is_some(), is_kept);
        assert_eq!(names.find(&dns, b"a", now.after(SECOND)), None);
        names = HostNames::default();
    }
    names.look_up(&dns, b"a", task(1), now);
    names.finish(&dns, b"a", Ok(addresses(&[1], now.after(SECOND))), now);
    assert!(matches!(names.look_up(&dns, b"a", task(2), now.after(SECOND)), NameState::Ask(_)), "it is asked again");
}

#[test]
fn failures_are_not_kept() {
    let (mut names, dns, now) = (HostNames::default(), resolver("127.0.0.1:53"), Moment::now());
    names.look_up(&dns, b"a", task(1), now);
    assert_eq!(names.finish(&dns, b"a", Err(ResolveError::NOT_FOUND), now), [task(1)]);
    assert_eq!(names.take(task(1)), Some(Err(ResolveError::NOT_FOUND)));
    assert_eq!(names.look_up(&dns, b"a", task(2), now), NameState::Ask(1));
    assert!(names.finish(&dns, b"b", Err(ResolveError::NOT_FOUND), now).is_empty(), "nobody has asked");
}

#[test]
fn a_task_that_has_gone_gets_nothing() {
    let (mut names, dns, now) = (HostNames::default(), resolver("127.0.0.1:53"), Moment::now());
    for number in 1..=3 {
        names.look_up(&dns, b"a", task(number), now);
    }
    assert!(names.is_wanted(&dns, b"a"));
    names.set_asking(&dns, b"a", task(9));
    assert_eq!(names.give_up(&dns, b"a", task(2)), None, "two others wait");
    assert_eq!(names.finish(&dns, b"a", Err(ResolveError::TimedOut), now), [task(1), task(3)]);
    assert_eq!(names.give_up(&dns, b"a", task(3)), None);
    assert_eq!((names.take(task(2)), names.take(task(3))), (None, None));
    assert!(names.take(task(1)).is_some());
    names.look_up(&dns, b"a", task(4), now);
    assert_eq!(names.give_up(&dns, b"a", task(4)), None, "the task that asks has not begun");
    assert!(!names.is_wanted(&dns, b"a"));
    names.set_asking(&dns, b"a", task(9));
    assert_eq!(names.look_up(&dns, b"a", task(5), now), NameState::Asked, "the question is still on its way");
    assert_eq!(names.give_up(&dns, b"a", task(5)), Some(task(9)));
    assert_eq!(names.give_up(&dns, b"b", task(5)), None, "nobody asks for it");
}

#[test]
fn resolvers_do_not_share_answers() {
    let (mut names, now) = (HostNames::default(), Moment::now());
    let (one, two) = (resolver("127.0.0.1:53"), resolver("127.0.0.3:53"));
    names.look_up(&one, b"a", task(1), now);
    names.finish(&one, b"a", Ok(addresses(&[1], now.after(SECOND))), now);
    assert!(names.find(&Resolver { timeout: SECOND, ..resolver("127.0.0.1:53") }, b"a", now).is_some(), "a reload");
    for other in [&two, &Resolver { valid: Some(SECOND), ..one.clone() }, &Resolver { ipv6: false, ..one.clone() }] {
        assert_eq!(names.find(other, b"a", now), None);
        assert!(matches!(names.look_up(other, b"a", task(2), now), NameState::Ask(0)));
    }
}

#[test]
fn the_table_has_limits() {
    let (mut names, dns, now) = (HostNames::default(), resolver("127.0.0.1:53"), Moment::now());
    let host = |number: usize| format!("{number}.example").into_bytes();
    for number in 0..NAMES_MAX + 1 {
        names.look_up(&dns, &host(number), task(1), now);
        // The first ones are right for longest.
        let until = now.after(SECOND * (2 * NAMES_MAX - number) as u32);
        names.finish(&dns, &host(number), Ok(addresses(&[1], until)), now);
    }
    let known = |names: &mut HostNames, number| names.find(&dns, &host(number), now).is_some();
    assert!(known(&mut names, 0) && known(&mut names, NAMES_MAX), "the first and the last one");
    assert!(!known(&mut names, NAMES_MAX - 1), "it had the shortest time");
    let later = now.after(SECOND * (2 * NAMES_MAX) as u32);
    names.look_up(&dns, b"x", task(1), later);
    assert_eq!(names.resolvers[0].names.len(), 1, "what is over goes first");
    for number in 1..NAMES_ASKED_MAX {
        assert!(matches!(names.look_up(&dns, &host(number), task(2), later), NameState::Ask(_)));
    }
    assert_eq!(names.look_up(&dns, b"y", task(2), later), NameState::Busy);
    assert_eq!(names.look_up(&dns, b"x", task(2), later), NameState::Asked, "to wait costs nothing");
    names.finish(&dns, b"x", Err(ResolveError::TimedOut), later);
    assert!(matches!(names.look_up(&dns, b"y", task(2), later), NameState::Ask(_)));
}

#[test]
fn resolvers_of_old_configurations_go() {
    let (mut names, now) = (HostNames::default(), Moment::now());
    for number in 0..100_u16 {
        let dns = resolver(&format!("127.0.0.1:{}", number + 1));
        names.look_up(&dns, b"a", task(1), now);
        names.finish(&dns, b"a", Ok(addresses(&[1], now.after(SECOND))), now);
        names.look_up(&dns, b"b", task(1), now.after(SECOND));
        names.finish(&dns, b"b", Err(ResolveError::TimedOut), now.after(SECOND));
    }
    assert!(names.resolvers.len() <= RESOLVERS_UNSWEPT, "{}", names.resolvers.len());
}
