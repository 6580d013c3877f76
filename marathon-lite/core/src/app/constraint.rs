//! Where instances may run.

/// Before a constraint's field: the constraint is a wish, not a rule. An extension; Marathon's clients see a plain field.
pub const PREFERRED_PREFIX: &str = "prefer:";

/// One rule about the agents of an app's instances: `[field, OPERATOR, value]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// `hostname`, `@hostname`, `@region`, `@zone` or an attribute of agents; without [`PREFERRED_PREFIX`].
    pub field: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what; numbers are written as text.
    pub value: Option<String>,
    /// Whether agents that do not match are only the second choice (written `prefer:field`).
    pub preferred: bool,
}

/// What a constraint asks of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// No two instances have the same value.
    Unique,
    /// All instances have the same value, or this one.
    Cluster,
    /// Instances are spread evenly over the values.
    GroupBy,
    /// The value matches a regular expression as a whole.
    Like,
    /// It does not.
    Unlike,
    /// No more than so many instances have the same value.
    MaxPer,
    /// The value is this one.
    Is,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 7] =
        [Self::Unique, Self::Cluster, Self::GroupBy, Self::Like, Self::Unlike, Self::MaxPer, Self::Is];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unique => "UNIQUE",
            Self::Cluster => "CLUSTER",
            Self::GroupBy => "GROUP_BY",
            Self::Like => "LIKE",
            Self::Unlike => "UNLIKE",
            Self::MaxPer => "MAX_PER",
            Self::Is => "IS",
        }
    }

    /// The operator of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name().eq_ignore_ascii_case(name))
    }
}
