//! Events as bytes on a stream.

/// What is sent when nothing happens, every ten seconds: clients take a silent stream for dead.
pub const HEARTBEAT: &str = "\r\n";

/// An event on a stream: `id: 1-7`, `event: x`, `data: {…}` and a blank line. Marathon has no `id:`; clients that do not
/// know it skip it.
///
/// JSON of one line has no line break in it, so the frame cannot be cut short by what a user wrote.
#[must_use]
pub fn frame(id: Option<&str>, kind: &str, json: &str) -> String {
    let mut text = String::with_capacity(json.len() + kind.len() + 48);
    if let Some(id) = id {
        text.extend(["id: ", id, "\r\n"]);
    }
    text.extend(["event: ", kind, "\r\ndata: ", json, "\r\n\r\n"]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_marathons_with_an_id_before_them() {
        assert_eq!(frame(None, "x", "{}"), "event: x\r\ndata: {}\r\n\r\n");
        assert_eq!(frame(Some("3-1"), "x", "{}"), "id: 3-1\r\nevent: x\r\ndata: {}\r\n\r\n");
    }
}
