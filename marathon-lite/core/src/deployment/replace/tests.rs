use super::*;
use crate::app::{CanarySize, CanaryStep};
use proptest::prelude::*;
use std::time::Duration;

mod rolling;

/// Instances, one a letter: old ones that are healthy `H`, sick `u`, staged `s`, being killed `k`, unreachable for good
/// `i`; new ones that have taken over `N`, are healthy but not ready `w`, are staged `n`, are being killed `K`.
fn views(letters: &str) -> Vec<InstanceView> {
    letters.chars().enumerate().map(|(index, letter)| view(letter, index)).collect()
}

fn view(letter: char, index: usize) -> InstanceView {
    let condition = match letter {
        's' | 'n' => Condition::Task(TaskState::Staging),
        'i' => Condition::UnreachableInactive,
        _ => Condition::Task(TaskState::Running),
    };
    let is_new = matches!(letter, 'N' | 'w' | 'n' | 'K');
    InstanceView {
        id: TaskId::new(format!("{letter}{index}")).unwrap(),
        is_new,
        is_latest: is_new,
        active: condition.is_active(),
        healthy: !matches!(letter, 'u' | 's' | 'n' | 'i'),
        ready: !matches!(letter, 'w' | 'n'),
        goal_stopped: matches!(letter, 'k' | 'K'),
        condition,
        started_at: Some(Timestamp::from_millis(index as u64)),
    }
}

fn input<'a>(strategy: &'a UpgradeStrategy, instances: u32, views: &'a [InstanceView]) -> Replace<'a> {
    Replace {
        strategy,
        instances,
        instances_before: instances,
        resident: false,
        kill_selection: KillSelection::YoungestFirst,
        ended: 0,
        views,
        canary: Canary::default(),
        now: Timestamp::from_millis(1000),
    }
}

/// Who is killed, how many are launched, and whether that was all.
fn told(decision: &Decision) -> String {
    let Kill::These(kill) = &decision.kill else { unreachable!() };
    let kill: Vec<&str> = kill.iter().map(TaskId::as_str).collect();
    let end = if decision.is_finished() { " finished" } else { "" };
    format!("kill [{}] launch {}{end}", kill.join(" "), decision.launch)
}

fn step(minimum: f64, over: f64, instances: u32, letters: &str) -> String {
    told(&replace(&input(&UpgradeStrategy::new(minimum, over), instances, &views(letters))))
}

fn resident(minimum: f64, instances: u32, letters: &str) -> String {
    let (strategy, views) = (UpgradeStrategy::new(minimum, 0.0), views(letters));
    told(&replace(&Replace { resident: true, ..input(&strategy, instances, &views) }))
}

#[test]
fn all_new_ones_beside_all_old_ones() {
    assert_eq!(step(1.0, 1.0, 4, "HHHH"), "kill [] launch 4");
    assert_eq!(step(1.0, 1.0, 4, "HHHHnnnn"), "kill [] launch 0");
    assert_eq!(step(1.0, 1.0, 4, "HHHHNnwn"), "kill [H3] launch 0");
    assert_eq!(step(1.0, 1.0, 4, "HHHkNnwn"), "kill [] launch 0");
    assert_eq!(step(1.0, 1.0, 4, "HHHNNNN"), "kill [H2 H1 H0] launch 0");
    assert_eq!(step(1.0, 1.0, 4, "kNNNN"), "kill [] launch 0");
    assert_eq!(step(1.0, 1.0, 4, "NNNN"), "kill [] launch 0 finished");
    assert_eq!(step(1.0, 1.0, 4, "NNNw"), "kill [] launch 0");
}

#[test]
fn half_of_the_old_ones_go_first() {
    // minimum ceil(5 * 0.5) = 3, maximum trunc(5 * 1.0) = 5.
    assert_eq!(step(0.5, 0.0, 5, "HHHHH"), "kill [H4 H3] launch 0");
    assert_eq!(step(0.5, 0.0, 5, "HHHkk"), "kill [] launch 0");
    assert_eq!(step(0.5, 0.0, 5, "HHHk"), "kill [] launch 1");
    assert_eq!(step(0.5, 0.0, 5, "HHHnn"), "kill [] launch 0");
    assert_eq!(step(0.5, 0.0, 5, "HHHNn"), "kill [H2] launch 0");
    assert_eq!(step(0.5, 0.0, 5, "HHNn"), "kill [] launch 1");
    // minimum 0: all go at once.
    assert_eq!(step(0.0, 0.0, 1, "H"), "kill [H0] launch 0");
    assert_eq!(step(0.0, 0.0, 1, "k"), "kill [] launch 0");
    assert_eq!(step(0.0, 0.0, 1, ""), "kill [] launch 1");
}

