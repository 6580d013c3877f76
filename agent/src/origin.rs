//! Whether a work directory is still the one that it was, or a copy: two agents that go on from one journal would be one
//! agent twice, and each would end what the other runs.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
    time::UNIX_EPOCH,
};

/// Where a machine keeps its id. A copied disk of another machine has everything else in common with the original.
const MACHINE_ID: &str = "/etc/machine-id";

/// What tells a directory from its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    /// Its number in its file system.
    inode: u64,
    /// When it was made, in nanoseconds since 1970: no copy can have that of another. None: the file system does not say.
    born: Option<u128>,
    /// The id of the machine that it is on. None: the machine has none.
    machine: Option<String>,
    /// Where it was, for people.
    path: String,
}

impl Origin {
    fn of(directory: &Path, machine: Option<&str>) -> io::Result<Self> {
        let metadata = fs::metadata(directory)?;
        let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let born = born.map(|since| since.as_nanos());
        let machine = machine.map(str::to_owned);
        Ok(Self { inode: metadata.ino(), born, machine, path: directory.display().to_string() })
    }

    fn print(&self) -> String {
        let born = self.born.map_or_else(|| "-".to_owned(), |born| born.to_string());
        format!("{} {born} {} {}\n", self.inode, self.machine.as_deref().unwrap_or("-"), self.path)
    }

    /// Reads a note, also one of a version that did not note the machine: the path, which begins with a slash, is in its
    /// place then.
    fn read(text: &str) -> Option<Self> {
        let mut words = text.trim_end().splitn(3, ' ');
        let (inode, born, rest) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        let (machine, path) = if rest.starts_with('/') { ("-", rest) } else { rest.split_once(' ')? };
        let machine = Some(machine).filter(|machine| *machine != "-").map(str::to_owned);
        Some(Self { inode, born: born.parse().ok(), machine, path: path.to_owned() })
    }

    /// A number alone may change where file systems are laid over each other, so both must differ; or the machine, for a
    /// copy of a whole disk keeps both.
    fn is_copied_from(&self, other: &Self) -> bool {
        let elsewhere = self.machine.is_some() && other.machine.is_some() && self.machine != other.machine;
        let made_anew = self.born.zip(other.born).is_some_and(|(own, others)| own != others);
        elsewhere || (self.inode != other.inode && made_anew)
    }

    /// What it is, seen from another one, for people.
    fn seen_from(&self, other: &Self) -> String {
        let mut text = self.path.clone();
        if let (Some(machine), Some(own)) = (&self.machine, &other.machine)
            && machine != own
        {
            let _ = write!(text, " of another machine ({MACHINE_ID} there: {machine}, here: {own})");
        }
        text
    }
}

/// Of which directory this one is a copy, by the note in `file` in it; none: of none. The note is made if it is not there.
///
/// # Errors
/// It cannot be read or made.
pub(crate) fn copied_from(directory: &Path, file: &Path) -> io::Result<Option<String>> {
    let machine = fs::read_to_string(MACHINE_ID).ok();
    copied_to(machine.as_deref().and_then(machine_id), directory, file)
}

fn copied_to(machine: Option<&str>, directory: &Path, file: &Path) -> io::Result<Option<String>> {
    let mut own = Origin::of(directory, machine)?;
    let noted = match fs::read_to_string(file) {
        Ok(text) => Origin::read(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if own.machine.is_none() {
        // What was known stays known.
        own.machine = noted.as_ref().and_then(|noted| noted.machine.clone());
    }
    match noted {
        Some(noted) if own.is_copied_from(&noted) => Ok(Some(noted.seen_from(&own))),
        Some(noted) if noted == own => Ok(None),
        // A new directory, one that was moved, a note of an earlier version, or one that was damaged.
        _ => note(&own, directory, file).map(|()| None),
    }
}

/// The id in the file that has it. Before its first start a machine has none yet, and images say so in several ways.
fn machine_id(text: &str) -> Option<&str> {
    let id = text.trim();
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// Writes the note so that a crash leaves the old one or the new one. The id of a machine is nobody else's business.
fn note(origin: &Origin, directory: &Path, file: &Path) -> io::Result<()> {
    let draft = file.with_extension("draft");
    // One that a crash left behind may have any mode.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    written.write_all(origin.print().as_bytes())?;
    written.sync_all()?;
    fs::rename(&draft, file)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

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
    fn the_copy_of_a_whole_machine_is_known_by_its_id() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("origin");
        let (one, another) = ("0123456789abcdef0123456789abcdef", "f123456789abcdef0123456789abcdef");
        assert_eq!(copied_to(None, home.path(), &file).unwrap(), None);
        assert_eq!(copied_to(Some(one), home.path(), &file).unwrap(), None, "the note did not say before");
        assert_eq!(copied_to(None, home.path(), &file).unwrap(), None, "a machine without an id is no other");
        assert_eq!(copied_to(Some(one), home.path(), &file).unwrap(), None);
        let original = copied_to(Some(another), home.path(), &file).unwrap().unwrap();
        let expected =
            format!("{} of another machine (/etc/machine-id there: {one}, here: {another})", home.path().display());
        assert_eq!(original, expected);
        assert_eq!(fs::read_to_string(&file).unwrap(), Origin::of(home.path(), Some(one)).unwrap().print());
        assert_eq!(machine_id(&format!("{one}\n")), Some(one));
        for none in ["", "uninitialized\n", "0123"] {
            assert_eq!(machine_id(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_note_replaces_the_old_one_whole_and_is_for_nobody_else() {
        let home = tempfile::tempdir().unwrap();
        let (file, draft) = (home.path().join("origin"), home.path().join("origin.draft"));
        fs::write(&file, "torn").unwrap();
        fs::write(&draft, "left by a crash, and longer than what is written now, as such things go, by far").unwrap();
        let before = fs::metadata(&file).unwrap().ino();
        assert_eq!(copied_to(None, home.path(), &file).unwrap(), None);
        let metadata = fs::metadata(&file).unwrap();
        assert_ne!(metadata.ino(), before, "it is another file");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(!draft.exists());
        assert_eq!(fs::read_to_string(&file).unwrap(), Origin::of(home.path(), None).unwrap().print());
    }

    #[test]
    fn what_a_file_system_does_not_say_is_no_sign() {
        let origin = |inode, born| Origin { inode, born, machine: None, path: "/d".to_owned() };
        assert!(!origin(1, None).is_copied_from(&origin(2, None)));
        assert!(!origin(1, Some(7)).is_copied_from(&origin(2, Some(7))));
        assert!(origin(1, Some(7)).is_copied_from(&origin(2, Some(8))));
        let on = Origin { machine: Some("m".to_owned()), path: "/d with/a space".to_owned(), ..origin(3, Some(1)) };
        for one in [origin(1, None), origin(2, Some(9)), on] {
            assert_eq!(Origin::read(&one.print()), Some(one));
        }
        assert_eq!(Origin::read("1 7 /d with/a space\n").map(|old| old.path), Some("/d with/a space".to_owned()));
        for damaged in ["torn", "1 7", "1 7 m"] {
            assert_eq!(Origin::read(damaged), None);
        }
    }
}
