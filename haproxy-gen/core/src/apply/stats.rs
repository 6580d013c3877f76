//! The table that `show stat` gives.

use std::collections::BTreeMap;

/// A text of HAProxy that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HAProxy's answer to \"{command}\" cannot be read: {why}")]
pub struct Unreadable {
    /// The command.
    pub command: &'static str,
    /// What is wrong with the answer.
    pub why: String,
}

/// The rows of a table of comma-separated values, each by the names of the columns.
///
/// # Errors
/// If there is no line with the names.
pub fn csv_rows(text: &str) -> Result<Vec<BTreeMap<&str, String>>, Unreadable> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let names = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or_else(|| Unreadable {
        command: "show stat",
        why: "it does not begin with the names of its columns".to_owned(),
    })?;
    let names: Vec<&str> = names.split(',').collect();
    Ok(lines.map(|line| names.iter().copied().zip(fields(line)).collect()).collect())
}

/// The fields of a line; quoted ones may contain commas, and quotes twice.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                push(&mut fields, '"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => push(&mut fields, letter),
        }
    }
    fields
}

fn push(fields: &mut [String], letter: char) {
    if let Some(field) = fields.last_mut() {
        field.push(letter);
    }
}
