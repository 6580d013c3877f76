//! A model of ZooKeeper: one history of changes, sessions that end after silence, and connections that break.
//!
//! Its clients are modelled with it as the library's are: they connect again by themselves, and where their session has
//! ended meanwhile they open another without a word. A watch that was set over a broken connection is gone.

mod serving;
mod tree;

pub use serving::Turn;
pub use tree::{Fired, Tree};

use crate::{
    hosts::{Life, MasterIndex},
    network::NetId,
    time::Time,
};
use coordination_core::{Answer, Paths, Request, Ticket};
use std::{collections::BTreeMap, time::Duration};

/// A session, never the same number twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionNumber(pub u64);

/// What clients say to ZooKeeper.
#[derive(Debug, Clone)]
pub enum ToZooKeeper {
    /// A reader comes; nothing lives with it.
    Look,
    /// A client begins a session, or goes on with this one.
    Open(MasterIndex, Option<SessionNumber>),
    /// It asks for something.
    Ask(Ticket, Request),
    /// It ends its session.
    Close,
}

/// What ZooKeeper says to its clients.
#[derive(Debug, Clone)]
pub enum FromZooKeeper {
    /// The connection serves; for a session, this one, which may be another than the client came with.
    Opened(Option<SessionNumber>),
    /// What came of a request.
    Answer(Ticket, Answer),
    /// A watched node changed.
    Changed(String),
}

/// How much of the ensemble is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// One server that does not lead: who was connected to it connects to another.
    Minority,
    /// The server that leads: nothing is answered until there is another.
    Leader,
    /// So many that the others do nothing.
    Whole,
}

/// ZooKeeper.
#[derive(Debug)]
pub struct Ensemble {
    /// What it keeps.
    pub tree: Tree,
    /// Where the masters keep things in it.
    pub paths: Paths,
    /// How often it was lost and came back.
    pub life: Life,
    /// Whether it answers.
    pub serving: bool,
    /// After so much silence a session ends.
    session_timeout: Duration,
    sessions: BTreeMap<SessionNumber, Session>,
    connections: BTreeMap<NetId, Connection>,
    begun: u64,
    /// When sessions of masters were ended because of their silence.
    ended: BTreeMap<SessionNumber, Time>,
}

#[derive(Debug)]
struct Session {
    of: MasterIndex,
    connection: Option<NetId>,
    /// Since when nothing is heard of its client; none: it is heard of.
    silent: Option<Time>,
}

#[derive(Debug)]
struct Connection {
    session: Option<SessionNumber>,
    /// When the last request that came over it is carried out: they keep their order.
    ready: Time,
}

impl Ensemble {
    /// An empty one.
    #[must_use]
    pub fn new(session_timeout: Duration) -> Self {
        Self {
            tree: Tree::default(),
            paths: Paths::new("/proffer"),
            life: Life(0),
            serving: true,
            session_timeout,
            sessions: BTreeMap::new(),
            connections: BTreeMap::new(),
            begun: 0,
            ended: BTreeMap::new(),
        }
    }

    /// When this session was ended because nothing was heard of its client.
    #[must_use]
    pub fn ended_at(&self, session: SessionNumber) -> Option<Time> {
        self.ended.get(&session).copied()
    }

    /// Everything that it kept is gone, and nobody has a session any more.
    pub fn wipe(&mut self) {
        self.tree = Tree::default();
        self.sessions.clear();
    }

    fn begin_session(&mut self, of: MasterIndex, connection: NetId) -> SessionNumber {
        self.begun += 1;
        let number = SessionNumber(self.begun);
        self.sessions.insert(number, Session { of, connection: Some(connection), silent: None });
        number
    }
}
