//! Ids that the master gives. The epoch in them makes them unique in the cluster for ever.

use proto_types::{AgentId, Epoch, FrameworkId, OfferId, SessionId};

#[derive(Debug)]
pub(crate) struct Mint {
    epoch: Epoch,
    agents: u64,
    frameworks: u64,
    sessions: u64,
    offers: u64,
}

macro_rules! mint {
    ($name:ident, $counter:ident, $kind:ident, $letter:literal) => {
        pub(crate) fn $name(&mut self) -> $kind {
            self.$counter += 1;
            $kind::new(format!(concat!($letter, "{}-{}"), self.epoch, self.$counter))
                .unwrap_or_else(|_| unreachable!("letters, digits and a dash make an id"))
        }
    };
}

impl Mint {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self { epoch, agents: 0, frameworks: 0, sessions: 0, offers: 0 }
    }

    mint!(agent, agents, AgentId, "A");
    mint!(framework, frameworks, FrameworkId, "F");
    mint!(session, sessions, SessionId, "S");
    mint!(offer, offers, OfferId, "O");
}

/// The epoch in which a master gave this id; none if no master did.
pub(crate) fn epoch_of(id: &str) -> Option<Epoch> {
    let (epoch, _) = id.get(1..)?.split_once('-')?;
    epoch.parse().ok().map(Epoch)
}
