//! Agents' machines: the shell around [`agent_core::Agent`], with its journal and its link to the master.

use crate::{
    brief,
    disk::Disk,
    executors::Machine,
    followers::master_named,
    hosts::{AgentIndex, Host, Life, MasterIndex},
    kernel::Event,
    masters::MasterState,
    network::{NetId, Packet, Side},
    outbox::Outbox,
    sabotage::Switch,
    world::World,
};
use agent_core::{
    Agent, Body, Change, Config, Durability, Effect, Fact, Input, LinkId, LogIndex, Recipient, Recovered,
};
use proto_types::{AgentId, AgentInfo, TaskKey, link::ToAgent};
use std::{collections::BTreeMap, time::Duration};

/// A machine with an agent.
#[derive(Debug)]
pub struct AgentHost {
    /// Which start of the agent process.
    pub life: Life,
    /// The agent, while its process runs.
    pub core: Option<Agent>,
    /// How it describes itself.
    pub info: AgentInfo,
    /// Its id, as it last knew it.
    pub id: Option<AgentId>,
    /// Whether a master has admitted it on its present link.
    pub registered: bool,
    /// Whether it ever comes back.
    pub lost: bool,
    /// Its executors and tasks.
    pub machine: Machine,
    /// Updates of its tasks that are not acknowledged; tasks without any are left out.
    pub unacknowledged: BTreeMap<TaskKey, usize>,
    journal: Disk<Fact>,
    /// How many records of this run are stored.
    stored: u64,
    /// Which records of this run may be told to a master.
    durability: Durability,
    /// How much of the journal outlives the machine.
    synced: usize,
    /// How much of it will once the sync that is under way is done.
    syncing: usize,
    /// At which length the journal is begun anew.
    compact_at: usize,
    booted: bool,
    outbox: Outbox<Recipient, Effect>,
    link: Option<NetId>,
    /// The master at the other end of the link.
    master: Option<MasterIndex>,
    /// Where it was told that the leader is.
    hint: Option<MasterIndex>,
    /// How many masters of its list it has tried.
    tries: u32,
    failures: u32,
}

impl AgentHost {
    /// A machine that was never switched on.
    #[must_use]
    pub fn new(info: AgentInfo) -> Self {
        Self {
            life: Life(0),
            core: None,
            info,
            id: None,
            registered: false,
            lost: false,
            machine: Machine::default(),
            unacknowledged: BTreeMap::new(),
            journal: Disk::default(),
            stored: 0,
            durability: Durability::default(),
            synced: 0,
            syncing: 0,
            compact_at: 0,
            booted: false,
            outbox: Outbox::default(),
            link: None,
            master: None,
            hint: None,
            tries: 0,
            failures: 0,
        }
    }

    /// Whether its agent process runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.core.is_some()
    }

    /// Which records are safe enough for what rests on them to leave for a recipient.
    fn safe_for(&self, recipient: Recipient) -> u64 {
        match recipient {
            Recipient::Master(_) => self.durability.safe().0,
            _ => self.stored,
        }
    }

    /// Whether the present process has the link of this number.
    fn holds(&self, link: NetId) -> bool {
        self.link == Some(link)
    }
}

impl World {
    /// An agent's machine.
    pub(crate) fn agent(&self, index: AgentIndex) -> &AgentHost {
        &self.agents[index.0 as usize]
    }

    pub(crate) fn agent_mut(&mut self, index: AgentIndex) -> &mut AgentHost {
        &mut self.agents[index.0 as usize]
    }

    /// One more machine joins the world. Its agent does not run yet.
    pub fn add_agent(&mut self, info: AgentInfo) -> AgentIndex {
        self.agents.push(AgentHost::new(info));
        self.checker.add_agent();
        AgentIndex(self.agents.len() as u32 - 1)
    }

    pub(crate) fn on_agent_starts(&mut self, index: AgentIndex, life: Life) {
        let nonce = format!("{index}-{}", life.0);
        let now = self.kernel.now.now(0);
        let config = self.settings.agent.clone();
        let facts = self.tamper_journal(self.agent(index).journal.entries().to_vec());
        let host = self.agent_mut(index);
        if host.life != life || host.core.is_some() || host.lost {
            return;
        }
        let rebooted = std::mem::replace(&mut host.booted, true);
        let config = Config { info: host.info.clone(), nonce, ..config };
        let (core, effects) = Agent::recover(config, Recovered { facts, rebooted: !rebooted, incomplete: false }, now);
        host.stored = 0;
        host.durability = Durability::default();
        host.synced = host.journal.safe();
        host.core = Some(core);
        host.outbox = Outbox::default();
        (host.link, host.registered, host.failures) = (None, false, 0);
        (host.hint, host.tries) = (None, index.0);
        host.unacknowledged.clear();
        self.kernel.note(format_args!("{index} starts"));
        if self.follows(index) {
            self.follow(Host::Agent(index), life);
        }
        self.kernel.after(agent_core::config::TICK, Event::AgentTicks(index, life));
        let pause = self.kernel.chances.backoff.between(Duration::from_millis(1), Duration::from_millis(50));
        self.kernel.after(pause, Event::AgentConnects(index, life));
        self.check_agent(index);
        self.carry_out_agent(index, effects);
    }

