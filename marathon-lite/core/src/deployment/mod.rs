//! Deployments: how what runs becomes what is wanted.
//!
//! ```text
//!   original, target ──► plan ──► Deployment ──► decide (stop | scale | replace) ──► kills, launches
//!                                     ▲                        │
//!                                     └──────── record ◄───────┘    is_done ──► advance
//! ```
//!
//! Decisions look at what is, not at what happened: asked again in the same situation, whoever asks gets the same answer,
//! so a leader change in the middle of a step changes nothing.

mod canary;
mod conflict;
mod decide;
mod decision;
mod instance_view;
mod layers;
mod plan;
mod planner;
mod progress;
mod render;
mod replace;
mod revert;
mod run_spec;
mod scale;
#[cfg(test)]
mod small_world;
mod stop;
mod stored;

pub use canary::Canary;
pub use conflict::{Locked, admit};
pub use decision::{Decision, Kill, Outcome};
pub use instance_view::InstanceView;
pub use plan::{Action, ActionKind, Deployment, DeploymentId, Step};
pub use planner::plan;
pub use progress::{OpenAction, Overdue, Progress};
pub use render::render_steps;
pub use replace::{Replace, replace};
pub use revert::revert;
pub use run_spec::RunSpec;
pub use scale::{Scale, scale};
pub use stop::stop;
pub use stored::{Unrecoverable, Versions, recover};

#[cfg(test)]
mod tests;
