//! The subscription stands, or it broke.

use super::{Body, Marathon, stored::Key};
use crate::events;
use proto_types::FrameworkId;

impl Marathon {
    /// All known instances are asked about: what ended unheard is told, and what was stored and never launched is given
    /// up, once the master says that there is no such task.
    pub(super) fn on_subscribed(&mut self, framework: FrameworkId, resumed: bool) {
        let master = self.config.master.clone();
        let event = match &self.view.framework {
            Some(before) if *before == framework => events::scheduler_reregistered(self.wall(), &master),
            _ => events::scheduler_registered(self.wall(), &framework, &master),
        };
        self.publish(event);
        if self.view.framework.as_ref() != Some(&framework) {
            self.outbox.put(&Key::Framework, framework.as_str().as_bytes().to_vec());
            self.view.framework = Some(framework);
        }
        self.subscribed = true;
        if resumed {
            return;
        }
        self.queue.subscribed();
        self.reconcile();
        // And about everything that runs: what was given up and came back meanwhile is killed.
        self.outbox.push(Body::Reconcile(Vec::new()));
    }

    /// Asks about all known instances.
    pub(super) fn reconcile(&mut self) {
        self.reconciled = self.now.monotonic;
        let queries: Vec<_> = self.instances.queries().collect();
        if !queries.is_empty() {
            self.outbox.push(Body::Reconcile(queries));
        }
    }

    pub(super) fn on_disconnected(&mut self) {
        self.subscribed = false;
        self.publish(events::scheduler_disconnected(self.wall()));
    }
}
