//! Asking instances whether they are healthy and ready.

use crate::term::Inbox;
use marathon_lite_core::{
    health::{Probe, ProbeResult, ProbeTarget},
    scheduler::Input,
};
use proto_types::TaskId;
use reqwest::{Client, header};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{net::TcpStream, sync::Semaphore, task::AbortHandle, time::Instant};

/// Probes at once. More, and a stall of the network makes thousands of connections; fewer, and ten thousand instances
/// are not asked in their intervals.
const PROBES_MAX: usize = 512;

/// What is kept of a readiness check's answer.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Which check of an instance; none: its readiness.
type Check = Option<usize>;

/// Everybody who is asked.
pub(crate) struct Probes {
    client: Client,
    inbox: Inbox,
    permits: Arc<Semaphore>,
    running: BTreeMap<TaskId, BTreeMap<Check, AbortHandle>>,
}

impl Probes {
    /// Nobody yet.
    ///
    /// # Errors
    /// The HTTP client cannot be made, such as for want of TLS.
    pub(crate) fn new(inbox: Inbox) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // Who answers is asked nothing but whether it answers; the certificate is for its users to check.
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            // A connection kept from before says nothing about whether another opens.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { client, inbox, permits: Arc::new(Semaphore::new(PROBES_MAX)), running: BTreeMap::new() })
    }

    /// Asks an instance for its health again and again.
    pub(crate) fn start_health(&mut self, task: &TaskId, check: usize, probe: Probe) {
        let asking = ask_health(self.asker(task), check, probe);
        self.put(task, Some(check), tokio::spawn(asking).abort_handle());
    }

    /// Asks an instance again and again whether it is ready.
    pub(crate) fn start_readiness(&mut self, task: &TaskId, probe: Probe) {
        let asking = ask_readiness(self.asker(task), probe);
        self.put(task, None, tokio::spawn(asking).abort_handle());
    }

    /// Asks an instance no more whether it is ready.
    pub(crate) fn stop_readiness(&mut self, task: &TaskId) {
        let Some(checks) = self.running.get_mut(task) else { return };
        if let Some(asking) = checks.remove(&None) {
            asking.abort();
        }
        if checks.is_empty() {
            self.running.remove(task);
        }
    }

    /// Asks an instance no more.
    pub(crate) fn stop(&mut self, task: &TaskId) {
        for asking in self.running.remove(task).unwrap_or_default().into_values() {
            asking.abort();
        }
    }

    fn asker(&self, task: &TaskId) -> Asker {
        let (client, inbox, permits) = (self.client.clone(), self.inbox.clone(), Arc::clone(&self.permits));
        Asker { client, inbox, permits, task: task.clone() }
    }

    fn put(&mut self, task: &TaskId, check: Check, asking: AbortHandle) {
        if let Some(before) = self.running.entry(task.clone()).or_default().insert(check, asking) {
            before.abort();
        }
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.running.values().flat_map(BTreeMap::values).for_each(AbortHandle::abort);
    }
}

/// Who asks one instance.
struct Asker {
    client: Client,
    inbox: Inbox,
    permits: Arc<Semaphore>,
    task: TaskId,
}

async fn ask_health(asker: Asker, check: usize, probe: Probe) {
    let mut due = Instant::now() + probe.first_after;
    loop {
        tokio::time::sleep_until(due).await;
        let Ok(permit) = asker.permits.acquire().await else { return };
        // The wait for a permit is not the instance's fault, and does not count.
        let begin = Instant::now();
        let asked = health(&asker.client, &probe.target);
        let result = tokio::time::timeout(probe.timeout, asked).await.unwrap_or_else(|_| {
            ProbeResult::Failed(format!("no answer within {}", humantime::format_duration(probe.timeout)))
        });
        drop(permit);
        if !asker.inbox.put_input(Input::Health { instance: asker.task.clone(), check, result }).await {
            return;
        }
        due = (begin + probe.interval).max(Instant::now());
    }
}

async fn ask_readiness(asker: Asker, probe: Probe) {
    let mut due = Instant::now() + probe.first_after;
    loop {
        tokio::time::sleep_until(due).await;
        let Ok(permit) = asker.permits.acquire().await else { return };
        let begin = Instant::now();
        let asked = readiness(&asker.client, &probe.target);
        let response = tokio::time::timeout(probe.timeout, asked)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {}", humantime::format_duration(probe.timeout))));
        drop(permit);
        if !asker.inbox.put_input(Input::Readiness { instance: asker.task.clone(), response }).await {
            return;
        }
        due = (begin + probe.interval).max(Instant::now());
    }
}

async fn health(client: &Client, target: &ProbeTarget) -> ProbeResult {
    match target {
        ProbeTarget::Http { url, ignore_1xx } => match client.get(url).send().await {
            Ok(response) => judge(response.status().as_u16(), *ignore_1xx),
            Err(error) => ProbeResult::Failed(kit::exit::chain(&error)),
        },
        ProbeTarget::Tcp { host, port } => match TcpStream::connect((host.as_str(), *port)).await {
            Ok(_) => ProbeResult::Passed,
            Err(error) => ProbeResult::Failed(error.to_string()),
        },
    }
}

