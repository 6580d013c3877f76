//! What is written is read as it was.

mod samples;

use proffer_proto::{
    convert::{
        link::FromMaster,
        scheduling::Request,
        status::{self, Problem},
    },
    storage, v1,
};
use proptest::prelude::*;
use prost::Message;
use proto_types::{
    Epoch, ExecutorId, SessionId, TaskInfo,
    executing::{FromExecutor, ToExecutor},
    files::OpenData,
    link::FromAgent,
    registry::RegistryChange,
    scheduling::{Call, NumberedEvent, Reply, Subscribe},
    task::{Command, ExecutorInfo},
};

/// Over the wire: encoded, decoded.
fn sent<M: Message + Default>(message: &M) -> M {
    M::decode(&*message.encode_to_vec()).unwrap()
}

fn heard(request: Request) -> (SessionId, Call) {
    match request {
        Request::Accept(wire) => sent(&wire).try_into(),
        Request::Decline(wire) => sent(&wire).try_into(),
        Request::Revive(wire) => sent(&wire).try_into(),
        Request::Suppress(wire) => sent(&wire).try_into(),
        Request::Kill(wire) => sent(&wire).try_into(),
        Request::Acknowledge(wire) => sent(&wire).try_into(),
        Request::Reconcile(wire) => sent(&wire).try_into(),
        Request::SendMessage(wire) => sent(&wire).try_into(),
        Request::UpdateFramework(wire) => sent(&wire).try_into(),
        Request::Teardown(wire) => sent(&wire).try_into(),
        Request::Explain(wire) => sent(&wire).try_into(),
    }
    .unwrap()
}

/// Through a response of kind `M`.
fn answered<M>(reply: &Reply) -> Reply
where
    M: Message + Default + TryFrom<Reply, Error: std::fmt::Debug>,
    Reply: TryFrom<M, Error: std::fmt::Debug>,
{
    sent(&M::try_from(reply.clone()).unwrap()).try_into().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tasks(task in samples::task_info()) {
        prop_assert_eq!(TaskInfo::try_from(sent(&v1::TaskInfo::from(&task))).unwrap(), task);
    }

    #[test]
    fn subscriptions(subscribe in samples::subscribe()) {
        let wire = v1::SubscribeRequest::from(subscribe.clone());
        prop_assert_eq!(Subscribe::try_from(sent(&wire)).unwrap(), subscribe);
    }

    #[test]
    fn events(event in samples::event()) {
        prop_assert_eq!(NumberedEvent::try_from(sent(&v1::Event::from(event.clone()))).unwrap(), event);
    }

    #[test]
    fn calls(call in samples::call()) {
        prop_assert_eq!(heard(call.clone().into()), call);
    }

    #[test]
    fn replies(verdicts in samples::verdicts(), answers in samples::answers(), explanation in samples::explanation(),
               declined: u32, was_sent: bool) {
        let verdicts = Reply::Verdicts(verdicts);
        prop_assert_eq!(&answered::<v1::AcceptResponse>(&verdicts), &verdicts);
        prop_assert_eq!(&answered::<v1::KillResponse>(&answers), &answers);
        prop_assert_eq!(&answered::<v1::ReconcileResponse>(&answers), &answers);
        prop_assert_eq!(&answered::<v1::ExplainResponse>(&explanation), &explanation);
        let (declined, was_sent) = (Reply::Declined(declined), Reply::Sent(was_sent));
        prop_assert_eq!(&answered::<v1::DeclineResponse>(&declined), &declined);
        prop_assert_eq!(&answered::<v1::SendMessageResponse>(&was_sent), &was_sent);
    }

    #[test]
    fn refusals(refusal in samples::refusal()) {
        prop_assert_eq!(status::read(&status::refused(&refusal)), Some(Problem::Refused(refusal)));
    }

    #[test]
    fn agents_speak(message in samples::from_agent()) {
        let wire = v1::AgentMessage::from(message.clone());
        prop_assert_eq!(FromAgent::try_from(sent(&wire)).unwrap(), message);
    }

    #[test]
    fn agents_hear(message in samples::to_agent(), epoch: u64) {
        let wire = v1::MasterMessage::from((Epoch(epoch), message.clone()));
        let heard = <(Epoch, FromMaster)>::try_from(sent(&wire)).unwrap();
        prop_assert_eq!(heard, (Epoch(epoch), FromMaster::Control(message)));
    }

    #[test]
    fn files_are_asked_for(open in samples::open_data(), epoch: u64) {
        let wire = v1::MasterMessage::from((Epoch(epoch), open.clone()));
        let heard = <(Epoch, FromMaster)>::try_from(sent(&wire)).unwrap();
        prop_assert_eq!(heard, (Epoch(epoch), FromMaster::OpenData(open.clone())));
        prop_assert_eq!(OpenData::try_from(sent(&v1::OpenData::from(open.clone()))).unwrap(), open);
    }

    #[test]
    fn executors_speak(message in samples::from_executor()) {
        let wire = v1::ExecutorCall::from(message.clone());
        prop_assert_eq!(FromExecutor::try_from(sent(&wire)).unwrap(), message);
    }

    #[test]
    fn executors_hear(message in samples::to_executor()) {
        let wire = v1::ExecutorEvent::from(message.clone());
        prop_assert_eq!(ToExecutor::try_from(sent(&wire)).unwrap(), message);
    }

    #[test]
    fn changes_are_stored(change in samples::registry_change()) {
        let wire = storage::v1::RegistryChange::from(&change);
        prop_assert_eq!(RegistryChange::try_from(sent(&wire)).unwrap(), change);
    }

    /// Whatever bytes come, reading them answers.
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(wire) = v1::AcceptRequest::decode(&*bytes) {
            drop(<(SessionId, Call)>::try_from(wire));
        }
        if let Ok(wire) = v1::AgentMessage::decode(&*bytes) {
            drop(FromAgent::try_from(wire));
        }
        if let Ok(wire) = v1::ExecutorCall::decode(&*bytes) {
            drop(FromExecutor::try_from(wire));
        }
    }
}

