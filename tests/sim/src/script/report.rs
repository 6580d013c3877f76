//! A script is run, and what it prints is compared with what it says.

use super::{Block, Script, Stage};
use crate::{sabotage::Switch, violation::Violation};
use std::fmt;

/// Something in a script that is not as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The number of the line.
    pub line: usize,
    /// What is wrong.
    pub what: Mismatch,
}

/// What is wrong with a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The commands print something else.
    Text {
        /// What the script says.
        expected: String,
        /// What was printed.
        actual: String,
    },
    /// A command cannot be carried out.
    Command(super::Wrong),
    /// Something does not hold. No golden text excuses it.
    Violation(Violation),
}

impl Failure {
    /// Whether it is only that the commands print something else.
    #[must_use]
    pub fn is_stale_text(&self) -> bool {
        matches!(self.what, Mismatch::Text { .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Mismatch::Text { expected, actual } => {
                write!(f, "{}: the output is not as expected", self.line)?;
                for line in difference(expected, actual) {
                    write!(f, "\n    {line}")?;
                }
                Ok(())
            }
            Mismatch::Command(wrong) => write!(f, "{}: {wrong}", self.line),
            Mismatch::Violation(violation) => write!(f, "{}: VIOLATION {violation}", self.line),
        }
    }
}

/// Runs a script, with a rule broken on purpose if one is named. Gives what is not as it says, and the script as it
/// would be right; a script that cannot go on stays as it is from there.
#[must_use]
pub fn run(script: &Script, sabotage: Option<Switch>) -> (Vec<Failure>, Script) {
    let mut stage = Stage::new(sabotage);
    let mut failures = Vec::new();
    let mut right = script.clone();
    for (block, right) in script.blocks.iter().zip(&mut right.blocks) {
        match run_block(&mut stage, block) {
            Ok(actual) => {
                if actual != block.expected {
                    let what = Mismatch::Text { expected: block.expected.clone(), actual: actual.clone() };
                    failures.push(Failure { line: block.separator(), what });
                }
                right.expected = actual;
            }
            Err(failure) => {
                failures.push(failure);
                break;
            }
        }
    }
    (failures, right)
}

fn run_block(stage: &mut Stage, block: &Block) -> Result<String, Failure> {
    let mut actual = String::new();
    for (line, command) in block.commands() {
        match stage.carry_out(command) {
            Ok(text) => actual.push_str(&text),
            Err(wrong) => return Err(Failure { line, what: Mismatch::Command(wrong) }),
        }
        if let Some(violation) = stage.world().checker.violations.first() {
            return Err(Failure { line, what: Mismatch::Violation(violation.clone()) });
        }
    }
    Ok(actual)
}

/// The lines of both texts, those that are the same in front and at the end left out.
fn difference(expected: &str, actual: &str) -> Vec<String> {
    let (expected, actual): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let front = expected.iter().zip(&actual).take_while(|(one, other)| one == other).count();
    let (expected, actual) = (&expected[front..], &actual[front..]);
    let back = expected.iter().rev().zip(actual.iter().rev()).take_while(|(one, other)| one == other).count();
    let missing = expected[..expected.len() - back].iter().map(|line| format!("- {line}"));
    let new = actual[..actual.len() - back].iter().map(|line| format!("+ {line}"));
    missing.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\ny\nc\n"), ["- b", "+ x", "+ y"]);
        assert_eq!(difference("a\na\n", "a\n"), ["- a"]);
    }

    #[test]
    fn failures_name_their_line() {
        let script = Script::parse("agent a1 cpus:1\nrun 3s\nshow offers\n----\nnothing\n\nrun\n");
        let (failures, right) = run(&script, None);
        let told: Vec<String> = failures.iter().map(Failure::to_string).collect();
        assert_eq!(told, ["4: the output is not as expected\n    - nothing", "7: a duration is missing"]);
        assert_eq!(right.print(), "agent a1 cpus:1\nrun 3s\nshow offers\n\nrun\n");
    }
}
