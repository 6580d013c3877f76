//! Standing in line: the first candidate leads, and each watches the one before it.

use crate::{
    Answer, Mode, Request,
    asks::Asks,
    candidacy::{End, Purpose},
    request::Paths,
};

/// A candidate.
#[derive(Debug)]
pub(crate) struct Election {
    /// How its node's name begins: drawn at random, so that it is found even if the answer to its creation was lost.
    prefix: String,
    name: Option<String>,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Beginning,
    /// No answer yet to the node's creation.
    Creating,
    /// The answer was lost: the node may be there.
    Doubting,
    Listing,
    /// This one is before it.
    Watching(String),
    Elected,
}

/// What came of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    Elected,
    /// Nobody knows; ask again later.
    Stalled,
    Ended(End),
}

impl Election {
    pub(crate) fn new(nonce: &str) -> Self {
        Self { prefix: format!("{nonce}-"), name: None, state: State::Beginning }
    }

    pub(crate) fn is_won(&self) -> bool {
        self.state == State::Elected
    }

    /// Its own node's name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Asks for what it needs next, at the beginning and whenever it is not sure that it would hear of a change.
    pub(crate) fn resume(&mut self, paths: &Paths, asks: &mut Asks<Purpose>) {
        match self.state {
            State::Beginning => {
                self.state = State::Creating;
                let (path, data) = (paths.candidate(&self.prefix), Vec::new());
                asks.ask(Purpose::Election, Request::Create { path, data, mode: Mode::EphemeralSequential });
            }
            // Its creation was asked for, and the answer did not come: the node may be there.
            State::Creating | State::Doubting => {
                self.state = State::Doubting;
                asks.ask(Purpose::Election, Request::List { path: paths.election() });
            }
            State::Listing | State::Watching(_) => self.list(paths, asks),
            State::Elected => {}
        }
    }

    pub(crate) fn on_answer(&mut self, answer: Answer, paths: &Paths, asks: &mut Asks<Purpose>) -> Step {
        match (self.state.clone(), answer) {
            (State::Elected, _) => Step::Nothing,
            (_, Answer::Refused(why)) => Step::Ended(End::Refused { path: paths.election(), why }),
            (State::Creating, Answer::Created(path)) => {
                self.name = path.rsplit('/').next().map(str::to_owned);
                self.list(paths, asks);
                Step::Nothing
            }
            (State::Creating, Answer::Lost) => {
                self.state = State::Doubting;
                Step::Stalled
            }
            (State::Watching(_), Answer::Found) => Step::Nothing,
            // It went between the list and the watch.
            (State::Watching(_), Answer::Missing) => {
                self.list(paths, asks);
                Step::Nothing
            }
            (_, Answer::Missing) => Step::Ended(End::Wiped { path: paths.election() }),
            (State::Doubting | State::Listing, Answer::Names(names)) => self.take_place(names, paths, asks),
            (_, Answer::Lost) => Step::Stalled,
            // The answer to what was asked before something else became more urgent.
            _ => Step::Nothing,
        }
    }

    /// The watched node changed.
    pub(crate) fn on_changed(&mut self, path: &str, paths: &Paths, asks: &mut Asks<Purpose>) {
        if matches!(&self.state, State::Watching(before) if paths.candidate(before) == path) {
            self.list(paths, asks);
        }
    }

    fn list(&mut self, paths: &Paths, asks: &mut Asks<Purpose>) {
        self.state = State::Listing;
        asks.ask(Purpose::Election, Request::List { path: paths.election() });
    }

    fn take_place(&mut self, mut names: Vec<String>, paths: &Paths, asks: &mut Asks<Purpose>) -> Step {
        names.retain(|name| sequence(name).is_some());
        names.sort_by_key(|name| sequence(name));
        let Some(place) = names.iter().position(|name| name.starts_with(&self.prefix)) else {
            if self.name.is_some() {
                // A node goes with its session.
                return Step::Ended(End::SessionLost);
            }
            self.state = State::Beginning;
            self.resume(paths, asks);
            return Step::Nothing;
        };
        self.name = Some(names[place].clone());
        if place == 0 {
            self.state = State::Elected;
            return Step::Elected;
        }
        let before = names.swap_remove(place - 1);
        asks.ask(Purpose::Election, Request::Watch { path: paths.candidate(&before) });
        self.state = State::Watching(before);
        Step::Nothing
    }
}

/// The number that ZooKeeper gave a candidate.
fn sequence(name: &str) -> Option<u64> {
    name.rsplit('-').next()?.parse().ok()
}
