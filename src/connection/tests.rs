use super::*;

#[test]
fn a_closing_connection_is_over_when_its_output_has_been_sent() {
    let mut x = Connection::new(None, Identity::for_tests());
    x.output.push_copy(b"bye");
    for (phase, over) in [(Phase::Open, false), (Phase::Closing, false), (Phase::Closed, true)] {
        x.phase = phase;
        assert_eq!(x.is_over(), over, "{phase:?}");
    }
    x.output.clear();
    x.phase = Phase::Closing;
    assert!(x.is_over());
    x.phase = Phase::Lingering;
    assert!(!x.is_over(), "the client may still send");
}

#[test]
fn the_members_are_its_own_tasks_and_then_the_handlers_of_each_transaction() {
    let mut x = Connection::new(None, Identity::for_tests());
    assert!([4, 7, 2].into_iter().all(|task| x.tasks.add(task)));
    for handlers in [&[9, 1][..], &[], &[5]] {
        let transaction = x.transactions.begin(&mut SpareTransactions::default(), Rc::clone(&x.route), None);
        assert!(handlers.iter().all(|handler| transaction.handlers.add(*handler)));
    }
    let order = [4, 7, 2, 9, 1, 5];
    assert_eq!((0..x.members()).filter_map(|at| x.member(at)).collect::<Vec<_>>(), order);
    assert_eq!(order.map(|number| x.position(number)), [0, 1, 2, 3, 4, 5].map(Some));
    assert_eq!((x.member(6), x.position(77)), (None, None));
    [7, 1, 77].into_iter().for_each(|number| x.remove_member(number));
    assert_eq!((0..x.members()).filter_map(|at| x.member(at)).collect::<Vec<_>>(), [4, 2, 9, 5]);
}
