//! What is believed to run: the last good word of the source, app by app and task by task.

use super::{App, AppId, Digest, Event, Reading, Refused, Task, TaskId, Verdict, read::AppReading};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Everything that is believed to run. It never shrinks because a source is away, answers garbage or does not say.
#[derive(Debug, Clone, Default)]
pub struct Known {
    apps: BTreeMap<AppId, Arc<App>>,
    /// Verdicts of an earlier run, until the source gives its own.
    restored: BTreeMap<TaskId, bool>,
    /// Whether the last full answer was empty though there was something before.
    doubted: bool,
    away: Option<String>,
}

/// What an answer or an event changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merge {
    /// Apps that are different now, new or gone.
    pub changed: BTreeSet<AppId>,
    /// Apps that the answer did not properly tell of and that are kept as they were.
    pub kept: BTreeSet<AppId>,
    /// What could not be read.
    pub refused: Vec<Refused>,
    /// Whether the answer was valid but empty, and is believed only when the next one says so too.
    pub doubted: bool,
}

/// What is to be asked of the source after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the event said it all, or it is of no concern.
    Nothing,
    /// This app.
    App(AppId),
    /// All apps.
    All,
}

impl Known {
    /// Begins with the verdicts of an earlier run, so that a restart does not forget who was healthy.
    #[must_use]
    pub fn with_verdicts(verdicts: BTreeMap<TaskId, bool>) -> Self {
        Self { restored: verdicts, ..Self::default() }
    }

    /// The apps, by id.
    #[must_use]
    pub fn apps(&self) -> &BTreeMap<AppId, Arc<App>> {
        &self.apps
    }

    /// What is known of the tasks' health, to be kept for the next run.
    #[must_use]
    pub fn verdicts(&self) -> BTreeMap<TaskId, bool> {
        let tasks = self.apps.values().flat_map(|app| app.tasks.values());
        tasks
            .filter(|task| task.verdict != Verdict::Unknown)
            .map(|task| (task.id.clone(), task.verdict == Verdict::Alive))
            .collect()
    }

    /// Why the source cannot be reached, while it cannot.
    #[must_use]
    pub fn away(&self) -> Option<&str> {
        self.away.as_deref()
    }

    /// Notes that the source cannot be reached or answers garbage; what is known stays.
    pub fn source_away(&mut self, why: String) {
        self.away = Some(why);
    }

