//! This program's own file, for starting it again in another role.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The program that runs in this process, also after an upgrade took its file away: then the kernel still has it.
///
/// # Errors
/// The machine does not say what runs here.
pub fn own() -> io::Result<PathBuf> {
    Ok(there(std::env::current_exe()?))
}

fn there(path: PathBuf) -> PathBuf {
    if path.exists() { path } else { Path::new("/proc/self/exe").to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_whose_file_is_gone_is_started_from_the_kernels_hands() {
        let present = std::env::current_exe().unwrap();
        assert_eq!(own().unwrap(), present);
        let gone = there(format!("{} (deleted)", present.display()).into());
        assert_eq!(gone.canonicalize().unwrap(), present);
    }
}
