//! Addresses: ids have slashes, and clients add more of them.

use super::errors::Failure;
use marathon_lite_core::app::PathId;

/// The parts of an address between its slashes, decoded. Doubled and trailing slashes make no parts.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(|part| decode(part, false)).collect()
}

/// The id that parts of an address spell.
///
/// # Errors
/// What is wrong with it, as validation says it.
pub(crate) fn path_id(segments: &[&str]) -> Result<PathId, Failure> {
    let text = format!("/{}", segments.join("/"));
    PathId::parse(&text).map_err(|error| Failure::invalid("/id", &error.to_string()))
}

/// Takes `%41` for `A` and, where `plus` says so, `+` for a blank. What is no code stays as it is.
pub(crate) fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes.get(at..at + 3).and_then(byte_of) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(if plus && bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The byte that `%41` stands for.
fn byte_of(code: &[u8]) -> Option<u8> {
    let [b'%', high, low] = code else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_forgiven() {
        assert_eq!(segments("/v2/apps//shop/web/"), ["v2", "apps", "shop", "web"]);
        assert_eq!(segments("/v2/apps/%2Fshop%2Fweb"), ["v2", "apps", "/shop/web"]);
        assert!(segments("//").is_empty());
    }

    #[test]
    fn ids_are_read_from_parts() {
        assert_eq!(path_id(&["shop", "web"]).unwrap().as_str(), "/shop/web");
        assert_eq!(path_id(&["/shop/web"]).unwrap().as_str(), "/shop/web", "a client encoded the slashes");
        assert!(path_id(&[]).unwrap().is_root());
        assert!(path_id(&["Shop"]).is_err());
    }

    #[test]
    fn codes_are_decoded_and_what_is_none_stays() {
        for (text, expected) in [
            ("a%20b", "a b"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%4", "%4"),
            ("%C3%A4", "ä"),
            ("a+b", "a+b"),
            ("%+1", "%+1"),
        ] {
            assert_eq!(decode(text, false), expected, "{text}");
        }
        assert_eq!(decode("a+b%2B", true), "a b+");
        assert_eq!(decode("%ff", false), "\u{fffd}");
    }
}
