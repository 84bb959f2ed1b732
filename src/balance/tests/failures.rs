//! max_fails and fail_timeout.

use super::*;

const SECOND: u64 = 1000;

fn two(max_fails: u32) -> PeerGroup {
    let rules = PeerRules { max_fails, weight: 4, fail_timeout_ms: 10 * SECOND, ..PeerRules::default() };
    group(Balancing::RoundRobin, &[rules; 2], 2)
}

#[test]
fn a_peer_that_fails_is_left_out_and_checked_once_after_the_time() {
    let group = two(1);
    assert!(group.note(0, PeerResult::Failure, 100 * SECOND));
    assert_eq!(series(&group, 3, 110 * SECOND), [1, 1, 1]);
    // After the time, one request checks the peer; until it has its answer, no other one does.
    let mut check = Tried::default();
    let first: Vec<_> = (0..20).map(|_| pick(&group, &Ask::default(), 110 * SECOND + 1)).collect();
    assert_eq!(first.iter().filter(|index| **index == Some(0)).count(), 1);
    // It fails again: a whole time more.
    assert!(group.note(0, PeerResult::Failure, 115 * SECOND));
    assert_eq!(series(&group, 3, 125 * SECOND), [1, 1, 1]);
    while group.pick(&Ask::default(), &mut check, 125 * SECOND + 1) != Some(0) {
        check = Tried::default();
    }
    assert!(!group.note(0, PeerResult::Success, 126 * SECOND));
    assert!(series(&group, 8, 126 * SECOND).contains(&0));
}

#[test]
fn a_success_that_is_no_check_forgives_nothing() {
    let group = two(2);
    assert!(!group.note(0, PeerResult::Failure, 100 * SECOND));
    group.note(0, PeerResult::Success, 101 * SECOND); // it was under way before
    assert!(group.note(0, PeerResult::Failure, 102 * SECOND), "the second failure in the time");
    let group = two(2);
    group.note(0, PeerResult::Failure, 100 * SECOND);
    assert!(series(&group, 9, 111 * SECOND).contains(&0), "the time has begun anew");
    group.note(0, PeerResult::Success, 111 * SECOND);
    assert!(!group.note(0, PeerResult::Failure, 112 * SECOND), "the first failure again");
}

#[test]
fn failures_cost_weight_which_comes_back() {
    let group = two(2);
    group.note(0, PeerResult::Failure, 0); // 4 - 4 / 2
    assert_eq!(series(&group, 6, 0), [1, 0, 1, 0, 1, 0]);
}

#[test]
fn without_max_fails_a_peer_stays() {
    let group = two(0);
    for _ in 0..10 {
        assert!(!group.note(0, PeerResult::Failure, 0));
    }
    assert_eq!(series(&group, 4, 0), [0, 1, 0, 1]);
}

#[test]
fn a_single_peer_is_never_left_out() {
    let group = group(Balancing::RoundRobin, &[PeerRules::default()], 1);
    for _ in 0..10 {
        assert!(!group.note(0, PeerResult::Failure, 0));
    }
    assert_eq!(series(&group, 3, 0), [0, 0, 0]);
}

#[test]
fn when_all_have_failed_no_peer_is_left() {
    for method in [Balancing::RoundRobin, Balancing::LeastConn, Balancing::Hash, Balancing::RandomTwo] {
        let group = group(method, &[PeerRules::default(); 3], 2);
        (0..3).for_each(|index| assert!(group.note(index, PeerResult::Failure, 50 * SECOND)));
        let ask = Ask { key: b"key", ..Ask::default() };
        assert_eq!(pick(&group, &ask, 60 * SECOND), None);
        assert!(pick(&group, &ask, 61 * SECOND).is_some());
    }
}
