//! What the system lets this process have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the number of files that may be open at once to what this process may give itself: a master has a connection
/// for each agent, and systems begin with a limit of about a thousand. What cannot be raised stays, which is said when
/// connections cannot be accepted.
pub fn raise_open_files() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(soft, hard, "the limit of open files cannot be raised: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_as_may_be() {
        raise_open_files();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(soft, hard);
    }
}
