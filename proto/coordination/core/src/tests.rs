//! Candidates and a small ZooKeeper: one tree, sessions, and answers that get lost.

use super::*;
use proptest::prelude::*;
use proto_types::{Epoch, time::Monotonic};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

const SESSION: Duration = Duration::from_secs(12);

fn author(bytes: &[u8]) -> Option<Author> {
    let (epoch, rest) = bytes.split_first_chunk::<8>()?;
    let (nonce, _) = rest.split_first_chunk::<8>()?;
    Some(Author { epoch: Epoch(u64::from_le_bytes(*epoch)), nonce: u64::from_le_bytes(*nonce) })
}

fn sealed(epoch: u64, nonce: u64) -> Sealed {
    let bytes = [epoch.to_le_bytes(), nonce.to_le_bytes()].concat();
    Sealed { author: Author { epoch: Epoch(epoch), nonce }, bytes }
}

/// A tree of nodes; each ephemeral one with the session that it lives with.
#[derive(Debug, Default)]
struct Tree {
    nodes: BTreeMap<String, (Vec<u8>, Option<u64>)>,
    sequence: u64,
    /// What may not be made, and why.
    forbidden: BTreeMap<String, String>,
}

impl Tree {
    fn do_it(&mut self, session: u64, request: &Request) -> Answer {
        match request {
            Request::Create { path, data, mode } => {
                if let Some(why) = self.forbidden.get(path) {
                    return Answer::Refused(why.clone());
                }
                let owner = (*mode != Mode::Persistent).then_some(session);
                let mut path = path.clone();
                if *mode == Mode::EphemeralSequential {
                    self.sequence += 1;
                    path = format!("{path}{:010}", self.sequence);
                }
                if self.nodes.contains_key(&path) {
                    return Answer::Taken;
                }
                self.nodes.insert(path.clone(), (data.clone(), owner));
                Answer::Created(path)
            }
            Request::Get { path, .. } => {
                self.nodes.get(path).map_or(Answer::Missing, |(data, _)| Answer::Data(data.clone()))
            }
            Request::Watch { path } if self.nodes.contains_key(path) => Answer::Found,
            Request::Watch { .. } => Answer::Missing,
            Request::List { path } => {
                let below = format!("{path}/");
                Answer::Names(
                    self.nodes.keys().filter_map(|node| node.strip_prefix(&below)).map(str::to_owned).collect(),
                )
            }
            Request::Delete { path } => match self.nodes.remove(path) {
                Some(_) => Answer::Deleted,
                None => Answer::Missing,
            },
        }
    }

    fn expire(&mut self, session: u64) {
        self.nodes.retain(|_, (_, owner)| *owner != Some(session));
    }

    fn entries(&self) -> Vec<(u64, Author)> {
        let entries = self
            .nodes
            .iter()
            .filter_map(|(path, (data, _))| Some((path.strip_prefix("/p/log/")?.parse().ok()?, author(data)?)));
        entries.collect()
    }
}

/// A candidate with its client.
struct Member {
    core: Candidacy,
    session: u64,
    asked: VecDeque<(Ticket, Request)>,
    told: Vec<Effect>,
    now: Monotonic,
}

impl Member {
    fn new(number: u64) -> Self {
        let now = Monotonic(Duration::from_secs(100));
        let config =
            Config { paths: Paths::new("/p"), nonce: format!("n{number}"), session_timeout: SESSION, peek: author };
        Self { core: Candidacy::new(config, now), session: number, asked: VecDeque::new(), told: Vec::new(), now }
    }

    fn give(&mut self, input: Input) {
        for effect in self.core.handle(self.now, input) {
            match effect {
                Effect::Ask(ticket, request) => self.asked.push_back((ticket, request)),
                other => self.told.push(other),
            }
        }
    }

    /// One request reaches the tree; its answer comes back or not.
    fn step(&mut self, tree: &mut Tree, answered: bool) -> bool {
        let Some((ticket, request)) = self.asked.pop_front() else { return false };
        let answer = tree.do_it(self.session, &request);
        if answered {
            self.give(Input::Answered(ticket, answer));
        }
        true
    }

    fn settle(&mut self, tree: &mut Tree) {
        while self.step(tree, true) {}
    }

    /// The connection breaks: nothing that was asked is answered.
    fn reconnect(&mut self) {
        self.give(Input::Disconnected);
        self.asked.clear();
        self.give(Input::Connected);
    }

    fn lead(&mut self, tree: &mut Tree, epoch: u64) {
        self.give(Input::Connected);
        self.settle(tree);
        assert!(self.told.contains(&Effect::Read), "{:?}", self.told);
        self.give(Input::Begin(sealed(epoch, self.session * 1000), vec![7]));
        self.settle(tree);
        assert!(self.told.contains(&Effect::Standing), "{:?}", self.told);
        self.told.clear();
    }