    pub(crate) fn on_agent_ticks(&mut self, index: AgentIndex, life: Life) {
        let host = self.agent_mut(index);
        if host.life != life || host.core.is_none() {
            return;
        }
        self.kernel.after(agent_core::config::TICK, Event::AgentTicks(index, life));
        self.give_agent(index, Input::Tick);
    }

    /// Looks for the leader and opens a link.
    pub(crate) fn on_agent_connects(&mut self, index: AgentIndex, life: Life) {
        let host = self.agent(index);
        if host.life != life || host.core.is_none() || host.link.is_some() {
            return;
        }
        let Some(master) = self.next_master(index) else { return self.retry_link(index) };
        let cut = self.kernel.network.is_cut(Host::Master(master), Host::Agent(index));
        if cut || matches!(self.master(master).state, MasterState::Down) {
            return self.retry_link(index);
        }
        self.open_link(index, master);
    }

    /// Whom an agent tries next: the leader where it is known, else one of the masters after the other.
    fn next_master(&mut self, index: AgentIndex) -> Option<MasterIndex> {
        if self.coordination.ensemble.is_none() {
            // A single master that has not read its log yet turns agents away.
            return self.coordination.leader.filter(|leader| self.master(*leader).term().is_some());
        }
        if let Some(hint) = self.agent_mut(index).hint.take() {
            return Some(hint);
        }
        if self.follows(index) {
            return self.sighted(Host::Agent(index));
        }
        let count = self.masters.len() as u32;
        let host = self.agent_mut(index);
        host.tries += 1;
        Some(MasterIndex((host.tries - 1) % count))
    }

    /// ZooKeeper says that another master leads than the one that the agent is linked to, which may not know it yet.
    pub(crate) fn turn_to_leader(&mut self, index: AgentIndex, master: MasterIndex) {
        let host = self.agent_mut(index);
        if host.core.is_none() || host.link.is_none() || host.master == Some(master) {
            return;
        }
        host.hint = Some(master);
        self.leave_link(index);
        self.retry_link(index);
    }

    /// The agent takes this master for the leader, leaves the link that it has and opens one there.
    pub(crate) fn turn_to(&mut self, index: AgentIndex, master: MasterIndex) {
        self.leave_link(index);
        self.open_link(index, master);
    }

    fn leave_link(&mut self, index: AgentIndex) {
        if let Some(link) = self.agent_mut(index).link.take() {
            self.agent_mut(index).registered = false;
            self.kernel.close(link, Side::Client);
            self.give_agent(index, Input::LinkClosed { link: LinkId(link.0) });
        }
    }

    fn open_link(&mut self, index: AgentIndex, master: MasterIndex) {
        let life = self.agent(index).life;
        let server = (Host::Master(master), self.master(master).life);
        let id = self.kernel.network.open((Host::Agent(index), life), server);
        let host = self.agent_mut(index);
        (host.link, host.master) = (Some(id), Some(master));
        self.kernel.note(format_args!("{index} opens link {} to {master}", id.0));
        self.kernel.send(id, Side::Client, Packet::AgentLink);
        self.give_agent(index, Input::LinkOpened { link: LinkId(id.0) });
    }

    fn retry_link(&mut self, index: AgentIndex) {
        let host = self.agent_mut(index);
        host.failures = (host.failures + 1).min(6);
        let (life, failures) = (host.life, host.failures);
        let pause = Duration::from_millis(50) * (1 << failures);
        let mut pause = self.kernel.chances.backoff.between(pause / 2, pause);
        if self.agent(index).hint.is_some() && failures as usize <= self.masters.len() + 1 {
            pause = Duration::from_millis(1);
        }
        self.kernel.after(pause, Event::AgentConnects(index, life));
    }

