//! The driver against a master made for the test: real connections, scripted answers.

mod master;

use master::{Master, subscribed};
use proffer_framework::{Context, Error, Framework, FrameworkId, Offer, Scheduler, TaskState, TaskStatus, task};

/// Launches a task on each offer and ends when so many are over.
struct Counting {
    wanted: usize,
    launched: usize,
    over: usize,
    subscriptions: Vec<bool>,
    id: Option<FrameworkId>,
}

impl Counting {
    fn new(wanted: usize) -> Self {
        Self { wanted, launched: 0, over: 0, subscriptions: Vec::new(), id: None }
    }
}

impl Scheduler for Counting {
    fn subscribed(&mut self, _context: &mut Context<'_>, framework: &FrameworkId, resumed: bool) {
        self.subscriptions.push(resumed);
        self.id = Some(framework.clone());
    }

    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        for offer in &offers {
            self.launched += 1;
            context.launch(offer, [task(format!("t{}", self.launched)).command(["true"]).cpus(0.1).build().unwrap()]);
        }
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        if status.state == TaskState::Finished {
            self.over += 1;
            if self.over == self.wanted {
                context.stop();
            }
        }
    }
}

#[tokio::test]
async fn tasks_go_round_and_everything_is_batched() {
    const TASKS: usize = 20_000;
    let master = Master::start().await;
    let mut scheduler = Counting::new(TASKS);
    let framework = Framework::builder("test").master(&master.address).build().unwrap();
    let serving = tokio::spawn(master.clone().offer_in_batches(TASKS, 500));
    framework.run(&mut scheduler).await.unwrap();
    serving.await.unwrap();
    let counts = master.counts();
    assert_eq!(counts.accepted_tasks, TASKS);
    assert_eq!(counts.acknowledged, TASKS, "every update was acknowledged before the end");
    assert!(counts.accepts < TASKS / 10, "{} accepts", counts.accepts);
    assert!(counts.acknowledges < TASKS / 10, "{} acknowledges", counts.acknowledges);
}

#[tokio::test]
async fn a_broken_stream_is_resumed_and_the_id_is_kept() {
    let master = Master::start().await;
    let directory = tempfile::tempdir().unwrap();
    let id_file = directory.path().join("id");
    let mut scheduler = Counting::new(1);
    let framework = Framework::builder("test").master(&master.address).id_file(&id_file).build().unwrap();
    let script = {
        let master = master.clone();
        tokio::spawn(async move {
            let (request, events) = master.subscription().await;
            assert!(request.framework.unwrap().id.is_empty());
            events.send(Ok(subscribed(1, "S1", false))).await.unwrap();
            events.send(Ok(master::offers(2, &["o1"]))).await.unwrap();
            master.accepted().await;
            drop(events);
            let (request, events) = master.subscription().await;
            assert_eq!(request.resume.unwrap().after_event, 2);
            events.send(Ok(subscribed(2, "S1", true))).await.unwrap();
            events.send(Ok(master::finished(3, &["t1"]))).await.unwrap();
            events
        })
    };
    framework.run(&mut scheduler).await.unwrap();
    drop(script.await.unwrap());
    assert_eq!(scheduler.subscriptions, [false, true]);
    let kept = String::from_utf8_lossy(&std::fs::read(&id_file).unwrap()).into_owned();
    assert!(kept.contains("F1") && kept.contains("C1"), "{kept}");
}

#[tokio::test]
async fn a_refused_subscription_ends_it_with_the_field() {
    let master = Master::start().await;
    let framework = Framework::builder("test").master(&master.address).build().unwrap();
    let refusal = proffer_framework::Refusal::Invalid { field: "framework.name".into(), message: "is bad".into() };
    let script = {
        let master = master.clone();
        tokio::spawn(async move {
            let (_, events) = master.subscription().await;
            events.send(Err(proffer_proto::convert::status::refused(&refusal))).await.unwrap();
        })
    };
    let error = framework.run(&mut Counting::new(1)).await.unwrap_err();
    script.await.unwrap();
    let text = proffer_framework::Trouble(&error).to_string();
    assert!(matches!(error, Error::Refused(_)) && text.contains("framework.name"), "{text}");
}

#[tokio::test]
async fn the_leader_is_followed() {
    let (standby, leader) = (Master::start().await, Master::start().await);
    let framework = Framework::builder("test").master(&standby.address).build().unwrap();
    let handle = framework.handle();
    let script = {
        let (standby, leader) = (standby.clone(), leader.clone());
        tokio::spawn(async move {
            let (_, events) = standby.subscription().await;
            events.send(Err(proffer_proto::convert::status::not_leader(Some(&leader.address)))).await.unwrap();
            let (_, events) = leader.subscription().await;
            events.send(Ok(subscribed(1, "S1", false))).await.unwrap();
            handle.stop().await.unwrap();
            events
        })
    };
    framework.run(&mut Counting::new(1)).await.unwrap();
    drop(script.await.unwrap());
}

#[tokio::test]
async fn nobody_there_is_said_in_time() {
    let wait = std::time::Duration::from_millis(300);
    let framework = Framework::builder("test").master("127.0.0.1:1").connect_timeout(wait);
    let error = framework.run(&mut Counting::new(1)).await.unwrap_err();
    assert!(error.to_string().starts_with("no master at 127.0.0.1:1: "), "{error}");
}
