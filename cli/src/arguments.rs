//! What may stand on the command line.

use crate::{completions, demo, files, kill, lists, logs, maintenance, map, role, roles, run, teardown, up, why};
use clap::{Parser, Subcommand};

/// A two-level cluster manager: masters offer the resources of agents to frameworks.
#[derive(Debug, Parser)]
#[command(name = "proffer", version, max_term_width = 120, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show all of it: a cluster that does real work, checked, in a minute.
    Demo(demo::Options),
    /// Start a whole cluster on this machine, until Ctrl-C.
    Up(up::Options),
    /// Run a command on the cluster and show its output.
    Run(Box<run::Options>),
    /// Run a command once for each input, as many at once as fit.
    Map(map::Options),
    /// List the agents.
    Agents(lists::ListOptions),
    /// List the frameworks.
    Frameworks(lists::frameworks::Options),
    /// List the tasks.
    Tasks(lists::tasks::Options),
    /// List the offers outstanding.
    Offers(lists::ListOptions),
    /// List the roles.
    Roles(lists::ListOptions),
    /// Show what a task writes.
    Logs(logs::Options),
    /// List the files of a task's sandbox, or print one.
    Files(files::Options),
    /// Kill a task.
    Kill(kill::Options),
    /// Say why a framework gets no offers, where a task stands, or what is the matter with a role.
    Why(why::Options),
    /// Change a role.
    Role(role::Options),
    /// Plan when agents will not be there.
    Maintenance(maintenance::Options),
    /// Remove a framework for good and kill its tasks.
    Teardown(teardown::Options),
    /// Run a master.
    Master(Box<roles::MasterRole>),
    /// Run an agent, or take agents out of use and back.
    Agent(Box<roles::AgentRole>),
    /// Keep services running, through Marathon's REST API.
    Marathon(Box<roles::MarathonRole>),
    /// Run tasks for an agent; agents start this.
    #[command(hide = true)]
    Executor(roles::ExecutorRole),
    /// Start processes for an executor; executors start this.
    #[command(hide = true)]
    Launcher(roles::LauncherRole),
    /// Print completions for a shell.
    Completions(completions::Options),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
