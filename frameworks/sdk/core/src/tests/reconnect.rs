//! Streams that break, masters that change, and ends.

use super::*;

#[test]
fn the_first_subscription_is_kept() {
    let mut world = World::new();
    assert_eq!(world.master, "a:1");
    assert_eq!(world.subscribe.as_ref().unwrap().incarnation, 7);
    world.accept_subscription();
    assert_eq!(world.kept.as_ref().unwrap().as_str(), "F");
    assert!(matches!(world.told.pop_front(), Some(Notice::Subscribed { resumed: false, .. })));
    world.no_call();
}

#[test]
fn a_framework_that_was_there_before_asks_about_its_tasks() {
    let mut world = World::with(|config| config.framework.id = Some(FrameworkId::new("F").unwrap()));
    world.accept_subscription();
    world.told.clear();
    let (call, asked) = world.call();
    assert!(queried(&asked).is_empty(), "about all");
    world.reply(call, answers(&[("old", TaskState::Running)]));
    assert_eq!(world.states(), [("old".to_owned(), TaskState::Running)]);
}

#[test]
fn the_leader_is_followed() {
    let mut world = World::new();
    world.end_stream(StreamEnd::NotLeader(Some("c:1".to_owned())));
    assert_eq!(world.master, "c:1", "at once");
    world.accept_subscription();
    world.break_stream();
    world.reconnect();
    assert_eq!(world.master, "c:1", "the leader is asked again first");
    world.break_stream();
    world.reconnect();
    assert_eq!(world.master, "b:1", "then the others");
}

#[test]
fn a_leader_that_is_known_is_gone_to_at_once() {
    let mut world = World::subscribed();
    for _ in 0..5 {
        world.break_stream();
        world.reconnect();
    }
    world.break_stream();
    assert!(world.stream.is_none(), "it waits");
    world.handle(Input::Leader("c:1".to_owned()));
    assert_eq!((world.stream.is_some(), world.master.as_str()), (true, "c:1"));
    let opening = world.stream;
    world.handle(Input::Leader("c:1".to_owned()));
    assert_eq!(world.stream, opening, "it is there already");
    world.handle(Input::Leader("b:1".to_owned()));
    assert_eq!((world.stream == opening, world.master.as_str()), (false, "b:1"));
}

#[test]
fn masters_that_point_at_each_other_are_not_followed_for_ever() {
    let mut world = World::new();
    for _ in 0..3 {
        world.end_stream(StreamEnd::NotLeader(Some("c:1".to_owned())));
        assert!(world.stream.is_some());
    }
    world.end_stream(StreamEnd::NotLeader(Some("a:1".to_owned())));
    assert!(world.stream.is_none(), "it waits");
}

#[test]
fn waits_grow_with_failures() {
    let mut world = World::new();
    let mut waits = Vec::new();
    for _ in 0..10 {
        world.break_stream();
        let due = world.session.next_deadline().unwrap().0;
        waits.push(due - world.now);
        world.now = due;
        world.handle(Input::Tick);
    }
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
    assert_eq!(waits[0], Duration::from_millis(25));
    assert_eq!(waits[9], Duration::from_millis(2500), "half of the longest, as the jitter is 0");
}

#[test]
fn a_broken_stream_resumes_after_the_last_event() {
    let mut world = World::subscribed();
    world.offer("o1");
    world.break_stream();
    assert!(matches!(world.told.pop_front(), Some(Notice::Disconnected { .. })));
    world.reconnect();
    let resume = world.subscribe.as_ref().unwrap().resume.clone().unwrap();
    assert_eq!((resume.session.as_str(), resume.after_event), ("S1", 2));
    world.subscribed_as(1, true);
    assert!(matches!(world.told.pop_front(), Some(Notice::Subscribed { resumed: true, .. })));
    assert!(world.told.is_empty(), "the offer still stands");
    world.no_call();
    world.user(accept("o1", &["t"]));
    assert!(matches!(world.call().1, Call::Accept(_)));
}

#[test]
fn events_seen_before_are_dropped_and_a_gap_breaks_the_stream() {
    let mut world = World::subscribed();
    world.offer("o1");
    world.raw_event(2, Event::Offers(vec![offer("o1")]));
    assert!(world.told.is_empty());
    world.raw_event(4, Event::Offers(vec![offer("o3")]));
    assert!(matches!(world.told.pop_front(), Some(Notice::Disconnected { .. })));
    world.reconnect();
    assert_eq!(world.subscribe.as_ref().unwrap().resume.as_ref().unwrap().after_event, 2);
}

#[test]
fn a_heartbeat_that_is_ahead_shows_a_gap() {
    let mut world = World::subscribed();
    world.raw_event(1, Event::Heartbeat);
    assert!(world.told.is_empty());
    world.raw_event(2, Event::Heartbeat);
    assert!(matches!(world.told.pop_front(), Some(Notice::Disconnected { .. })));
}

#[test]
fn five_missing_heartbeats_are_the_end_of_a_stream() {
    let mut world = World::subscribed();
    world.pass(HEARTBEAT * 4);
    assert!(world.stream.is_some());
    world.pass(HEARTBEAT);
    assert!(world.stream.is_none());
    assert!(matches!(world.told.pop_front(), Some(Notice::Disconnected { .. })));
}

#[test]
fn an_old_leader_is_not_listened_to() {
    let mut world = World::subscribed();
    world.break_stream();
    world.reconnect();
    world.epoch = 2;
    world.accept_subscription();
    world.break_stream();
    world.reconnect();
    world.told.clear();
    world.epoch = 1;
    world.subscribed_as(9, false);
    assert!(world.told.is_empty());
    assert!(world.stream.is_none(), "it is left");
}

