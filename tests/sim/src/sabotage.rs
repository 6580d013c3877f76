//! Rules broken on purpose, to see that the checker finds it. The world tampers with what goes into the cores and comes
//! out of them; the cores themselves stay as they are.

use crate::{
    behaviour::Behaviour,
    faults::FaultKind,
    hosts::AgentIndex,
    record::Record,
    settings::Settings,
    violation::{Invariant, Violation},
    world::World,
};
use agent_core::Fact;
use coordination_core::Request;
use master_core::{Body, Config, Effect, Input, OperatorCall};
use proto_types::{
    Epoch, Resource, ResourceName, Resources, Scalar,
    executing::ToExecutor,
    link::{FromAgent, ToAgent},
    registry::{self, RegistryChange},
    scheduling::{Call, Event, NumberedEvent},
    status::MASTER_SEQUENCES,
};
use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc, time::Duration};

macro_rules! switches {
    ($($(#[$doc:meta])* $variant:ident = $name:literal found by $($invariant:ident)|+,)*) => {
        /// A rule that is broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Switch {
            $($(#[$doc])* $variant,)*
        }

        impl Switch {
            /// Every switch.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The invariants that it breaks: one of them has to be named.
            #[must_use]
            pub const fn breaks(self) -> &'static [Invariant] {
                match self {
                    $(Self::$variant => &[$(Invariant::$invariant,)+],)*
                }
            }
        }
    };
}

switches! {
    /// A master answers before its write is stored.
    AcknowledgeBeforePersist = "acknowledge-before-persist" found by NothingIsAnsweredBeforeItIsStored,
    /// Agents obey masters of lower epochs than they have seen.
    LowerEpochAccepted = "lower-epoch-accepted" found by NoAgentActsOnALowerEpoch,
    /// An offer that was used is honoured again.
    OfferUsedTwice = "offer-used-twice" found by NoOfferIsUsedTwice,
    /// A scheduler is not told that an offer is taken back.
    RescindLost = "rescind-lost" found by ASchedulerHoldsNoOfferThatIsGone,
    /// A launch is not journalled.
    LaunchRecordForgotten = "launch-record-forgotten" found by NothingIsDoneBeforeItIsJournalled,
    /// A launch that was journalled is not read again after a restart, nor is what was reported since.
    LaunchRecordLost = "launch-record-lost" found by ATaskReportedOverDoesNotRun,
    /// Neither master nor agent checks what a launch uses.
    LaunchUnchecked = "launch-unchecked" found by NoResourceIsGivenToTwoTasks,
    /// The end of a task is sent once and not again.
    EndNotSentAgain = "end-not-sent-again" found by EveryAcceptedTaskEndsOrRuns | EveryUpdateIsAcknowledged,
    /// An acknowledgement covers one update more than was seen.
    AcknowledgementSkipsOne = "acknowledgement-skips-one" found by TheEndThatWasMadeIsTold | EveryAcceptedTaskEndsOrRuns,
    /// A registered framework is not read again after a restart.
    RegistryChangeForgotten = "registry-change-forgotten" found by AFrameworkThatWasNotRemovedLives,
    /// Agents are not told that a framework is removed.
    RemovedFrameworkLivesOn = "removed-framework-lives-on" found by ARemovedFrameworksTasksEnd,
    /// A declined offer stays outstanding.
    DeclineLeaks = "decline-leaks" found by ADeclinedOfferIsNoMore,
    /// Of a gang, those are launched that can be.
    GangLaunchedPartly = "gang-launched-partly" found by AGangIsLaunchedWholeOrNotAtAll,
    /// Offers do not expire.
    ExpiredOfferHonoured = "expired-offer-honoured" found by NoExpiredOfferIsHonoured,
    /// An executor that was started again starts its tasks again instead of adopting them.
    TaskLaunchedAgain = "task-launched-again" found by NoTaskRunsTwice,
    /// An agent sends updates before they are journalled.
    UpdateBeforeJournal = "update-before-journal" found by NothingIsDoneBeforeItIsJournalled,
    /// An agent tells the end of a task that a crash of the machine would undo.
    EndBeforeSync = "end-before-sync" found by NothingIsDoneBeforeItIsJournalled,
    /// A role's limit is not heeded.
    LimitIgnored = "limit-ignored" found by LimitsAreKept,
    /// A scheduler that was superseded is let in again.
    SupersededLetIn = "superseded-let-in" found by ASupersededSchedulerIsRefused,
    /// Agents are not told to kill tasks.
    KillForgotten = "kill-forgotten" found by AKilledTaskEnds,
    /// A new leader does not know which agents are gone.
    GoneForgotten = "gone-forgotten" found by AnAgentThatIsGoneStaysGone,
    /// A new leader does not know which agents are drained or deactivated, and offers them.
    OfferedWhileDraining = "offered-while-draining" found by NoAgentOutOfUseIsOffered,
    /// ZooKeeper is not asked whether an entry is there already.
    CreatedUnchecked = "created-unchecked" found by NoEntryIsWrittenOver,
    /// A leader that finds a higher epoch in the log goes on as if what it writes were written.
    HigherEpochIgnored = "higher-epoch-ignored" found by NoAcknowledgedChangeIsLost | EveryLivingAgentIsConnected,
    /// A new leader trusts what it has read before its own epoch stands.
    LogTrustedTooSoon = "log-trusted-too-soon" found by NoAcknowledgedChangeIsLost,
    /// Compaction removes the first entry of the epoch.
    FenceRemoved = "fence-removed" found by CompactionKeepsWhatReadersNeed,
    /// A leader that ZooKeeper does not answer goes on leading.
    LeaseIgnored = "lease-ignored" found by ALeaderThatIsCutOffStepsDown,
    /// A write whose answer is lost is taken for not done, and done again.
    LostAnswerTakenForNo = "lost-answer-taken-for-no" found by EachChangeIsWrittenOnce,
    /// A standby that connects again does not look again who is before it.
    WatchNotSetAgain = "watch-not-set-again" found by SomebodyLeads,
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no switch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no switch; there are {names}", names = Switch::ALL.iter().map(|switch| switch.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownSwitch(String);

impl FromStr for Switch {
    type Err = UnknownSwitch;

    fn from_str(text: &str) -> Result<Self, UnknownSwitch> {
        Self::ALL.iter().copied().find(|switch| switch.name() == text).ok_or_else(|| UnknownSwitch(text.to_owned()))
    }
}

impl Switch {
    /// A small world in which the broken rule matters.
    #[must_use]
    pub fn settings(self, seed: u64) -> Settings {
        let greedy = match self {
            Self::AcknowledgementSkipsOne => ("bursts", "prod", Behaviour::Batch { burst: 12 }),
            _ => ("greedy", "prod", Behaviour::Greedy { tasks: 8 }),
        };
        let careless = ("careless", "test", Behaviour::Careless { tasks: 8 });
        let second = match self {
            Self::OfferUsedTwice | Self::LaunchUnchecked => careless,
            Self::RescindLost | Self::ExpiredOfferHonoured => ("hoarding", "test", Behaviour::Hoarding),
            Self::RemovedFrameworkLivesOn => {
                ("quitting", "test", Behaviour::Quitting { after: Duration::from_secs(20) })
            }
            Self::GangLaunchedPartly => ("gang", "test", Behaviour::Gang { size: 2 }),
            Self::DeclineLeaks => ("declining", "test", Behaviour::Declining),
            Self::KillForgotten => ("killing", "test", Behaviour::Killing { tasks: 6 }),
            _ => ("batch", "test", Behaviour::Batch { burst: 6 }),
        };
        let faults: &[FaultKind] = match self {
            Self::LowerEpochAccepted => &[FaultKind::Network, FaultKind::Depose, FaultKind::Agent],
            Self::LaunchRecordLost | Self::UpdateBeforeJournal => &[FaultKind::Network, FaultKind::Agent],
            Self::EndNotSentAgain | Self::AcknowledgementSkipsOne => {
                &[FaultKind::Network, FaultKind::Cut, FaultKind::Agent]
            }
            Self::RegistryChangeForgotten => &[FaultKind::Network, FaultKind::Master],
            Self::TaskLaunchedAgain => &[FaultKind::Executor],
            Self::SupersededLetIn => &[FaultKind::Network, FaultKind::Takeover],
            Self::GoneForgotten => &[FaultKind::Cut, FaultKind::Master, FaultKind::Operator],
            Self::OfferedWhileDraining => &[FaultKind::Master, FaultKind::Operator],
            Self::CreatedUnchecked | Self::HigherEpochIgnored | Self::LogTrustedTooSoon => {
                &[FaultKind::Session, FaultKind::Disk]
            }
            Self::LeaseIgnored => &[FaultKind::Partition],
            Self::WatchNotSetAgain => &[FaultKind::Network, FaultKind::Master],
            _ => &[FaultKind::Network],
        };
        let faults: BTreeSet<FaultKind> = faults.iter().copied().collect();
        let mut settings = Settings::small(seed, vec![greedy, second], Duration::from_secs(150), faults);
        if matches!(self, Self::AcknowledgementSkipsOne | Self::EndNotSentAgain) {
            settings.quality.break_one_in = 40;
        }
        if self == Self::LowerEpochAccepted {
            // An agent has to come back to an old leader in the few seconds in which that does not know it yet.
            settings.quality.break_one_in = 20;
            settings.fault_mean = Duration::from_secs(5);
        }
        if matches!(self, Self::LostAnswerTakenForNo | Self::WatchNotSetAgain) {
            settings.quality.break_one_in = 60;
        }
        if matches!(self, Self::CreatedUnchecked | Self::HigherEpochIgnored | Self::LogTrustedTooSoon) {
            settings.fault_mean = Duration::from_secs(10);
            settings.operator_every = Some(Duration::from_millis(100));
        }
        settings.sabotage = Some(self);
        settings.rest_within = Duration::from_secs(120);
        settings
    }
}

impl World {
    pub(crate) fn sabotages(&self, switch: Switch) -> bool {
        self.settings.sabotage == Some(switch)
    }

    pub(crate) fn tamper_registry(&self, mut registry: Vec<RegistryChange>) -> Vec<RegistryChange> {
        if self.sabotages(Switch::GoneForgotten) {
            registry.retain(|change| !matches!(change.fact, registry::Fact::AgentMarkedGone { .. }));
        }
        if self.sabotages(Switch::OfferedWhileDraining) {
            let withdrawn = |fact: &registry::Fact| {
                matches!(fact, registry::Fact::AgentDrainBegun { .. } | registry::Fact::AgentDeactivated { .. })
            };
            registry.retain(|change| {
                !withdrawn(&change.fact) && !matches!(change.fact, registry::Fact::AgentDrained { .. })
            });
        }
        if self.sabotages(Switch::RegistryChangeForgotten) {
            let first =
                registry.iter().position(|change| matches!(change.fact, registry::Fact::FrameworkRegistered { .. }));
            if let Some(first) = first {
                let registry::Fact::FrameworkRegistered { info, .. } = &registry[first].fact else { return registry };
                let lost = info.id.clone();
                registry.retain(|change| match &change.fact {
                    registry::Fact::FrameworkRegistered { info, .. } => info.id != lost,
                    _ => true,
                });
            }
        }
        registry
    }

    pub(crate) fn tamper_master_config(&self, config: Config) -> Config {
        if self.sabotages(Switch::ExpiredOfferHonoured) {
            return Config { offer_timeout: Duration::from_secs(3600), ..config };
        }
        config
    }

    pub(crate) fn tamper_master_input(&self, mut input: Input) -> Input {
        let Some(switch) = self.settings.sabotage else { return input };
        match (switch, &mut input) {
            (Switch::OfferUsedTwice, Input::Call { body: Call::Accept(accept), .. }) => {
                for offer in accept.acceptances.iter_mut().flat_map(|acceptance| &mut acceptance.offers) {
                    let owner = self.checker.offers.owner(offer);
                    let stands = |other: &&Arc<proto_types::Offer>| Some(&other.framework) == owner;
                    if !self.model.offers.contains_key(offer)
                        && let Some(other) = self.model.offers.values().find(stands)
                    {
                        *offer = other.id.clone();
                    }
                }
            }
            (Switch::DeclineLeaks, Input::Call { body: Call::Decline { offers, .. }, .. }) => offers.clear(),
            (Switch::GangLaunchedPartly, Input::Call { body: Call::Accept(accept), .. }) => {
                accept.all_or_nothing = false;
                accept
                    .acceptances
                    .iter_mut()
                    .flat_map(|part| &mut part.launches)
                    .for_each(|launch| launch.group = false);
            }
            (Switch::LimitIgnored, Input::Operate { body: OperatorCall::UpdateRole { limit, .. }, .. }) => {
                *limit = None
            }
            (Switch::SupersededLetIn, Input::Subscribe { request, .. }) => {
                let newest = request.framework.id.as_ref().and_then(|id| self.checker.registry.incarnation_made(id));
                request.incarnation = request.incarnation.max(newest.unwrap_or_default());
            }
            _ => {}
        }
        input
    }

    pub(crate) fn tamper_master_effect(&mut self, mut effect: Effect) -> Option<Effect> {
        let Some(switch) = self.settings.sabotage else { return Some(effect) };
        match switch {
            Switch::AcknowledgeBeforePersist => effect.after = None,
            Switch::RemovedFrameworkLivesOn
                if matches!(effect.body, Body::ToAgent(_, ToAgent::ShutdownFramework(_))) =>
            {
                return None;
            }
            Switch::KillForgotten if matches!(effect.body, Body::ToAgent(_, ToAgent::Kill { .. })) => return None,
            _ => {}
        }
        Some(effect)
    }

    /// What is about to be created in ZooKeeper takes the place of what is there.
    pub(crate) fn tamper_tree(&mut self, request: &Request) {
        if !self.sabotages(Switch::CreatedUnchecked) {
            return;
        }
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        if let Request::Create { path, .. } = request
            && path.starts_with(&ensemble.paths.log())
        {
            ensemble.tree.overlook(path);
        }
    }

    pub(crate) fn tamper_journal(&self, mut facts: Vec<Fact>) -> Vec<Fact> {
        if self.sabotages(Switch::LaunchRecordLost) {
            facts.retain(|fact| {
                !matches!(fact, Fact::TaskLaunched(_) | Fact::UpdateMade(_) | Fact::UpdateAcknowledged { .. })
            });
        }
        facts
    }

    pub(crate) fn forgets_record(&self, fact: &Fact) -> bool {
        self.sabotages(Switch::LaunchRecordForgotten) && matches!(fact, Fact::TaskLaunched(_))
    }

    pub(crate) fn tamper_epoch(&self, index: AgentIndex, epoch: Epoch) -> Epoch {
        if !self.sabotages(Switch::LowerEpochAccepted) {
            return epoch;
        }
        self.agent(index).core.as_ref().map_or(epoch, |core| core.epoch().max(epoch))
    }

    pub(crate) fn tamper_agent_effect(&mut self, mut effect: agent_core::Effect) -> agent_core::Effect {
        let Some(switch) = self.settings.sabotage else { return effect };
        match (switch, &mut effect.body) {
            (Switch::UpdateBeforeJournal, _) => effect.after = None,
            (Switch::LowerEpochAccepted, agent_core::Body::ToMaster(_, FromAgent::Register(registration))) => {
                registration.epoch = Epoch(0);
            }
            (Switch::EndNotSentAgain, agent_core::Body::ToMaster(_, FromAgent::Register(registration))) => {
                for held in &mut registration.tasks {
                    let key = held.key.clone();
                    held.unacknowledged
                        .retain(|status| !status.state.is_terminal() || self.ends_sent.insert(key.clone()));
                }
            }
            (Switch::EndNotSentAgain, agent_core::Body::ToMaster(_, FromAgent::Updates(updates))) => {
                updates.retain(|(framework, status)| {
                    let key = proto_types::TaskKey { framework: framework.clone(), task: status.task.clone() };
                    !status.state.is_terminal() || self.ends_sent.insert(key)
                });
            }
            _ => {}
        }
        effect
    }

    pub(crate) fn tamper_to_executor(&self, mut message: ToExecutor) -> ToExecutor {
        if self.sabotages(Switch::TaskLaunchedAgain)
            && let ToExecutor::Launch { tasks, .. } = &mut message
        {
            tasks.iter_mut().for_each(|launch| launch.adopt = false);
        }
        message
    }

    pub(crate) fn tamper_call(&self, mut call: Call) -> Call {
        let Some(switch) = self.settings.sabotage else { return call };
        match (switch, &mut call) {
            (Switch::LaunchUnchecked, Call::Accept(accept)) => {
                let tiny = Resources::from_iter([Resource::scalar(ResourceName::Cpus, Scalar::from_milli(10))]);
                let launches = accept.acceptances.iter_mut().flat_map(|part| &mut part.launches);
                for task in launches.flat_map(|launch| &mut launch.tasks) {
                    Arc::make_mut(task).resources = tiny.clone();
                }
            }
            (Switch::AcknowledgementSkipsOne, Call::Acknowledge(acknowledged)) => {
                for (_, sequence) in acknowledged.iter_mut().filter(|(_, sequence)| *sequence < MASTER_SEQUENCES) {
                    *sequence += 1;
                }
            }
            _ => {}
        }
        call
    }

    pub(crate) fn tamper_event(&self, mut event: NumberedEvent) -> NumberedEvent {
        if self.sabotages(Switch::RescindLost)
            && let Event::Rescinded(offers) = &mut event.event
        {
            offers.clear();
        }
        event
    }
}

/// A broken rule that was found.
#[derive(Debug)]
pub struct Found {
    /// With which seed.
    pub seed: u64,
    /// By what.
    pub violation: Violation,
}

impl Switch {
    /// Tries one seed after the other until something does not hold.
    #[must_use]
    pub fn find(self, seeds: u64) -> Option<Found> {
        (1..=seeds).find_map(|seed| {
            let mut world = World::new(self.settings(seed), Record::new(None));
            world.run(None);
            let violation = world.checker.violations.first()?.clone();
            Some(Found { seed, violation })
        })
    }
}