    pub(crate) fn on_packet_for_agent(&mut self, index: AgentIndex, connection: NetId, packet: Option<Packet>) {
        if !self.agent(index).holds(connection) {
            self.kernel.network.close_end(connection, Side::Client);
            return;
        }
        match packet {
            Some(Packet::ToAgent(epoch, message)) => {
                if matches!(message, ToAgent::Registered { .. }) {
                    self.agent_mut(index).failures = 0;
                }
                if !matches!(message, ToAgent::Ping(_)) {
                    self.kernel.note(format_args!("{index} <- epoch {epoch}: {}", brief::to_agent(&message)));
                }
                self.checker.agent_hears(index, epoch);
                let epoch = self.tamper_epoch(index, epoch);
                self.give_agent(index, Input::FromMaster { link: LinkId(connection.0), epoch, message });
                self.checker.agent_heard(index);
            }
            None | Some(Packet::End | Packet::NotLeader(_)) => {
                if let Some(Packet::NotLeader(leader)) = packet {
                    self.agent_mut(index).hint = leader.as_deref().and_then(master_named);
                }
                self.kernel.network.close_end(connection, Side::Client);
                self.kernel.note(format_args!("{index} lost link {}", connection.0));
                self.agent_mut(index).link = None;
                self.agent_mut(index).registered = false;
                self.give_agent(index, Input::LinkClosed { link: LinkId(connection.0) });
                self.retry_link(index);
            }
            Some(
                Packet::AgentLink
                | Packet::FromAgent(_)
                | Packet::Subscribe(_)
                | Packet::Event(_)
                | Packet::Refused(_)
                | Packet::ToZooKeeper(_)
                | Packet::FromZooKeeper(_),
            ) => {}
        }
    }

    /// The agent reacts to something.
    pub(crate) fn give_agent(&mut self, index: AgentIndex, input: Input) {
        let now = self.kernel.now.now(0);
        let Some(core) = &mut self.agents[index.0 as usize].core else { return };
        let mut effects = Vec::new();
        core.handle(now, input, &mut effects);
        if !effects.is_empty() {
            self.carry_out_agent(index, effects);
        }
    }

    fn carry_out_agent(&mut self, index: AgentIndex, effects: Vec<Effect>) {
        let early = self.sabotages(Switch::EndBeforeSync);
        for effect in effects {
            let effect = self.tamper_agent_effect(effect);
            self.checker.agent_makes(index, &effect);
            let host = &mut self.agents[index.0 as usize];
            if let Body::Append(_, fact) = effect.body {
                self.append_to_journal(index, fact);
                continue;
            }
            let after = effect.after.map_or(0, |LogIndex(number)| number);
            let recipient = effect.recipient();
            let safe = if early { host.stored } else { host.safe_for(recipient) };
            if let Some(effect) = host.outbox.push(recipient, after, effect, safe) {
                self.leave_agent(index, effect);
            }
        }
    }

    fn append_to_journal(&mut self, index: AgentIndex, fact: Fact) {
        if self.forgets_record(&fact) {
            // The record's place is taken, so that the numbers go on; what it said is lost.
            return self.append_record(index, Fact::EpochSeen(proto_types::Epoch(0)));
        }
        self.append_record(index, fact);
    }

    fn append_record(&mut self, index: AgentIndex, fact: Fact) {
        let host = self.agent_mut(index);
        let life = host.life;
        if host.journal.append(fact) {
            host.journal.begin_flush();
            let delay = self.settings.disk_delay(&mut self.kernel.chances.disk, self.slow_disk) / 4;
            self.kernel.after(delay, Event::JournalFlushed(index, life));
        }
    }

    pub(crate) fn on_journal_flushed(&mut self, index: AgentIndex, life: Life) {
        let slow = self.slow_disk;
        let host = self.agent_mut(index);
        if host.life != life {
            return;
        }
        let from = host.journal.safe();
        let more = host.journal.end_flush();
        let safe = host.journal.safe();
        host.stored += (safe - from) as u64;
        let new = &host.journal.entries()[from..safe];
        new.iter().for_each(|fact| host.durability.wrote(fact));
        if new.iter().any(Fact::must_be_synced) {
            host.synced = safe;
            host.durability.synced_all();
        }
        if more {
            host.journal.begin_flush();
            let delay = self.settings.disk_delay(&mut self.kernel.chances.disk, slow) / 4;
            self.kernel.after(delay, Event::JournalFlushed(index, life));
        }
        let host = &mut self.agents[index.0 as usize];
        self.checker.journal_stored(index, &host.journal.entries()[from..safe]);
        self.checker.journal_synced(index, host.synced);
        self.sync_journal(index);
        self.release_agent(index);
        self.compact_journal(index);
    }

    /// Starts to sync what a master waits for, unless a sync is under way.
    fn sync_journal(&mut self, index: AgentIndex) {
        let host = &mut self.agents[index.0 as usize];
        let life = host.life;
        if host.durability.begin_sync() {
            host.syncing = host.journal.safe();
            let delay = self.settings.disk_delay(&mut self.kernel.chances.disk, self.slow_disk);
            self.kernel.after(delay, Event::JournalSynced(index, life));
        }
    }

