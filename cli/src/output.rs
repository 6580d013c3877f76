//! What commands print: tables for people, JSON for programs.

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde_json::Value;
use std::io::{self, IsTerminal, Write};

/// How a command prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

/// Something that lists show.
pub(crate) trait Listed {
    /// The heads of its columns; those of numbers begin with `#`.
    const COLUMNS: &'static [&'static str];

    /// What it shows to people.
    fn cells(&self) -> Vec<String>;

    /// What it says to programs.
    fn json(&self) -> Value;
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a list as a whole.
    pub(crate) fn list<T: Listed>(self, items: &[T]) -> io::Result<()> {
        if self.json {
            return self.value(&Value::Array(items.iter().map(Listed::json).collect()));
        }
        text(&table(T::COLUMNS, items.iter().map(Listed::cells)))
    }

    /// Prints a list again that changed: on a terminal in place of the one before.
    pub(crate) fn refresh<T: Listed>(self, items: &[T]) -> io::Result<()> {
        if self.json {
            let line = Value::Array(items.iter().map(Listed::json).collect()).to_string();
            return text(&line);
        }
        let shown = table(T::COLUMNS, items.iter().map(Listed::cells));
        // Clear the screen and begin at its top; elsewhere, an empty line parts the tables.
        let lead = if io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "\n" };
        text(&format!("{lead}{shown}"))
    }

    /// Prints one value as JSON.
    pub(crate) fn value(self, value: &Value) -> io::Result<()> {
        text(&format!("{value:#}"))
    }
}

/// Prints text and the end of its line.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A table without borders.
pub(crate) fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let is_number: Vec<bool> = columns.iter().map(|column| column.starts_with('#')).collect();
    let cell = |index: usize, text: String| {
        let right = is_number.get(index).copied().unwrap_or(false);
        Cell::new(text).set_alignment(if right { CellAlignment::Right } else { CellAlignment::Left })
    };
    table.set_header(columns.iter().enumerate().map(|(index, head)| cell(index, head.replace('#', "").to_uppercase())));
    for row in rows {
        table.add_row(row.into_iter().enumerate().map(|(index, text)| cell(index, text)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    lines.join("\n")
}

/// Resources of the wire in their text form.
pub(crate) fn resources(wire: &[proffer_framework::operator::v1::Resource]) -> String {
    match proffer_proto::convert::resources_from_wire(wire.to_vec(), "resources") {
        Ok(resources) if resources.is_empty() => "-".to_owned(),
        Ok(resources) => resources.to_string(),
        Err(invalid) => invalid.to_string(),
    }
}

/// How long ago this was, roughly.
pub(crate) fn ago(since_ms: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seconds = now.as_secs().saturating_sub(since_ms / 1000);
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_plain() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "100".to_owned()]];
        assert_eq!(table(&["name", "#count"], rows.into_iter()), "NAME  COUNT\na         1\nbcd     100");
    }
}
