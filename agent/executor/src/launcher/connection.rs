//! The launcher's end of its connection to the executor.

use super::Frames;
use proffer_proto::storage::v1::{LauncherRecord, LauncherRequest};
use std::{
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

/// Bytes that may wait for the executor to read them. Fuller, and the connection is ended; the file has everything.
const BACKLOG_MAX: usize = 8 * 1024 * 1024;

/// Bytes taken in at once.
const READ_BYTES: usize = 64 * 1024;

/// The connection to the executor.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    frames: Frames,
    /// Room for what arrives.
    arrived: Vec<u8>,
    backlog: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, frames: Frames::default(), arrived: vec![0; READ_BYTES], backlog: Vec::new() })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Whether something waits to be written.
    pub(super) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    pub(super) fn tell(&mut self, record: &LauncherRecord) {
        Frames::write(record, &mut self.backlog);
    }

    /// Takes in what has arrived; an error is the connection's end.
    pub(super) fn read(&mut self, requests: &mut Vec<LauncherRequest>) -> io::Result<()> {
        loop {
            let count = match self.stream.read(&mut self.arrived) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.frames.push(&self.arrived[..count]);
            while let Some(request) = self.frames.next().map_err(|_| ErrorKind::InvalidData)? {
                requests.push(request);
            }
            if count < self.arrived.len() {
                return Ok(());
            }
        }
    }

    /// Writes what can be written now; an error is the connection's end.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.backlog.len() {
            match self.stream.write(&self.backlog[written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.backlog.drain(..written);
        if self.backlog.len() > BACKLOG_MAX { Err(ErrorKind::OutOfMemory.into()) } else { Ok(()) }
    }
}