#[test]
fn a_new_session_takes_offers_away_and_asks_about_tasks() {
    let mut world = World::subscribed();
    world.launched("a");
    world.launched("b");
    world.update("b", TaskState::Finished, 1);
    world.acknowledged();
    world.told.clear();
    world.offer("left");
    world.told.clear();
    world.break_stream();
    world.reconnect();
    world.told.clear();
    world.accept_subscription();
    assert!(matches!(world.told.pop_front(), Some(Notice::Subscribed { resumed: false, .. })));
    assert_eq!(world.told.pop_front(), Some(Notice::Rescinded(vec![OfferId::new("left").unwrap()])));
    let (call, asked) = world.call();
    assert_eq!(queried(&asked), ["a"], "b is over");
    world.reply(call, answers(&[("a", TaskState::Running)]));
    assert_eq!(world.states(), [("a".to_owned(), TaskState::Running)]);
}

#[test]
fn a_stale_session_is_replaced() {
    let mut world = World::subscribed();
    let (call, _) = world.launch("t");
    let stale = Refusal::StaleSession(SessionId::new("S1").unwrap());
    world.handle(Input::CallEnded { call, end: CallEnd::Refused(stale) });
    world.told.clear();
    world.reconnect();
    assert!(world.subscribe.as_ref().unwrap().resume.is_none(), "it was not resumable");
    world.accept_subscription();
    let (_, again) = world.call();
    assert!(matches!(again, Call::Accept(_)), "the same epoch: the same request again");
}

#[test]
fn who_is_superseded_or_removed_stops() {
    let mut world = World::subscribed();
    world.event(Event::Closed { reason: CloseReason::Superseded, message: String::new() });
    assert!(matches!(world.end, Some(Outcome::Superseded { .. })));
    assert!(!world.forgotten);
    assert!(world.session.next_deadline().is_none());

    let mut world = World::new();
    world.end_stream(StreamEnd::Refused(Refusal::FrameworkRemoved(FrameworkId::new("F").unwrap())));
    assert!(matches!(world.end, Some(Outcome::Removed { .. })));
    assert!(world.forgotten, "the id is dead");
}

#[test]
fn a_subscription_that_is_wrong_ends_at_once() {
    let mut world = World::new();
    let refusal = Refusal::Invalid { field: "framework.name".to_owned(), message: String::new() };
    world.end_stream(StreamEnd::Refused(refusal.clone()));
    assert_eq!(world.end, Some(Outcome::Refused(refusal)));
}

#[test]
fn a_slow_reader_begins_anew() {
    let mut world = World::subscribed();
    world.end_stream(StreamEnd::TooSlow);
    world.reconnect();
    assert!(world.subscribe.as_ref().unwrap().resume.is_none());
}

#[test]
fn the_first_connection_may_be_limited_in_time() {
    let mut world = World::with(|config| config.connect_timeout = Some(Duration::from_secs(3)));
    world.end_stream(StreamEnd::Broken("refused".to_owned()));
    world.pass(Duration::from_secs(2));
    assert!(world.end.is_none());
    world.break_stream();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.end, Some(Outcome::NeverConnected { message: "broken".to_owned() }));
}

#[test]
fn stopping_waits_for_the_last_answers() {
    let mut world = World::subscribed();
    world.launched("t");
    world.update("t", TaskState::Finished, 1);
    world.user(UserCall::Stop);
    assert!(world.end.is_none());
    world.acknowledged();
    assert_eq!(world.end, Some(Outcome::Asked));
}

#[test]
fn a_teardown_is_over_when_it_is_answered() {
    let mut world = World::subscribed();
    world.user(UserCall::Teardown);
    let (call, body) = world.call();
    assert_eq!(body, Call::Teardown);
    world.reply(call, Reply::Done);
    assert_eq!(world.end, Some(Outcome::TornDown));
    assert!(world.forgotten);
}

#[test]
fn a_teardown_may_overtake_an_acknowledgement() {
    let mut world = World::subscribed();
    world.update("task", TaskState::Finished, 1);
    world.user(UserCall::Teardown);
    let calls: Vec<_> = std::iter::from_fn(|| world.calls.pop_front()).collect();
    let id = |wanted: fn(&Call) -> bool| calls.iter().find(|(.., body)| wanted(body)).unwrap().0;
    let stale = CallEnd::Refused(Refusal::StaleSession(calls[0].1.clone()));
    world.told.clear();
    world.handle(Input::CallEnded { call: id(|body| matches!(body, Call::Acknowledge(_))), end: stale });
    assert!(world.stream.is_some());
    assert!(world.told.is_empty(), "{:?}", world.told);
    world.reply(id(|body| *body == Call::Teardown), Reply::Done);
    assert_eq!(world.end, Some(Outcome::TornDown));
}

#[test]
fn a_teardown_that_nobody_confirms_says_so() {
    let mut world = World::subscribed();
    world.user(UserCall::Teardown);
    world.break_stream();
    world.pass(Duration::from_secs(20));
    assert!(matches!(world.end, Some(Outcome::TeardownUnconfirmed { .. })));
}

#[test]
fn a_teardown_need_not_be_waited_for() {
    let mut world = World::subscribed();
    world.user(UserCall::Teardown);
    world.user(UserCall::Stop);
    assert_eq!(world.end, Some(Outcome::Asked));
}
