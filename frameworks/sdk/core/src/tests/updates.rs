//! Updates: each once, in order, acknowledged after it was handled.

use super::*;
use proto_types::status::MASTER_SEQUENCES;

#[test]
fn updates_are_acknowledged_once_they_are_handled() {
    let mut world = World::subscribed();
    world.launched("t");
    world.event(Event::Updates(vec![status("t", TaskState::Starting, 1), status("t", TaskState::Running, 2)]));
    world.no_call();
    world.handle(Input::Handled);
    assert_eq!(world.acknowledged(), [("t".to_owned(), 2)], "one acknowledgement up to the last");
}

#[test]
fn what_comes_again_is_acknowledged_and_not_delivered() {
    let mut world = World::subscribed();
    world.launched("t");
    world.update("t", TaskState::Running, 1);
    world.acknowledged();
    world.told.clear();
    world.update("t", TaskState::Running, 1);
    assert!(world.told.is_empty());
    assert_eq!(world.acknowledged(), [("t".to_owned(), 1)]);
}

#[test]
fn what_comes_again_before_it_was_handled_is_dropped() {
    let mut world = World::subscribed();
    world.launched("t");
    world.event(Event::Updates(vec![status("t", TaskState::Running, 1)]));
    world.event(Event::Updates(vec![status("t", TaskState::Running, 1)]));
    assert_eq!(world.states().len(), 1);
    world.no_call();
}

#[test]
fn the_masters_updates_are_numbered_apart() {
    let mut world = World::subscribed();
    world.launched("t");
    world.update("t", TaskState::Running, 2);
    world.update("t", TaskState::Unreachable, MASTER_SEQUENCES + 5);
    world.update("t", TaskState::Running, 3);
    let states: Vec<_> = world.states().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [TaskState::Running, TaskState::Unreachable, TaskState::Running]);
    world.calls.clear();
}

#[test]
fn terminal_states_are_final() {
    let mut world = World::subscribed();
    world.launched("t");
    world.update("t", TaskState::Finished, 2);
    world.acknowledged();
    world.told.clear();
    world.update("t", TaskState::Running, 3);
    assert!(world.told.is_empty());
    assert_eq!(world.acknowledged(), [("t".to_owned(), 3)]);
}

#[test]
fn acknowledgements_may_be_the_schedulers_own() {
    let mut world = World::with(|config| config.explicit_acknowledgements = true);
    world.accept_subscription();
    world.told.clear();
    world.launched("t");
    world.update("t", TaskState::Running, 1);
    world.no_call();
    world.user(UserCall::Acknowledge { task: id("t"), sequence: 1 });
    assert_eq!(world.acknowledged(), [("t".to_owned(), 1)]);
}

#[test]
fn acknowledgements_gather_after_the_first() {
    let mut world = World::subscribed();
    for task in ["a", "b", "c"] {
        world.launched(task);
    }
    world.update("a", TaskState::Running, 1);
    assert_eq!(world.acknowledged(), [("a".to_owned(), 1)]);
    world.update("b", TaskState::Running, 1);
    world.update("c", TaskState::Running, 1);
    world.no_call();
    world.pass(Duration::from_millis(10));
    assert_eq!(world.acknowledged(), [("b".to_owned(), 1), ("c".to_owned(), 1)]);
    world.pass(Duration::from_secs(1));
    world.no_call();
}

#[test]
fn lost_acknowledgements_are_made_again() {
    let mut world = World::subscribed();
    world.launched("t");
    world.update("t", TaskState::Running, 1);
    let (call, _) = world.call();
    world.handle(Input::CallEnded { call, end: CallEnd::Lost(String::new()) });
    world.no_call();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.acknowledged(), [("t".to_owned(), 1)]);
}

#[test]
fn recovering_is_asked_again_and_never_told() {
    let mut world = World::subscribed();
    world.launched("t");
    world.user(UserCall::Reconcile(vec![Query { task: id("t"), agent: None }]));
    let (call, _) = world.call();
    let recovering = Answer::Recovering { task: id("t"), retry_after: Duration::from_secs(5) };
    world.reply(call, Reply::Answers { answers: vec![recovering], more: false });
    assert!(world.told.is_empty());
    world.pass(Duration::from_secs(4));
    world.no_call();
    world.pass(Duration::from_secs(1));
    let (call, asked) = world.call();
    assert_eq!(queried(&asked), ["t"]);
    world.reply(call, answers(&[("t", TaskState::Unknown)]));
    assert_eq!(world.states(), [("t".to_owned(), TaskState::Unknown)]);
}

