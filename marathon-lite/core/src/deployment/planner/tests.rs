use super::*;
use crate::deployment::small_world::{at, deployment, path, tree, trees, words};
use proptest::prelude::*;

fn steps(original: &[&str], target: &[&str]) -> String {
    words(&deployment("d", &tree(original), &tree(target)))
}

#[test]
fn what_is_gone_ends_before_what_is_new_begins() {
    assert_eq!(
        steps(&["/old", "/kept"], &["/kept", "/new*2"]),
        "StopApplication /old | StartApplication /new | ScaleApplication /new"
    );
}

#[test]
fn scale_and_configuration_are_told_apart() {
    assert_eq!(steps(&["/a*1@1"], &["/a*3@2/1"]), "ScaleApplication /a");
    assert_eq!(steps(&["/a*1@1"], &["/a*3@2"]), "RestartApplication /a");
    assert_eq!(steps(&["/a*1@1"], &["/a*0@2"]), "ScaleApplication /a");
    assert_eq!(steps(&["/a*0@1"], &["/a*2@2/1"]), "ScaleApplication /a");
    assert_eq!(steps(&["/a*0@1"], &["/a*2@2"]), "RestartApplication /a");
}

#[test]
fn a_changed_configuration_restarts_even_under_the_same_version() {
    let before = tree(&["/a"]);
    let mut after = before.clone();
    let app = crate::app::AppDefinition::clone(before.app(&path("/a")).unwrap());
    after.put_app(std::sync::Arc::new(crate::app::AppDefinition { cmd: Some("other".into()), ..app }), at(2));
    assert_eq!(words(&deployment("d", &before, &after)), "RestartApplication /a");
}

#[test]
fn layers_follow_one_another() {
    let target = ["/db*2", "/cache*2", "/api*2: /db /cache", "/web*2: /api", "/alone*2"];
    let original = ["/db", "/cache", "/api: /db /cache", "/web: /api", "/alone"];
    assert_eq!(
        steps(&original, &target),
        "ScaleApplication /alone, ScaleApplication /cache, ScaleApplication /db | ScaleApplication /api | \
         ScaleApplication /web"
    );
    // Layers without a change are left out.
    assert_eq!(
        steps(&original, &["/db", "/cache", "/api: /db /cache", "/web*2: /api", "/alone*2"]),
        "ScaleApplication /alone | ScaleApplication /web"
    );
    assert_eq!(
        steps(&[], &["/g/: /h", "/g/a", "/h/b"]),
        "StartApplication /g/a, StartApplication /h/b | ScaleApplication /h/b | ScaleApplication /g/a"
    );
}

#[test]
fn pods_have_actions_of_their_own() {
    assert_eq!(
        steps(
            &["pod /gone", "pod /same", "pod /more", "pod /other", "/swap"],
            &["pod /same", "pod /more*2@2/1", "pod /other@2", "pod /new", "pod /swap"]
        ),
        "StopApplication /swap, StopPod /gone | StartPod /new, StartPod /swap | ScalePod /more, ScalePod /new, RestartPod \
         /other, ScalePod /swap"
    );
}

#[test]
fn nothing_to_do_is_over_at_once() {
    let root = tree(&["/a", "pod /b", "/g/c: /a"]);
    let deployment = deployment("d", &root, &root);
    assert!(deployment.is_over() && deployment.steps.is_empty() && deployment.affected().is_empty());
    // A version of its own is no change.
    assert_eq!(steps(&["/a*1@1"], &["/a*1@7/1"]), "");
}

#[test]
fn forced_restarts_are_done_once() {
    let forced = |original: &[&str], target: &[&str]| {
        let ids = ["/a", "/b", "/nowhere"].map(path).into();
        words(&plan(&tree(original), &tree(target), &ids, DeploymentId("d".into()), at(9)))
    };
    assert_eq!(forced(&["/a", "/b", "/c"], &["/a", "/b*2@2/1", "/c"]), "RestartApplication /a, RestartApplication /b");
    assert_eq!(forced(&["/a*0", "/b"], &["/a*0"]), "StopApplication /b | ScaleApplication /a");
}

#[test]
fn only_what_truly_changes_is_affected() {
    let (original, target) = (tree(&["/g/a", "/g/b", "/g/c: /g/a"]), tree(&["/g/a*2@2/1", "/g/b", "/g/c: /g/a"]));
    let deployment = deployment("d", &original, &target);
    assert_eq!(deployment.affected().into_iter().map(PathId::as_str).collect::<Vec<_>>(), ["/g/a"]);
}

/// What runs after a deployment: how many of which configuration.
fn run(original: &Root, deployment: &Deployment) -> BTreeMap<PathId, (u32, Option<String>)> {
    let state = |root: &Root, id: &PathId| root.app(id).map(|app| (app.instances, app.cmd.clone()));
    let mut running: BTreeMap<PathId, _> =
        original.apps().filter_map(|app| Some((app.id.clone(), state(original, &app.id)?))).collect();
    for action in deployment.actions() {
        let target = state(&deployment.target, &action.id);
        match action.kind {
            ActionKind::StopApplication => drop(running.remove(&action.id)),
            ActionKind::StartApplication => drop(running.insert(action.id.clone(), (0, target.unwrap().1))),
            ActionKind::ScaleApplication => {
                // Scaling launches from the target; it changes nothing of instances that stay.
                let was = running.get_mut(&action.id).unwrap();
                let (instances, cmd) = target.unwrap();
                assert!(was.1 == cmd || instances == 0, "{} needs a restart", action.id);
                *was = (instances, cmd);
            }
            ActionKind::RestartApplication => drop(running.insert(action.id.clone(), target.unwrap())),
        }
    }
    running
}

proptest! {
    #[test]
    fn what_is_planned_leads_to_the_target(original in trees(), target in trees()) {
        let deployment = deployment("d", &original, &target);
        let wanted: BTreeMap<PathId, _> =
            target.apps().map(|app| (app.id.clone(), (app.instances, app.cmd.clone()))).collect();
        prop_assert_eq!(run(&original, &deployment), wanted);
        prop_assert!(deployment.steps.iter().all(|step| !step.actions.is_empty()));
        // Whatever depends on something comes in a later step.
        let step_of = |id: &PathId| deployment.steps.iter().position(|step| {
            step.actions.iter().any(|action| action.id == *id && action.kind != ActionKind::StartApplication)
        });
        for app in target.apps() {
            for dependency in &app.dependencies {
                if let (Some(own), Some(other)) = (step_of(&app.id), step_of(dependency)) {
                    prop_assert!(other < own, "{} before {}", app.id, dependency);
                }
            }
        }
        prop_assert!(deployment.version == at(1000) && deployment.original == original && deployment.target == target);
    }
}
