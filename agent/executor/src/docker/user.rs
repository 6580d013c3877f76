//! Users of containers.

use crate::fetch::Owner;
use nix::unistd::User;

/// A user of this machine by number, since images do not know its names and the sandbox belongs to the number. What is no
/// user here the image may know.
pub(super) fn numbers(user: &str) -> String {
    match User::from_name(user) {
        Ok(Some(found)) => format!("{}:{}", found.uid, found.gid),
        _ => user.to_owned(),
    }
}

/// Whose the files are that a container makes as this user; none: only its image knows.
pub(crate) fn owner(user: &str) -> Option<Owner> {
    let numbers = numbers(user);
    // Without a group the engine takes root's.
    let (uid, gid) = numbers.split_once(':').unwrap_or((&numbers, "0"));
    Some(Owner { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_this_machine_and_numbers_own_what_they_make() {
        let nobody = User::from_name("nobody").unwrap().unwrap();
        let expected = Owner { uid: nobody.uid.as_raw(), gid: nobody.gid.as_raw() };
        assert_eq!(owner("nobody"), Some(expected));
        assert_eq!(owner("1234"), Some(Owner { uid: 1234, gid: 0 }));
        assert_eq!(owner("1234:56"), Some(Owner { uid: 1234, gid: 56 }));
        assert_eq!(owner("known-to-its-image"), None);
    }
}
