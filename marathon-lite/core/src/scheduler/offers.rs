//! Offers are used for what is wanted, and refused otherwise.

use super::{Body, Marathon, follow::rules};
use crate::{
    instances::instance_id,
    launch::{Interest, NewInstance, RunSpec, Situation},
};
use proto_types::{AgentId, Offer};

impl Marathon {
    pub(super) fn on_offers(&mut self, offers: Vec<Offer>) {
        let Self { queue, instances, ids, config, .. } = self;
        let secrets = |source: &str| config.secrets.get(source);
        let now = crate::app::Timestamp::from_millis(self.now.wall.0);
        let situation = Situation { now, instances: instances.by_app(), secrets: &secrets };
        let uses = queue.use_offers(offers, &situation, &mut |app| loop {
            // A path with a UUID behind it is a valid id, whatever the UUID.
            if let Ok(id) = instance_id(app, &ids.uuid()) {
                break id;
            }
        });
        for one in uses {
            if one.launched.is_empty() {
                self.outbox.push(Body::Decline(one.offers, one.refuse));
                continue;
            }
            // Each is stored before the master hears of it: the acceptance waits for this commit.
            for NewInstance { instance, .. } in &one.launched {
                let spec = self.spec_of(instance).or_else(|| RunSpec::find(&self.view.root, &instance.app));
                let transition = self.instances.launched(instance.clone(), &rules(spec.as_ref()), now);
                self.follow(transition);
                if let Some(spec) = &spec {
                    self.run_began(instance, spec);
                }
            }
            self.outbox.push(Body::Accept(one.acceptance()));
        }
    }

    pub(super) fn on_agent_lost(&mut self, agent: &AgentId) {
        self.queue.agent_gone(agent);
    }

    /// Tells the master whether offers are wanted, if that changed.
    pub(super) fn tell_interest(&mut self) {
        if !self.subscribed {
            return;
        }
        match self.queue.interest(self.wall()) {
            Some(Interest::Wanted) => self.outbox.push(Body::Revive),
            Some(Interest::Unwanted) => self.outbox.push(Body::Suppress),
            None => {}
        }
    }
}