    fn ended(&self) -> Option<&End> {
        self.told.iter().find_map(|effect| match effect {
            Effect::Ended(end) => Some(end),
            _ => None,
        })
    }
}

#[test]
fn the_first_in_line_leads_and_the_next_follows_when_it_goes() {
    let (mut tree, mut first, mut second) = (Tree::default(), Member::new(1), Member::new(2));
    first.lead(&mut tree, 1);
    second.give(Input::Connected);
    second.settle(&mut tree);
    assert!(second.told.is_empty());
    let node = tree.nodes.keys().find(|path| path.starts_with("/p/election/n1")).unwrap().clone();
    tree.expire(1);
    second.give(Input::Changed(node));
    second.settle(&mut tree);
    assert_eq!(second.told, [Effect::Elected, Effect::Entry(0, sealed(1, 1000).bytes), Effect::Read]);
    second.give(Input::Begin(sealed(2, 2000), vec![8]));
    second.settle(&mut tree);
    assert_eq!(tree.nodes["/p/leader"].0, [8]);
    first.give(Input::Write(sealed(1, 1001)));
    first.settle(&mut tree);
    assert_eq!(first.ended(), Some(&End::Deposed(Epoch(2))));
}

#[test]
fn a_lost_answer_to_its_own_creation_makes_no_second_candidate() {
    let (mut tree, mut member) = (Tree::default(), Member::new(1));
    member.give(Input::Connected);
    member.step(&mut tree, false);
    member.reconnect();
    member.settle(&mut tree);
    assert_eq!(tree.nodes.len(), 1);
    assert!(member.told.contains(&Effect::Elected));
}

#[test]
fn a_list_that_comes_twice_is_read_once() {
    let choices = [
        (0, 2),
        (0, 2),
        (0, 5),
        (0, 5),
        (0, 0),
        (1, 4),
        (1, 5),
        (1, 5),
        (1, 3),
        (1, 5),
        (0, 0),
        (0, 5),
        (0, 0),
        (0, 5),
        (0, 0),
        (1, 3),
        (1, 5),
        (1, 5),
        (0, 2),
        (1, 5),
        (1, 5),
        (1, 3),
        (0, 0),
        (0, 0),
        (1, 5),
        (1, 5),
        (1, 5),
        (1, 5),
        (1, 5),
        (1, 5),
        (1, 5),
    ];
    live_through(choices.to_vec()).unwrap();
}

#[test]
fn an_entry_whose_answer_was_lost_is_found_again() {
    for executed in [true, false] {
        let (mut tree, mut leader) = (Tree::default(), Member::new(1));
        leader.lead(&mut tree, 1);
        leader.give(Input::Write(sealed(1, 5)));
        if executed {
            leader.step(&mut tree, false);
        }
        leader.reconnect();
        leader.settle(&mut tree);
        assert_eq!(leader.told, [Effect::Written(1)]);
        assert_eq!(tree.entries().len(), 2);
    }
}

#[test]
fn a_silent_new_session_on_the_same_client_ends_the_term() {
    let (mut tree, mut leader) = (Tree::default(), Member::new(1));
    leader.lead(&mut tree, 1);
    leader.give(Input::Write(sealed(1, 5)));
    leader.give(Input::Disconnected);
    tree.expire(1);
    leader.session = 9;
    // The client sends what waits over the new session, and its answer comes: it is not believed.
    leader.step(&mut tree, true);
    leader.give(Input::Connected);
    leader.settle(&mut tree);
    assert_eq!(leader.told, [Effect::Ended(End::SessionLost)]);
}

#[test]
fn an_entry_of_an_older_leader_is_absorbed_before_the_epoch_stands() {
    let (mut tree, mut old, mut new) = (Tree::default(), Member::new(1), Member::new(2));
    old.lead(&mut tree, 1);
    tree.nodes.retain(|path, _| !path.starts_with("/p/election"));
    new.give(Input::Connected);
    new.settle(&mut tree);
    old.give(Input::Write(sealed(1, 5)));
    old.settle(&mut tree);
    assert_eq!(old.told, [Effect::Written(1)]);
    new.give(Input::Begin(sealed(2, 2000), Vec::new()));
    new.settle(&mut tree);
    assert!(new.told.ends_with(&[Effect::Entry(1, sealed(1, 5).bytes), Effect::Standing]), "{:?}", new.told);
    old.give(Input::Write(sealed(1, 6)));
    old.settle(&mut tree);
    assert_eq!(old.ended(), Some(&End::Deposed(Epoch(2))));
}

