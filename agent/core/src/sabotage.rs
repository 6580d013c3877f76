//! Rules that the simulator breaks on purpose, to see that it finds out. Without the feature `sabotage` none of this
//! is compiled in: [`Sabotage::breaks`] is then a constant.

/// A rule that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Switch {
    /// Messages of a lower epoch are acted on.
    AcceptLowerEpoch,
    /// Updates leave, and executors are told that they are safe, before they are journalled.
    SendBeforeJournal,
    /// A task whose id was used before is started.
    StartTwice,
    /// Acknowledgements are not journalled.
    ForgetAcknowledgement,
    /// Launch records are not journalled.
    ForgetLaunch,
    /// Launches are not checked against what is free.
    SkipResourceCheck,
    /// Unacknowledged updates are left out of the registration.
    DropTailOnReconnect,
    /// Updates are never sent again.
    NeverRetry,
    /// Tasks of an executor that died are started again instead of adopted.
    RestartInsteadOfAdopt,
    /// Kills are forgotten while the executor is away.
    ForgetKill,
    /// Updates that an executor sends again are taken as new.
    TakeUpdatesTwice,
}

impl Switch {
    /// Every switch.
    pub const ALL: [Self; 11] = [
        Self::AcceptLowerEpoch,
        Self::SendBeforeJournal,
        Self::StartTwice,
        Self::ForgetAcknowledgement,
        Self::ForgetLaunch,
        Self::SkipResourceCheck,
        Self::DropTailOnReconnect,
        Self::NeverRetry,
        Self::RestartInsteadOfAdopt,
        Self::ForgetKill,
        Self::TakeUpdatesTwice,
    ];
}

impl std::str::FromStr for Switch {
    type Err = String;

    /// A switch by its name here.
    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|switch| format!("{switch:?}") == text);
        named.ok_or_else(|| format!("there is no rule {text}; there are {:?}", Self::ALL))
    }
}

/// The rules that are broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sabotage {
    #[cfg(feature = "sabotage")]
    broken: std::collections::BTreeSet<Switch>,
}

impl Sabotage {
    /// Breaks these rules.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub fn new(switches: impl IntoIterator<Item = Switch>) -> Self {
        Self { broken: switches.into_iter().collect() }
    }

    /// Whether this rule is broken.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub fn breaks(&self, switch: Switch) -> bool {
        self.broken.contains(&switch)
    }

    /// Whether this rule is broken: it is not.
    #[cfg(not(feature = "sabotage"))]
    #[must_use]
    #[inline]
    pub const fn breaks(&self, _: Switch) -> bool {
        false
    }
}
