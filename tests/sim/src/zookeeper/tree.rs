//! What ZooKeeper keeps: nodes, who they live with, and who wants to hear of their next change.

use super::SessionNumber;
use crate::network::NetId;
use coordination_core::{Answer, Mode, Request};
use std::collections::{BTreeMap, BTreeSet};

/// Nodes by path.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
    /// Counts the sequential nodes that were ever made.
    sequence: u64,
    /// Who hears of the next change of a node. A watch fires once, and goes with its connection.
    watches: BTreeMap<String, BTreeSet<NetId>>,
}

#[derive(Debug)]
struct Node {
    data: Vec<u8>,
    /// The session that it lives with.
    owner: Option<SessionNumber>,
}

/// A watch that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// Over which connection it is told.
    pub connection: NetId,
    /// Which node changed.
    pub path: String,
}

impl Tree {
    /// Carries out a request that came over this connection, in this session.
    pub fn apply(
        &mut self,
        request: &Request,
        session: Option<SessionNumber>,
        connection: NetId,
    ) -> (Answer, Vec<Fired>) {
        match request {
            Request::Create { path, data, mode } => self.create(path, data, *mode, session),
            Request::Get { path, watch } => {
                if *watch && self.nodes.contains_key(path) {
                    self.watch(path, connection);
                }
                (self.nodes.get(path).map_or(Answer::Missing, |node| Answer::Data(node.data.clone())), Vec::new())
            }
            Request::Watch { path } => {
                self.watch(path, connection);
                (if self.nodes.contains_key(path) { Answer::Found } else { Answer::Missing }, Vec::new())
            }
            Request::List { path } if self.nodes.contains_key(path) => (Answer::Names(self.below(path)), Vec::new()),
            Request::List { .. } => (Answer::Missing, Vec::new()),
            Request::Delete { path } => match self.nodes.remove(path) {
                Some(_) => (Answer::Deleted, self.fire(path)),
                None => (Answer::Missing, Vec::new()),
            },
        }
    }

    fn create(&mut self, path: &str, data: &[u8], mode: Mode, session: Option<SessionNumber>) -> (Answer, Vec<Fired>) {
        let above = path.rfind('/').map_or("", |slash| &path[..slash]);
        if !above.is_empty() && !self.nodes.contains_key(above) {
            return (Answer::Missing, Vec::new());
        }
        let mut path = path.to_owned();
        if mode == Mode::EphemeralSequential {
            path = format!("{path}{:010}", self.sequence);
            self.sequence += 1;
        }
        if self.nodes.contains_key(&path) {
            return (Answer::Taken, Vec::new());
        }
        let owner = session.filter(|_| mode != Mode::Persistent);
        self.nodes.insert(path.clone(), Node { data: data.to_vec(), owner });
        let fired = self.fire(&path);
        (Answer::Created(path), fired)
    }

    /// Makes the nodes that are not there, empty and for good.
    pub fn lay(&mut self, paths: &[String]) {
        for path in paths {
            self.nodes.entry(path.clone()).or_insert_with(|| Node { data: Vec::new(), owner: None });
        }
    }

    /// A session is over: what lives with it goes.
    pub fn expire(&mut self, session: SessionNumber) -> Vec<Fired> {
        let own = |node: &Node| node.owner == Some(session);
        let gone: Vec<String> = self.nodes.iter().filter(|(_, node)| own(node)).map(|(path, _)| path.clone()).collect();
        let mut fired = Vec::new();
        for path in gone {
            self.nodes.remove(&path);
            fired.extend(self.fire(&path));
        }
        fired
    }

    /// A connection is gone, and with it the watches that were set over it.
    pub fn forget(&mut self, connection: NetId) {
        self.watches.retain(|_, watching| {
            watching.remove(&connection);
            !watching.is_empty()
        });
    }

    /// Takes a node away without anybody noticing, so that it can be made again.
    pub(crate) fn overlook(&mut self, path: &str) {
        self.nodes.remove(path);
    }

    /// The names of the nodes right below one.
    #[must_use]
    pub fn below(&self, path: &str) -> Vec<String> {
        let prefix = format!("{path}/");
        let nodes = self.nodes.range(prefix.clone()..).map_while(|(node, _)| node.strip_prefix(&prefix));
        nodes.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    }

    /// Whether there is such a node.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        self.nodes.contains_key(path)
    }

    fn watch(&mut self, path: &str, connection: NetId) {
        self.watches.entry(path.to_owned()).or_default().insert(connection);
    }

    fn fire(&mut self, path: &str) -> Vec<Fired> {
        let watching = self.watches.remove(path).unwrap_or_default();
        watching.into_iter().map(|connection| Fired { connection, path: path.to_owned() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Option<SessionNumber> = Some(SessionNumber(1));
    const HERE: NetId = NetId(1);

    fn create(path: &str, mode: Mode) -> Request {
        Request::Create { path: path.to_owned(), data: vec![7], mode }
    }

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.lay(&["/p".to_owned()]);
        tree
    }

    #[test]
    fn a_node_is_made_once_and_below_another() {
        let mut tree = tree();
        let made = tree.apply(&create("/p/a", Mode::Persistent), SESSION, HERE).0;
        assert_eq!(made, Answer::Created("/p/a".to_owned()));
        assert_eq!(tree.apply(&create("/p/a", Mode::Persistent), SESSION, HERE).0, Answer::Taken);
        assert_eq!(tree.apply(&create("/q/a", Mode::Persistent), SESSION, HERE).0, Answer::Missing);
        assert_eq!(tree.below("/p"), ["a"]);
    }

    #[test]
    fn what_is_ephemeral_goes_with_its_session_and_is_heard_of_once() {
        let mut tree = tree();
        for number in 0..2 {
            let made = tree.apply(&create("/p/c-", Mode::EphemeralSequential), SESSION, HERE).0;
            assert_eq!(made, Answer::Created(format!("/p/c-{number:010}")));
        }
        let path = "/p/c-0000000001".to_owned();
        let other = NetId(2);
        assert_eq!(tree.apply(&Request::Watch { path: path.clone() }, None, other).0, Answer::Found);
        assert_eq!(tree.expire(SessionNumber(9)), []);
        assert_eq!(tree.expire(SessionNumber(1)), [Fired { connection: other, path: path.clone() }]);
        assert_eq!(tree.apply(&create(&path, Mode::Persistent), None, HERE).1, [], "a watch fires once");
    }

    #[test]
    fn watches_go_with_their_connection() {
        let mut tree = tree();
        assert_eq!(tree.apply(&Request::Watch { path: "/p/a".to_owned() }, None, HERE).0, Answer::Missing);
        tree.forget(HERE);
        assert_eq!(tree.apply(&create("/p/a", Mode::Persistent), None, HERE).1, []);
    }
}
