use super::*;
use crate::deployment::small_world::{at, contents, deployment, put, tree};
use proptest::prelude::*;

/// What is there after a deployment from `original` to `target`, later changes, and its revert.
fn reverted(original: &[&str], target: &[&str], later: impl Fn(&mut Root)) -> String {
    let (original, target) = (tree(original), tree(target));
    let mut current = target.clone();
    later(&mut current);
    contents(&revert(&current, &deployment("d", &original, &target), at(50)))
}

#[test]
fn what_was_added_goes_and_what_was_removed_comes_back() {
    let nothing = |_: &mut Root| {};
    assert_eq!(reverted(&["/a*2@1"], &["/a*2@1", "/b"], nothing), "/a*2@1:");
    assert_eq!(reverted(&["/a*2@1", "/b@3: /a"], &["/a*2@1"], nothing), "/a*2@1:, /b*1@3: /a");
    assert_eq!(reverted(&["/a*2@1"], &["/a*5@4/1"], nothing), "/a*2@1:");
    assert_eq!(reverted(&["pod /p*2@1", "pod /q"], &["pod /p*3@2", "pod /r"], nothing), "pod /p*2@1, pod /q*1@1");
}

#[test]
fn later_changes_of_other_things_stay() {
    let later = |root: &mut Root| {
        put(root, "/other*7@9");
        put(root, "/g/x@9");
    };
    assert_eq!(
        reverted(&["/a*1@1", "/other*1@1"], &["/a*3@2", "/other*1@1"], later),
        "/a*1@1:, /g/x*1@9:, /other*7@9:, /g/:"
    );
}

#[test]
fn a_later_change_of_the_same_app_is_set_back_too() {
    assert_eq!(reverted(&["/a*1@1"], &["/a*3@2"], |root| put(root, "/a*4@3/2")), "/a*1@1:");
}

#[test]
fn groups_go_if_nothing_else_came_into_them() {
    assert_eq!(reverted(&["/a"], &["/a", "/g/h/: /a", "/g/h/b"], |_| {}), "/a*1@1:");
    // Somebody used the group: it stays, without what this deployment made it depend on.
    let used = |root: &mut Root| put(root, "/g/h/c@5");
    assert_eq!(reverted(&["/a"], &["/a", "/g/h/: /a", "/g/h/b"], used), "/a*1@1:, /g/h/c*1@5:, /g/:, /g/h/:");
}

#[test]
fn groups_that_were_removed_come_back_with_what_they_depended_on() {
    assert_eq!(
        reverted(&["/a", "/g/: /a", "/g/b"], &["/a"], |_| {}),
        "/a*1@1:, /g/b*1@1:, /g/:  /a".replace("  ", " ")
    );
}

#[test]
fn of_what_groups_depend_on_only_the_difference_is_set_back() {
    let later = |root: &mut Root| put(root, "/g/: /b /c");
    let apps = ["/a", "/b", "/c", "/g/x"];
    let with = |line: &'static str| apps.into_iter().chain([line]).collect::<Vec<_>>();
    assert_eq!(reverted(&with("/g/: /a"), &with("/g/: /b"), later), "/a*1@1:, /b*1@1:, /c*1@1:, /g/x*1@1:, /g/: /a /c");
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let what = prop_oneof![
        ("/[ab](/[cd])?", 0..3u32, 1..4u64).prop_map(|(id, instances, version)| format!("{id}x*{instances}@{version}")),
        ("/[ab]", 0..3u32).prop_map(|(id, on)| format!("{id}/: {}", ["", "/p", "/q"][on as usize])),
    ];
    proptest::collection::vec(what, 0..8)
}

proptest! {
    #[test]
    fn a_revert_is_complete_and_twice_is_the_same(original in lines(), target in lines(), later in lines()) {
        let root = |lines: &[String]| tree(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let (original, target) = (root(&original), root(&target));
        let deployment = deployment("d", &original, &target);
        prop_assert_eq!(contents(&revert(&target, &deployment, at(50))), contents(&original));
        let mut current = target.clone();
        later.iter().for_each(|line| put(&mut current, line));
        let once = revert(&current, &deployment, at(50));
        let twice = revert(&once, &deployment, at(50));
        prop_assert_eq!(contents(&twice), contents(&once));
        // What the deployment did not touch is as it was.
        for app in current.apps() {
            let (before, after) = (original.app(&app.id), target.app(&app.id));
            let wanted = if before == after { Some(app) } else { before };
            prop_assert_eq!(once.app(&app.id), wanted);
        }
    }
}
