//! The event stream: opened, watched, and opened again, here or at another master.

use crate::{Effect, Notice, Outcome, Session, StreamEnd, StreamId};
use proto_types::{
    scheduling::{Refusal, Resume, Subscribe},
    time::Monotonic,
};
use std::time::Duration;

/// How long a master may take to answer a subscription. It writes to its log first, so less would fail under load.
const SUBSCRIBE_PATIENCE: Duration = Duration::from_secs(10);

/// The first wait after a failure, doubled with each further one. Less would hammer a master that restarts.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);

/// The longest wait. A cluster without a leader is asked so often by each framework.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// So many heartbeats in a row missing, and the stream is dead.
const HEARTBEATS_MISSED_MAX: u32 = 5;

/// Masters that point at each other are followed only so far without a wait.
const REDIRECTS_MAX: u32 = 3;

/// The stream and how to get it.
#[derive(Debug, Default)]
pub(crate) struct Link {
    state: State,
    /// Who leads, as far as anybody said.
    leader: Option<String>,
    /// Whom the present stream goes to.
    trying: String,
    /// The next of the configured masters to try.
    next_master: usize,
    next_stream: u64,
    /// Failures in a row.
    failures: u32,
    redirects: u32,
    trouble: String,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Waiting {
        until: Monotonic,
    },
    Opening {
        stream: StreamId,
        until: Monotonic,
    },
    Open {
        stream: StreamId,
        heartbeat: Duration,
        heard: Monotonic,
    },
    Stopped,
}

impl Link {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// The last failure, for people.
    pub(crate) fn trouble(&self) -> &str {
        &self.trouble
    }

    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        match &self.state {
            State::Idle | State::Stopped => None,
            State::Waiting { until } | State::Opening { until, .. } => Some(*until),
            State::Open { heartbeat, heard, .. } => Some(*heard + *heartbeat * HEARTBEATS_MISSED_MAX),
        }
    }

    pub(crate) fn stream(&self) -> Option<StreamId> {
        match &self.state {
            State::Opening { stream, .. } | State::Open { stream, .. } => Some(*stream),
            State::Idle | State::Waiting { .. } | State::Stopped => None,
        }
    }

    pub(crate) fn stop(&mut self) -> Option<StreamId> {
        let stream = self.stream();
        self.state = State::Stopped;
        stream
    }

    /// The stream lives.
    pub(crate) fn hear(&mut self, now: Monotonic) {
        if let State::Open { heard, .. } = &mut self.state {
            *heard = now;
        }
    }

    /// It lived for a while: the next failure is a first one.
    pub(crate) fn settle(&mut self) {
        self.failures = 0;
        self.redirects = 0;
    }

    pub(crate) fn open(&mut self, stream: StreamId, heartbeat: Duration, now: Monotonic) {
        self.redirects = 0;
        self.leader = Some(self.trying.clone());
        let heartbeat = heartbeat.max(Duration::from_millis(1));
        self.state = State::Open { stream, heartbeat, heard: now };
    }

    fn target(&mut self, masters: &[String]) -> String {
        let target = self.leader.clone().unwrap_or_else(|| {
            let master = masters.get(self.next_master % masters.len().max(1)).cloned().unwrap_or_default();
            self.next_master = self.next_master.wrapping_add(1);
            master
        });
        self.trying.clone_from(&target);
        target
    }

    fn backoff(&mut self, jitter_permille: u16) -> Duration {
        let doubled = BACKOFF_FIRST.saturating_mul(1 << self.failures.min(16)).min(BACKOFF_MAX);
        self.failures = self.failures.saturating_add(1);
        doubled * (1000 + u32::from(jitter_permille)) / 2000
    }
}

impl Session {
    pub(crate) fn connect(&mut self) {
        let master = self.link.target(&self.config.masters);
        self.link.next_stream += 1;
        let stream = StreamId(self.link.next_stream);
        self.link.state = State::Opening { stream, until: self.now + SUBSCRIBE_PATIENCE };
        let resume = self.standing.as_ref().filter(|standing| standing.resumable);
        let subscribe = Subscribe {
            framework: self.config.framework.clone(),
            incarnation: self.config.incarnation,
            cluster: self.config.cluster.clone(),
            wants: self.config.wants.clone(),
            resume: resume.map(|standing| Resume { session: standing.session.clone(), after_event: standing.last }),
        };
        self.out.push(Effect::OpenStream { stream, master, subscribe: Box::new(subscribe) });
    }

