//! The launcher's loop: requests in, records out, children waited for.

use super::{
    Error, SOCKET,
    children::{self, Ended},
    connection::Connection,
    orphans::{Orphans, signal_others},
    pool::{Limits, Pool, Slot},
    records::Records,
    spawn::{self, Parent},
};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, kill, killpg},
        signalfd::SignalFd,
    },
    unistd::Pid,
};
use proffer_proto::storage::v1::{
    LauncherRecord, LauncherRequest, ProcessExited, ProcessFailed, ProcessForgotten, ProcessSpec, ProcessStarted,
    launcher_record::Record, launcher_request::Request,
};
use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixListener,
    },
    time::{Duration, Instant},
};

/// How long a launcher without tasks and without an executor stays: an executor that is replaced comes back sooner.
const LONELY_MAX: Duration = Duration::from_secs(60);

/// Between looks at whether it is needed.
const LONELY_INTERVAL_MS: u16 = 10_000;

/// Between looks at processes that are nobody's children, and tries to write what could not be written.
const LOOK_INTERVAL_MS: u16 = 250;

/// A task's processes.
#[derive(Debug)]
struct Process {
    /// Its first; none while a nursery bears it.
    pid: Option<Pid>,
    slot: Option<Slot>,
    memory_bytes: u64,
}

impl Process {
    /// Where the news of its birth will come from; none once it runs.
    fn news(&self) -> Option<BorrowedFd<'_>> {
        let slot = self.slot.as_ref().filter(|_| self.pid.is_none());
        slot.map(|slot| slot.nursery.stream())
    }
}

/// What happened while the launcher slept.
struct News {
    /// An executor wants to speak to it.
    executor: bool,
    /// The present one said something, or can be told something.
    requests: bool,
    /// A child ended.
    children: bool,
    /// Tasks of which a nursery has something to say.
    answers: Vec<String>,
}

pub(super) struct Server {
    listener: UnixListener,
    children: SignalFd,
    connection: Option<Connection>,
    records: Records,
    pool: Option<Pool>,
    orphans: Orphans,
    processes: BTreeMap<String, Process>,
    by_pid: BTreeMap<Pid, String>,
    /// Children that ended before their nursery said whose they are.
    unnamed: BTreeMap<Pid, Ended>,
    fresh: Vec<LauncherRecord>,
    lonely_since: Option<Instant>,
    ending: bool,
}

