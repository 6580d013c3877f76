//! Instances as they are stored: JSON, without what is empty or not known.
//!
//! What is stored was written by this program or an earlier release of it. So a field that is wrong is an error and never
//! a guess: a leader that misreads what runs would start it twice, or kill it. Fields that are not known are let be, and
//! `format` is raised when a reader of this format would misunderstand what is written.

mod read;
mod write;

pub use read::{StoredError, read_instance};
pub use write::write_instance;

use super::Condition;
use proto_types::{TaskId, TaskState};

/// What this release writes, and the highest that it reads.
const FORMAT: u64 = 1;

/// The key of an instance in the object store.
#[must_use]
pub fn instance_key(id: &TaskId) -> String {
    format!("instances/{id}")
}

const fn condition_name(condition: Condition) -> &'static str {
    match condition {
        Condition::Created => "CREATED",
        Condition::UnreachableInactive => "UNREACHABLE_INACTIVE",
        Condition::Task(state) => state.name(),
    }
}

fn condition_of(name: &str) -> Option<Condition> {
    let states = TaskState::ALL.into_iter().map(Condition::Task);
    states.chain([Condition::Created, Condition::UnreachableInactive]).find(|one| condition_name(*one) == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{PathId, Timestamp},
        instances::{CheckHealth, ContainerTask, Instance, Readiness},
    };
    use proptest::prelude::*;
    use proto_types::{AgentId, Attribute, Attributes, Scalar, attributes::AttributeValue, resources::Ranges};
    use std::sync::Arc;

    fn moment() -> impl Strategy<Value = Timestamp> {
        (0u64..253_402_300_799_999).prop_map(Timestamp::from_millis)
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let states = proptest::sample::select(TaskState::ALL.to_vec()).prop_map(Condition::Task);
        prop_oneof![Just(Condition::Created), Just(Condition::UnreachableInactive), states]
    }

    fn attribute() -> impl Strategy<Value = Attribute> {
        let value = prop_oneof![
            (0u64..1 << 40).prop_map(|milli| AttributeValue::Scalar(Scalar::from_milli(milli))),
            (0u64..100, 0u64..100).prop_map(|(from, more)| AttributeValue::Ranges(
                Ranges::new([(from, from + more), (500, 600)]).unwrap()
            )),
            "\\PC{0,8}|[0-9]{1,4}".prop_map(AttributeValue::Text),
        ];
        ("[a-z]{1,5}", value).prop_map(|(name, value)| Attribute { name, value })
    }

    fn health() -> impl Strategy<Value = CheckHealth> {
        let moment = || proptest::option::of(moment());
        let cause = proptest::option::of("\\PC{0,20}");
        (any::<Option<bool>>(), any::<u32>(), moment(), moment(), moment(), cause).prop_map(
            |(alive, consecutive_failures, first_success, last_success, last_failure, last_failure_cause)| {
                CheckHealth {
                    alive,
                    consecutive_failures,
                    first_success,
                    last_success,
                    last_failure,
                    last_failure_cause,
                }
            },
        )
    }

    fn container() -> impl Strategy<Value = ContainerTask> {
        let started_at = proptest::option::of(moment());
        ("[a-z]{1,4}", condition(), started_at, any::<Option<bool>>(), "\\PC{0,9}").prop_map(
            |(name, condition, started_at, healthy, message)| ContainerTask {
                task: TaskId::new(format!("web.1.{name}")).unwrap(),
                name,
                condition,
                started_at,
                healthy,
                message,
            },
        )
    }

    prop_compose! {
        fn instance()(
            moments in (moment(), moment(), moment(), proptest::option::of(moment()), proptest::option::of(moment())),
            attributes in proptest::collection::vec(attribute(), 0..4),
            place in (any::<Option<bool>>(), "\\PC{1,9}", proptest::option::of("\\PC{0,5}")),
            host_ports in proptest::collection::vec(any::<u16>(), 0..4),
            ip_addresses in proptest::collection::vec("[0-9.]{1,9}", 0..2),
            condition in condition(),
            health in proptest::collection::vec(health(), 0..3),
            readiness in (any::<bool>(), proptest::option::of((any::<u16>(), "\\PC{0,5}", "\\PC{0,9}"))),
            goal_stopped in any::<bool>(),
            containers in proptest::collection::vec(container(), 0..3),
        ) -> Instance {
            Instance {
                id: TaskId::new("shop_web.v1.1").unwrap(),
                app: PathId::parse("/shop/web.v1").unwrap(),
                config_version: moments.0,
                version: moments.1,
                agent: AgentId::new("a 1").unwrap(),
                host: place.1,
                attributes: Arc::new(Attributes(attributes)),
                region: place.0.map(|one| one.to_string()),
                zone: place.2,
                host_ports,
                ip_addresses,
                condition,
                staged_at: moments.2,
                started_at: moments.3,
                unreachable_since: moments.4,
                health,
                readiness: Readiness { ready: readiness.0, last_response: readiness.1 },
                goal_stopped,
                containers,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(instance in instance()) {
            let read = read_instance(&instance.id, &write_instance(&instance)).unwrap();
            // The last answer of a readiness check is only shown; it is asked for again.
            let readiness = Readiness { last_response: None, ready: instance.readiness.ready };
            prop_assert_eq!(read, Instance { readiness, ..instance });
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(read_instance(&TaskId::new("web.1").unwrap(), &bytes).is_err());
        }

        #[test]
        fn a_damaged_field_is_named(field in proptest::sample::select(vec!["app", "agent", "health", "condition", "hostPorts", "format"])) {
            let id = TaskId::new("web.1").unwrap();
            let bytes = write_instance(&sample());
            let mut value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            value[field] = serde_json::json!(-1.5);
            let error = read_instance(&id, value.to_string().as_bytes()).unwrap_err();
            prop_assert!(error.to_string().contains(&format!("'{field}'")), "{}", error);
        }
    }

    fn sample() -> Instance {
        let id = TaskId::new("shop_web.083be411-5d1f-11e5-88f7-56b91e7a505b").unwrap();
        let agent = AgentId::new("a1").unwrap();
        let at = Timestamp::from_millis(1_443_469_657_681);
        let mut one = Instance::new(id, PathId::parse("/shop/web").unwrap(), agent, "h1.example.com".into(), at);
        one.condition = Condition::Task(TaskState::Running);
        one.started_at = Some(at);
        one.host_ports = vec![31_000];
        one.readiness.ready = true;
        one
    }

    #[test]
    fn an_ordinary_instance_is_small() {
        let bytes = write_instance(&sample());
        let expected = r#"{"agent":"a1","app":"/shop/web","condition":"RUNNING","configVersion":1443469657681,"format":1,"host":"h1.example.com","hostPorts":[31000],"ready":true,"stagedAt":1443469657681,"startedAt":1443469657681,"version":1443469657681}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn what_a_later_release_wrote_in_another_format_is_refused() {
        let bytes = String::from_utf8(write_instance(&sample())).unwrap();
        let later = bytes.replace("\"format\":1", "\"format\":2");
        let error = read_instance(&sample().id, later.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("format 2"), "{error}");
        let with_more = bytes.replace("\"format\":1", "\"format\":1,\"news\":[7]");
        assert_eq!(read_instance(&sample().id, with_more.as_bytes()).unwrap(), sample());
    }
}
