//! The leader says who it is, for those who look for it.

use crate::{Answer, Mode, Request, asks::Asks, candidacy::Purpose, request::Paths};

/// What a leader shows while its session lives.
#[derive(Debug)]
pub(crate) struct Announcement {
    data: Vec<u8>,
    shown: bool,
    /// Why it was refused when last it was tried.
    refused: Option<String>,
}

/// What came of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    /// Nobody knows; ask again later.
    Stalled,
    /// It may not be shown, for a reason that is new. It is tried again when it is looked for next.
    Refused(String),
}

impl Announcement {
    pub(crate) fn new(data: Vec<u8>) -> Self {
        Self { data, shown: false, refused: None }
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

    pub(crate) fn on_answer(&mut self, answer: Answer, paths: &Paths, asks: &mut Asks<Purpose>) -> Step {
        match answer {
            Answer::Created(_) => self.is_shown(),
            // Its own, the answer to whose creation was lost, or that of an older leader whose session is still counted.
            Answer::Taken => asks.ask(Purpose::Announce, Request::Get { path: paths.leader(), watch: false }),
            Answer::Data(data) if data == self.data => self.is_shown(),
            Answer::Data(_) => asks.ask(Purpose::Announce, Request::Delete { path: paths.leader() }),
            Answer::Deleted | Answer::Missing => self.resume(paths, asks),
            Answer::Refused(why) if self.refused.as_ref() == Some(&why) => {}
            Answer::Refused(why) => {
                self.refused = Some(why.clone());
                return Step::Refused(why);
            }
            Answer::Found | Answer::Names(_) | Answer::Lost => return Step::Stalled,
        }
        Step::Nothing
    }

    fn is_shown(&mut self) {
        (self.shown, self.refused) = (true, None);
    }
}
