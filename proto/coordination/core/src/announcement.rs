//! The leader says who it is, for those who look for it.

use crate::{Answer, Mode, Request, asks::Asks, candidacy::Purpose, request::Paths};

/// What a leader shows while its session lives.
#[derive(Debug)]
pub(crate) struct Announcement {
    data: Vec<u8>,
    shown: bool,
}

impl Announcement {
    pub(crate) fn new(data: Vec<u8>) -> Self {
        Self { data, shown: false }
    }

    pub(crate) fn resume(&self, paths: &Paths, asks: &mut Asks<Purpose>) {
        if !self.shown {
            let (path, data) = (paths.leader(), self.data.clone());
            asks.ask(Purpose::Announce, Request::Create { path, data, mode: Mode::Ephemeral });
        }
    }

    /// Looks whether it is still shown.
    pub(crate) fn check(&mut self, paths: &Paths, asks: &mut Asks<Purpose>) {
        self.shown = false;
        asks.ask(Purpose::Announce, Request::Get { path: paths.leader(), watch: false });
    }

    /// Takes an answer; false if nobody knows and it has to be tried again later.
    pub(crate) fn on_answer(&mut self, answer: &Answer, paths: &Paths, asks: &mut Asks<Purpose>) -> bool {
        match answer {
            Answer::Created(_) => self.shown = true,
            // Its own, the answer to whose creation was lost, or that of an older leader whose session is still counted.
            Answer::Taken => asks.ask(Purpose::Announce, Request::Get { path: paths.leader(), watch: false }),
            Answer::Data(data) if *data == self.data => self.shown = true,
            Answer::Data(_) => asks.ask(Purpose::Announce, Request::Delete { path: paths.leader() }),
            Answer::Deleted | Answer::Missing => self.resume(paths, asks),
            Answer::Found | Answer::Names(_) | Answer::Lost | Answer::Refused(_) => return false,
        }
        true
    }
}