    /// The fingerprint of all that is known.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.apps)
    }

    /// Takes a full answer over: what it does not list is gone, unless the answer is doubtful.
    pub fn merge(&mut self, reading: Reading) -> Merge {
        self.away = None;
        let mut merge = Merge { refused: reading.refused, ..Merge::default() };
        let empty = reading.apps.is_empty() && merge.refused.is_empty() && !self.apps.is_empty();
        // A leader that has just come up may answer before it has read its state: once is a hiccup, twice is the truth.
        if empty && !self.doubted {
            self.doubted = true;
            merge.doubted = true;
            merge.kept = self.apps.keys().cloned().collect();
            return merge;
        }
        self.doubted = false;
        let unreadable: BTreeSet<AppId> = merge.refused.iter().filter_map(|refused| refused.app.clone()).collect();
        // An app without a readable id may be any of those that the answer does not list.
        let nameless = merge.refused.iter().any(|refused| refused.app.is_none());
        let missing: Vec<AppId> = self.apps.keys().filter(|id| !reading.apps.contains_key(*id)).cloned().collect();
        for id in missing {
            if nameless || unreadable.contains(&id) {
                merge.kept.insert(id);
            } else {
                self.apps.remove(&id);
                merge.changed.insert(id);
            }
        }
        for (id, app) in reading.apps {
            self.take(id, app, &mut merge);
        }
        self.restored.clear();
        merge
    }

    /// Takes an answer about single apps over; it says nothing about the others.
    pub fn merge_app(&mut self, reading: Reading) -> Merge {
        self.away = None;
        let mut merge = Merge { refused: reading.refused, ..Merge::default() };
        merge.kept = merge.refused.iter().filter_map(|refused| refused.app.clone()).collect();
        for (id, app) in reading.apps {
            self.take(id, app, &mut merge);
        }
        merge
    }

    /// Forgets an app of which the source said that there is none.
    pub fn remove(&mut self, id: &AppId) -> Merge {
        let gone = self.apps.remove(id).map(|_| id.clone());
        Merge { changed: gone.into_iter().collect(), ..Merge::default() }
    }

    /// Takes an event over as far as it goes, and says what is to be asked besides.
    pub fn apply(&mut self, event: Event) -> (Merge, Next) {
        match event {
            Event::Task { app, id, task } => self.apply_task(&app, &id, task),
            Event::Health { app, instance, alive } => self.apply_health(&app, &instance, alive),
            Event::AppGone(app) => (self.remove(&app), Next::Nothing),
            Event::AppChanged(app) => (Merge::default(), Next::App(app)),
            Event::Changed => (Merge::default(), Next::All),
            Event::Other => (Merge::default(), Next::Nothing),
        }
    }

    fn apply_task(&mut self, id: &AppId, task: &TaskId, new: Option<Task>) -> (Merge, Next) {
        let Some(app) = self.apps.get(id) else {
            return (Merge::default(), Next::App(id.clone()));
        };
        let mut changed = App::clone(app);
        match new {
            None => {
                changed.tasks.remove(task);
            }
            Some(mut new) => {
                if let Some(old) = changed.tasks.get(task) {
                    new.verdict = old.verdict;
                    new.started = old.started.clone();
                    // Updates about a task that is being killed may come without what it was given.
                    if new.ports.is_empty() {
                        new.ports.clone_from(&old.ports);
                    }
                    if new.addresses.is_empty() {
                        new.addresses.clone_from(&old.addresses);
                    }
                }
                changed.tasks.insert(task.clone(), new);
            }
        }
        self.replace(changed)
    }

    fn apply_health(&mut self, id: &AppId, instance: &str, alive: bool) -> (Merge, Next) {
        let Some(app) = self.apps.get(id) else {
            return (Merge::default(), Next::App(id.clone()));
        };
        let mut changed = App::clone(app);
        let verdict = if alive { Verdict::Alive } else { Verdict::Dead };
        match changed.tasks.values_mut().find(|task| is_of_instance(&task.id.0, instance)) {
            Some(task) => {
                task.verdict = verdict;
                self.replace(changed)
            }
            None => (Merge::default(), Next::App(id.clone())),
        }
    }

    fn replace(&mut self, app: App) -> (Merge, Next) {
        let id = app.id.clone();
        let mut merge = Merge::default();
        if self.apps.get(&id).is_none_or(|old| **old != app) {
            self.apps.insert(id.clone(), Arc::new(app));
            merge.changed.insert(id);
        }
        (merge, Next::Nothing)
    }

    /// Takes one app over, and keeps of the old one what the answer does not say.
    fn take(&mut self, id: AppId, reading: AppReading, merge: &mut Merge) {
        let AppReading { mut app, with_tasks } = reading;
        let old = self.apps.get(&id);
        if let Some(old) = old
            && !with_tasks
        {
            Arc::make_mut(&mut app).tasks = old.tasks.clone();
            merge.kept.insert(id.clone());
        }
        if let Some(old) = old {
            let mine = |refused: &&Refused| refused.app.as_ref() == Some(&id) && refused.task.is_some();
            for task in merge.refused.iter().filter(mine).filter_map(|refused| refused.task.as_deref()) {
                if let Some(task) = old.tasks.get(&TaskId(task.to_owned())) {
                    Arc::make_mut(&mut app).tasks.insert(task.id.clone(), task.clone());
                }
            }
        }
        let silent = app.tasks.values().any(|task| task.verdict == Verdict::Unknown);
        if silent && (old.is_some() || !self.restored.is_empty()) {
            for task in Arc::make_mut(&mut app).tasks.values_mut().filter(|task| task.verdict == Verdict::Unknown) {
                let before = old.and_then(|old| old.tasks.get(&task.id)).map(|task| task.verdict);
                task.verdict = match (before, self.restored.get(&task.id)) {
                    (Some(Verdict::Alive), _) | (None, Some(true)) => Verdict::Alive,
                    (Some(Verdict::Dead), _) | (None, Some(false)) => Verdict::Dead,
                    _ => Verdict::Unknown,
                };
            }
        }
        if old.is_none_or(|old| **old != *app) {
            merge.changed.insert(id.clone());
            self.apps.insert(id, app);
        }
    }
}

/// Whether a task is (a part of) an instance: `a_b.<uuid>` is its own, `a_b.instance-<uuid>._app.1` belongs to
/// `a_b.instance-<uuid>` and, as Marathon 1.4 and later write it, to `a_b.marathon-<uuid>`.
fn is_of_instance(task: &str, instance: &str) -> bool {
    if task == instance || task.strip_prefix(instance).is_some_and(|rest| rest.starts_with('.')) {
        return true;
    }
    let of_marathon = |(stem, uuid): (&str, &str)| task == format!("{stem}.{uuid}");
    instance.split_once(".marathon-").is_some_and(of_marathon)
        || instance.split_once(".instance-").is_some_and(of_marathon)
}