#[test]
fn the_bounds_are_rounded_as_marathon_does() {
    // minimum ceil(10 * 0.75) = 8, maximum trunc(10 * 1.25) = 12.
    assert_eq!(step(0.75, 0.25, 10, "HHHHHHHHHH"), "kill [H9 H8] launch 2");
    // minimum ceil(3 * 0.5) = 2, maximum trunc(3 * 1.5) = 4.
    assert_eq!(step(0.5, 0.5, 3, "HHH"), "kill [H2] launch 1");
    // minimum ceil(7 * 0.9) = 7, maximum trunc(7 * 1.1) = 7: both the same, one more.
    assert_eq!(step(0.9, 0.1, 7, "HHHHHHH"), "kill [] launch 1");
}

#[test]
fn where_nothing_could_move_one_more_may_exist() {
    assert_eq!(step(1.0, 0.0, 1, "H"), "kill [] launch 1");
    assert_eq!(step(1.0, 0.0, 4, "HHHH"), "kill [] launch 1");
    assert_eq!(step(1.0, 0.0, 4, "HHHHn"), "kill [] launch 0");
    assert_eq!(step(1.0, 0.0, 4, "HHHHN"), "kill [H3] launch 0");
    assert_eq!(step(1.0, 0.0, 4, "HHHkN"), "kill [] launch 0");
    assert_eq!(step(1.0, 0.0, 4, "HHHN"), "kill [] launch 1");
}

#[test]
fn residents_have_one_less_instead() {
    assert_eq!(resident(1.0, 4, "HHHH"), "kill [H3] launch 0");
    assert_eq!(resident(1.0, 4, "HHHk"), "kill [] launch 0");
    assert_eq!(resident(1.0, 4, "HHH"), "kill [] launch 1");
    assert_eq!(resident(1.0, 4, "HHHn"), "kill [] launch 0");
    assert_eq!(resident(1.0, 4, "HHHN"), "kill [H2] launch 0");
    assert_eq!(resident(0.5, 4, "HHHH"), "kill [H3 H2] launch 0");
    assert_eq!(resident(0.5, 1, "H"), "kill [H0] launch 0");
}

#[test]
fn sick_ones_go_first_and_do_not_count() {
    // 8 healthy, minimum 5: 3 go.
    assert_eq!(step(0.5, 0.0, 10, "HHHHHHHHuu"), "kill [u9 u8 H7] launch 0");
    assert_eq!(step(1.0, 1.0, 4, "HuHH"), "kill [] launch 4");
    assert_eq!(step(1.0, 1.0, 4, "HuHHNnnn"), "kill [u1] launch 0");
    assert_eq!(step(0.5, 0.0, 4, "uHsH"), "kill [] launch 0".replace("[]", "[s2]"));
}

#[test]
fn sick_ones_that_take_all_the_room_make_some() {
    assert_eq!(step(1.0, 0.0, 4, "HuHu"), "kill [u3] launch 0");
    assert_eq!(step(1.0, 0.0, 4, "HuHk"), "kill [] launch 0");
    assert_eq!(step(1.0, 0.0, 4, "HuH"), "kill [] launch 1");
    assert_eq!(step(1.0, 0.0, 4, "HuHn"), "kill [] launch 0");
    assert_eq!(step(1.0, 0.0, 4, "HuHN"), "kill [u1] launch 0");
}

#[test]
fn leftovers_of_a_forced_deployment_go_at_once() {
    // Eight where four are wanted: the four that were just being started go, whatever the minimum says.
    assert_eq!(step(1.0, 1.0, 4, "HHHHssss"), "kill [s7 s6 s5 s4] launch 0");
    assert_eq!(step(1.0, 1.0, 4, "HHHHHHHH"), "kill [H7 H6 H5 H4] launch 0");
    assert_eq!(step(1.0, 0.0, 2, "HHHHH"), "kill [H4 H3 H2] launch 0");
}

#[test]
fn a_leader_that_takes_over_in_the_middle_kills_nothing_for_that() {
    // Marathon counts eight instances where four are wanted, and kills four old ones before any new one is healthy.
    assert_eq!(step(1.0, 1.0, 4, "HHHHnnnn"), "kill [] launch 0");
}

#[test]
fn instances_from_before_a_change_that_is_taken_back_live_on() {
    assert_eq!(step(1.0, 1.0, 4, "NNNNHs"), "kill [s5 H4] launch 0");
    assert_eq!(step(1.0, 1.0, 2, "NNnN"), "kill [n2 N3] launch 0");
}