#[test]
fn a_task_that_is_unreachable_is_asked_about_again() {
    let mut world = World::subscribed();
    world.launched("t");
    world.user(UserCall::Reconcile(vec![Query { task: id("t"), agent: None }]));
    let (call, _) = world.call();
    world.reply(call, answers(&[("t", TaskState::Unreachable)]));
    assert_eq!(world.states(), [("t".to_owned(), TaskState::Unreachable)]);
    world.told.clear();
    world.pass(Duration::from_secs(30));
    let (call, asked) = world.call();
    assert_eq!(queried(&asked), ["t"]);
    world.reply(call, answers(&[("t", TaskState::Unreachable)]));
    assert!(world.told.is_empty(), "it is no news");
    world.pass(Duration::from_secs(30));
    let (call, _) = world.call();
    world.reply(call, answers(&[("t", TaskState::Gone)]));
    assert_eq!(world.states(), [("t".to_owned(), TaskState::Gone)]);
}

#[test]
fn an_answer_older_than_a_report_is_not_told() {
    let mut world = World::subscribed();
    world.launched("t");
    world.update("t", TaskState::Starting, 1);
    world.acknowledged();
    world.user(UserCall::Reconcile(vec![Query { task: id("t"), agent: None }]));
    let (call, _) = world.call();
    world.update("t", TaskState::Running, 2);
    world.acknowledged();
    world.told.clear();
    world.reply(call, answers(&[("t", TaskState::Starting)]));
    assert!(world.told.is_empty());
    let (call, _) = world.call();
    world.reply(call, answers(&[("t", TaskState::Running)]));
    assert_eq!(world.states(), [("t".to_owned(), TaskState::Running)], "it was asked for, so it is told");
}

#[test]
fn an_answer_that_is_no_news_is_told_only_if_asked_for() {
    let mut world = World::subscribed();
    world.launched("t");
    world.update("t", TaskState::Running, 1);
    world.acknowledged();
    world.break_stream();
    world.reconnect();
    world.accept_subscription();
    world.told.clear();
    let (call, _) = world.call();
    world.reply(call, answers(&[("t", TaskState::Running)]));
    assert!(world.told.is_empty());
}

#[test]
fn what_an_answer_leaves_out_is_asked_again() {
    let mut world = World::subscribed();
    world.launched("t");
    world.user(UserCall::Reconcile(vec![Query { task: id("t"), agent: None }]));
    let (call, _) = world.call();
    world.reply(call, Reply::Answers { answers: Vec::new(), more: false });
    world.pass(Duration::from_secs(1));
    assert_eq!(queried(&world.call().1), ["t"]);
}

#[test]
fn everything_is_asked_about_piece_by_piece() {
    let mut world = World::subscribed();
    world.user(UserCall::Reconcile(Vec::new()));
    let all = |after| Call::Reconcile { queries: Vec::new(), after };
    let (call, asked) = world.call();
    assert_eq!(asked, all(None));
    let Reply::Answers { answers: first, .. } = answers(&[("a", TaskState::Running), ("b", TaskState::Running)]) else {
        unreachable!("answers are answers");
    };
    world.reply(call, Reply::Answers { answers: first, more: true });
    let (call, asked) = world.call();
    assert_eq!(asked, all(Some(id("b"))));
    world.reply(call, answers(&[("c", TaskState::Running)]));
    world.no_call();
    assert_eq!(world.states().len(), 3);
}

#[test]
fn many_finished_tasks_are_forgotten() {
    let mut world = World::subscribed();
    for number in 0..25_000 {
        world.event(Event::Updates(vec![status(&format!("t{number}"), TaskState::Finished, 1)]));
        world.told.clear();
    }
    assert_eq!(world.session.task_counts(), (20_000, 0));
}