    pub(crate) fn on_link_tick(&mut self) {
        if self.link.deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        match self.link.state {
            State::Waiting { .. } => self.connect(),
            State::Opening { .. } => self.lose_link("the master did not answer the subscription"),
            State::Open { .. } => self.lose_link("no heartbeat from the master"),
            State::Idle | State::Stopped => {}
        }
    }

    pub(crate) fn on_stream_ended(&mut self, stream: StreamId, end: StreamEnd) {
        if self.link.stream() != Some(stream) {
            return;
        }
        match end {
            StreamEnd::Refused(refusal) => self.on_subscription_refused(refusal),
            StreamEnd::NotLeader(leader) => self.follow(leader),
            StreamEnd::TooSlow => {
                self.lose_resume();
                self.lose_link("the master cut the stream off because it was read too slowly");
            }
            StreamEnd::Broken(message) => self.lose_link(&message),
        }
    }

    /// Who leads is known: nobody else needs to be asked, and nothing to be waited for.
    pub(crate) fn on_leader(&mut self, leader: String) {
        match self.link.state {
            State::Waiting { .. } => {
                self.link.leader = Some(leader);
                self.connect();
            }
            State::Opening { .. } | State::Open { .. } if self.link.trying != leader => self.follow(Some(leader)),
            State::Opening { .. } | State::Open { .. } | State::Idle | State::Stopped => {}
        }
    }

    /// A subscription or a call was refused in a way that concerns the whole session.
    pub(crate) fn on_subscription_refused(&mut self, refusal: Refusal) {
        let message = refusal.to_string();
        match refusal {
            Refusal::Superseded { .. } => self.stop(Outcome::Superseded { message }),
            Refusal::FrameworkRemoved(_) if self.stopping.as_ref().is_some_and(|stopping| stopping.teardown) => {
                self.stop(Outcome::TornDown);
            }
            Refusal::FrameworkRemoved(_) => self.stop(Outcome::Removed { message }),
            Refusal::StaleSession(_) => {
                self.lose_resume();
                self.lose_link(&message);
            }
            Refusal::Invalid { .. }
            | Refusal::WrongCluster { .. }
            | Refusal::NotFound(_)
            | Refusal::Unauthorized(_)
            | Refusal::Ambiguous(_) => self.stop(Outcome::Refused(refusal)),
        }
    }

    /// This master does not lead; goes where it points.
    pub(crate) fn follow(&mut self, leader: Option<String>) {
        let known = leader.is_some();
        let message = match &leader {
            Some(leader) => format!("the master does not lead; {leader} does"),
            None => "the master does not lead and knows of no leader".to_owned(),
        };
        self.close_link(&message);
        self.link.leader = leader;
        self.link.redirects += 1;
        if known && self.link.redirects <= REDIRECTS_MAX {
            self.connect();
        } else {
            self.link.leader = None;
            self.wait();
        }
    }

    /// What is asked for next begins with a full snapshot.
    pub(crate) fn lose_resume(&mut self) {
        if let Some(standing) = &mut self.standing {
            standing.resumable = false;
        }
    }

    /// Gives the stream up and opens another after a wait.
    pub(crate) fn lose_link(&mut self, message: &str) {
        // The leader is asked again once: more often only the connection broke than the leader died.
        if !self.link.is_open() {
            self.link.leader = None;
        }
        self.close_link(message);
        self.wait();
    }

    fn wait(&mut self) {
        let wait = self.link.backoff(self.jitter_permille);
        self.link.state = State::Waiting { until: self.now + wait };
    }

    fn close_link(&mut self, message: &str) {
        let was_open = self.link.is_open();
        message.clone_into(&mut self.link.trouble);
        if let Some(stream) = self.link.stream() {
            self.out.push(Effect::CloseStream(stream));
        }
        self.link.state = State::Idle;
        if was_open {
            self.deliver(Notice::Disconnected { message: message.to_owned() });
        }
    }
}
