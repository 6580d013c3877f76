//! How a leader writes its log through ZooKeeper: one batch in flight, everything that came meanwhile in the next.

use super::{MasterState, TermLog};
use crate::{checker::Meaning, hosts::MasterIndex, sabotage::Switch, world::World};
use coordination::entry::{Author, batches, pieces};
use coordination_core::{Input, Request, Sealed};
use proffer_proto::storage::v1::log_entry::Content;
use proto_types::registry::RegistryChange;
use std::{collections::VecDeque, rc::Rc};

/// What a leader writes, and how far it is.
#[derive(Debug)]
pub struct Writer {
    campaign: u64,
    author: Author,
    /// Taken in for the next batch.
    pending: Vec<RegistryChange>,
    /// The number of the last change taken in.
    last: u64,
    job: Option<Job>,
    /// Everything up to this number is stored.
    pub(super) stored: u64,
    /// Where the log began when it was read or replaced last.
    begun: u64,
}

/// Entries that are written one after the other.
#[derive(Debug)]
struct Job {
    entries: VecDeque<(Content, Meaning)>,
    /// The number of the last change that is stored with it.
    upto: u64,
    /// Whether it replaces everything before.
    snapshot: bool,
    /// Where its first entry is.
    first: Option<u64>,
    /// The entry that is being written.
    writing: Option<(Sealed, Meaning)>,
}

impl Writer {
    /// A writer at the beginning of a term whose first entry is before this one.
    pub(super) fn new(campaign: u64, author: Author, next: u64) -> Self {
        Self { campaign, author, pending: Vec::new(), last: 0, job: None, stored: 0, begun: next }
    }

    /// Takes a change in for the next batch.
    pub(super) fn append(&mut self, number: u64, change: RegistryChange) {
        self.last = number;
        self.pending.push(change);
    }

    /// What is not stored yet.
    pub fn unstored(&self) -> impl Iterator<Item = &RegistryChange> {
        let job = self.job.iter().flat_map(|job| job.writing.iter().map(|(_, meaning)| meaning));
        let rest = self.job.iter().flat_map(|job| job.entries.iter().map(|(_, meaning)| meaning));
        let written = job.chain(rest).filter_map(|meaning| match meaning {
            Meaning::Changes { changes, .. } => Some(changes),
            Meaning::Begun | Meaning::Piece { .. } => None,
        });
        written.flatten().chain(&self.pending)
    }
}

/// A batch as entries, and what each means.
fn batch(changes: &[RegistryChange], bytes_max: usize) -> VecDeque<(Content, Meaning)> {
    let mut left = changes.iter().cloned();
    let entries = batches(changes, bytes_max).into_iter().map(|content| {
        let (count, more) = match &content {
            Content::Changes(part) => (part.changes.len(), part.more),
            Content::EpochBegun(_) | Content::Snapshot(_) | Content::Objects(_) => (0, false),
        };
        (content, Meaning::Changes { changes: left.by_ref().take(count).collect(), more })
    });
    entries.collect()
}

/// A snapshot as entries, and what each means.
fn snapshot(changes: Vec<RegistryChange>, upto: u64, bytes_max: usize) -> VecDeque<(Content, Meaning)> {
    let contents = pieces(&changes, bytes_max);
    let (count, whole) = (contents.len(), Rc::new(changes));
    let entries = contents.into_iter().enumerate();
    let piece = |index| Meaning::Piece { index, count, whole: Rc::clone(&whole), upto };
    entries.map(|(index, content)| (content, piece(index))).collect()
}

impl World {
    fn writer_mut(&mut self, index: MasterIndex) -> Option<&mut Writer> {
        let MasterState::Leading(term) = &mut self.master_mut(index).state else { return None };
        match &mut term.log {
            TermLog::Fenced(writer) => Some(writer),
            TermLog::Embedded { .. } => None,
        }
    }

