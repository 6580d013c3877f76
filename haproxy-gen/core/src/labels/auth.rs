//! Basic authentication: `realm:user:hash`.

use super::{fault::Bad, value::shown};

/// Who may come in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Auth {
    /// The realm that browsers show.
    pub realm: String,
    /// The user's name.
    pub user: String,
    /// The password's hash in the form of crypt(3).
    pub hash: String,
}

impl Auth {
    pub(super) fn parse(text: &str) -> Result<Self, Bad> {
        let remedy = "write realm:user:hash, with a hash made by \"mkpasswd -m sha-512\"";
        let mut parts = text.splitn(3, ':');
        let (Some(realm), Some(user), Some(hash)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Bad::new("is not of the form realm:user:hash", remedy));
        };
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
        if realm.is_empty() || realm.len() > 128 || !realm.bytes().all(|byte| word(byte) || byte == b' ') {
            let why = format!("the realm \"{}\" is not made of letters, digits, spaces and - _ . @", shown(realm));
            return Err(Bad::new(why, remedy));
        }
        if user.is_empty() || user.len() > 128 || !user.bytes().all(word) {
            let why = format!("the user \"{}\" is not made of letters, digits and - _ . @", shown(user));
            return Err(Bad::new(why, remedy));
        }
        if !is_hash(hash) {
            // The value may be a password: it is not shown.
            return Err(Bad::new("the last part is not a hash of a form that crypt(3) knows", remedy));
        }
        Ok(Self { realm: realm.to_owned(), user: user.to_owned(), hash: hash.to_owned() })
    }
}

/// MD5, SHA-256, SHA-512, bcrypt and yescrypt, or the 13 letters of DES.
fn is_hash(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    if text.len() == 13 && text.bytes().all(letters) {
        return true;
    }
    let known = ["$1$", "$5$", "$6$", "$2a$", "$2b$", "$2y$", "$y$"];
    let Some(rest) = known.iter().find_map(|prefix| text.strip_prefix(prefix)) else {
        return false;
    };
    let parts: Vec<&str> = rest.split('$').collect();
    let plain = |part: &&str| part.bytes().all(|byte| letters(byte) || byte == b'=' || byte == b',');
    let enough = parts.last().is_some_and(|hash| hash.len() >= 22);
    text.len() <= 256 && (1..=3).contains(&parts.len()) && parts.iter().all(plain) && enough
}
