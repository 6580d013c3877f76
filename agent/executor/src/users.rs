//! Users of this machine, as tasks and executors name them.

use crate::fetch::Owner;
use nix::unistd::{Gid, Uid, User, getgrouplist, setgid, setgroups, setuid};
use std::{ffi::CString, io};

/// A user with all groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: Uid,
    /// The user's own group.
    pub group: Gid,
    /// All groups, the own one among them.
    pub groups: Vec<Gid>,
}

impl Account {
    /// To whom files are to belong.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { uid: self.user.as_raw(), gid: self.group.as_raw() }
    }

    /// Makes the calling process this user's. Between fork and exec this only makes system calls.
    ///
    /// # Errors
    /// Those of the system calls; without being root there is no becoming another.
    pub fn assume(&self) -> io::Result<()> {
        setgroups(&self.groups)?;
        setgid(self.group)?;
        setuid(self.user)?;
        Ok(())
    }
}

/// The user that this process runs as.
#[must_use]
pub fn own() -> u32 {
    Uid::effective().as_raw()
}

/// The user of this name or number.
///
/// # Errors
/// That there is none.
pub fn find(name: &str) -> Result<Account, String> {
    let by_number = || name.parse().ok().and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
    let user = User::from_name(name).ok().flatten().or_else(by_number);
    let user = user.ok_or_else(|| format!("there is no user {name:?} on this agent"))?;
    let groups = CString::new(user.name.as_str()).ok().and_then(|name| getgrouplist(&name, user.gid).ok());
    Ok(Account { user: user.uid, group: user.gid, groups: groups.unwrap_or_else(|| vec![user.gid]) })
}

/// The same, if it is another than that of this process.
///
/// # Errors
/// As for [`find`].
pub fn find_other(name: &str) -> Result<Option<Account>, String> {
    Ok(Some(find(name)?).filter(|account| account.user.as_raw() != own()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_names_and_numbers() {
        assert_eq!(find_other(&own().to_string()), Ok(None), "its own user is no other");
        let error = find("nobody-of-this-name").unwrap_err();
        assert!(error.contains("nobody-of-this-name"), "{error}");
        let (named, numbered) = (find("nobody").unwrap(), find("65534").unwrap());
        assert_eq!(named, numbered);
        assert!(named.groups.contains(&named.group));
    }
}
