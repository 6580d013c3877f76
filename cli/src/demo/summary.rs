//! What ran, how long, and whether all of it is right.

use crate::output::{self, Output};
use serde_json::json;
use std::{
    io,
    time::{Duration, Instant},
};

/// One part of the demonstration.
#[derive(Debug)]
pub(super) struct Part {
    name: &'static str,
    count: usize,
    begun: Instant,
    /// How long it took, and whether its results are right; none: it did not get there.
    ended: Option<(Duration, bool)>,
}

/// All parts.
#[derive(Debug, Default)]
pub(super) struct Summary {
    parts: Vec<Part>,
}

impl Part {
    /// The clock runs from here.
    pub(super) fn begin(name: &'static str, count: usize) -> Self {
        Self { name, count, begun: Instant::now(), ended: None }
    }

    /// The clock stops.
    pub(super) fn end(&mut self, ok: bool) {
        self.ended = Some((self.begun.elapsed(), ok));
    }

    fn is_ok(&self) -> bool {
        self.ended.is_some_and(|(_, ok)| ok)
    }

    fn seconds(&self) -> f64 {
        self.ended.map_or(0.0, |(took, _)| took.as_secs_f64())
    }

    fn per_second(&self) -> f64 {
        if self.seconds() > 0.0 { self.count as f64 / self.seconds() } else { 0.0 }
    }
}

impl Summary {
    pub(super) fn add(&mut self, part: Part) {
        self.parts.push(part);
    }

    pub(super) fn is_ok(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(Part::is_ok)
    }

    pub(super) fn print(&self, as_json: bool) -> io::Result<()> {
        if as_json {
            return Output::new(true).value(&self.json());
        }
        let row = |part: &Part| {
            vec![
                part.name.to_owned(),
                part.count.to_string(),
                format!("{:.2}", part.seconds()),
                format!("{:.1}", part.per_second()),
                if part.is_ok() { "yes" } else { "NO" }.to_owned(),
            ]
        };
        let columns = ["part", "#count", "#seconds", "#per second", "ok"];
        output::text(&output::table(&columns, self.parts.iter().map(row)))
    }

    fn json(&self) -> serde_json::Value {
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|part| {
                json!({
                    "name": part.name, "ok": part.is_ok(), "count": part.count, "seconds": part.seconds(),
                    "per_second": part.per_second(),
                })
            })
            .collect();
        json!({ "ok": self.is_ok(), "parts": parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_that_did_not_get_there_is_enough() {
        let mut summary = Summary::default();
        assert!(!summary.is_ok(), "nothing is not all right");
        let mut part = Part::begin("a", 3);
        part.end(true);
        summary.add(part);
        assert!(summary.is_ok());
        summary.add(Part::begin("b", 1));
        assert!(!summary.is_ok());
        assert_eq!(summary.json()["parts"][0]["count"], 3);
        assert_eq!(summary.json()["parts"][1]["ok"], false);
    }
}
