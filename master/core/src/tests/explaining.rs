use super::world::{World, framework, role, task_id};
use crate::OperatorCall;
use proto_types::{
    ResourceName, Scalar,
    constraints::OfferConstraints,
    resources::{Limits, Quantities},
    scheduling::{Call, Subject, Wants},
};
use std::time::Duration;

#[test]
fn too_much_is_named_with_numbers() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:12;mem:1024");
    world.agent("cpus:4;mem:4096");
    let shape = |text: &str| Subject::Shape { resources: text.parse().unwrap(), role: None };
    let answer = world.explain(&scheduler, shape("cpus:16"));
    assert!(
        answer.starts_with(
            "impossible: needs cpus:16 on one agent, the largest of 2 agents has cpus:12 in all; it will never run here"
        ),
        "{answer}"
    );
    assert!(world.explain(&scheduler, shape("cpus:8")).starts_with("fits: cpus:8 fit on 1 agent now"));
}

#[test]
fn filters_limits_and_minimums_are_named_with_numbers() {
    let mut world = World::new();
    let minimum = Quantities::from_iter([(ResourceName::Cpus, Scalar::from_units(16))]);
    let constraints = [(role("b"), OfferConstraints { groups: Vec::new(), minimum })].into();
    let wants = Wants { constraints, ..Wants::default() };
    let scheduler = world.subscribe(framework("f", &["a", "b", "c"]), 1, wants, None);
    world.call(&scheduler, Call::Suppress(vec![role("c")])).unwrap();
    let agent = world.agent("cpus:12");
    world.allocate();
    let offers = world.offers(&scheduler);
    world.decline(&scheduler, &offers, Duration::from_secs(5));
    world.advance_alive(Duration::from_millis(750), &[&agent]);
    let answer = world.explain(&scheduler, Subject::Framework);
    assert_eq!(
        answer,
        "filtered: role a: 1 agent filtered because the framework refused them, the first for 4.2 s more\n\
         insufficient: role b: it wants at least cpus:16 on one agent, the largest has cpus:12 free\n\
         suppressed: it suppressed offers for role c and has to revive it\n"
    );
    let limit = Some(Limits::from_iter([(ResourceName::Cpus, Scalar::ZERO)]));
    world.operate(OperatorCall::UpdateRole { role: role("a"), weight_milli: None, limit }).unwrap();
    let answer = world.explain(&scheduler, Subject::Framework);
    assert!(answer.starts_with("limit: role a is at its limit: it may have cpus:0 and has nothing"), "{answer}");
}

#[test]
fn a_task_says_where_it_stands() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4");
    world.run(&scheduler, "t", "cpus:1");
    let answer = world.explain(&scheduler, Subject::Task(task_id("t")));
    assert_eq!(
        answer,
        "state: STAGING for 0 s on agent A1-1 (host2)\nstaging: the agent has not said anything about it yet\n"
    );
}