    /// Starts writing what is pending, unless a batch is in flight.
    pub(super) fn flush_writer(&mut self, index: MasterIndex) {
        let bytes_max = self.settings.entry_bytes;
        let Some(writer) = self.writer_mut(index) else { return };
        if writer.job.is_some() || writer.pending.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut writer.pending);
        let (entries, upto) = (batch(&changes, bytes_max), writer.last);
        writer.job = Some(Job { entries, upto, snapshot: false, first: None, writing: None });
        self.write_next(index);
    }

    /// Replaces the log by a snapshot, which holds what is pending too.
    fn compact_log(&mut self, index: MasterIndex) {
        let bytes_max = self.settings.entry_bytes;
        let MasterState::Leading(term) = &mut self.master_mut(index).state else { return };
        let TermLog::Fenced(writer) = &mut term.log else { return };
        let changes = term.core.snapshot();
        let count = changes.len();
        writer.pending.clear();
        let upto = writer.last;
        let entries = snapshot(changes, upto, bytes_max);
        let pieces = entries.len();
        writer.job = Some(Job { entries, upto, snapshot: true, first: None, writing: None });
        self.kernel.note(format_args!("{index} replaces the log by {count} changes in {pieces} entries"));
        self.write_next(index);
    }

    /// Writes the next entry of the batch in flight; without one the batch is stored.
    fn write_next(&mut self, index: MasterIndex) {
        let stamp = self.stamp();
        let Some(writer) = self.writer_mut(index) else { return };
        let (campaign, author) = (writer.campaign, writer.author.clone());
        let Some(job) = &mut writer.job else { return };
        let Some((content, meaning)) = job.entries.pop_front() else { return self.finish_job(index) };
        let entry = author.seal(content, stamp);
        job.writing = Some((entry.clone(), meaning.clone()));
        self.checker.log_sealed(campaign, &entry, meaning);
        self.give_campaign(index, Input::Write(entry));
    }

    /// An entry of the batch in flight is written.
    pub(super) fn on_entry_written(&mut self, index: MasterIndex, entry: u64) {
        let doubted = self.takes_for_lost(index);
        let stamp = self.stamp();
        let Some(writer) = self.writer_mut(index) else { return };
        let (campaign, author) = (writer.campaign, writer.author.clone());
        let Some(job) = &mut writer.job else { return };
        job.first.get_or_insert(entry);
        let written = job.writing.take();
        if let Some((_, Meaning::Changes { changes, more })) = written.filter(|_| doubted) {
            let content = Content::Changes(proffer_proto::storage::v1::RegistryChanges {
                changes: changes.iter().map(Into::into).collect(),
                more,
            });
            let meaning = Meaning::Changes { changes, more };
            let entry = author.seal(content, stamp);
            job.writing = Some((entry.clone(), meaning.clone()));
            self.checker.log_sealed(campaign, &entry, meaning);
            return self.give_campaign(index, Input::Write(entry));
        }
        self.write_next(index);
    }

    /// Whether an entry is being written.
    pub(super) fn writes(&mut self, index: MasterIndex) -> bool {
        self.writer_mut(index).and_then(|writer| writer.job.as_ref()).is_some_and(|job| job.writing.is_some())
    }

    /// Whether the answer to what was just written was lost, and is taken for a no. Only on purpose.
    fn takes_for_lost(&mut self, index: MasterIndex) -> bool {
        let broken = self.sabotages(Switch::LostAnswerTakenForNo);
        let Some(campaign) = self.master_mut(index).campaign.as_deref_mut() else { return false };
        std::mem::take(&mut campaign.doubted) && broken
    }

    /// A leader that heard of a higher epoch takes what it writes for written. Only on purpose.
    pub(super) fn believe_written(&mut self, index: MasterIndex) {
        let Some(writer) = self.writer_mut(index) else { return };
        if let Some(job) = &mut writer.job {
            job.entries.clear();
            self.finish_job(index);
        }
    }

    fn finish_job(&mut self, index: MasterIndex) {
        let Some(writer) = self.writer_mut(index) else { return };
        let Some(job) = writer.job.take() else { return };
        writer.stored = job.upto;
        let (author, begun) = (writer.author.clone(), writer.begun);
        self.checker.log_acknowledged(author.epoch, job.upto);
        self.release_master(index);
        let first = job.first.unwrap_or(begun);
        if job.snapshot {
            if let Some(writer) = self.writer_mut(index) {
                writer.begun = first;
            }
            self.give_campaign(index, Input::Prune(first));
            self.prune_too_much(index);
        } else if self.settings.compacts && first.saturating_sub(begun) >= self.settings.compact_after {
            return self.compact_log(index);
        }
        self.flush_writer(index);
    }

    /// Removes the first entry of the own epoch too. Only on purpose.
    fn prune_too_much(&mut self, index: MasterIndex) {
        if !self.sabotages(Switch::FenceRemoved) {
            return;
        }
        let Some(fence) = self.checker.log.fence() else { return };
        let Some(ensemble) = &self.coordination.ensemble else { return };
        let path = ensemble.paths.entry(fence);
        self.ask_past_candidacy(index, Request::Delete { path });
    }
}
