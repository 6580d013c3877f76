//! The files of a container's output: rotated by size, and never behind or ahead of what is remembered of them.

use nix::fcntl::{Flock, FlockArg};
use std::{
    fs::{File, OpenOptions, rename},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// Remembers how far the output is written. It is as long as one write that is whole or not at all.
const RECORD: &str = ".output";
const RECORD_LENGTH: usize = 256;
/// Numbers in it for each of the two streams.
const FIELDS: usize = 5;

/// How large files of output grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// A file that would grow beyond this is put aside first.
    pub size: u64,
    /// How many files there are, the current one included.
    pub files: usize,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { size: 64 << 20, files: 4 }
    }
}

impl Rotation {
    /// Moves what was put aside of a file earlier one further, the oldest part over the edge: gives the place that is free
    /// then. None: nothing is put aside.
    pub(crate) fn make_room(self, path: &Path) -> io::Result<Option<PathBuf>> {
        let numbered = |number: usize| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.files < 2 {
            return Ok(None);
        }
        for number in (1..self.files - 1).rev() {
            skip_missing(rename(numbered(number), numbered(number + 1)))?;
        }
        Ok(Some(numbered(1)))
    }
}

/// A file that only grows, with older parts beside it as `NAME.1`, `NAME.2` and so on.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    file: File,
    inode: u64,
    length: u64,
    rotation: Rotation,
}

/// How far one stream of a container was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The time of the last message; 0: none yet.
    pub(super) stamp: i64,
    /// How many messages of that time were written.
    pub(super) count: u64,
    /// Whether what was written ends within a line.
    pub(super) open: bool,
}

/// What to append to the two files.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: [Vec<u8>; 2],
    pub(super) places: [Place; 2],
}

/// The output of one container in its sandbox. One process at a time has it open.
#[derive(Debug)]
pub struct Output {
    files: [RotatingFile; 2],
    places: [Place; 2],
    record: Flock<File>,
}

impl RotatingFile {
    /// Opens or makes a file for appending.
    ///
    /// # Errors
    /// If the path is something else than a file, such as a link that a task left there, or cannot be written.
    pub fn open(path: PathBuf, rotation: Rotation) -> io::Result<Self> {
        let file = open(&path, OpenOptions::new().append(true).create(true))?;
        let metadata = file.metadata()?;
        Ok(Self { path, file, inode: metadata.ino(), length: metadata.len(), rotation })
    }

    /// Appends all of it or, with an error, nothing. What would make the file too large goes to the next one.
    ///
    /// # Errors
    /// If the file cannot be written or put aside.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_full_for(bytes) {
            self.rotate()?;
        }
        self.write(bytes)
    }

    fn is_full_for(&self, bytes: &[u8]) -> bool {
        self.length > 0 && self.length.saturating_add(bytes.len() as u64) > self.rotation.size
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            self.cut(self.length)?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(aside) = self.rotation.make_room(&self.path)? else { return self.cut(0) };
        skip_missing(rename(&self.path, aside))?;
        *self = Self::open(std::mem::take(&mut self.path), self.rotation)?;
        Ok(())
    }
}

impl Output {
    /// Opens the output in a sandbox and forgets what an earlier life wrote but did not remember.
    ///
    /// # Errors
    /// If the files cannot be written or another process has them.
    pub fn open(sandbox: &Path, rotation: Rotation) -> io::Result<Self> {
        let record = open(&sandbox.join(RECORD), OpenOptions::new().read(true).write(true).create(true))?;
        let mut record = lock(record)?;
        let mut text = String::new();
        // A record that is no text is as good as none.
        let _ = (&mut *record).take(RECORD_LENGTH as u64).read_to_string(&mut text);
        let numbers: Option<Vec<i64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
        let numbers = numbers.filter(|numbers| numbers.len() == 2 * FIELDS).unwrap_or_else(|| vec![0; 2 * FIELDS]);
        let mut files = Vec::with_capacity(2);
        let mut places = [Place::default(); 2];
        for (stream, name) in ["stdout", "stderr"].into_iter().enumerate() {
            let mut file = RotatingFile::open(sandbox.join(name), rotation)?;
            let [inode, length, stamp, count, open] = [0, 1, 2, 3, 4].map(|field| numbers[stream * FIELDS + field]);
            let (inode, length) = (inode.cast_unsigned(), length.cast_unsigned());
            if file.inode == inode && file.length > length {
                file.cut(length)?;
            }
            places[stream] = Place { stamp, count: count.cast_unsigned(), open: open != 0 };
            files.push(file);
        }
        let files: [RotatingFile; 2] = files.try_into().map_err(|_| io::Error::other("two streams have two files"))?;
        let output = Self { files, places, record };
        output.remember()?;
        Ok(output)
    }

