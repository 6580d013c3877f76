//! What must hold, by name.

use std::fmt;

macro_rules! invariants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something that must hold. Its name is the sentence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant {
            $($(#[$doc])* $variant,)*
        }

        impl Invariant {
            /// Every invariant.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

invariants! {
    /// What runs on a machine fits into it, by the evidence of what runs.
    NoResourceIsGivenToTwoTasks = "no_resource_is_given_to_two_tasks_at_once",
    /// No task id is started a second time, anywhere.
    NoTaskRunsTwice = "no_task_runs_twice",
    /// Only what a master accepted is started.
    OnlyAcceptedTasksRun = "only_accepted_tasks_run",
    /// An offer is used by one accept.
    NoOfferIsUsedTwice = "no_offer_is_used_twice",
    /// An offer ends with the epoch that made it.
    NoOfferOfAnOldEpochIsHonoured = "no_offer_of_an_old_epoch_is_honoured",
    /// An offer ends when its time is over.
    NoExpiredOfferIsHonoured = "no_expired_offer_is_honoured",
    /// An offer that was rescinded or declined is of no use.
    NoOfferIsHonouredThatIsGone = "no_offer_is_honoured_that_is_gone",
    /// After a decline was answered, what was declined is not outstanding.
    ADeclinedOfferIsNoMore = "a_declined_offer_is_no_more",
    /// A scheduler hears of every offer that ends.
    ASchedulerHoldsNoOfferThatIsGone = "a_scheduler_holds_no_offer_that_is_gone",
    /// Once healed, every outstanding offer is held by its scheduler.
    NoOfferIsHeldByNobody = "no_offer_is_outstanding_that_nobody_holds",
    /// A retry of an accept is answered like the first.
    ARetriedAcceptGetsItsFirstAnswer = "a_retried_accept_gets_its_first_answer",
    /// Of an accept of all or nothing, all is done or nothing.
    AGangIsLaunchedWholeOrNotAtAll = "a_gang_is_launched_whole_or_not_at_all",
    /// What an agent has once obeyed is the least that it obeys.
    NoAgentActsOnALowerEpoch = "no_agent_acts_on_a_lower_epoch_after_a_higher",
    /// A task that is over stays so.
    TerminalStatesAreFinal = "terminal_states_are_final",
    /// A scheduler sees the updates of a task in the order in which they were made.
    UpdatesArriveInOrder = "updates_of_a_task_arrive_in_order",
    /// What is reported over does not run.
    ATaskReportedOverDoesNotRun = "a_task_reported_over_does_not_run",
    /// What is reported finished has finished, and what is reported dropped never ran.
    ReportsTellWhatHappened = "reports_tell_what_happened",
    /// The end that an agent has journalled is the end that its scheduler sees.
    TheEndThatWasMadeIsTold = "the_end_that_was_made_is_told",
    /// A master says that it does not know a task only if the task does not run.
    NoRunningTaskIsUnknown = "no_running_task_is_unknown",
    /// What the master answers and says was stored before.
    NothingIsAnsweredBeforeItIsStored = "nothing_is_answered_before_it_is_stored",
    /// What the agent says and does was journalled before.
    NothingIsDoneBeforeItIsJournalled = "nothing_is_done_before_it_is_journalled",
    /// A framework that nobody removed is known.
    AFrameworkThatWasNotRemovedLives = "a_framework_that_was_not_removed_lives",
    /// The id of a removed framework is dead.
    ARemovedFrameworkStaysDead = "a_removed_framework_stays_dead",
    /// What a removed framework had ends.
    ARemovedFrameworksTasksEnd = "a_removed_frameworks_tasks_end",
    /// A scheduler of a lower incarnation is refused.
    ASupersededSchedulerIsRefused = "a_superseded_scheduler_is_refused",
    /// Nobody is offered or launches beyond a limit.
    LimitsAreKept = "limits_are_kept",
    /// Many agents that vanish at once are not marked at once.
    AgentsAreNotRemovedInMasses = "agents_are_not_removed_in_masses",
    /// Who is drained, deactivated or in maintenance is not offered.
    NoAgentOutOfUseIsOffered = "no_agent_out_of_use_is_offered",
    /// Nothing runs on an agent when it is said to be drained.
    ADrainedAgentRunsNothing = "a_drained_agent_runs_nothing",
    /// An agent that an operator gave up is never admitted or offered again.
    AnAgentThatIsGoneStaysGone = "an_agent_that_is_gone_stays_gone",
    /// The master's own books agree.
    TheMastersBooksAgree = "the_masters_books_agree",
    /// The agent's own books agree.
    TheAgentsBooksAgree = "the_agents_books_agree",
    /// A registry that is rebuilt from its own snapshot is the same.
    ASnapshotRebuildsTheRegistry = "a_snapshot_rebuilds_the_registry",
    /// What a leader took for stored is what the next one reads.
    NoAcknowledgedChangeIsLost = "no_acknowledged_change_is_lost",
    /// An epoch has one leader.
    NoEpochHasTwoLeaders = "no_epoch_has_two_leaders",
    /// Once an epoch has begun, no leader of a lower one writes.
    ADeposedLeaderWritesNothing = "a_deposed_leader_writes_nothing",
    /// An entry of the log stays as it was written.
    NoEntryIsWrittenOver = "no_entry_of_the_log_is_written_over",
    /// A change is in the log once, and changes are there in the order in which they were made.
    EachChangeIsWrittenOnce = "each_change_is_written_once",
    /// Only what a snapshot replaces is removed from the log, and never the first entry of the newest epoch.
    CompactionKeepsWhatReadersNeed = "compaction_keeps_what_readers_need",
    /// Whatever happened, a candidate can read the log.
    TheLogCanBeRead = "the_log_can_always_be_read",
    /// No master leads another cluster than before.
    AClusterKeepsItsId = "a_cluster_keeps_its_id",
    /// A leader that ZooKeeper does not hear ends its term before its session ends.
    ALeaderThatIsCutOffStepsDown = "a_leader_that_is_cut_off_steps_down",
    /// Once healed, somebody leads.
    SomebodyLeads = "somebody_leads_once_healed",
    /// Once healed, every agent that lives is connected.
    EveryLivingAgentIsConnected = "every_living_agent_is_connected_once_healed",
    /// Once healed, every scheduler that lives is subscribed.
    EveryLivingSchedulerIsSubscribed = "every_living_scheduler_is_subscribed_once_healed",
    /// Once healed, every update is acknowledged.
    EveryUpdateIsAcknowledged = "every_update_is_acknowledged_once_healed",
    /// Once healed, every task that was accepted has ended, and its scheduler knows, or runs.
    EveryAcceptedTaskEndsOrRuns = "every_accepted_task_ends_or_runs",
    /// Once healed, what was to be killed does not run.
    AKilledTaskEnds = "a_killed_task_ends",
    /// Once healed, what runs is known, and nothing else uses resources.
    TheMasterKnowsWhatRuns = "the_master_knows_what_runs",
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// Of what, with numbers.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_sentences_of_their_own() {
        let names: BTreeSet<&str> = Invariant::ALL.iter().map(|invariant| invariant.name()).collect();
        assert_eq!(names.len(), Invariant::ALL.len());
        assert!(names.iter().all(|name| name.split('_').count() >= 3), "{names:?}");
    }
}