fn judge(status: u16, ignore_1xx: bool) -> ProbeResult {
    match status {
        200..400 => ProbeResult::Passed,
        100..200 if ignore_1xx => ProbeResult::Ignored,
        status => ProbeResult::Failed(format!("the status is {status}")),
    }
}

async fn readiness(client: &Client, target: &ProbeTarget) -> Result<(u16, String, String), String> {
    let ProbeTarget::Http { url, .. } = target else { return Err("readiness is asked for with HTTP only".to_owned()) };
    let failed = |error: reqwest::Error| kit::exit::chain(&error);
    let mut response = client.get(url).send().await.map_err(failed)?;
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("text/plain").to_owned();
    let mut body = Vec::new();
    while body.len() < BODY_BYTES_MAX {
        let Some(piece) = response.chunk().await.map_err(failed)? else { break };
        body.extend_from_slice(&piece[..piece.len().min(BODY_BYTES_MAX - body.len())]);
    }
    Ok((response.status().as_u16(), kind, String::from_utf8_lossy(&body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Message;
    use axum::{Router, http::StatusCode, routing::get};
    use std::time::Duration;
    use tokio::{net::TcpListener, sync::mpsc};

    fn probes() -> (Probes, mpsc::Receiver<Message>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bell = proffer_framework::Framework::builder("test").build().unwrap().handle();
        let (inbox, messages) = Inbox::new(bell);
        (Probes::new(inbox).unwrap(), messages)
    }

    fn probe(target: ProbeTarget) -> Probe {
        let (first_after, interval, timeout) =
            (Duration::from_millis(1), Duration::from_millis(20), Duration::from_millis(300));
        Probe { target, first_after, interval, timeout }
    }

    fn http(address: &str, path: &str) -> Probe {
        probe(ProbeTarget::Http { url: format!("http://{address}{path}"), ignore_1xx: true })
    }

    async fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let slow = || async { tokio::time::sleep(Duration::from_secs(60)).await };
        let router = Router::new()
            .route("/ok", get(|| async { "ready" }))
            .route("/moved", get(|| async { StatusCode::FOUND }))
            .route("/sick", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "not yet") }))
            .route("/slow", get(slow));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    async fn next(messages: &mut mpsc::Receiver<Message>) -> Input {
        match tokio::time::timeout(Duration::from_secs(10), messages.recv()).await.unwrap().unwrap() {
            Message::Input(input) => input,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn instances_are_asked_again_and_again_until_told_to_stop() {
        let (mut probes, mut messages) = probes();
        let (task, address) = (TaskId::new("web.1").unwrap(), server().await);
        for (path, expected) in [
            ("/ok", ProbeResult::Passed),
            ("/moved", ProbeResult::Passed),
            ("/sick", ProbeResult::Failed("the status is 503".into())),
            ("/slow", ProbeResult::Failed("no answer within 300ms".into())),
        ] {
            probes.start_health(&task, 2, http(&address, path));
            for _ in 0..2 {
                let Input::Health { instance, check, result } = next(&mut messages).await else { panic!("no health") };
                assert_eq!((instance, check, result), (task.clone(), 2, expected.clone()));
            }
            probes.stop(&task);
            tokio::time::sleep(Duration::from_millis(50)).await;
            while messages.try_recv().is_ok() {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(messages.try_recv().is_err(), "nobody asks any more");
    }

    #[tokio::test]
    async fn connections_are_tried() {
        let (mut probes, mut messages) = probes();
        let (task, address) = (TaskId::new("web.1").unwrap(), server().await);
        let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
        probes.start_health(&task, 0, probe(ProbeTarget::Tcp { host: "127.0.0.1".into(), port }));
        assert!(matches!(next(&mut messages).await, Input::Health { result: ProbeResult::Passed, .. }));
        probes.start_health(&task, 0, probe(ProbeTarget::Tcp { host: "127.0.0.1".into(), port: 1 }));
        loop {
            // The one before may have had its answer.
            let Input::Health { result, .. } = next(&mut messages).await else { panic!("no health") };
            if matches!(&result, ProbeResult::Failed(why) if why.contains("refused")) {
                break;
            }
        }
    }

    #[tokio::test]
    async fn readiness_comes_with_its_answer() {
        let (mut probes, mut messages) = probes();
        let (task, address) = (TaskId::new("web.1").unwrap(), server().await);
        probes.start_readiness(&task, http(&address, "/sick"));
        let Input::Readiness { response, .. } = next(&mut messages).await else { panic!("no readiness") };
        assert_eq!(response.unwrap(), (503, "text/plain; charset=utf-8".into(), "not yet".into()));
        probes.stop_readiness(&task);
        assert!(probes.running.is_empty());
        probes.start_readiness(&task, http("127.0.0.1:1", "/"));
        let Input::Readiness { response, .. } = next(&mut messages).await else { panic!("no readiness") };
        assert!(response.unwrap_err().contains("refused"));
    }
}
