//! What a benchmark prints: figures for people, or one JSON object a line.

/// The figures of one benchmark.
#[derive(Debug)]
pub(crate) struct Figures {
    bench: &'static str,
    json: bool,
    /// What each figure's name ends in.
    suffix: &'static str,
}

impl Figures {
    /// For the benchmark of this name.
    pub(crate) fn new(bench: &'static str, json: bool) -> Self {
        Self { bench, json, suffix: "" }
    }

    /// The same, with this at the end of each figure's name.
    pub(crate) fn with_suffix(&self, suffix: &'static str) -> Self {
        Self { bench: self.bench, json: self.json, suffix }
    }

    /// Prints one figure; a ratio has the unit "1".
    pub(crate) fn print(&self, figure: &str, value: f64, unit: &str) {
        let value = (value * 1000.0).round() / 1000.0;
        let figure = format!("{figure}{}", self.suffix);
        if self.json {
            println!("{}", serde_json::json!({ "bench": self.bench, "figure": figure, "value": value, "unit": unit }));
        } else {
            println!("{:<16} {figure:<32} {value:>12.3} {unit}", self.bench);
        }
    }
}

/// The middle one of several measurements.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}

/// The measurement below which this part of all lies.
pub(crate) fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() as f64 - 1.0) * part).round() as usize;
    values.get(index).copied().unwrap_or(f64::NAN)
}
