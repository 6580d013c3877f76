//! What everything in a world stands on: time, chance, the queue of what is to happen, the network and the record.

use crate::{
    chance::Chances,
    executors::{ExecutorEvent, ProcessId},
    faults::Fault,
    hosts::{AgentIndex, FrameworkIndex, Host, Life, MasterIndex, SchedulerIndex},
    interference::{self, Interference, Trick},
    network::{Arrival, CallPacket, CallResult, NetId, Network, Packet, Quality, Side},
    queue::Queue,
    record::Record,
    time::Time,
    zookeeper::{SessionNumber, Turn},
};
use framework_core::CallId;
use proto_types::{Epoch, TaskKey};
use std::{fmt, time::Duration};

/// Something that happens.
#[derive(Debug)]
pub enum Event {
    /// Something arrives at an end of a connection; none: the end learns that it is broken.
    Arrives {
        /// On which connection.
        connection: NetId,
        /// At which end.
        side: Side,
        /// What.
        packet: Option<Packet>,
    },
    /// A call arrives at a master.
    CallArrives {
        /// At which.
        master: MasterIndex,
        /// Whose.
        caller: Caller,
        /// What.
        packet: Box<CallPacket>,
    },
    /// A call ends for its caller.
    CallEnds {
        /// Whose.
        caller: Caller,
        /// How.
        result: Box<CallResult>,
    },
    /// Time passes for a master.
    MasterTicks(MasterIndex, Life),
    /// A master allocates.
    MasterAllocates(MasterIndex, Life, Epoch),
    /// A write of a master's log is done.
    LogFlushed(MasterIndex, Epoch),
    /// A master goes on after a stall.
    MasterWakes(MasterIndex, Life),
    /// A master process starts.
    MasterStarts(MasterIndex, Life),
    /// The only master begins to read the log in its directory.
    MasterReads(MasterIndex, Life),
    /// It has read the log.
    MasterLeads(MasterIndex, Life, Epoch),
    /// A standby begins to stand for election.
    CampaignBegins(MasterIndex, Life),
    /// Time passes for a candidate.
    CampaignTicks(MasterIndex, Life, u64),
    /// A candidate's client connects again.
    CampaignConnects(MasterIndex, Life, u64),
    /// A request's turn has come in ZooKeeper.
    ZooKeeperServes {
        /// Over which connection it came.
        connection: NetId,
        /// In which session.
        session: Option<SessionNumber>,
        /// What.
        turn: Box<Turn>,
    },
    /// A session is over, if nothing was heard of its client since then.
    SessionExpires(SessionNumber, Time),
    /// Somebody who follows who leads connects to ZooKeeper.
    FollowerConnects(Host, Life),
    /// Time passes for somebody who follows who leads.
    FollowerTicks(Host, Life),
    /// Time passes for an agent.
    AgentTicks(AgentIndex, Life),
    /// A write of an agent's journal is done.
    JournalFlushed(AgentIndex, Life),
    /// A part of an agent's journal outlives the machine.
    JournalSynced(AgentIndex, Life),
    /// An agent looks for the leader and opens a link.
    AgentConnects(AgentIndex, Life),
    /// An agent process starts.
    AgentStarts(AgentIndex, Life),
    /// Something about an executor's process.
    Executor(AgentIndex, ProcessId, ExecutorEvent),
    /// A task's process ends by itself.
    TaskEnds(AgentIndex, TaskKey, u64),
    /// A deadline of a scheduler's session.
    SchedulerTicks(SchedulerIndex, Life),
    /// A scheduler has thought about what it wants.
    SchedulerActs(SchedulerIndex, Life),
    /// A scheduler process starts.
    SchedulerStarts(SchedulerIndex, Life),
    /// A framework gets another scheduler.
    SchedulerTakesOver(FrameworkIndex),
    /// The operator changes something.
    OperatorActs,
    /// Something breaks.
    Fault(Fault),
    /// A fault of some length is over.
    FaultOver(Fault),
    /// No faults from now on.
    Healed,
    /// Whether the world has come to rest is looked at.
    RestCheck,
}

/// Who waits for a call's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// Which scheduler.
    pub scheduler: SchedulerIndex,
    /// Which start of it.
    pub life: Life,
    /// Its number of the call; none: nobody waits.
    pub call: Option<CallId>,
}

/// What everything stands on.
#[derive(Debug)]
pub struct Kernel {
    /// The present.
    pub now: Time,
    /// How many events there were, the present one included.
    pub event: u64,
    /// What is to happen.
    pub queue: Queue<Event>,
    /// Chance.
    pub chances: Chances,
    /// The network.
    pub network: Network,
    /// What happened.
    pub record: Record,
    /// Messages that are singled out.
    pub interferences: Vec<Interference>,
}

impl Kernel {
    /// The start of a simulation.
    #[must_use]
    pub fn new(seed: u64, quality: Quality, record: Record) -> Self {
        Self {
            now: Time::default(),
            event: 0,
            queue: Queue::default(),
            chances: Chances::new(seed),
            network: Network::new(quality),
            record,
            interferences: Vec::new(),
        }
    }

    /// Plans something for later.
    pub fn after(&mut self, delay: Duration, event: Event) {
        self.queue.plan(self.now + delay, event);
    }

    /// Writes a line into the record.
    pub fn note(&mut self, what: fmt::Arguments<'_>) {
        self.record.note(self.now, self.event, what);
    }

    /// Sends something from one end of a connection.
    pub fn send(&mut self, connection: NetId, from: Side, packet: Packet) {
        let to = if self.interferences.is_empty() { None } else { self.network.holder(connection, from.other()) };
        let arrivals = match to.and_then(|(to, _)| self.trick(to, interference::packet(&packet))) {
            Some(Trick::Lose) => self.network.break_connection(connection, self.now, &mut self.chances.network),
            Some(Trick::Double) => {
                let first = packet.clone();
                let mut both = self.network.send(connection, from, first, self.now, &mut self.chances.network);
                both.extend(self.network.send(connection, from, packet, self.now, &mut self.chances.network));
                both
            }
            Some(Trick::Delay(delay)) => {
                self.network.send(connection, from, packet, self.now + delay, &mut self.chances.network)
            }
            None => self.network.send(connection, from, packet, self.now, &mut self.chances.network),
        };
        self.arrive(arrivals);
    }

    /// What is done to a message of this name to this host, if it is singled out.
    pub(crate) fn trick(&mut self, to: Host, message: &str) -> Option<Trick> {
        let singled = |other: &Interference| other.to == to && other.message == message;
        let position = self.interferences.iter().position(singled)?;
        let trick = self.interferences[position].trick;
        self.interferences[position].times -= 1;
        if self.interferences[position].times == 0 {
            self.interferences.remove(position);
        }
        self.note(format_args!("FAULT {message} to {to}: {trick}"));
        Some(trick)
    }

    /// Ends a connection from one side, after everything sent before.
    pub fn close(&mut self, connection: NetId, side: Side) {
        self.send(connection, side, Packet::End);
        self.network.close_end(connection, side);
    }

    /// Plans what the network will deliver.
    pub fn arrive(&mut self, arrivals: Vec<Arrival>) {
        for Arrival { at, connection, side, packet } in arrivals {
            self.queue.plan(at, Event::Arrives { connection, side, packet });
        }
    }

    /// A process is gone from the network.
    pub fn abandon(&mut self, host: Host, machine_lives: bool) {
        let arrivals = self.network.abandon(host, machine_lives, self.now, &mut self.chances.network);
        self.arrive(arrivals);
    }
}