impl Server {
    pub(super) fn new(pool: Option<Pool>, records: Records, orphans: Orphans) -> Result<Self, Error> {
        match fs::remove_file(SOCKET) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::Socket(error)),
            _ => {}
        }
        let listener = UnixListener::bind(SOCKET).map_err(Error::Socket)?;
        listener.set_nonblocking(true).map_err(Error::Socket)?;
        Ok(Self {
            listener,
            children: children::watch().map_err(|error| Error::Wait(error.into()))?,
            connection: None,
            records,
            pool,
            orphans,
            processes: BTreeMap::new(),
            by_pid: BTreeMap::new(),
            unnamed: BTreeMap::new(),
            fresh: Vec::new(),
            lonely_since: Some(Instant::now()),
            ending: false,
        })
    }

    pub(super) fn run(mut self) -> Result<(), Error> {
        while !self.is_over() {
            let news = self.wait()?;
            if news.executor {
                self.accept();
            }
            if news.requests {
                self.listen();
            }
            for task in news.answers {
                self.finish_start(&task);
            }
            if news.children {
                self.reap();
            }
            self.look_after_orphans();
            self.tell();
        }
        self.orphans.remove_cgroups();
        Ok(())
    }

    fn is_over(&mut self) -> bool {
        let lonely = self.connection.is_none() && self.processes.is_empty() && self.orphans.is_empty();
        let since = if lonely {
            *self.lonely_since.get_or_insert_with(Instant::now)
        } else {
            self.lonely_since = None;
            return false;
        };
        self.ending || since.elapsed() > LONELY_MAX
    }

    /// Sleeps until there is something to do.
    fn wait(&self) -> Result<News, Error> {
        let (mut watched, mut tasks) = (Vec::new(), Vec::new());
        for (task, process) in &self.processes {
            if let Some(news) = process.news() {
                watched.push(PollFd::new(news, PollFlags::POLLIN));
                tasks.push(task);
            }
        }
        watched.push(PollFd::new(self.listener.as_fd(), PollFlags::POLLIN));
        watched.push(PollFd::new(self.children.as_fd(), PollFlags::POLLIN));
        if let Some(connection) = &self.connection {
            let mut interest = PollFlags::POLLIN;
            interest.set(PollFlags::POLLOUT, connection.has_backlog());
            watched.push(PollFd::new(connection.fd(), interest));
        }
        let timeout = if !self.orphans.is_empty() || self.records.is_behind() {
            PollTimeout::from(LOOK_INTERVAL_MS)
        } else if self.lonely_since.is_some() {
            PollTimeout::from(LONELY_INTERVAL_MS)
        } else {
            PollTimeout::NONE
        };
        match poll(&mut watched, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(Error::Wait(error.into())),
        }
        let mut happened = watched.iter().map(|watched| watched.any().unwrap_or(false));
        let answered = happened.by_ref().take(tasks.len()).collect::<Vec<_>>().into_iter().zip(tasks);
        let answers = answered.filter(|(answered, _)| *answered).map(|(_, task)| task.clone()).collect();
        let mut next = || happened.next().unwrap_or(false);
        Ok(News { answers, executor: next(), children: next(), requests: next() })
    }

    /// Takes the newest executor; an older one is gone or should be. It hears first of all that is not done with: what
    /// happened since it read the file would be lost to it.
    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            let Ok(mut connection) = Connection::new(stream) else { continue };
            self.records.live().for_each(|record| connection.tell(&record));
            self.connection = Some(connection);
        }
    }

    fn listen(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let mut requests = Vec::new();
        if connection.read(&mut requests).is_err() {
            self.connection = None;
        }
        for request in requests {
            self.on_request(request);
        }
    }

    fn on_request(&mut self, request: LauncherRequest) {
        match request.request {
            Some(Request::Start(spec)) => self.start(&spec),
            Some(Request::Signal(signal)) => self.signal(&signal.task_id, signal.signal),
            Some(Request::Forget(forgotten)) => {
                let record = Record::Forgotten(ProcessForgotten { task_id: forgotten.task_id });
                self.fresh.push(LauncherRecord { record: Some(record) });
            }
            Some(Request::End(_)) => {
                self.ending = true;
                self.connection = None;
            }
            None => {}
        }
    }

    fn start(&mut self, spec: &ProcessSpec) {
        if self.processes.contains_key(&spec.task_id) || self.orphans.contains(&spec.task_id) {
            return;
        }
        // What cannot be written down could not be found again.
        if let Err(error) = self.records.put(&[]) {
            self.failed(&spec.task_id, format!("cannot note that it starts: {error}"));
            return;
        }
        let begun = if self.pool.is_some() { self.ask_nursery(spec) } else { self.fork(spec) };
        if let Err(message) = begun {
            self.failed(&spec.task_id, message);
        }
    }

    fn ask_nursery(&mut self, spec: &ProcessSpec) -> Result<(), String> {
        let limits = Limits { cpus_milli: spec.cpus_milli, memory_bytes: spec.memory_bytes };
        let Some(pool) = &mut self.pool else { return Ok(()) };
        let unmade = |error| format!("cannot make its cgroup: {error}");
        let mut slot = pool.take(limits).map_err(unmade)?;
        if slot.nursery.ask(spec).is_err() {
            // It was killed while it had nothing to do, which is not this task's fault.
            pool.give_back(slot, true);
            slot = pool.take_fresh(limits).map_err(unmade)?;
            if let Err(error) = slot.nursery.ask(spec) {
                pool.give_back(slot, true);
                return Err(format!("cannot start it in its cgroup: {error}"));
            }
        }
        let process = Process { pid: None, slot: Some(slot), memory_bytes: spec.memory_bytes };
        self.processes.insert(spec.task_id.clone(), process);
        Ok(())
    }

    fn fork(&mut self, spec: &ProcessSpec) -> Result<(), String> {
        let started = spawn::start(spec, Parent::Starter)?;
        let pid = Some(Pid::from_raw(started.pid));
        self.processes.insert(spec.task_id.clone(), Process { pid, slot: None, memory_bytes: 0 });
        self.on_born(&spec.task_id, started);
        Ok(())
    }

    fn failed(&mut self, task: &str, message: String) {
        let failed = ProcessFailed { task_id: task.to_owned(), message };
        self.fresh.push(LauncherRecord { record: Some(Record::Failed(failed)) });
    }

    fn signal(&mut self, task: &str, signal: i32) {
        let Ok(signal) = Signal::try_from(signal) else { return };
        self.orphans.signal(task, signal);
        let Some(process) = self.processes.get_mut(task) else { return };
        let Some(pid) = process.pid else { return };
        let _ = killpg(pid, signal);
        if let (Some(pool), Some(slot)) = (&self.pool, &mut process.slot) {
            signal_others(pool.processes(slot).into_iter().map(Pid::from_raw), pid, signal);
        }
    }

    /// Tells of a program that runs, or does not.
    fn finish_start(&mut self, task: &str) {
        let Some(slot) = self.processes.get_mut(task).and_then(|process| process.slot.as_mut()) else { return };
        match slot.nursery.answer() {
            Ok(started) => self.on_born(task, started),
            Err(message) => {
                if let Some(process) = self.processes.remove(task) {
                    self.sweep(process.slot);
                }
                self.failed(task, message);
            }
        }
    }

    /// A task's first process runs.
    fn on_born(&mut self, task: &str, started: ProcessStarted) {
        let pid = Pid::from_raw(started.pid);
        if let Some(process) = self.processes.get_mut(task) {
            process.pid = Some(pid);
        }
        self.by_pid.insert(pid, task.to_owned());
        self.fresh.push(LauncherRecord { record: Some(Record::Started(started)) });
        if let Some(ended) = self.unnamed.remove(&pid) {
            self.on_ended(pid, ended);
        }
    }

    /// Waits for every child that has ended.
    fn reap(&mut self) {
        // However many ended, the signal is pending once.
        let _ = self.children.read_signal();
        while let Some((pid, ended)) = children::next_ended() {
            if self.by_pid.contains_key(&pid) {
                self.on_ended(pid, ended);
            } else if self.was_nursery(pid) {
                tracing::warn!(%pid, "a process that starts others in its cgroup was killed");
            } else if self.processes.values().any(|process| process.pid.is_none()) {
                self.unnamed.insert(pid, ended);
            }
        }
        if !self.processes.values().any(|process| process.pid.is_none()) {
            // What failed to execute in a nursery.
            self.unnamed.clear();
        }
    }

    /// Whether this ended child was a nursery, which is taken note of.
    fn was_nursery(&mut self, pid: Pid) -> bool {
        let mut slots = self.processes.values_mut().filter_map(|process| process.slot.as_mut());
        if let Some(slot) = slots.find(|slot| slot.nursery.is(pid)) {
            slot.nursery.on_reaped();
            return true;
        }
        self.pool.as_mut().is_some_and(|pool| pool.was_nursery(pid))
    }

    fn on_ended(&mut self, pid: Pid, ended: Ended) {
        let Some(task) = self.by_pid.remove(&pid) else { return };
        let Some(mut process) = self.processes.remove(&task) else { return };
        let out_of_memory = if ended.was_killed() { self.out_of_memory(&mut process) } else { String::new() };
        let _ = killpg(pid, Signal::SIGKILL);
        self.sweep(process.slot);
        let record = Record::Exited(children::exited(task, &ended, out_of_memory));
        self.fresh.push(LauncherRecord { record: Some(record) });
    }

    fn out_of_memory(&self, process: &mut Process) -> String {
        let (Some(pool), Some(slot)) = (&self.pool, &mut process.slot) else { return String::new() };
        if !pool.was_out_of_memory(slot) {
            return String::new();
        }
        format!("it used more than its {} MiB of memory", process.memory_bytes / (1024 * 1024))
    }

    /// Ends what is left in a task's cgroup.
    fn sweep(&mut self, slot: Option<Slot>) {
        let (Some(pool), Some(mut slot)) = (&mut self.pool, slot) else { return };
        let left = pool.processes(&mut slot);
        for pid in &left {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        pool.give_back(slot, left.is_empty());
    }

    fn look_after_orphans(&mut self) {
        if self.orphans.is_empty() {
            return;
        }
        for task_id in self.orphans.take_ended() {
            // Neither code nor signal: nobody saw how it ended.
            let exited = ProcessExited { task_id, ..ProcessExited::default() };
            self.fresh.push(LauncherRecord { record: Some(Record::Exited(exited)) });
        }
    }

    /// Writes what happened, then tells the executor. On a full disk it is told all the same: its tasks go on, and what
    /// could not be written is written when there is room.
    fn tell(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        let was_behind = self.records.is_behind();
        if (was_behind || !fresh.is_empty())
            && let Err(error) = self.records.put(&fresh)
            && !was_behind
        {
            tracing::error!(%error, "cannot write down what happens to processes; none is started until it can be");
        }
        let Some(connection) = &mut self.connection else { return };
        fresh.iter().for_each(|record| connection.tell(record));
        if connection.write().is_err() {
            self.connection = None;
        }
    }
}
