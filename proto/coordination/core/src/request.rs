//! What is asked of ZooKeeper, and what it answers.

/// A request, to be named in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Make a node.
    Create {
        /// Where; for a sequential one the beginning of its name.
        path: String,
        /// With what.
        data: Vec<u8>,
        /// How long it lives.
        mode: Mode,
    },
    /// Read a node.
    Get {
        /// Which.
        path: String,
        /// Whether to hear of its next change.
        watch: bool,
    },
    /// Look whether a node is there, and hear of its next change.
    Watch {
        /// Which.
        path: String,
    },
    /// The names below a node.
    List {
        /// Which.
        path: String,
    },
    /// Remove a node.
    Delete {
        /// Which.
        path: String,
    },
}

/// How long a node lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Until it is removed.
    Persistent,
    /// As long as the session.
    Ephemeral,
    /// As long as the session, with a number that counts up at the end of its name.
    EphemeralSequential,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The node is made, under this path.
    Created(String),
    /// There is such a node already.
    Taken,
    /// What the node holds.
    Data(Vec<u8>),
    /// The node is there.
    Found,
    /// The names below the node, in any order.
    Names(Vec<String>),
    /// The node is removed.
    Deleted,
    /// There is no such node.
    Missing,
    /// Nobody knows: the connection broke, or no answer came in time.
    Lost,
    /// It is not allowed or makes no sense; why, for people.
    Refused(String),
}

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    root: String,
}

/// Digits of an entry's name: enough for every number, and sorted by name they are sorted by number.
const DIGITS: usize = 20;

impl Paths {
    /// Below this path, which begins with a slash and does not end with one.
    #[must_use]
    pub fn new(root: impl Into<String>) -> Self {
        Self { root: root.into() }
    }

    /// The path that everything is below.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Where candidates stand in line.
    #[must_use]
    pub fn election(&self) -> String {
        format!("{}/election", self.root)
    }

    /// A candidate.
    #[must_use]
    pub fn candidate(&self, name: &str) -> String {
        format!("{}/election/{name}", self.root)
    }

    /// Where the log's entries are.
    #[must_use]
    pub fn log(&self) -> String {
        format!("{}/log", self.root)
    }

    /// An entry of the log.
    #[must_use]
    pub fn entry(&self, index: u64) -> String {
        format!("{}/log/{index:0DIGITS$}", self.root)
    }

    /// Where the leader says who it is.
    #[must_use]
    pub fn leader(&self) -> String {
        format!("{}/leader", self.root)
    }

    /// The nodes that have to be there before anybody can stand in line, parents first.
    #[must_use]
    pub fn foundations(&self) -> Vec<String> {
        let mut foundations: Vec<String> =
            self.root.match_indices('/').skip(1).map(|(at, _)| self.root[..at].to_owned()).collect();
        foundations.extend([self.root.clone(), self.election(), self.log()]);
        foundations
    }
}

/// The number of an entry by its name.
pub(crate) fn index_of(name: &str) -> Option<u64> {
    (name.len() == DIGITS).then(|| name.parse().ok()).flatten()
}
