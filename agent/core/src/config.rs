//! What an operator may set, and what the shell found out.

use crate::sabotage::Sabotage;
use proto_types::AgentInfo;
use std::time::Duration;

/// How often the shell must give [`crate::Input::Tick`]. Coarser, and timeouts are late by as much; finer, and an idle
/// agent wakes for nothing.
pub const TICK: Duration = Duration::from_millis(250);

/// What an operator may set, and what the shell found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How the agent describes itself.
    pub info: AgentInfo,
    /// Told apart from every other run of this agent; the tokens of executors begin with it.
    pub nonce: String,
    /// From the polite to the hard kill where a task says nothing.
    pub kill_grace: Duration,
    /// How long an executor may take from its start to its subscription.
    pub registration_timeout: Duration,
    /// How long an executor that lives may take to connect again.
    pub reconnect_timeout: Duration,
    /// How long an executor may take to end once it was told to, beyond the grace of its tasks.
    pub shutdown_grace: Duration,
    /// How long a built-in executor without tasks is kept: the next task starts faster.
    pub idle_timeout: Duration,
    /// How long after its first sending an update is sent again; doubles each time.
    pub retry_min: Duration,
    /// The longest time between two sendings.
    pub retry_max: Duration,
    /// How long a master may be silent before the first ping told its interval.
    pub silence: Duration,
    /// So many starts of a built-in executor in a row that came to nothing, and tasks that wait for it are given up.
    pub restarts_max: u32,
    /// Between a built-in executor's unexpected end and its next start, from the second on; doubles each time.
    pub restart_backoff: Duration,
    /// Tasks that are over and acknowledged whose ids are remembered, so that none of them starts again.
    pub finished_max: usize,
    /// Rules to break, for the simulator's own test.
    pub sabotage: Sabotage,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            info: AgentInfo::default(),
            nonce: String::new(),
            kill_grace: Duration::from_secs(5),
            registration_timeout: Duration::from_secs(60),
            reconnect_timeout: Duration::from_secs(15),
            shutdown_grace: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            retry_min: Duration::from_secs(10),
            retry_max: Duration::from_secs(600),
            silence: Duration::from_secs(30),
            restarts_max: 8,
            restart_backoff: Duration::from_millis(500),
            finished_max: 20_000,
            sabotage: Sabotage::default(),
        }
    }
}