    pub(super) fn places(&self) -> [Place; 2] {
        self.places
    }

    /// Writes, then remembers. What is written but not remembered is cut off by the next `open`.
    pub(super) fn append(&mut self, batch: &Batch) -> io::Result<()> {
        for (stream, bytes) in batch.bytes.iter().enumerate() {
            if self.files[stream].is_full_for(bytes) {
                self.files[stream].rotate()?;
                // The new file is remembered while it is empty: nothing in it can be taken for remembered.
                self.remember()?;
            }
            self.files[stream].write(bytes)?;
            self.places[stream] = batch.places[stream];
            self.remember()?;
        }
        Ok(())
    }

    fn remember(&self) -> io::Result<()> {
        let mut text = String::with_capacity(RECORD_LENGTH);
        for (file, place) in self.files.iter().zip(self.places) {
            let Place { stamp, count, open } = place;
            text.push_str(&format!("{} {} {stamp} {count} {} ", file.inode, file.length, u8::from(open)));
        }
        self.record.write_all_at(format!("{text:<width$}\n", width = RECORD_LENGTH - 1).as_bytes(), 0)
    }
}

/// Opens a file without following a link or waiting for a reader: tasks may write to their sandbox.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
    let file = options.mode(0o644).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

fn lock(mut file: File) -> io::Result<Flock<File>> {
    for _ in 0..100 {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((back, nix::errno::Errno::EWOULDBLOCK)) => file = back,
            Err((_, errno)) => return Err(errno.into()),
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "another process writes the output"))
}

/// What is not there need not be moved or removed.
pub(crate) fn skip_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{read, write};

    fn batch(text: &str, stamp: i64) -> Batch {
        Batch { bytes: [text.into(), Vec::new()], places: [Place { stamp, count: 1, open: false }, Place::default()] }
    }

    #[test]
    fn older_parts_are_kept_up_to_a_number() {
        let directory = tempfile::tempdir().unwrap();
        let rotation = Rotation { size: 4, files: 3 };
        let mut file = RotatingFile::open(directory.path().join("out"), rotation).unwrap();
        for part in ["aaa", "bbb", "ccc", "ddd"] {
            file.append(part.as_bytes()).unwrap();
        }
        let part = |name: &str| read(directory.path().join(name)).ok().map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(["out", "out.1", "out.2"].map(part), ["ddd", "ccc", "bbb"].map(|text| Some(text.to_owned())));
        assert_eq!(part("out.3"), None);
    }

    #[test]
    fn what_was_not_remembered_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let mut output = Output::open(directory.path(), Rotation::default()).unwrap();
        output.append(&batch("one\n", 7)).unwrap();
        output.files[0].append(b"lost with its process").unwrap();
        drop(output);
        let output = Output::open(directory.path(), Rotation::default()).unwrap();
        assert_eq!(output.places()[0], Place { stamp: 7, count: 1, open: false });
        assert_eq!(read(directory.path().join("stdout")).unwrap(), b"one\n");
    }

    #[test]
    fn a_link_left_by_a_task_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let victim = directory.path().join("victim");
        write(&victim, "x").unwrap();
        std::os::unix::fs::symlink(&victim, directory.path().join("stdout")).unwrap();
        Output::open(directory.path(), Rotation::default()).unwrap_err();
        assert_eq!(read(victim).unwrap(), b"x");
    }

    #[test]
    fn a_broken_record_is_no_record() {
        let directory = tempfile::tempdir().unwrap();
        for broken in [&b"1 2 3"[..], b"\xff\xfe", b"a b c d e f g h i j", &[b'9'; 5000]] {
            write(directory.path().join(RECORD), broken).unwrap();
            let output = Output::open(directory.path(), Rotation::default()).unwrap();
            assert_eq!(output.places(), [Place::default(); 2]);
        }
    }
}