#[test]
fn of_two_leaders_of_one_epoch_one_stands() {
    let (mut tree, mut first, mut second) = (Tree::default(), Member::new(1), Member::new(2));
    first.give(Input::Connected);
    first.settle(&mut tree);
    tree.nodes.clear();
    second.lead(&mut tree, 1);
    first.give(Input::Begin(sealed(1, 1000), Vec::new()));
    first.settle(&mut tree);
    assert_eq!(first.ended(), Some(&End::Deposed(Epoch(1))));
}

#[test]
fn compaction_keeps_the_fence_and_what_is_behind_the_snapshot() {
    let (mut tree, mut leader) = (Tree::default(), Member::new(1));
    for index in 0..5 {
        tree.nodes.insert(Paths::new("/p").entry(index), (sealed(1, index).bytes, None));
    }
    leader.lead(&mut tree, 2);
    for nonce in 0..5 {
        leader.give(Input::Write(sealed(2, nonce)));
        leader.settle(&mut tree);
    }
    leader.give(Input::Prune(8));
    leader.settle(&mut tree);
    let left: Vec<u64> = tree.entries().into_iter().map(|(index, _)| index).collect();
    assert_eq!(left, [5, 8, 9, 10]);
}

#[test]
fn a_late_create_after_compaction_is_not_taken_for_the_end_of_the_log() {
    // The list that a candidate reads is old: meanwhile others led, wrote on and compacted.
    let (mut tree, mut late) = (Tree::default(), Member::new(1));
    tree.nodes.insert(Paths::new("/p").entry(0), (sealed(1, 0).bytes, None));
    late.give(Input::Connected);
    late.settle(&mut tree);
    assert!(late.told.contains(&Effect::Read));
    tree.nodes.remove(&Paths::new("/p").entry(0));
    for index in [7, 8] {
        tree.nodes.insert(Paths::new("/p").entry(index), (sealed(4, index).bytes, None));
    }
    late.give(Input::Begin(sealed(2, 1000), Vec::new()));
    late.settle(&mut tree);
    assert_eq!(late.ended(), Some(&End::Overtaken));
    // What it left behind is below the log, and the next leader's compaction removes it.
    tree.nodes.retain(|path, _| !path.starts_with("/p/election"));
    let mut next = Member::new(2);
    next.lead(&mut tree, 5);
    next.give(Input::Write(sealed(5, 1)));
    next.settle(&mut tree);
    next.give(Input::Prune(10));
    next.settle(&mut tree);
    assert_eq!(tree.entries().into_iter().map(|(index, _)| index).collect::<Vec<_>>(), [9, 10]);
}

#[test]
fn a_leader_that_hears_nothing_steps_down_before_another_may_lead() {
    let (mut tree, mut leader) = (Tree::default(), Member::new(1));
    leader.lead(&mut tree, 1);
    for _ in 0..20 {
        leader.now = leader.now + Duration::from_secs(1);
        leader.give(Input::Tick);
        leader.settle(&mut tree);
    }
    assert_eq!(leader.ended(), None);
    leader.give(Input::Disconnected);
    leader.now = leader.now + SESSION * 2 / 3;
    leader.give(Input::Tick);
    assert_eq!(leader.ended(), Some(&End::LeaseOver));
}

#[test]
fn an_older_leaders_announcement_is_replaced_and_a_lost_one_made_again() {
    let (mut tree, mut leader) = (Tree::default(), Member::new(1));
    tree.nodes.insert("/p/leader".to_owned(), (vec![1], Some(77)));
    leader.lead(&mut tree, 1);
    assert_eq!(tree.nodes["/p/leader"], (vec![7], Some(1)));
    tree.nodes.remove("/p/leader");
    leader.now = leader.now + SESSION / 3;
    leader.give(Input::Tick);
    leader.settle(&mut tree);
    assert_eq!(tree.nodes["/p/leader"], (vec![7], Some(1)));
}

#[test]
fn a_refused_announcement_is_reported_once_for_each_reason_and_made_when_it_may_be() {
    let (mut tree, mut leader) = (Tree::default(), Member::new(1));
    let forbid = |tree: &mut Tree, why: &str| drop(tree.forbidden.insert("/p/leader".to_owned(), why.to_owned()));
    forbid(&mut tree, "no permission");
    leader.give(Input::Connected);
    leader.settle(&mut tree);
    leader.give(Input::Begin(sealed(1, 1000), vec![7]));
    leader.settle(&mut tree);
    let refused = |why: &str| Effect::Unannounced { path: "/p/leader".to_owned(), why: why.to_owned() };
    assert!(leader.told.ends_with(&[Effect::Standing, refused("no permission")]), "{:?}", leader.told);
    leader.told.clear();
    let wait = |leader: &mut Member, tree: &mut Tree| {
        let mut asked = 0;
        for _ in 0..40 {
            leader.now = leader.now + SESSION / 60;
            leader.give(Input::Tick);
            asked += leader.asked.len();
            leader.settle(tree);
        }
        asked
    };
    let asked = wait(&mut leader, &mut tree);
    assert!(leader.told.is_empty(), "{:?}", leader.told);
    assert!(asked < 10, "it is tried again now and then, not at every tick: {asked}");
    forbid(&mut tree, "bad list of rights");
    wait(&mut leader, &mut tree);
    assert_eq!(leader.told, [refused("bad list of rights")]);
    tree.forbidden.clear();
    wait(&mut leader, &mut tree);
    assert_eq!(tree.nodes["/p/leader"].0, [7]);
    // It is news again.
    tree.nodes.remove("/p/leader");
    forbid(&mut tree, "bad list of rights");
    wait(&mut leader, &mut tree);
    assert_eq!(leader.told, [refused("bad list of rights"), refused("bad list of rights")]);
}

