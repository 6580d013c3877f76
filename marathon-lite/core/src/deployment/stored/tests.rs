use super::*;
use crate::deployment::{
    ActionKind, Decision, Kill, Outcome, revert,
    small_world::{at, contents, deployment, path, put, tree, words},
};

/// Versions of apps and pods, as a root has them.
struct Kept(Vec<Root>);

impl Versions for Kept {
    fn app(&self, id: &PathId, version: Timestamp) -> Option<Arc<AppDefinition>> {
        self.0.iter().find_map(|root| root.app(id).filter(|app| app.version == version)).cloned()
    }

    fn pod(&self, id: &PathId, version: Timestamp) -> Option<Arc<PodDefinition>> {
        self.0.iter().find_map(|root| root.pod(id).filter(|pod| pod.version == version)).cloned()
    }
}

const BEFORE: [&str; 6] = ["/a*2@1", "/gone@3", "/same", "pod /p@1", "/g/: /a", "/g/x"];
const AFTER: [&str; 7] = ["/a*2@5", "/same", "/new@5", "pod /p*2@5/1", "/g/: /same", "/g/x", "/h/y@5"];

#[test]
fn a_deployment_is_found_again_as_it_was() {
    let (original, target) = (tree(&BEFORE), tree(&AFTER));
    let mut deployment = deployment("d", &original, &target).as_rollback();
    let waiting = Decision {
        kill: Kill::Any(0),
        launch: 0,
        outcome: Outcome::Waiting(String::new()),
        remaining: 3,
        canary: Canary { step: 1, good_since: Some(at(1500)) },
    };
    assert!(deployment.record(&path("/gone"), &Decision::finished(), at(1200)) && deployment.advance(at(1300)));
    for id in ["/new", "/h/y"] {
        assert!(deployment.record(&path(id), &Decision::finished(), at(1301)));
    }
    assert!(deployment.advance(at(1400)) && deployment.record(&path("/a"), &waiting, at(1500)));
    let (plan, progress) = (deployment.stored_plan(), deployment.stored_progress());
    let kept = Kept(vec![original, target.clone()]);
    let found = recover(deployment.id.clone(), &plan, &progress, &target, &kept).unwrap();
    assert_eq!(contents(&found.original), contents(&deployment.original));
    assert_eq!(contents(&found.target), contents(&deployment.target));
    assert_eq!((&found.steps, &found.progress, found.current_step), (&deployment.steps, &deployment.progress, 2));
    assert_eq!((found.version, found.is_rollback), (at(1000), true));
    assert_eq!(found.progress.open(&path("/a")).unwrap().kind, ActionKind::RestartApplication);
    assert_eq!((found.stored_plan(), found.stored_progress()), (plan, progress));
}

#[test]
fn what_others_changed_since_is_no_part_of_it() {
    let (original, target) = (tree(&BEFORE), tree(&AFTER));
    let deployment = deployment("d", &original, &target);
    let mut current = target.clone();
    put(&mut current, "/h/later@9");
    put(&mut current, "/same*4@9/1");
    put(&mut current, "/new*3@9/5");
    let kept = Kept(vec![original, target]);
    let stored = deployment.stored_plan();
    let found = recover(deployment.id.clone(), &stored, &deployment.stored_progress(), &current, &kept).unwrap();
    assert_eq!(
        contents(&revert(&current, &found, at(50))),
        contents(&revert(&current, &deployment, at(50))),
        "the revert is the same"
    );
    assert_eq!(words(&found), words(&deployment));
    let changed: Vec<String> =
        found.target.changed_apps(&found.original).iter().map(|change| change.id.to_string()).collect();
    assert_eq!(changed, ["/a", "/gone", "/h/y", "/new"]);
}

#[test]
fn the_plan_has_no_apps_in_it() {
    let (original, target) = (tree(&["/a*2@1", "/b"]), tree(&["/a*3@2/1", "/b"]));
    let deployment = deployment("d", &original, &target);
    assert_eq!(
        String::from_utf8(deployment.stored_plan()).unwrap(),
        r#"{"apps":[["/a",1,2]],"groups":[],"pods":[],"rollback":false,"steps":[[["ScaleApplication","/a",false]]],"version":1000}"#
    );
    assert_eq!(
        String::from_utf8(deployment.stored_progress()).unwrap(),
        r#"{"currentStep":0,"open":[{"canaryGoodSince":null,"canaryStep":0,"id":"/a","leastRemaining":null,"progressedAt":1000}]}"#
    );
    let needed = deployment.needed_versions();
    assert_eq!(needed, BTreeSet::from([(path("/a"), at(1)), (path("/a"), at(2))]));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let (original, target) = (tree(&["/a*2@1"]), tree(&["/a*3@2/1"]));
    let deployment = deployment("d", &original, &target);
    let (plan, progress) = (deployment.stored_plan(), deployment.stored_progress());
    let read = |plan: &[u8], progress: &[u8]| {
        let found = recover(DeploymentId("d".into()), plan, progress, &target, &Kept(Vec::new()));
        found.unwrap_err().to_string()
    };
    assert_eq!(
        read(&plan, &progress),
        "version 1970-01-01T00:00:00.001Z of /a is not kept, and the deployment needs it; end the deployment and begin a \
         new one"
    );
    let newer = "; it may have been written by a newer version";
    assert_eq!(read(b"{}", &progress), format!("steps: must be a list{newer}"));
    assert!(read(b"\xff", &progress).starts_with("plan: is no JSON: "));
    let plan = br#"{"version":1,"apps":[],"pods":[],"groups":[],"steps":[[["ScaleApplication","/a",false]]]}"#;
    assert_eq!(read(plan, br#"{"currentStep":2,"open":[]}"#), format!("currentStep: must be from 0 to 1{newer}"));
    assert_eq!(
        read(plan, br#"{"currentStep":0,"open":[{"id":"/b"}]}"#),
        format!("open: nothing is done to /b in step 0{newer}")
    );
    let wrong = br#"{"version":1,"apps":[],"pods":[],"groups":[],"steps":[[["Dance","/a",false]]]}"#;
    assert_eq!(read(wrong, &progress), format!("steps: must be lists of [action, id, whether a pod]{newer}"));
    let wrong = br#"{"version":1,"apps":[["/a",1]],"pods":[],"groups":[],"steps":[]}"#;
    assert_eq!(read(wrong, &progress), format!("apps: must be [id, version before, version after]{newer}"));
}
