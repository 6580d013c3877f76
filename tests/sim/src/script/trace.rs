//! What happened, by topic: the lines of the record.

use super::Wrong;
use crate::record::Sink;
use std::{cell::RefCell, io, rc::Rc, str::FromStr};

/// What a line of the record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What schedulers see of their tasks.
    Updates,
    /// Offers that come and go.
    Offers,
    /// What schedulers and operators are answered.
    Calls,
    /// Schedulers that come, go, subscribe and are told of losses.
    Schedulers,
    /// What the registry stores.
    Registry,
    /// Masters that come, go and lead.
    Masters,
    /// Agents that come, go and look for a master.
    Agents,
    /// Executors and tasks that start and end on machines.
    Machines,
    /// What masters and agents hear.
    Messages,
    /// What is broken.
    Faults,
}

impl FromStr for Topic {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        Ok(match text {
            "updates" => Self::Updates,
            "offers" => Self::Offers,
            "calls" => Self::Calls,
            "schedulers" => Self::Schedulers,
            "registry" => Self::Registry,
            "masters" => Self::Masters,
            "agents" => Self::Agents,
            "machines" => Self::Machines,
            "messages" => Self::Messages,
            "faults" => Self::Faults,
            _ => return Err(Wrong::Value { what: "topic", text: text.to_owned() }),
        })
    }
}

impl Topic {
    /// The topic of a line of the record, without its time and number.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let (who, what) = line.split_once(' ').unwrap_or((line, ""));
        let heard = what.strip_prefix("<- ");
        let first = what.split(' ').next().unwrap_or_default();
        match who.chars().next() {
            _ if who == "operator" => Self::Calls,
            Some('s') => match heard {
                Some(heard) => Self::heard_by_scheduler(heard),
                None if first == "sees" => Self::Updates,
                None if matches!(first, "starts" | "stops:" | "crashes" | "is") => Self::Schedulers,
                None => Self::Calls,
            },
            Some('m') if heard.is_some() => Self::Messages,
            Some('m') if first == "appends" => Self::Registry,
            Some('m') => Self::Masters,
            Some('a') if heard.is_some() => Self::Messages,
            Some('a') if matches!(first, "runs" | "ends" | "executor") || what.starts_with("starts executor") => {
                Self::Machines
            }
            Some('a') => Self::Agents,
            _ => Self::Faults,
        }
    }

    fn heard_by_scheduler(heard: &str) -> Self {
        let Some((_, event)) = heard.split_once(": ").filter(|(number, _)| number.parse::<u64>().is_ok()) else {
            return Self::Calls;
        };
        match event.split(' ').next().unwrap_or_default() {
            "offers" | "rescinded" => Self::Offers,
            "updates" => Self::Messages,
            _ => Self::Schedulers,
        }
    }
}

/// Keeps the lines of the record until they are looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Rc<RefCell<Vec<String>>>);

impl Sink for Trace {
    fn line(&mut self, line: &str) -> io::Result<()> {
        self.0.borrow_mut().push(line.to_owned());
        Ok(())
    }
}

impl Trace {
    /// The lines of these topics since it was asked last, each with its second; those of other topics are dropped.
    pub(super) fn take(&self, topics: &[Topic]) -> String {
        let mut text = String::new();
        for line in self.0.take() {
            let mut parts = line.splitn(3, ' ');
            let (Some(at), Some(_), Some(what)) = (parts.next(), parts.next(), parts.next()) else { continue };
            // Pings come and go all the time and tell nothing.
            if topics.contains(&Topic::of(what)) && !what.contains(": pong ") {
                // Microseconds change with every draw; tenths of a second tell the story.
                let tenths = at.find('.').map_or(at, |dot| &at[..dot + 2]);
                text.push_str(&format!("{tenths} {what}\n"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        for (line, topic) in [
            ("s1 sees t1 1 RUNNING", Topic::Updates),
            ("s1 <- 3: offers [O1-1 of A1-1 cpus:1]", Topic::Offers),
            ("s1 <- 3: updates [t1 1 RUNNING]", Topic::Messages),
            ("s1 <- 1: subscribed F1-1 as S1-1", Topic::Schedulers),
            ("s1 <- verdicts [t1 accepted]", Topic::Calls),
            ("s1 task t1 rejected: Conflict too little", Topic::Calls),
            ("operator <- done", Topic::Calls),
            ("m1 appends 1: agent A1-1 (a1) admitted", Topic::Registry),
            ("m1 <- link 1: pong 1", Topic::Messages),
            ("m1 is elected, epoch 1", Topic::Masters),
            ("a1 starts", Topic::Agents),
            ("a1 starts executor built-in of F1-1", Topic::Machines),
            ("a1 runs F1-1/t1", Topic::Machines),
            ("FAULT launch to a1: lost", Topic::Faults),
        ] {
            assert_eq!(Topic::of(line), topic, "{line}");
        }
    }
}
