//! What the master says.

use crate::{Effect, Notice, Outcome, Session, Standing, StreamId};
use proto_types::{
    ClusterId, FrameworkId, Offer, OfferId, SessionId,
    scheduling::{CloseReason, Event, NumberedEvent},
};

impl Session {
    pub(crate) fn on_event(&mut self, stream: StreamId, event: NumberedEvent) {
        if self.link.stream() != Some(stream) {
            return;
        }
        if event.epoch < self.epoch {
            let message = format!("the master is of epoch {}, which {} has followed", event.epoch, self.epoch);
            return self.lose_link(&message);
        }
        self.link.hear(self.now);
        let NumberedEvent { number, epoch, event } = event;
        match event {
            Event::Subscribed { framework, session, cluster, heartbeat_interval, resumed, version } => {
                self.epoch = epoch;
                self.link.open(stream, heartbeat_interval, self.now);
                self.keep(&framework, &cluster);
                self.deliver(Notice::Subscribed { framework, cluster, version, resumed });
                self.on_subscribed(session, number, resumed);
            }
            Event::Closed { reason, message } => self.on_closed(reason, message),
            _ if !self.link.is_open() => self.lose_link("the master's first event was not the subscription"),
            Event::Heartbeat => {
                self.link.settle();
                self.missed_any(number);
            }
            event => {
                if self.is_next(number) {
                    self.on_numbered(event);
                }
            }
        }
    }

    /// Whether this event is the next one. One seen before is dropped; if one is missing, the stream is resumed.
    fn is_next(&mut self, number: u64) -> bool {
        let Some(standing) = &mut self.standing else { return false };
        if number <= standing.last {
            return false;
        }
        if number > standing.last + 1 {
            let message = format!("event {} is missing", standing.last + 1);
            self.lose_link(&message);
            return false;
        }
        standing.last = number;
        true
    }

    fn missed_any(&mut self, number: u64) {
        if let Some(standing) = &self.standing
            && number > standing.last
        {
            let message = format!("event {} is missing", standing.last + 1);
            self.lose_link(&message);
        }
    }

    fn keep(&mut self, framework: &FrameworkId, cluster: &ClusterId) {
        let info = &mut self.config.framework;
        if info.id.as_ref() == Some(framework) && self.config.cluster.as_ref() == Some(cluster) {
            return;
        }
        info.id = Some(framework.clone());
        self.config.cluster = Some(cluster.clone());
        self.out.push(Effect::Keep { framework: framework.clone(), cluster: cluster.clone() });
    }

    fn on_subscribed(&mut self, session: SessionId, number: u64, resumed: bool) {
        let goes_on = resumed && self.standing.as_ref().is_some_and(|standing| standing.session == session);
        if goes_on {
            return;
        }
        let first = self.standing.is_none();
        self.standing = Some(Standing { session, last: number, resumable: true });
        self.begin_session(first);
    }

    /// Earlier offers are gone, the fate of calls under way is looked into, and every task is asked about.
    fn begin_session(&mut self, first: bool) {
        let offers: Vec<OfferId> = std::mem::take(&mut self.offers).into_keys().collect();
        if !offers.is_empty() {
            self.deliver(Notice::Rescinded(offers));
        }
        self.strand_accepts();
        self.calls.release();
        if first && self.adopted {
            self.inquiries.ask_everything(false);
        }
        self.ask_about_tasks();
        self.kill_again();
    }

    fn on_closed(&mut self, reason: CloseReason, message: String) {
        match reason {
            CloseReason::Superseded => self.stop(Outcome::Superseded { message }),
            CloseReason::Removed if self.stopping.as_ref().is_some_and(|stopping| stopping.teardown) => {
                self.stop(Outcome::TornDown);
            }
            CloseReason::Removed => self.stop(Outcome::Removed { message }),
            CloseReason::TooSlow => {
                self.lose_resume();
                self.lose_link(&message);
            }
            CloseReason::LeadershipLost => self.follow(None),
            CloseReason::Reconnected => self.lose_link(&message),
        }
    }

    fn on_numbered(&mut self, event: Event) {
        match event {
            Event::Offers(offers) => self.on_offers(offers),
            Event::Rescinded(ids) => {
                // Those used or refused meanwhile are no news.
                let gone: Vec<OfferId> = ids.into_iter().filter(|id| self.offers.remove(id).is_some()).collect();
                if !gone.is_empty() {
                    self.deliver(Notice::Rescinded(gone));
                }
            }
            Event::Updates(statuses) => self.on_updates(statuses),
            Event::Message { agent, executor, data } => self.deliver(Notice::Message { agent, executor, data }),
            Event::Failure { agent, executor, message } => self.deliver(Notice::Failure { agent, executor, message }),
            Event::Subscribed { .. } | Event::Heartbeat | Event::Closed { .. } => {}
        }
    }

    fn on_offers(&mut self, offers: Vec<Offer>) {
        for offer in &offers {
            self.offers.insert(offer.id.clone(), offer.agent.clone());
        }
        self.deliver(Notice::Offers(offers));
    }
}