    pub(crate) fn on_journal_synced(&mut self, index: AgentIndex, life: Life) {
        let host = self.agent_mut(index);
        if host.life != life {
            return;
        }
        host.synced = host.synced.max(host.syncing);
        host.durability.end_sync();
        let synced = host.synced;
        self.checker.journal_synced(index, synced);
        self.sync_journal(index);
        self.release_agent(index);
        self.compact_journal(index);
    }

    fn release_agent(&mut self, index: AgentIndex) {
        let early = self.sabotages(Switch::EndBeforeSync);
        let host = &mut self.agents[index.0 as usize];
        let (stored, safe) = (host.stored, if early { host.stored } else { host.durability.safe().0 });
        let released = host.outbox.release(|recipient| match recipient {
            Recipient::Master(_) => safe,
            _ => stored,
        });
        for effect in released {
            self.leave_agent(index, effect);
        }
    }

    /// Begins a new file of the journal now and then.
    fn compact_journal(&mut self, index: AgentIndex) {
        let limit = self.settings.journal_limit;
        let host = &mut self.agents[index.0 as usize];
        let settled = host.journal.safe() == host.journal.entries().len() && host.outbox.is_empty();
        if host.journal.entries().len() < host.compact_at.max(limit) || !settled {
            return;
        }
        let Some(core) = &host.core else { return };
        host.journal.compact(core.image());
        host.synced = host.journal.safe();
        host.durability.synced_all();
        // A sync of the file before is none of this one.
        host.syncing = 0;
        host.compact_at = host.synced * 2;
        self.checker.journal_replaced(index, host.synced);
    }

    fn leave_agent(&mut self, index: AgentIndex, effect: Effect) {
        self.checker.agent_sends(index, &effect);
        match effect.body {
            Body::Append(..) | Body::RetireSandbox(_) => {}
            Body::ToMaster(link, message) => {
                if self.agent(index).holds(NetId(link.0)) {
                    self.kernel.send(NetId(link.0), Side::Client, Packet::FromAgent(message));
                }
            }
            Body::CloseLink(link, why) => {
                self.kernel.note(format_args!("{index} closes link {}: {why:?}", link.0));
                self.kernel.close(NetId(link.0), Side::Client);
                if self.agent(index).holds(NetId(link.0)) {
                    self.agent_mut(index).link = None;
                    self.agent_mut(index).registered = false;
                    self.retry_link(index);
                }
            }
            Body::ToExecutor(connection, message) => self.send_to_executor(index, connection, message),
            Body::CloseExecutor(connection, why) => self.dismiss_executor(index, connection, &why),
            Body::StartExecutor(start) => self.start_executor(index, *start),
            Body::WatchExecutor { framework, executor, token } => {
                self.watch_executor(index, framework, executor, token)
            }
            Body::KillExecutor { framework, executor, token } => self.kill_executor(index, framework, executor, token),
            Body::Changed(change) => self.show_agent(index, change),
        }
    }

    fn show_agent(&mut self, index: AgentIndex, change: Change) {
        let host = self.agent_mut(index);
        match change {
            Change::Agent(view) => {
                host.registered = view.registered && host.link.is_some();
                host.id = view.id;
            }
            Change::Task(key, view) if view.unacknowledged > 0 => {
                host.unacknowledged.insert(key, view.unacknowledged);
            }
            Change::Task(key, _) | Change::TaskForgotten(key) => {
                host.unacknowledged.remove(&key);
            }
            Change::Executor(..) | Change::ExecutorEnded(..) => {}
        }
    }

    /// The agent process is gone; what it started lives on.
    pub(crate) fn crash_agent(&mut self, index: AgentIndex, machine_lives: bool) {
        let host = &mut self.agents[index.0 as usize];
        if host.core.take().is_none() {
            return;
        }
        host.life.0 += 1;
        let before = host.journal.entries().len();
        host.journal.crash(&mut self.kernel.chances.disk);
        let after = host.journal.entries().len();
        host.synced = host.synced.min(after);
        (host.link, host.registered) = (None, false);
        host.unacknowledged.clear();
        self.checker.journal_settled(index, host.journal.entries());
        self.followers.remove(&Host::Agent(index));
        self.kernel.note(format_args!("{index} crashes, {} records lost", before - after));
        self.kernel.abandon(Host::Agent(index), machine_lives);
        self.agent_is_gone(index);
    }

    /// The machine of an agent loses its memory: everything that ran there is gone.
    pub(crate) fn reboot_agent(&mut self, index: AgentIndex) {
        self.crash_agent(index, false);
        let host = &mut self.agents[index.0 as usize];
        let kept = self.kernel.chances.disk.below((host.journal.entries().len() - host.synced) as u64 + 1) as usize;
        host.journal.lose_after(host.synced + kept);
        host.synced = host.journal.entries().len();
        host.booted = false;
        self.checker.journal_lost(index, host.journal.entries());
        self.end_machine(index);
    }
}
