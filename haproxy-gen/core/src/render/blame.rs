//! Whose fault it is when HAProxy refuses a configuration: its complaints name lines and sections, and these belong to
//! services. One look suffices to leave out the guilty, however many there are.

use super::Rendered;
use std::collections::BTreeMap;

/// The services that HAProxy complains about, with the complaint; empty if it names none of ours, as when a template
/// of the operator is wrong. They go into [`crate::model::Options::refused`], and the rest is tried again.
///
/// `complaints` is what `haproxy -c` or a failed start says.
#[must_use]
pub fn blame(rendered: &Rendered, complaints: &str) -> BTreeMap<String, String> {
    let sections = sections(rendered);
    let mut blamed = BTreeMap::new();
    for line in complaints.lines().filter(|line| line.contains("[ALERT]")) {
        let by_line = line_number(line).and_then(|number| {
            let (_, name) = sections.range(..=number).next_back()?;
            name.clone()
        });
        let named = || {
            let marks = |letter: char| !(letter.is_ascii_alphanumeric() || "_-.:".contains(letter));
            let words = line.split(marks).map(|word| word.trim_end_matches([':', '.']));
            words.into_iter().find(|word| rendered.server_options.contains_key(*word)).map(ToOwned::to_owned)
        };
        if let Some(service) = by_line.or_else(named) {
            let complaint = line.split_once(" : ").map_or(line, |(_, rest)| rest);
            blamed.entry(service).or_insert_with(|| complaint.to_owned());
        }
    }
    blamed
}

/// The first line of each section, and the service it belongs to, if it is one's.
fn sections(rendered: &Rendered) -> BTreeMap<usize, Option<String>> {
    let mut sections = BTreeMap::new();
    for (number, line) in (1..).zip(rendered.config.lines()) {
        if line.is_empty() || line.starts_with([' ', '\t', '#']) {
            continue;
        }
        let name = line.split_whitespace().nth(1).unwrap_or_default();
        let service = name.strip_prefix("user_").filter(|_| line.starts_with("userlist ")).unwrap_or(name);
        sections.insert(number, rendered.server_options.contains_key(service).then(|| service.to_owned()));
    }
    sections
}

/// The number in `[/path/haproxy.cfg:12]`.
fn line_number(line: &str) -> Option<usize> {
    line.split(".cfg:").skip(1).find_map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}
