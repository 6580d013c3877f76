//! What operators ask for in a script.

use super::{
    Stage, Wrong,
    words::{Words, role},
};
use master_core::OperatorCall;
use proto_types::{FrameworkId, Resources};

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
            other => return Err(Wrong::Excess(other.to_owned())),
        };
        words.end()?;
        self.world.operate(call);
        Ok(())
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
