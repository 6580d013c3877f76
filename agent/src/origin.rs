//! Whether a work directory is still the one that it was, or a copy: two agents that go on from one journal would be one
//! agent twice, and each would end what the other runs.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path, time::UNIX_EPOCH};

/// What tells a directory from its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    /// Its number in its file system.
    inode: u64,
    /// When it was made, in nanoseconds since 1970: no copy can have that of another. None: the file system does not say.
    born: Option<u128>,
    /// Where it was, for people.
    path: String,
}

impl Origin {
    fn of(directory: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(directory)?;
        let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let born = born.map(|since| since.as_nanos());
        Ok(Self { inode: metadata.ino(), born, path: directory.display().to_string() })
    }

    fn print(&self) -> String {
        let born = self.born.map_or_else(|| "-".to_owned(), |born| born.to_string());
        format!("{} {born} {}\n", self.inode, self.path)
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.trim_end().splitn(3, ' ');
        let (inode, born, path) = (words.next()?.parse().ok()?, words.next()?, words.next()?.to_owned());
        Some(Self { inode, born: born.parse().ok(), path })
    }

    /// A number alone may change where file systems are laid over each other, so both must differ.
    fn is_copied_from(&self, other: &Self) -> bool {
        self.inode != other.inode && self.born.zip(other.born).is_some_and(|(own, others)| own != others)
    }
}

/// Of which directory this one is a copy, by the note in `file` in it; none: of none. The note is made if it is not there.
///
/// # Errors
/// It cannot be read or made.
pub(crate) fn copied_from(directory: &Path, file: &Path) -> io::Result<Option<String>> {
    let own = Origin::of(directory)?;
    let noted = match fs::read_to_string(file) {
        Ok(text) => Origin::read(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    match noted {
        Some(noted) if own.is_copied_from(&noted) => Ok(Some(noted.path)),
        Some(noted) if noted == own => Ok(None),
        // A new directory, one that was moved, or a torn note.
        _ => fs::write(file, own.print()).map(|()| None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_and_a_move_is_none() {
        let home = tempfile::tempdir().unwrap();
        let (first, moved, copy) = (home.path().join("a"), home.path().join("b"), home.path().join("c"));
        fs::create_dir(&first).unwrap();
        assert_eq!(copied_from(&first, &first.join("origin")).unwrap(), None);
        fs::rename(&first, &moved).unwrap();
        assert_eq!(copied_from(&moved, &moved.join("origin")).unwrap(), None);
        fs::create_dir(&copy).unwrap();
        fs::copy(moved.join("origin"), copy.join("origin")).unwrap();
        let original = Some(moved.display().to_string());
        assert_eq!(copied_from(&copy, &copy.join("origin")).unwrap(), original);
        fs::remove_file(copy.join("origin")).unwrap();
        assert_eq!(copied_from(&copy, &copy.join("origin")).unwrap(), None, "whoever removes the note says so");
    }

    #[test]
    fn what_a_file_system_does_not_say_is_no_sign() {
        let origin = |inode, born| Origin { inode, born, path: "/d".to_owned() };
        assert!(!origin(1, None).is_copied_from(&origin(2, None)));
        assert!(!origin(1, Some(7)).is_copied_from(&origin(2, Some(7))));
        assert!(origin(1, Some(7)).is_copied_from(&origin(2, Some(8))));
        for one in [origin(1, None), origin(2, Some(9))] {
            assert_eq!(Origin::read(&one.print()), Some(one));
        }
        assert_eq!(Origin::read("torn"), None);
    }
}
