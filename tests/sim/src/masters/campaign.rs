//! Standing for election through ZooKeeper: the shell around [`coordination_core::Candidacy`].

use super::{MasterInput, MasterState, TermLog, writer::Writer};
use crate::{
    checker::Meaning,
    hosts::{Host, Life, MasterIndex},
    kernel::Event,
    network::{NetId, Packet, Side},
    sabotage::Switch,
    violation::Invariant,
    world::World,
    zookeeper::{FromZooKeeper, SessionNumber, ToZooKeeper},
};
use coordination::{
    Candidate,
    entry::{Author, Stamp, author},
    replay::Read,
    succession::Mistake,
    zookeeper::bid::Bid,
};
use coordination_core::{Candidacy, Config, Effect, End, Input, Request, Ticket};
use proto_types::ClusterId;
use std::time::Duration;

/// How often a candidate looks at its clock.
const TICK: Duration = Duration::from_millis(100);

/// Before a client that lost its connection connects again; the least and the most.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(600));

/// Before another campaign begins after one that came to nothing; the least and the most.
const CAMPAIGN_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// How long a leader may go on after its session ended because of its silence: its own clock has to be ahead of that.
const STEP_DOWN_LATE: Duration = Duration::from_millis(500);

/// A candidacy and its client, for as long as one session should last.
#[derive(Debug)]
pub struct Campaign {
    /// Which campaign of the world it is.
    pub number: u64,
    core: Candidacy,
    /// What is read until the epoch stands.
    bid: Option<Bid>,
    /// Whether its first entry is being written.
    began: bool,
    connection: Option<NetId>,
    /// Whether the connection serves.
    open: bool,
    session: Option<SessionNumber>,
    /// How often it connected.
    connected: u32,
    /// Whether the answer to what is being written may have been lost.
    pub(super) doubted: bool,
}

impl Campaign {
    /// Whether it has this connection.
    #[must_use]
    pub fn holds(&self, connection: NetId) -> bool {
        self.connection == Some(connection)
    }
}

impl World {
    /// A standby begins to stand for election.
    pub(crate) fn on_campaign_begins(&mut self, index: MasterIndex, life: Life) {
        let host = self.master(index);
        if host.life != life || host.campaign.is_some() || !matches!(host.state, MasterState::Standby) {
            return;
        }
        if let Some(until) = host.stalled {
            return self.kernel.queue.plan(until + Duration::from_micros(5), Event::CampaignBegins(index, life));
        }
        let Some(connection) = self.connect_to_zookeeper(Host::Master(index), life) else {
            return self.campaign_again(index);
        };
        let Some(ensemble) = &self.coordination.ensemble else { return };
        let paths = ensemble.paths.clone();
        self.campaigns += 1;
        let number = self.campaigns;
        let session_timeout = if self.sabotages(Switch::LeaseIgnored) {
            Duration::from_secs(1 << 20)
        } else {
            self.settings.session_timeout
        };
        let config = Config { paths, nonce: format!("{index}-{number}"), session_timeout, peek: author };
        let now = self.kernel.now.now(0).monotonic;
        let candidate =
            Candidate { address: index.to_string(), cluster: self.master(index).cluster.clone(), adopts_above: None };
        self.master_mut(index).campaign = Some(Box::new(Campaign {
            number,
            core: Candidacy::new(config, now),
            bid: Some(Bid::new(candidate)),
            began: false,
            connection: Some(connection),
            open: false,
            session: None,
            connected: 0,
            doubted: false,
        }));
        self.kernel.send(connection, Side::Client, Packet::ToZooKeeper(ToZooKeeper::Open(index, None)));
        self.kernel.after(TICK, Event::CampaignTicks(index, life, number));
    }

    fn campaign_again(&mut self, index: MasterIndex) {
        let pause = self.kernel.chances.backoff.between(CAMPAIGN_AGAIN.0, CAMPAIGN_AGAIN.1);
        let life = self.master(index).life;
        self.kernel.after(pause, Event::CampaignBegins(index, life));
    }

    /// The campaign of this number, if the process still runs it.
    fn campaign_mut(&mut self, index: MasterIndex, number: u64) -> Option<&mut Campaign> {
        self.master_mut(index).campaign.as_deref_mut().filter(|campaign| campaign.number == number)
    }

    pub(crate) fn on_campaign_ticks(&mut self, index: MasterIndex, life: Life, number: u64) {
        if self.master(index).life != life || self.campaign_mut(index, number).is_none() {
            return;
        }
        if let Some(until) = self.master(index).stalled {
            let at = until + Duration::from_micros(4);
            return self.kernel.queue.plan(at, Event::CampaignTicks(index, life, number));
        }
        self.kernel.after(TICK, Event::CampaignTicks(index, life, number));
        self.give_campaign(index, Input::Tick);
        self.check_lease(index);
    }

    /// A leader looks whether it may still believe that it leads before it acts, as a real one does.
    pub(super) fn look_at_lease(&mut self, index: MasterIndex) {
        let now = self.kernel.now.now(0).monotonic;
        let leading = self.master(index).campaign.as_ref().filter(|_| self.master(index).term().is_some());
        if leading.is_some_and(|campaign| campaign.core.leads_until() <= now) {
            self.give_campaign(index, Input::Tick);
        }
    }