#[test]
fn done_is_done() {
    assert_eq!(answered::<v1::ReviveResponse>(&Reply::Done), Reply::Done);
    assert_eq!(answered::<v1::SuppressResponse>(&Reply::Done), Reply::Done);
    assert_eq!(answered::<v1::AcknowledgeResponse>(&Reply::Done), Reply::Done);
    assert_eq!(answered::<v1::UpdateFrameworkResponse>(&Reply::Done), Reply::Done);
    assert_eq!(answered::<v1::TeardownResponse>(&Reply::Done), Reply::Done);
    assert!(v1::AcceptResponse::try_from(Reply::Done).is_err());
}

#[test]
fn the_built_in_executor_needs_no_command() {
    let built_in = ExecutorInfo {
        id: ExecutorId::built_in(),
        name: "built-in".to_owned(),
        command: Command::default(),
        resources: "cpus:0.1;mem:32".parse().unwrap(),
        data: Vec::new(),
    };
    assert_eq!(ExecutorInfo::try_from(sent(&v1::ExecutorInfo::from(&built_in))).unwrap(), built_in);
}

#[test]
fn a_master_that_does_not_lead_says_who_does() {
    let leader = Some("10.0.0.1:5050".to_owned());
    let problem = status::read(&status::not_leader(leader.as_deref()));
    assert_eq!(problem, Some(Problem::NotLeader { leader }));
    assert_eq!(status::read(&status::not_leader(None)), Some(Problem::NotLeader { leader: None }));
    assert_eq!(status::read(&status::too_slow()), Some(Problem::TooSlow));
    assert_eq!(status::read(&tonic::Status::unavailable("connection refused")), None);
}
