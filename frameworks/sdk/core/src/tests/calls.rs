//! Launches, kills and other calls, and what comes of them.

use super::*;

fn rejected(world: &mut World) -> Vec<(String, RejectionKind)> {
    world
        .told
        .drain(..)
        .map(|notice| match notice {
            Notice::Rejected { task, rejection } => (task.to_string(), rejection.kind),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn request(call: &Call) -> String {
    let Call::Accept(accept) = call else { panic!("{call:?}") };
    accept.request.to_string()
}

#[test]
fn launches_of_one_handler_travel_together() {
    let mut world = World::subscribed();
    world.event(Event::Offers(vec![offer("o1"), offer("o2"), offer("o3")]));
    world.handle(Input::User(accept("o1", &["a"])));
    world.handle(Input::User(UserCall::Decline {
        offers: vec![OfferId::new("o3").unwrap()],
        filters: Filters::default(),
    }));
    world.handle(Input::User(accept("o2", &["b"])));
    world.no_call();
    world.handle(Input::Handled);
    let (_, call) = world.call();
    let Call::Accept(accept) = call else { panic!("{call:?}") };
    assert_eq!(accept.acceptances.len(), 2);
    assert!(matches!(world.call().1, Call::Decline { .. }));
    world.no_call();
}

#[test]
fn refusals_are_told_and_successes_are_not() {
    let mut world = World::subscribed();
    world.event(Event::Offers(vec![offer("o")]));
    world.told.clear();
    world.user(accept("o", &["a", "b"]));
    let (call, _) = world.call();
    world.reply(call, verdicts(&[("a", None), ("b", Some(RejectionKind::Conflict))]));
    assert_eq!(rejected(&mut world), [("b".to_owned(), RejectionKind::Conflict)]);
}

#[test]
fn an_update_may_come_before_the_verdict() {
    let mut world = World::subscribed();
    let (call, _) = world.launch("t");
    world.update("t", TaskState::Running, 1);
    assert_eq!(world.states(), [("t".to_owned(), TaskState::Running)]);
    world.acknowledged();
    world.reply(call, verdicts(&[("t", None)]));
    assert!(world.told.is_empty());
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_request() {
    let mut world = World::subscribed();
    let (call, first) = world.launch("t");
    world.handle(Input::CallEnded { call, end: CallEnd::Lost(String::new()) });
    world.pass(Duration::from_secs(1));
    let (_, second) = world.call();
    assert_eq!(request(&first), request(&second));
}

#[test]
fn nothing_is_due_while_calls_wait_for_a_stream() {
    let mut world = World::subscribed();
    let (call, _) = world.launch("t");
    world.handle(Input::CallEnded { call, end: CallEnd::Lost(String::new()) });
    world.break_stream();
    world.reconnect();
    world.pass(Duration::from_secs(5));
}

#[test]
fn after_an_epoch_the_master_is_asked_before_anything_is_told() {
    let mut world = World::subscribed();
    world.launch("launched");
    world.launch("lost");
    world.break_stream();
    world.reconnect();
    world.epoch = 2;
    world.accept_subscription();
    world.told.clear();
    let (call, asked) = world.call();
    assert_eq!(queried(&asked), ["launched", "lost"]);
    assert!(world.told.is_empty());
    world.reply(call, answers(&[("launched", TaskState::Starting), ("lost", TaskState::Unknown)]));
    let told: Vec<_> = world.told.drain(..).collect();
    assert!(matches!(&told[0], Notice::Updates(statuses) if statuses[0].state == TaskState::Starting));
    assert!(matches!(&told[1], Notice::Rejected { task, .. } if task.as_str() == "lost"));
}

#[test]
fn outcome_unknown_is_looked_into() {
    let mut world = World::subscribed();
    let (call, _) = world.launch("t");
    world.reply(call, verdicts(&[("t", Some(RejectionKind::OutcomeUnknown))]));
    assert!(world.told.is_empty());
    let (call, asked) = world.call();
    assert_eq!(queried(&asked), ["t"]);
    let recovering = Answer::Recovering { task: id("t"), retry_after: Duration::from_secs(5) };
    world.reply(call, Reply::Answers { answers: vec![recovering], more: false });
    world.pass(Duration::from_secs(5));
    let (call, _) = world.call();
    world.reply(call, answers(&[("t", TaskState::Gone)]));
    assert_eq!(rejected(&mut world), [("t".to_owned(), RejectionKind::OfferGone)]);
}

#[test]
fn an_answer_without_verdicts_is_looked_into() {
    let mut world = World::subscribed();
    let (call, _) = world.launch("t");
    world.reply(call, Reply::Verdicts(Vec::new()));
    assert_eq!(queried(&world.call().1), ["t"]);
}

#[test]
fn launches_that_never_left_are_rejected_by_a_new_session() {
    let mut world = World::subscribed();
    world.offer("o");
    world.break_stream();
    world.user(accept("o", &["t"]));
    world.reconnect();
    world.told.clear();
    world.accept_subscription();
    world.told.pop_front();
    assert_eq!(rejected(&mut world), [("t".to_owned(), RejectionKind::OfferGone)]);
    world.no_call();
}

#[test]
fn an_offer_is_used_once() {
    let mut world = World::subscribed();
    world.launched("a");
    world.user(accept("offer-a", &["b"]));
    assert_eq!(rejected(&mut world), [("b".to_owned(), RejectionKind::OfferGone)]);
    world.event(Event::Offers(vec![offer("o")]));
    world.event(Event::Rescinded(vec![OfferId::new("o").unwrap()]));
    world.told.clear();
    world.user(accept("o", &["c"]));
    assert_eq!(rejected(&mut world), [("c".to_owned(), RejectionKind::OfferGone)]);
}

#[test]
fn a_task_id_is_used_once() {
    let mut world = World::subscribed();
    world.launched("a");
    world.event(Event::Offers(vec![offer("o")]));
    world.told.clear();
    world.user(accept("o", &["a", "b", "b"]));
    let invalid = RejectionKind::Invalid;
    assert_eq!(rejected(&mut world), [("a".to_owned(), invalid), ("b".to_owned(), invalid)]);
    let (_, call) = world.call();
    let Call::Accept(accept) = call else { panic!("{call:?}") };
    assert_eq!(accept.acceptances[0].launches[0].tasks.len(), 1, "the first b");
}

#[test]
fn one_wrong_task_spares_the_others() {
    let mut world = World::subscribed();
    world.event(Event::Offers(vec![offer("o1"), offer("o2")]));
    world.handle(Input::User(accept("o1", &["a", "b"])));
    world.handle(Input::User(accept("o2", &["c"])));
    world.handle(Input::Handled);
    world.told.clear();
    let (call, first) = world.call();
    let refusal = Refusal::Invalid {
        field: "accepts[0].operations[0].launch.tasks[1].command".to_owned(),
        message: "is missing".to_owned(),
    };
    world.handle(Input::CallEnded { call, end: CallEnd::Refused(refusal) });
    assert_eq!(rejected(&mut world), [("b".to_owned(), RejectionKind::Invalid)]);
    let (_, second) = world.call();
    assert_ne!(request(&first), request(&second));
    let Call::Accept(accept) = second else { panic!() };
    assert_eq!(accept.acceptances.len(), 2);
    assert_eq!(accept.acceptances[0].launches[0].tasks.len(), 1);
}

#[test]
fn an_acceptance_that_is_wrong_as_a_whole_spares_the_others() {
    let mut world = World::subscribed();
    world.event(Event::Offers(vec![offer("o1"), offer("o2")]));
    world.handle(Input::User(accept("o1", &["a", "b"])));
    world.handle(Input::User(accept("o2", &["c"])));
    world.handle(Input::Handled);
    world.told.clear();
    let (call, _) = world.call();
    let refusal = Refusal::Invalid { field: "accepts[0].offer_ids[0]".to_owned(), message: String::new() };
    world.handle(Input::CallEnded { call, end: CallEnd::Refused(refusal) });
    assert_eq!(rejected(&mut world).len(), 2);
    assert!(matches!(world.call().1, Call::Accept(accept) if accept.acceptances.len() == 1));
}

#[test]
fn too_many_tasks_are_refused_here() {
    let mut world = World::with(|config| config.tasks_max = 1);
    world.accept_subscription();
    world.told.clear();
    world.launched("a");
    world.event(Event::Offers(vec![offer("o")]));
    world.told.clear();
    world.user(accept("o", &["b"]));
    assert_eq!(rejected(&mut world), [("b".to_owned(), RejectionKind::Conflict)]);
}

#[test]
fn a_gang_is_all_or_nothing_here_too() {
    let mut world = World::subscribed();
    world.event(Event::Offers(vec![offer("o1")]));
    world.told.clear();
    let acceptances = vec![acceptance("o1", &["a"]), acceptance("gone", &["b"])];
    world.user(UserCall::Accept { acceptances, all_or_nothing: true });
    assert_eq!(rejected(&mut world).len(), 2);
    world.no_call();
}

#[test]
fn a_kill_waits_for_the_launch() {
    let mut world = World::subscribed();
    let (call, _) = world.launch("t");
    world.user(UserCall::Kill { tasks: vec![id("t")], grace: None });
    world.no_call();
    world.reply(call, verdicts(&[("t", None)]));
    let (_, kill) = world.call();
    assert_eq!(kill, Call::Kill { tasks: vec![id("t")], grace: None });
}

#[test]
fn the_offers_of_a_refused_gang_are_given_back() {
    let mut world = World::subscribed();
    world.offer("o1");
    world.offer("o2");
    let acceptances = vec![acceptance("o1", &["a"]), acceptance("o2", &["b"])];
    world.user(UserCall::Accept { acceptances, all_or_nothing: true });
    let (call, _) = world.call();
    let (aborted, conflict) = (Some(RejectionKind::GangAborted), Some(RejectionKind::Conflict));
    world.reply(call, verdicts(&[("a", aborted), ("b", conflict)]));
    let (_, decline) = world.call();
    let filters = Filters { refuse: Duration::ZERO };
    assert_eq!(
        decline,
        Call::Decline { offers: vec![OfferId::new("o1").unwrap(), OfferId::new("o2").unwrap()], filters }
    );
}

#[test]
fn a_kill_is_made_again_in_a_new_session() {
    let mut world = World::subscribed();
    world.launched("t");
    world.user(UserCall::Kill { tasks: vec![id("t")], grace: None });
    let (call, _) = world.call();
    world.reply(call, Reply::Answers { answers: Vec::new(), more: false });
    world.break_stream();
    world.reconnect();
    world.epoch = 2;
    world.accept_subscription();
    assert!(world.calls.iter().any(|(_, _, call)| matches!(call, Call::Kill { .. })), "{:?}", world.calls);
}

#[test]
fn a_kill_of_an_earlier_schedulers_task_waits_for_its_agent() {
    let mut world = World::subscribed();
    world.user(UserCall::Kill { tasks: vec![id("old")], grace: None });
    let (call, _) = world.call();
    let retry_after = Duration::from_secs(5);
    world.reply(
        call,
        Reply::Answers { answers: vec![Answer::Recovering { task: id("old"), retry_after }], more: false },
    );
    world.pass(retry_after);
    let (call, asked) = world.call();
    assert!(matches!(asked, Call::Reconcile { .. }), "{asked:?}");
    world.reply(call, answers(&[("old", TaskState::Running)]));
    let (_, kill) = world.call();
    assert_eq!(kill, Call::Kill { tasks: vec![id("old")], grace: None });
}

#[test]
fn a_task_that_the_master_does_not_know_is_told_of() {
    let mut world = World::subscribed();
    world.user(UserCall::Kill { tasks: vec![id("stranger")], grace: None });
    let (call, _) = world.call();
    world.reply(call, answers(&[("stranger", TaskState::Unknown)]));
    assert_eq!(world.states(), [("stranger".to_owned(), TaskState::Unknown)]);
}

#[test]
fn suppression_outlives_the_session_and_keeps_its_place() {
    let mut world = World::subscribed();
    world.offer("o");
    world.handle(Input::User(accept("o", &["t"])));
    world.user(UserCall::Suppress(Vec::new()));
    let (call, _) = world.call();
    world.no_call();
    world.reply(call, verdicts(&[("t", None)]));
    let (call, body) = world.call();
    assert_eq!(body, Call::Suppress(Vec::new()), "after the launch was answered");
    world.reply(call, Reply::Done);
    world.break_stream();
    world.reconnect();
    assert_eq!(world.subscribe.as_ref().unwrap().wants.suppressed, [Role::any()]);
}
