//! The end of a framework.

use crate::{Body, Change, LinkId, LogIndex, Master};
use proto_types::{FrameworkId, Principal, TaskKey, link::ToAgent, registry::Fact, scheduling::CloseReason};
use std::sync::Arc;

impl Master {
    pub(crate) fn on_failover_timeout(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else { return };
        if framework.away.is_some() && !framework.removed {
            let principal = framework.principal.clone();
            self.remove_framework(id, &principal);
        }
    }

    /// Removes the framework for good. Its record stays until its tasks are over; its id is dead at once.
    pub(crate) fn remove_framework(&mut self, id: &FrameworkId, principal: &Principal) -> Option<LogIndex> {
        let framework = self.frameworks.change(id).filter(|framework| !framework.removed)?;
        framework.removed = true;
        let written = self.out.append(principal, Fact::FrameworkRemoved { framework: id.clone() });
        framework.written = Some(written);
        self.last_removal = Some(written);
        if let Some(away) = framework.away.take() {
            self.timers.cancel(Some(away.failover));
            self.timers.cancel(Some(away.checkpoint));
        }
        let offers: Vec<_> = framework.offers.iter().cloned().collect();
        let roles = framework.info.roles.clone();
        let tasks: Vec<_> = framework.tasks.keys().cloned().collect();
        self.remember_dead_framework(id);
        self.close_stream(id, CloseReason::Removed, "the framework was removed");
        for offer in offers {
            self.let_go(&offer);
        }
        self.clear_filters(id, None);
        for role in &roles {
            self.roles.unsubscribe(role, id);
        }
        let links: Vec<LinkId> = self.agents.iter().filter_map(|(_, agent)| agent.link).collect();
        for link in links {
            self.out.send_agent(Some(written), link, ToAgent::ShutdownFramework(id.clone()));
        }
        for task in tasks {
            self.acknowledge_all(&TaskKey { framework: id.clone(), task });
        }
        if self.frameworks.get(id).is_some_and(|framework| framework.tasks.is_empty()) {
            self.bury(id);
        }
        Some(written)
    }

    /// Nothing of the removed framework runs any more: only people still want to see it.
    pub(crate) fn bury(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.remove(id) else { return };
        self.out.push(framework.written, Body::Changed(Change::Framework(id.clone(), Arc::new(framework.view()))));
        self.history.keep(id.clone(), framework.completed_on);
        let Some((framework, tasks)) = self.history.trim(self.config.completed_frameworks_max) else { return };
        for task in tasks.into_keys() {
            let key = TaskKey { framework: framework.clone(), task };
            self.out.push(None, Body::Changed(Change::TaskForgotten(key)));
        }
        self.out.push(None, Body::Changed(Change::FrameworkForgotten(framework)));
    }
}
