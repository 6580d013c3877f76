//! Deployments that are in each other's way.

use super::{Deployment, DeploymentId};

/// These deployments change what another one wants to change. They may be cancelled by force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'."
)]
pub struct Locked(pub Vec<DeploymentId>);

impl Deployment {
    /// Whether both do something to the same app or pod.
    #[must_use]
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.affected(), other.affected());
        let (few, many) = if mine.len() < theirs.len() { (mine, theirs) } else { (theirs, mine) };
        few.iter().any(|id| many.contains(id))
    }
}

/// The deployments that have to be cancelled for a new one: those in its way, if force is used; none, if there are none.
///
/// # Errors
/// The deployments that are in its way.
pub fn admit<'a>(
    new: &Deployment,
    running: impl IntoIterator<Item = &'a Deployment>,
    force: bool,
) -> Result<Vec<DeploymentId>, Locked> {
    let affected = new.affected();
    let in_the_way =
        running.into_iter().filter(|running| running.actions().any(|action| affected.contains(&action.id)));
    let in_the_way: Vec<DeploymentId> = in_the_way.map(|running| running.id.clone()).collect();
    if in_the_way.is_empty() || force { Ok(in_the_way) } else { Err(Locked(in_the_way)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::small_world::{deployment, tree};

    fn scaling(id: &str, apps: &[&str]) -> Deployment {
        let target: Vec<String> = apps.iter().map(|app| format!("{app}*2@2/1")).collect();
        deployment(id, &tree(apps), &tree(&target.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    #[test]
    fn deployments_of_the_same_app_exclude_each_other() {
        let (first, second, third) = (scaling("1", &["/a", "/b"]), scaling("2", &["/c"]), scaling("3", &["/b", "/d"]));
        assert!(first.conflicts_with(&third) && third.conflicts_with(&first) && !first.conflicts_with(&second));
        let ids = |ids: &[&str]| ids.iter().map(|id| DeploymentId((*id).into())).collect::<Vec<_>>();
        assert_eq!(admit(&third, [&first, &second], false), Err(Locked(ids(&["1"]))));
        assert_eq!(admit(&third, [&first, &second], true), Ok(ids(&["1"])));
        assert_eq!(admit(&second, [&first, &third], false), Ok(Vec::new()));
        assert_eq!(admit(&scaling("4", &["/a", "/c"]), [&first, &second], true), Ok(ids(&["1", "2"])));
        assert_eq!(admit(&scaling("5", &[]), [&first, &second], false), Ok(Vec::new()));
        assert_eq!(
            Locked(ids(&["1"])).to_string(),
            "App is locked by one or more deployments. Override with the option '?force=true'. View details at \
             '/v2/deployments/<DEPLOYMENT_ID>'."
        );
    }
}
