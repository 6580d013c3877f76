//! The words of a command.

use super::Wrong;
use proto_types::Role;
use std::{collections::VecDeque, str::FromStr, time::Duration};

/// The words of a command that are not read yet.
#[derive(Debug)]
pub(super) struct Words<'a>(VecDeque<&'a str>);

impl<'a> Words<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self(line.split_whitespace().collect())
    }

    /// The next word.
    pub(super) fn word(&mut self, what: &'static str) -> Result<&'a str, Wrong> {
        self.0.pop_front().ok_or(Wrong::Missing(what))
    }

    /// The next word, if it is this one.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        self.0.pop_front_if(|next| *next == word).is_some()
    }

    /// The next word, read.
    pub(super) fn value<T: FromStr>(&mut self, what: &'static str) -> Result<T, Wrong> {
        let word = self.word(what)?;
        word.parse().map_err(|_| Wrong::Value { what, text: word.to_owned() })
    }

    /// The next word, a duration.
    pub(super) fn duration(&mut self) -> Result<Duration, Wrong> {
        duration(self.word("a duration")?)
    }

    /// Whether this word is among the rest; takes it out.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        let position = self.0.iter().position(|word| *word == name);
        position.and_then(|position| self.0.remove(position)).is_some()
    }

    /// What stands after `NAME=` anywhere in the rest; takes it out.
    pub(super) fn option(&mut self, name: &str) -> Option<&'a str> {
        let value = |word: &&'a str| word.strip_prefix(name)?.strip_prefix('=');
        let (position, value) =
            self.0.iter().enumerate().find_map(|(position, word)| Some((position, value(word)?)))?;
        self.0.remove(position);
        Some(value)
    }

    /// The same, read.
    pub(super) fn option_value<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, Wrong> {
        let Some(text) = self.option(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Wrong::Value { what: name, text: text.to_owned() })
    }

    /// The same, a duration.
    pub(super) fn option_duration(&mut self, name: &str) -> Result<Option<Duration>, Wrong> {
        self.option(name).map(duration).transpose()
    }

    /// All words that are left.
    pub(super) fn rest(&mut self) -> Vec<&'a str> {
        std::mem::take(&mut self.0).into()
    }

    /// Nothing must be left.
    pub(super) fn end(mut self) -> Result<(), Wrong> {
        self.0.pop_front().map_or(Ok(()), |word| Err(Wrong::Excess(word.to_owned())))
    }
}

/// Reads `250ms`, `5s`, `2m` or `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let wrong = || Wrong::Value { what: "duration", text: text.to_owned() };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3600)),
        _ => Err(wrong()),
    }
}

/// Reads a role.
pub(super) fn role(text: &str) -> Result<Role, Wrong> {
    Role::new(text).map_err(|_| Wrong::Value { what: "role", text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_their_unit() {
        assert_eq!(duration("250ms").ok(), Some(Duration::from_millis(250)));
        assert_eq!(duration("2m").ok(), Some(Duration::from_secs(120)));
        assert!(["5", "s", "5 s", "-5s", "1.5s", ""].iter().all(|text| duration(text).is_err()));
    }

    #[test]
    fn options_stand_anywhere_and_nothing_is_left_over() {
        let mut words = Words::of("accepts a1 for=5s t1=cpus:1 group");
        assert!(words.skip("accepts"));
        assert_eq!(words.option("for"), Some("5s"));
        assert!(words.flag("group"));
        assert_eq!(words.word("a host").ok(), Some("a1"));
        assert_eq!(words.end().unwrap_err().to_string(), "what does \"t1=cpus:1\" mean here?");
    }
}
