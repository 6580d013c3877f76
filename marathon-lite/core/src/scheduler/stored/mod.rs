//! How everything is stored: one small object for each thing, as JSON, under a key that says what it is.
//!
//! | key | value |
//! |---|---|
//! | `framework` | the framework's id |
//! | `apps/a/b`, `pods/a/b`, `groups/a/b` | what is wanted |
//! | `app-versions/a/b@1443469657681`, `pod-versions/…` | a version of it, by its moment in milliseconds |
//! | `root-versions/1443469657681` | how that was before which that version of the root changed |
//! | `deployments/<id>` | from which versions to which, and the steps |
//! | `deployment-steps/<id>` | how far it is |
//! | `instances/<task id>` | an instance |
//! | `failures/a/b` | the last failure of an app |
//! | `runs/a/b` | how far an app that runs to its end is |

mod changes;
mod definition;
mod failure;
mod key;
mod reading;

pub(super) use changes::{Changes, Undo, read_undo, undo};
pub(super) use definition::{app, group, pod, read_app, read_group, read_pod};
pub(super) use failure::{failure, read_failure};
pub(super) use key::Key;
pub(super) use reading::Wrong;
