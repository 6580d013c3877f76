//! What HAProxy says to commands: nothing, if all is well, or a sentence.

use super::{Command, Exchange};
use std::str::Lines;

/// A command that HAProxy did not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HAProxy did not do \"{command}\": {answer}")]
pub struct Failed {
    /// The command's text.
    pub command: String,
    /// The answer.
    pub answer: String,
    /// Whether it is only too early: the server still has connections. The next plan tries again.
    pub early: bool,
}

/// What HAProxy says when it has taken a server away.
const DELETED: &str = "Server deleted.";

/// How it begins to say that it cannot yet. No empty line follows this answer, nor the one before; all others have one.
const STILL_CONNECTED: &str = "Server still has connections";

/// Reads the answers to an exchange and says which commands failed.
#[must_use]
pub fn answers(exchange: &Exchange, text: &str) -> Vec<Failed> {
    let mut lines = text.lines();
    let mut failed = Vec::new();
    for command in &exchange.commands {
        // HAProxy may close before all is answered, as when it ends.
        let answer = next_answer(&mut lines).unwrap_or_else(|| "no answer".to_owned());
        if !is_well(command, &answer) {
            failed.push(fail(command, answer));
        }
    }
    // More answers than commands: one of them said more than is known of it.
    let rest = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if let Some(last) = exchange.commands.last().filter(|_| !rest.is_empty()) {
        failed.push(fail(last, rest));
    }
    failed
}

/// The lines up to an empty one.
fn next_answer(lines: &mut Lines<'_>) -> Option<String> {
    let mut answer = lines.next()?.trim().to_owned();
    if answer.is_empty() || answer == DELETED || answer.starts_with(STILL_CONNECTED) {
        return Some(answer);
    }
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        answer.push(' ');
        answer.push_str(line.trim());
    }
    Some(answer)
}

fn fail(command: &Command, answer: String) -> Failed {
    let early = answer.starts_with(STILL_CONNECTED);
    Failed { command: command.to_string(), answer, early }
}

fn is_well(command: &Command, answer: &str) -> bool {
    match command {
        Command::AddServer { .. } => answer == "New server registered.",
        Command::DeleteServer(_) => answer == DELETED,
        // It says what it changed.
        Command::SetAddress(..) => {
            answer.is_empty() || answer.starts_with("IP changed") || answer.starts_with("no need to change")
        }
        _ => answer.is_empty(),
    }
}
