//! Whom an executor runs as.

use agent_executor::fetch::Owner;
use nix::unistd::{Gid, Uid, User, geteuid, getgrouplist, setgid, setgroups, setuid};
use std::{ffi::CString, io};

/// Another user than the agent's, with all groups.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    user: Uid,
    group: Gid,
    groups: Vec<Gid>,
}

impl Identity {
    /// The user of this name or number; none: the agent's own.
    pub(super) fn find(name: Option<&str>) -> io::Result<Option<Self>> {
        let Some(name) = name else { return Ok(None) };
        let by_number = || name.parse().ok().and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
        let Some(user) = User::from_name(name)?.or_else(by_number) else {
            return Err(io::Error::other(format!("there is no user {name:?} on this machine")));
        };
        if user.uid == geteuid() {
            return Ok(None);
        }
        if !geteuid().is_root() {
            return Err(io::Error::other(format!("cannot run as {name:?}: the agent itself does not run as root")));
        }
        let groups = getgrouplist(&CString::new(user.name)?, user.gid)?;
        Ok(Some(Self { user: user.uid, group: user.gid, groups }))
    }

    /// To whom files are to belong.
    pub(super) fn owner(&self) -> Owner {
        Owner { uid: self.user.as_raw(), gid: self.group.as_raw() }
    }

    /// Makes the calling process this user's. Between fork and exec this only makes system calls.
    pub(super) fn assume(&self) -> io::Result<()> {
        setgroups(&self.groups)?;
        setgid(self.group)?;
        setuid(self.user)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_names_and_numbers() {
        assert!(Identity::find(None).unwrap().is_none());
        let own = geteuid().to_string();
        assert!(Identity::find(Some(&own)).unwrap().is_none(), "the agent's own user is no other");
        let error = Identity::find(Some("nobody-of-this-name")).unwrap_err();
        assert!(error.to_string().contains("nobody-of-this-name"), "{error}");
        if geteuid().is_root() {
            let (named, numbered) = (Identity::find(Some("nobody")), Identity::find(Some("65534")));
            let (named, numbered) = (named.unwrap().unwrap(), numbered.unwrap().unwrap());
            assert_eq!((named.owner().uid, &named.groups), (numbered.owner().uid, &numbered.groups));
            assert!(named.groups.contains(&named.group));
        }
    }
}
