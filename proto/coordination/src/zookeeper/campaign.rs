//! A candidacy and its client.

use super::{
    TICK,
    client::{Client, Event, NoSession},
    now,
};
use crate::{Address, entry::author};
use coordination_core::{Answer, Candidacy, Config, Effect, End, Input, Paths, Ticket};
use proto_types::time::Monotonic;
use std::time::Duration;
use tokio::{task::JoinSet, time::Interval};
use uuid::Uuid;

/// A candidacy and its client, from the beginning of a session to its end.
pub(super) struct Campaign {
    client: Client,
    core: Candidacy,
    asked: JoinSet<(Ticket, Answer)>,
    ticks: Interval,
}

impl Campaign {
    pub(super) async fn begin(address: &Address, session_timeout: Duration) -> Result<Self, NoSession> {
        let client = Client::begin(address, session_timeout).await?;
        let paths = Paths::new(address.path());
        client.lay_foundations(&paths).await?;
        let nonce = Uuid::new_v4().simple().to_string();
        let core = Candidacy::new(Config { paths, nonce, session_timeout, peek: author }, now());
        let mut campaign = Self { client, core, asked: JoinSet::new(), ticks: tokio::time::interval(TICK) };
        // The client is connected: it has answered.
        campaign.give(Input::Connected);
        Ok(campaign)
    }

    /// Gives the machine an input; what is to be asked is asked, the rest is for the caller.
    pub(super) fn give(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.core.handle(now(), input);
        effects.retain(|effect| {
            let Effect::Ask(ticket, request) = effect else { return true };
            let (ticket, answer) = (*ticket, self.client.ask(request.clone()));
            self.asked.spawn(async move { (ticket, answer.await) });
            false
        });
        effects
    }

    /// Until when the leader may believe that it leads.
    pub(super) fn leads_until(&self) -> Monotonic {
        self.core.leads_until()
    }

    /// What comes next. Safe to cancel.
    pub(super) async fn next(&mut self) -> Vec<Effect> {
        let input = tokio::select! {
            // That the connection broke is known before the answers that came over it.
            biased;
            event = self.client.next_event() => match event {
                Event::Connected => Input::Connected,
                Event::Disconnected => Input::Disconnected,
                Event::Changed(path) => Input::Changed(path),
                Event::Expired => return vec![Effect::Ended(End::SessionLost)],
            },
            Some(answered) = self.asked.join_next() => match answered {
                Ok((ticket, answer)) => Input::Answered(ticket, answer),
                Err(_) => return Vec::new(),
            },
            _ = self.ticks.tick() => Input::Tick,
        };
        self.give(input)
    }

    /// Ends the session.
    pub(super) async fn close(self) {
        self.client.close().await;
    }
}