    /// A leader whose session ended because of its silence has stepped down by its own clock before.
    fn check_lease(&mut self, index: MasterIndex) {
        let host = self.master(index);
        let session = host.campaign.as_ref().and_then(|campaign| campaign.session);
        let (Some(term), Some(session)) = (host.term(), session) else { return };
        let ended = self.coordination.ensemble.as_ref().and_then(|ensemble| ensemble.ended_at(session));
        if let Some(ended) = ended.filter(|ended| self.kernel.now - *ended > STEP_DOWN_LATE) {
            let detail = format!("{index} leads in epoch {}, its session ended at {ended} s", term.epoch);
            self.checker.violate(Invariant::ALeaderThatIsCutOffStepsDown, detail);
        }
    }

    /// A client that lost its connection connects again.
    pub(crate) fn on_campaign_connects(&mut self, index: MasterIndex, life: Life, number: u64) {
        if self.master(index).life != life || self.campaign_mut(index, number).is_none() {
            return;
        }
        if let Some(until) = self.master(index).stalled {
            let at = until + Duration::from_micros(6);
            return self.kernel.queue.plan(at, Event::CampaignConnects(index, life, number));
        }
        let Some(connection) = self.connect_to_zookeeper(Host::Master(index), life) else {
            return self.reconnect(index, number);
        };
        let Some(campaign) = self.campaign_mut(index, number) else { return };
        (campaign.connection, campaign.open) = (Some(connection), false);
        let session = campaign.session;
        self.kernel.send(connection, Side::Client, Packet::ToZooKeeper(ToZooKeeper::Open(index, session)));
    }

    fn reconnect(&mut self, index: MasterIndex, number: u64) {
        let pause = self.kernel.chances.backoff.between(RECONNECT.0, RECONNECT.1);
        let life = self.master(index).life;
        self.kernel.after(pause, Event::CampaignConnects(index, life, number));
    }

    pub(crate) fn on_packet_for_campaign(&mut self, index: MasterIndex, connection: NetId, packet: Option<Packet>) {
        if self.master(index).stalled.is_some() {
            self.master_mut(index).inbox.push_back(MasterInput::ZooKeeper(connection, packet));
            return;
        }
        let Some(campaign) = self.master_mut(index).campaign.as_deref_mut() else { return };
        if !campaign.holds(connection) {
            return;
        }
        let number = campaign.number;
        match packet {
            Some(Packet::FromZooKeeper(FromZooKeeper::Opened(session))) => {
                (campaign.session, campaign.open) = (session, true);
                campaign.connected += 1;
                self.give_campaign(index, Input::Connected);
            }
            Some(Packet::FromZooKeeper(FromZooKeeper::Answer(ticket, answer))) => {
                self.give_campaign(index, Input::Answered(ticket, answer));
            }
            Some(Packet::FromZooKeeper(FromZooKeeper::Changed(path))) => {
                self.give_campaign(index, Input::Changed(path));
            }
            None | Some(Packet::End) => {
                campaign.connection = None;
                self.kernel.network.close_end(connection, Side::Client);
                let doubted = self.writes(index);
                if let Some(campaign) = self.campaign_mut(index, number) {
                    campaign.doubted = doubted;
                }
                self.give_campaign(index, Input::Disconnected);
                self.reconnect(index, number);
            }
            Some(_) => {}
        }
    }

    /// The candidacy reacts to something.
    pub(super) fn give_campaign(&mut self, index: MasterIndex, input: Input) {
        let now = self.kernel.now.now(0).monotonic;
        let Some(campaign) = self.master_mut(index).campaign.as_deref_mut() else { return };
        let number = campaign.number;
        let effects = campaign.core.handle(now, input);
        for effect in effects {
            // What came before may have ended it.
            if self.campaign_mut(index, number).is_none() {
                return;
            }
            self.carry_out_campaign(index, effect);
        }
    }

    fn carry_out_campaign(&mut self, index: MasterIndex, effect: Effect) {
        match effect {
            Effect::Ask(ticket, request) => self.ask_zookeeper(index, ticket, request),
            Effect::Elected => self.kernel.note(format_args!("{index} is elected")),
            Effect::Entry(entry, bytes) => {
                let trusting = self.sabotages(Switch::LogTrustedTooSoon);
                let Some(campaign) = self.master_mut(index).campaign.as_deref_mut() else { return };
                let Some(bid) = campaign.bid.as_mut().filter(|_| !(campaign.began && trusting)) else { return };
                if let Err(mistake) = bid.read(entry, &bytes) {
                    self.give_up(index, &mistake);
                }
            }
            Effect::Read => self.begin_epoch(index),
            Effect::Standing => self.take_office(index),
            Effect::Written(entry) => self.on_entry_written(index, entry),
            Effect::Unannounced { path, why } => {
                self.kernel.note(format_args!("{index} cannot show itself at {path}: {why}"));
            }
            Effect::Ended(End::Deposed(_)) if self.sabotages(Switch::HigherEpochIgnored) => {
                self.believe_written(index);
            }
            Effect::Ended(end) => self.end_campaign(index, &end.to_string()),
        }
    }

