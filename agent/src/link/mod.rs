//! The link to the master: found, opened, kept, and found again.

pub(crate) mod data;
mod pace;

use crate::driver::Event;
use agent_core::{Closed, Input, LinkId};
use coordination::{Detector, Masters};
use data::Files;
use pace::Pace;
use proffer_proto::{
    convert::{link::FromMaster, status},
    v1::{AgentMessage, MasterMessage, agent_service_client::AgentServiceClient},
};
use proto_types::{
    Epoch,
    link::{RefusedReason, ToAgent},
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::{debug, info, warn};

/// Messages to the master that may wait. A master that lets more gather is too slow; the link is opened anew.
const MESSAGES_MAX: usize = 4096;

/// How long opening the stream may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is said that no master leads.
const DETECTION_REPORT: Duration = Duration::from_secs(5);

/// Messages of a master may be as large as a launch of a thousand tasks with long commands; but one launch must fit into
/// a record of the journal.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// The driver's end of a link.
#[derive(Debug)]
pub(crate) struct LinkHandle {
    pub(crate) messages: mpsc::Sender<AgentMessage>,
    pub(crate) close: oneshot::Sender<Closed>,
}

/// How a link ended.
enum Ended {
    /// The leader is elsewhere.
    Elsewhere(String),
    /// The connection is gone or was never there.
    Broken(String),
    /// The agent ended it.
    Closed(Closed),
}

/// What keeps the link.
pub(crate) struct Connector {
    masters: Vec<String>,
    /// Follows who leads, where ZooKeeper knows.
    detector: Option<Detector>,
    events: mpsc::Sender<Event>,
    files: Files,
}

/// How it has gone so far.
#[derive(Default)]
struct Attempts {
    links: u64,
    next: usize,
    /// Who leads, as far as anybody said.
    leader: Option<String>,
    pace: Pace,
}

impl Connector {
    pub(crate) fn new(masters: Masters, events: mpsc::Sender<Event>, files: Files) -> Self {
        let (masters, detector) = match masters {
            Masters::Listed(masters) => (masters, None),
            Masters::Elected(address) => (Vec::new(), Some(Detector::new(address))),
        };
        Self { masters, detector, events, files }
    }

    /// Keeps a link to the leader, for ever.
    pub(crate) async fn run(self) {
        let mut attempts = Attempts::default();
        while !self.events.is_closed() {
            let address = self.next_master(&mut attempts).await;
            attempts.links += 1;
            let link = LinkId(attempts.links);
            let ended = self.hold(link, &address, &mut attempts.pace).await;
            if self.events.send(Event::Input(Input::LinkClosed { link })).await.is_err() {
                return;
            }
            let wait = self.on_ended(&address, ended, &mut attempts);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // However long the old leader was tried in vain: the new one is there now.
                leader = self.deposed(&address) => attempts.leader = Some(leader),
            }
        }
    }

    /// Whom to try next: the leader where it is known, else one of the masters after the other.
    async fn next_master(&self, attempts: &mut Attempts) -> String {
        let leader = match attempts.leader.take() {
            Some(leader) => leader,
            None => match &self.detector {
                Some(detector) => found(detector).await,
                None => {
                    attempts.next += 1;
                    return self.masters[(attempts.next - 1) % self.masters.len()].clone();
                }
            },
        };
        tokio::time::sleep(attempts.pace.scatter(&leader, rand::random())).await;
        leader
    }

    /// Waits until another master than this one leads.
    async fn deposed(&self, address: &str) -> String {
        match &self.detector {
            Some(detector) => detector.other_than(address).await.address,
            None => std::future::pending().await,
        }
    }

    /// Says how long to wait before the next try.
    fn on_ended(&self, address: &str, ended: Ended, attempts: &mut Attempts) -> Duration {
        attempts.pace.ended();
        match ended {
            Ended::Elsewhere(leader) if leader != address => {
                debug!(%address, %leader, "the leader is elsewhere");
                attempts.leader = Some(leader);
                if attempts.pace.failures() <= self.masters.len() as u32 + 1 {
                    return Duration::ZERO;
                }
            }
            Ended::Elsewhere(_) => {}
            Ended::Broken(why) if attempts.pace.failures() == 1 => warn!(%address, "no link to the master: {why}"),
            Ended::Broken(why) => debug!(%address, "no link to the master: {why}"),
            Ended::Closed(Closed::Refused { reason, message }) => {
                warn!(%address, ?reason, "the master refused the agent: {message}");
                if matches!(reason, RefusedReason::WrongCluster | RefusedReason::Invalid) {
                    return pace::IN_VAIN;
                }
            }
            Ended::Closed(why) => info!(%address, ?why, "the link to the master is closed"),
        }
        attempts.pace.wait(rand::random())
    }

    /// Opens a link and passes on what the master says, until it ends.
    async fn hold(&self, link: LinkId, address: &str, pace: &mut Pace) -> Ended {
        let channel = match kit::channel::tcp(address).await {
            Ok(channel) => channel,
            Err(error) => return Ended::Broken(kit::exit::chain(&error)),
        };
        let (messages, outgoing) = mpsc::channel(MESSAGES_MAX);
        let (close, mut closed) = oneshot::channel();
        if self.events.send(Event::LinkOpened(link, LinkHandle { messages, close })).await.is_err() {
            return Ended::Broken("the agent stops".to_owned());
        }
        let mut client = AgentServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let opening = timeout(OPEN_TIMEOUT, client.link(ReceiverStream::new(outgoing)));
        let mut incoming: Streaming<MasterMessage> = match opening.await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return ended_by(&status),
            Err(_) => return Ended::Broken("the master does not answer".to_owned()),
        };
        let mut deposed = std::pin::pin!(self.deposed(address));
        loop {
            tokio::select! {
                // A leader that is cut off from ZooKeeper may not know yet that it leads no more.
                leader = &mut deposed => return Ended::Elsewhere(leader),
                why = &mut closed => return match why {
                    Ok(why) => Ended::Closed(why),
                    // The driver let go of a link on which too much waited.
                    Err(_) => Ended::Broken("the master reads too slowly".to_owned()),
                },
                message = incoming.message() => match message {
                    Ok(Some(message)) => if let Err(ended) = self.on_message(link, address, message, pace).await {
                        return ended;
                    },
                    Ok(None) => return Ended::Broken("the master closed the link".to_owned()),
                    Err(status) => return ended_by(&status),
                },
            }
        }
    }

    async fn on_message(
        &self,
        link: LinkId,
        address: &str,
        message: MasterMessage,
        pace: &mut Pace,
    ) -> Result<(), Ended> {
        let read: Result<(Epoch, FromMaster), _> = message.try_into();
        let (epoch, message) = match read {
            Ok(read) => read,
            Err(invalid) => {
                warn!(%address, "a message of the master is passed over: {invalid}");
                return Ok(());
            }
        };
        match message {
            FromMaster::OpenData(open) => self.files.open(address, open),
            FromMaster::Control(message) => {
                if let ToAgent::Registered { id, cluster, reconnect_within, .. } = &message {
                    info!(%address, agent = %id, %cluster, %epoch, "registered");
                    pace.admitted(address, *reconnect_within);
                }
                // The master ends the link with it, which may be seen before the core has judged it.
                let refused = match &message {
                    ToAgent::Refused { reason, message } => {
                        Some(Closed::Refused { reason: *reason, message: message.clone() })
                    }
                    _ => None,
                };
                let input = Input::FromMaster { link, epoch, message };
                let gone = |_| Ended::Broken("the agent stops".to_owned());
                self.events.send(Event::Input(input)).await.map_err(gone)?;
                if let Some(refused) = refused {
                    return Err(Ended::Closed(refused));
                }
            }
        }
        Ok(())
    }
}

/// Waits until somebody leads.
async fn found(detector: &Detector) -> String {
    let mut said = String::new();
    loop {
        match detector.leader(DETECTION_REPORT).await {
            Ok(leader) => return leader.address,
            Err(why) if why == said => debug!("no master to register with: {why}"),
            Err(why) => {
                warn!("no master to register with: {why}");
                said = why;
            }
        }
    }
}

fn ended_by(status: &Status) -> Ended {
    match status::read(status) {
        Some(status::Problem::NotLeader { leader: Some(leader) }) => Ended::Elsewhere(leader),
        _ => Ended::Broken(format!("{}: {}", status.code(), status.message())),
    }
}
