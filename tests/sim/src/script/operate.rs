//! What operators ask for in a script.

use super::{
    Stage, Wrong,
    words::{Words, role},
};
use master_core::OperatorCall;
use proto_types::{AgentId, FrameworkId, Resources, agent::Unavailability, time::Wall};
use std::time::Duration;

impl Stage {
    /// An operator asks the leader for something.
    pub(super) fn operate(&mut self, mut words: Words<'_>) -> Result<(), Wrong> {
        let call = match words.word("what the operator does")? {
            "limits" => {
                let role = role(words.word("a role")?)?;
                let limit: Resources = words.value("limit")?;
                let limit = limit.quantities().iter().map(|(name, amount)| (name.clone(), *amount)).collect();
                OperatorCall::UpdateRole { role, weight_milli: None, limit: Some(limit) }
            }
            "weighs" => {
                let role = role(words.word("a role")?)?;
                let weight = words.value("weight in thousandths")?;
                OperatorCall::UpdateRole { role, weight_milli: Some(weight), limit: None }
            }
            "kills" => OperatorCall::KillTask { framework: None, task: words.value("task")?, grace: None },
            "locates" => OperatorCall::LocateTask { framework: None, task: words.value("task")?, agent: None },
            "removes" => OperatorCall::TeardownFramework(self.framework_id(words.word("a framework")?)?),
            "explains" => OperatorCall::ExplainFramework(self.framework_id(words.word("a framework")?)?),
            "drains" => OperatorCall::DrainAgent {
                agent: self.agent_id(words.word("an agent")?)?,
                max_grace: words.option_duration("grace")?,
                deadline: words.option_duration("deadline")?,
                mark_gone: words.flag("gone"),
            },
            "deactivates" => OperatorCall::DeactivateAgent(self.agent_id(words.word("an agent")?)?),
            "reactivates" => OperatorCall::ReactivateAgent(self.agent_id(words.word("an agent")?)?),
            "abandons" => OperatorCall::MarkAgentGone(self.agent_id(words.word("an agent")?)?),
            "maintains" => {
                let agents = vec![self.agent_id(words.word("an agent")?)?];
                let now = self.world.kernel.now.now(0).wall.0;
                let at = |after: Duration| Wall(now + after.as_millis() as u64);
                let start = words.option_duration("in")?.unwrap_or_default();
                let end = words.option_duration("for")?.map(|length| at(start + length));
                OperatorCall::ScheduleMaintenance { agents, unavailability: Unavailability { start: at(start), end } }
            }
            "cancels" => OperatorCall::CancelMaintenance(vec![self.agent_id(words.word("an agent")?)?]),
            other => return Err(Wrong::Excess(other.to_owned())),
        };
        words.end()?;
        self.world.operate(call);
        Ok(())
    }

    /// The id of an agent by its machine's name, or the id itself.
    fn agent_id(&self, name: &str) -> Result<AgentId, Wrong> {
        let unknown = || Wrong::Value { what: "agent", text: name.to_owned() };
        match self.agent(name) {
            Ok(index) => self.world.agent(index).id.clone().ok_or_else(unknown),
            Err(_) => AgentId::new(name).map_err(|_| unknown()),
        }
    }

    /// The id of a framework by its name, or the id itself.
    fn framework_id(&self, name: &str) -> Result<FrameworkId, Wrong> {
        let unknown = || Wrong::Value { what: "framework", text: name.to_owned() };
        match self.framework(name) {
            Ok(index) => self.world.framework(index).id.clone().ok_or_else(unknown),
            Err(_) => FrameworkId::new(name).map_err(|_| unknown()),
        }
    }
}