#[test]
fn old_ones_that_die_are_replaced_by_new_ones() {
    assert_eq!(step(1.0, 0.5, 4, "HHHH"), "kill [] launch 2");
    assert_eq!(step(1.0, 0.5, 4, "HHHnn"), "kill [] launch 1");
    assert_eq!(step(1.0, 0.5, 4, "nnnn"), "kill [] launch 0");
    assert_eq!(step(1.0, 0.0, 1, ""), "kill [] launch 1");
}

#[test]
fn those_that_count_no_more_are_killed_beside_the_others() {
    assert_eq!(step(1.0, 1.0, 2, "HHi"), "kill [i2] launch 2");
    assert_eq!(step(1.0, 1.0, 2, "NN"), "kill [] launch 0 finished");
}

#[test]
fn nothing_is_waited_for_where_no_instance_is_wanted() {
    assert_eq!(step(1.0, 1.0, 0, "HsN"), "kill [H0 s1 N2] launch 0 finished");
}

#[test]
fn runs_that_ended_are_not_replaced() {
    let (strategy, views) = (UpgradeStrategy::new(1.0, 1.0), views("N"));
    assert_eq!(told(&replace(&Replace { ended: 2, ..input(&strategy, 3, &views) })), "kill [] launch 0 finished");
    assert_eq!(told(&replace(&Replace { ended: 1, ..input(&strategy, 3, &views) })), "kill [] launch 1");
}

#[test]
fn the_order_of_killing_follows_the_kill_selection() {
    let (strategy, views) = (UpgradeStrategy::new(0.5, 0.0), views("HHHH"));
    let oldest = Replace { kill_selection: KillSelection::OldestFirst, ..input(&strategy, 4, &views) };
    assert_eq!(told(&replace(&oldest)), "kill [H0 H1] launch 0");
}

#[test]
fn careful_steps_hold_the_rest_back() {
    let pause = Duration::from_secs(60);
    let canary_steps = vec![
        CanaryStep { size: CanarySize::Instances(1), pause },
        CanaryStep { size: CanarySize::Share(0.5), pause: Duration::ZERO },
    ];
    let strategy = UpgradeStrategy { canary_steps, ..UpgradeStrategy::new(0.5, 0.0) };
    let at = |letters: &str, canary: Canary, seconds: u64| {
        let views = views(letters);
        let now = Timestamp::from_millis(seconds * 1000);
        let decision = replace(&Replace { canary, now, ..input(&strategy, 4, &views) });
        (told(&decision), decision.canary)
    };
    // The minimum would let two go; one is enough for one new one.
    let (first, canary) = at("HHHH", Canary::default(), 0);
    assert_eq!((first.as_str(), canary), ("kill [H3] launch 0", Canary::default()));
    assert_eq!(at("HHH", canary, 1).0, "kill [] launch 1");
    let (paused, canary) = at("HHHN", canary, 2);
    assert_eq!((paused.as_str(), canary.good_since), ("kill [] launch 0", Some(Timestamp::from_millis(2000))));
    // An old one dies in the pause: it is replaced.
    assert_eq!(at("HHN", canary, 3).0, "kill [] launch 1");
    let (second, canary) = at("HHHN", canary, 62);
    assert_eq!((second.as_str(), canary.step), ("kill [H2] launch 0", 1));
    let (rest, canary) = at("HHNN", canary, 63);
    assert_eq!((rest.as_str(), canary.step), ("kill [H1 H0] launch 0", 2));
    assert_eq!(at("NNNN", canary, 64).0, "kill [] launch 0 finished");
}

#[test]
fn careful_steps_hold_back_what_is_added_too() {
    let step = CanaryStep { size: CanarySize::Instances(1), pause: Duration::from_secs(60) };
    let strategy = UpgradeStrategy { canary_steps: vec![step], ..UpgradeStrategy::new(1.0, 1.0) };
    let views = views("HH");
    assert_eq!(told(&replace(&Replace { instances_before: 2, ..input(&strategy, 6, &views) })), "kill [] launch 1");
}

#[test]
fn what_is_waited_for_is_said_with_numbers() {
    let (strategy, views) = (UpgradeStrategy::new(1.0, 0.5), views("HHHkNn"));
    let decision = replace(&input(&strategy, 4, &views));
    assert_eq!(
        decision.outcome,
        Outcome::Waiting(
            "1 of 4 new instances are healthy and ready, 1 were launched, 0 wait to be launched; 4 old ones are there, 1 of \
             them being killed; at least 4 have to be healthy (4 are), at most 6 may exist"
                .into()
        )
    );
    assert_eq!(decision.remaining, 3 + 4);
}