    fn ask_zookeeper(&mut self, index: MasterIndex, ticket: Ticket, request: Request) {
        if self.overlooks(index, &request) {
            return;
        }
        let Some(campaign) = &self.master(index).campaign else { return };
        // What is asked without a connection is not answered; it is asked again once there is one.
        if let Some(connection) = campaign.connection.filter(|_| campaign.open) {
            let ask = ToZooKeeper::Ask(ticket, request);
            self.kernel.send(connection, Side::Client, Packet::ToZooKeeper(ask));
        }
    }

    /// Whether a standby that has connected again does not look who is before it. Only on purpose.
    fn overlooks(&self, index: MasterIndex, request: &Request) -> bool {
        if !self.sabotages(Switch::WatchNotSetAgain) {
            return false;
        }
        let Some(ensemble) = &self.coordination.ensemble else { return false };
        let again = self.master(index).campaign.as_ref().is_some_and(|campaign| campaign.connected > 1);
        again && matches!(request, Request::List { path } if *path == ensemble.paths.election())
    }

    /// All is read: the first entry of the next epoch is written.
    fn begin_epoch(&mut self, index: MasterIndex) {
        let (stamp, fresh) = (self.stamp(), self.coordination.fresh_cluster());
        let Some(campaign) = self.master_mut(index).campaign.as_deref_mut() else { return };
        let number = campaign.number;
        let Some(bid) = &mut campaign.bid else { return };
        match bid.begin(fresh, stamp) {
            Ok((entry, shown)) => {
                campaign.began = true;
                self.checker.log_sealed(number, &entry, Meaning::Begun);
                self.give_campaign(index, Input::Begin(entry, shown));
            }
            Err(mistake) => self.give_up(index, &mistake),
        }
    }

    /// What tells one entry from another.
    pub(super) fn stamp(&mut self) -> Stamp {
        self.entries_sealed += 1;
        let written_ms = self.kernel.now.now(0).wall.0;
        // Far apart, so that one that is read wrongly is none of the others.
        Stamp { nonce: self.entries_sealed.wrapping_mul(0x9e37_79b9_7f4a_7c15), written_ms }
    }

    /// The epoch stands.
    fn take_office(&mut self, index: MasterIndex) {
        let Some(campaign) = self.master_mut(index).campaign.as_deref_mut() else { return };
        let number = campaign.number;
        let Some(bid) = campaign.bid.take() else { return };
        match bid.stand() {
            Ok((author, read)) => self.lead(index, number, author, read),
            Err(mistake) => self.give_up(index, &mistake),
        }
    }

    fn lead(&mut self, index: MasterIndex, campaign: u64, author: Author, read: Read) {
        let epoch = author.epoch;
        self.checker.epoch_stands(campaign, epoch, &read.changes);
        let wanted: Option<&ClusterId> = self.master(index).cluster.as_ref();
        if let Some(wanted) = wanted.filter(|wanted| **wanted != author.cluster) {
            let detail = format!("{index} led cluster {wanted} and now leads {}", author.cluster);
            self.checker.violate(Invariant::AClusterKeepsItsId, detail);
        }
        self.master_mut(index).cluster = Some(author.cluster.clone());
        let cluster = author.cluster.clone();
        let log = TermLog::Fenced(Box::new(Writer::new(campaign, author, read.next)));
        self.begin_term(index, cluster, epoch, read.changes, log);
    }

    /// A candidate that must not lead here ends, as its process would.
    fn give_up(&mut self, index: MasterIndex, mistake: &Mistake) {
        self.kernel.note(format_args!("{index} gives up: {mistake}"));
        if let Mistake::Damaged(damage) = mistake {
            self.checker.violate(Invariant::TheLogCanBeRead, format!("{index}: {damage}"));
        }
        self.crash_master(index);
    }

    /// Asks for something that the candidacy knows nothing of. Only on purpose.
    pub(super) fn ask_past_candidacy(&mut self, index: MasterIndex, request: Request) {
        self.ask_zookeeper(index, Ticket(u64::MAX), request);
    }

    /// The campaign is over: its session is ended, and another campaign begins.
    pub(super) fn end_campaign(&mut self, index: MasterIndex, why: &str) {
        let host = self.master_mut(index);
        let Some(campaign) = host.campaign.take() else { return };
        let term = host.term().map(|term| term.epoch);
        match term {
            Some(epoch) => self.kernel.note(format_args!("{index} steps down from epoch {epoch}: {why}")),
            None => self.kernel.note(format_args!("{index} stands no more: {why}")),
        }
        if let Some(connection) = campaign.connection {
            self.kernel.send(connection, Side::Client, Packet::ToZooKeeper(ToZooKeeper::Close));
            self.kernel.close(connection, Side::Client);
        }
        if term.is_some() {
            self.end_term(index);
        }
        self.campaign_again(index);
    }
}