#[test]
fn a_detector_follows_and_never_goes_back() {
    let read = |bytes: &[u8]| Some(Leader { address: "a".to_owned(), epoch: Epoch(u64::from(*bytes.first()?)) });
    let now = Monotonic(Duration::from_secs(1));
    let mut detection = Detection::new(Paths::new("/p"), read, now);
    let asked = detection.connected(now);
    let (noticed, asked) = detection.answered(asked[0].0, Answer::Missing, now);
    assert_eq!(noticed, Some(Noticed::Nobody));
    assert_eq!(asked[0].1, Request::Watch { path: "/p/leader".to_owned() });
    let asked = detection.changed("/p/leader", now);
    let (noticed, _) = detection.answered(asked[0].0, Answer::Data(vec![3]), now);
    assert_eq!(noticed, Some(Noticed::Leader(Leader { address: "a".to_owned(), epoch: Epoch(3) })));
    detection.disconnected();
    assert!(detection.tick(now + Duration::from_secs(9)).is_empty());
    let asked = detection.connected(now);
    let (noticed, _) = detection.answered(asked[0].0, Answer::Data(vec![2]), now);
    assert_eq!(noticed, None, "a server that lags behind");
    assert_eq!(detection.tick(now + Duration::from_secs(9)).len(), 1, "a watch may be lost");
}

/// Whatever is lost, expires or stalls: what a leader was told is written stays in the log, in order, and nobody writes
/// behind a higher epoch.
fn live_through(choices: Vec<(usize, u8)>) -> Result<(), TestCaseError> {
    let mut tree = Tree::default();
    let mut members: Vec<Member> = (1..=3).map(Member::new).collect();
    let mut written: Vec<(u64, Author)> = Vec::new();
    let mut pending: BTreeMap<usize, Author> = BTreeMap::new();
    let (mut nonce, mut sessions) = (10_u64, 10_u64);
    for member in &mut members {
        member.give(Input::Connected);
    }
    for (which, choice) in choices {
        let member = &mut members[which];
        match choice {
            0 => {
                member.step(&mut tree, false);
            }
            1 => member.reconnect(),
            2 => tree.expire(member.session),
            3 => {
                member.now = member.now + Duration::from_secs(2);
                member.give(Input::Tick);
            }
            4 => {
                // The session is over, and the client opens another without a word.
                tree.expire(member.session);
                sessions += 1;
                member.session = sessions;
                member.reconnect();
            }
            _ => {
                member.step(&mut tree, true);
            }
        }
        for effect in std::mem::take(&mut members[which].told) {
            let member = &mut members[which];
            nonce += 1;
            match effect {
                Effect::Read => {
                    let highest = tree.entries().iter().map(|(_, author)| author.epoch.0).max().unwrap_or(0);
                    member.give(Input::Begin(sealed(highest + 1, nonce), Vec::new()));
                    pending.insert(which, Author { epoch: Epoch(highest + 1), nonce });
                }
                Effect::Standing | Effect::Written(_) => {
                    let author = pending[&which];
                    written.push((member.core.next_index() - 1, author));
                    let entry = sealed(author.epoch.0, nonce);
                    pending.insert(which, entry.author);
                    member.give(Input::Write(entry));
                }
                Effect::Ended(_) => {
                    sessions += 1;
                    *member = Member::new(sessions);
                    member.give(Input::Connected);
                }
                _ => {}
            }
        }
        let entries = tree.entries();
        prop_assert!(entries.windows(2).all(|pair| pair[0].1.epoch <= pair[1].1.epoch), "{entries:?}");
        for (index, author) in &written {
            prop_assert!(entries.contains(&(*index, *author)), "{index} {author:?} {entries:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_entry_that_counts_is_ever_lost(choices in prop::collection::vec((0_usize..3, 0_u8..20), 1..400)) {
        live_through(choices)?;
    }
}
