//! An agent that an operator has given up: it links to no master any more, ends what it has, and then itself.

use agent_core::{Agent, Closed};
use proto_types::link::RefusedReason;
use tokio::sync::watch;

/// Whether that has happened, and how it was said.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    said: watch::Sender<Option<String>>,
    /// Whether it joins as a new agent instead.
    join_anew: bool,
}

impl Gone {
    pub(crate) fn new(join_anew: bool) -> Self {
        Self { said: watch::Sender::new(None), join_anew }
    }

    /// Looks whether an earlier process of the agent was told.
    pub(crate) fn look_back(&self, agent: &Agent) {
        if agent.is_gone() && !self.has_come() {
            self.say("an operator marked this agent as gone");
        }
    }

    /// Looks whether a link was ended because of it.
    pub(crate) fn look(&self, why: &Closed) {
        if let Closed::Refused { reason: RefusedReason::Gone, message } = why {
            self.say(message);
        }
    }

    fn say(&self, message: &str) {
        if !self.join_anew {
            self.said.send_replace(Some(message.to_owned()));
        }
    }

    pub(crate) fn has_come(&self) -> bool {
        self.said.borrow().is_some()
    }

    /// Waits for it.
    pub(crate) async fn comes(&self) -> String {
        let mut said = self.said.subscribe();
        let message = said.wait_for(Option::is_some).await.ok().and_then(|said| said.clone());
        match message {
            Some(message) => message,
            // It does not happen: this keeps a sender.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: RefusedReason) -> Closed {
        Closed::Refused { reason, message: "so it is".to_owned() }
    }

    #[tokio::test]
    async fn only_an_operators_word_counts_and_only_where_nobody_wants_a_new_agent() {
        let gone = Gone::new(false);
        for why in [Closed::Silent, refused(RefusedReason::WrongCluster), refused(RefusedReason::NotLeader)] {
            gone.look(&why);
            assert!(!gone.has_come(), "{why:?}");
        }
        gone.look(&refused(RefusedReason::Gone));
        assert_eq!(gone.clone().comes().await, "so it is");
        let anew = Gone::new(true);
        anew.look(&refused(RefusedReason::Gone));
        assert!(!anew.has_come());
    }
}
