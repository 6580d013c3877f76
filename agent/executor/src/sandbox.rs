//! Making sandboxes: whose they are, and who may look into them.

use crate::{docker, fetch::Owner, users};
use proto_types::executing::TaskLaunch;
use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, chown},
    path::Path,
};

/// The mode of the directories above a sandbox: users get through to theirs and see nothing else on the way.
const WAY: u32 = 0o711;

/// Who gets at a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The executor's own user.
    Own,
    /// This user.
    Of(Owner),
    /// Whoever the image names, which nobody knows here.
    Anybody,
}

impl Access {
    /// Who gets at the sandbox of a task; an error says why the task cannot be started.
    pub(crate) fn to(launch: &TaskLaunch) -> Result<Self, String> {
        let named = launch.task.command.user.as_deref();
        if launch.task.container.is_some() {
            let owner = named.and_then(docker::owner).filter(|_| users::own() == 0);
            return Ok(owner.map_or(Self::Anybody, Self::of));
        }
        let user = named.or(launch.user.as_deref()).map(users::find).transpose()?;
        Ok(user.map_or(Self::Own, |user| Self::of(user.owner())))
    }

    fn of(owner: Owner) -> Self {
        if owner.uid == users::own() { Self::Own } else { Self::Of(owner) }
    }

    fn mode(self) -> u32 {
        match self {
            Self::Own | Self::Of(_) => 0o750,
            Self::Anybody => 0o755,
        }
    }

    /// To whom it is given.
    pub(crate) fn owner(self) -> Option<Owner> {
        match self {
            Self::Of(owner) => Some(owner),
            Self::Own | Self::Anybody => None,
        }
    }
}

/// Makes a sandbox, if it is not there.
pub(crate) fn make(sandbox: &Path, access: Access) -> io::Result<()> {
    let directory = || fs::DirBuilder::new().mode(access.mode()).create(sandbox);
    let made = match (directory(), sandbox.parent()) {
        (Err(error), Some(parent)) if error.kind() == ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(WAY).create(parent)?;
            directory()
        }
        (made, _) => made,
    };
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && sandbox.is_dir() => {}
        made => made?,
    }
    match access.owner() {
        Some(Owner { uid, gid }) => chown(sandbox, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_sandbox_is_its_users() {
        if users::own() != 0 {
            println!("only root gives a sandbox to another user: nothing to test");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let sandbox = directory.path().join("framework/task");
        // Twice: fetching may have made it.
        for _ in 0..2 {
            make(&sandbox, Access::Of(Owner { uid: 1234, gid: 5678 })).unwrap();
            let metadata = sandbox.metadata().unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (1234, 5678));
        }
    }

    #[test]
    fn sandboxes_are_seen_by_their_users_only() {
        let directory = tempfile::tempdir().unwrap();
        let mode = |path: &str| directory.path().join(path).metadata().unwrap().mode() & 0o777;
        for (name, access, expected) in [("process", Access::Own, 0o750), ("image", Access::Anybody, 0o755)] {
            let sandbox = format!("sandboxes/framework/{name}");
            make(&directory.path().join(&sandbox), access).unwrap();
            assert_eq!(mode(&sandbox), expected, "{name}");
        }
        assert_eq!((mode("sandboxes/framework"), mode("sandboxes")), (0o711, 0o711));
        fs::write(directory.path().join("file"), "").unwrap();
        make(&directory.path().join("file"), Access::Own).unwrap_err();
    }
}
