//! What the constraints of one app say of an agent.

use super::{Place, Placed, pattern, placed::Tally};
use crate::app::{Constraint, Operator};
use regex::Regex;

/// The constraints of one app, ready to be applied.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    constraint: Constraint,
    test: Test,
}

/// What a constraint's operator and value come to.
#[derive(Debug, Clone)]
enum Test {
    /// At most so many with the same value.
    AtMost(u32),
    /// The same as the others.
    Same,
    /// The text, or the text of the number.
    Equals(String, Option<String>),
    Matches(Regex),
    Differs(Regex),
    /// Spread, over at most so many groups.
    Spread(Option<u32>),
    /// Its value cannot be read; validation lets none through.
    Never,
}

/// What an app's constraints say of an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The first rule that does not hold; none: the agent may be used.
    pub broken: Option<Broken>,
    /// How far it is from the best that an agent can be.
    pub penalty: Penalty,
    /// Whether a group would be opened although the app's older instances are in other ones.
    pub stranger: bool,
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which of the app's constraints, from 0.
    pub index: usize,
    /// What the agent has there.
    pub found: Option<String>,
}

/// How far an agent is from the best that one can be. Less is better; instances that are placed make it worse, never
/// better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Penalty {
    /// Wishes that it does not fulfil.
    pub wishes: u32,
    /// Instances that are in its groups already.
    pub group: u32,
}

impl Rules {
    /// The constraints, compiled.
    #[must_use]
    pub fn new(constraints: &[Constraint]) -> Self {
        Self(
            constraints
                .iter()
                .map(|constraint| Rule { constraint: constraint.clone(), test: test(constraint) })
                .collect(),
        )
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|rule| rule.constraint.field.as_str())
    }

    /// Whether one agent can be better than another, so that waiting for a better one makes sense.
    #[must_use]
    pub fn have_degrees(&self) -> bool {
        self.0.iter().any(|rule| rule.constraint.preferred || matches!(rule.test, Test::Spread(_)))
    }

    /// What these say of an agent, with the instances that are placed.
    #[must_use]
    pub fn judge(&self, place: &Place<'_>, placed: &Placed) -> Verdict {
        let mut verdict = Verdict::default();
        for (index, (rule, tally)) in self.0.iter().zip(&placed.tallies).enumerate() {
            let text = place.text(&rule.constraint.field);
            let text = text.as_deref();
            if !rule.test.holds(text, tally) {
                if rule.constraint.preferred {
                    verdict.penalty.wishes += 1;
                } else if verdict.broken.is_none() {
                    verdict.broken = Some(Broken { index, found: text.map(str::to_owned) });
                }
                continue;
            }
            if let (Test::Spread(_), Some(text)) = (&rule.test, text) {
                verdict.penalty.group += tally.own.get(text).copied().unwrap_or(0);
                verdict.stranger |= !tally.others.is_empty() && !tally.others.contains_key(text);
            }
        }
        verdict
    }

    /// The values of an agent that these look at: agents with the same are the same to them.
    pub(crate) fn signature(&self, place: &Place<'_>) -> Vec<Option<String>> {
        self.fields().map(|field| place.text(field).map(|text| text.into_owned())).collect()
    }
}

fn test(constraint: &Constraint) -> Test {
    let number = || constraint.value.as_deref().and_then(|value| value.parse().ok());
    let pattern = || constraint.value.as_deref().and_then(|value| pattern::compile(value).ok());
    let equals = |value: &String| Test::Equals(value.clone(), pattern::number_text(value));
    match constraint.operator {
        Operator::Unique => Test::AtMost(1),
        Operator::MaxPer => number().map_or(Test::Never, Test::AtMost),
        Operator::Cluster => constraint.value.as_ref().map_or(Test::Same, equals),
        Operator::Is => constraint.value.as_ref().map_or(Test::Never, equals),
        Operator::Like => pattern().map_or(Test::Never, Test::Matches),
        Operator::Unlike => pattern().map_or(Test::Never, Test::Differs),
        Operator::GroupBy => Test::Spread(number()),
    }
}

impl Test {
    fn holds(&self, text: Option<&str>, tally: &Tally) -> bool {
        let Some(text) = text else { return matches!(self, Self::Differs(_)) };
        match self {
            Self::AtMost(most) => tally.all(text) < *most,
            // The version that is being placed leads; as long as it is nowhere, it follows the others.
            Self::Same if tally.own.is_empty() => tally.others.is_empty() || tally.others.contains_key(text),
            Self::Same => tally.own.contains_key(text),
            Self::Equals(value, number) => text == value || number.as_deref() == Some(text),
            Self::Matches(pattern) => pattern.is_match(text),
            Self::Differs(pattern) => !pattern.is_match(text),
            Self::Spread(Some(most)) => {
                tally.own.contains_key(text) || u32::try_from(tally.own.len()).is_ok_and(|groups| groups < *most)
            }
            Self::Spread(None) => true,
            Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests;
