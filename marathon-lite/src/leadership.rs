//! Terms: waiting for one's turn, leading, and stepping down.

use crate::{
    Error, Options,
    callbacks::Callbacks,
    driver::{CALLBACKS_KEY, Driver},
    events::Events,
    handle::Handle,
    machine::Machine,
    metrics::Metrics,
    probes::Probes,
    storage::Storage,
    term::{Inbox, Term},
};
use coordination::{Candidate, Fate, ObjectChange, Objects, Store, Tenure, objects::CommitError};
use kit::shutdown::CancellationToken;
use proffer_framework::Framework;
use std::{future::poll_fn, net::SocketAddr, pin::pin, sync::Arc, task::Poll, time::Duration};
use tokio::sync::oneshot;

/// Where the framework's id is kept: in the directory, or below the path in ZooKeeper.
const ID_NAME: &str = "framework-id";

/// Before the next term, if one ended by a fault: so that a fault that stays does not keep the machine busy.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a term is over.
#[derive(Debug)]
enum Ended {
    /// The process is asked to stop.
    Stopped,
    /// Somebody asked this instance to lead no more.
    Abdicated,
    /// Another leads, or may.
    Deposed(Fate),
    /// What had to be stored was not, or nobody knows.
    Unstored(CommitError),
    /// The framework ended.
    Framework(proffer_framework::Error),
}

/// All that terms have in common.
pub(crate) struct Office<'a> {
    /// Where state is kept, and leaders are elected.
    pub(crate) store: &'a dyn Store<ObjectChange>,
    /// The settings.
    pub(crate) options: Arc<Options>,
    /// Who leads, for those who answer.
    pub(crate) handle: Arc<Handle>,
    /// What is measured.
    pub(crate) metrics: Arc<Metrics>,
    /// Where it listens.
    pub(crate) bound: SocketAddr,
}

/// What one term works with.
struct Begun<M> {
    driver: Driver<M>,
    framework: Framework,
    tenure: Tenure,
    unstored: oneshot::Receiver<CommitError>,
    abdicated: CancellationToken,
}

impl Office<'_> {
    /// Leads whenever it is this instance's turn, until asked to stop. `ready` hears the address once it leads, or at
    /// once where others may.
    ///
    /// # Errors
    /// What another term would not make better.
    pub(crate) async fn hold<M: Machine>(
        &self,
        stop: &CancellationToken,
        ready: impl FnOnce(SocketAddr),
    ) -> Result<(), Error> {
        let elected = self.store.leader().is_some();
        let mut ready = Some(ready);
        if elected && let Some(ready) = ready.take() {
            tracing::info!(address = self.handle.address(), "standing by");
            ready(self.bound);
        }
        let mut candidate = Candidate { address: self.handle.address().to_owned(), ..Candidate::default() };
        while let Some(begun) = stop.run_until_cancelled(Objects::begin(self.store, candidate.clone())).await {
            let first = candidate.cluster.is_none();
            let (objects, tenure) = begun.map_err(|source| cannot_begin(first, elected, source))?;
            // From now on another store, or an empty one, is somebody's mistake.
            candidate.cluster = Some(objects.cluster().clone());
            let begun = self.take_office::<M>(objects, tenure)?;
            if let Some(ready) = ready.take() {
                ready(self.bound);
            }
            let ended = lead(begun, stop.clone(), Arc::clone(&self.handle)).await;
            match judge(ended, elected)? {
                After::Stop => break,
                After::StandBy => {}
                After::Pause => drop(stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await),
            }
        }
        Ok(())
    }

    /// Rebuilds everything from the store, and shows it.
    fn take_office<M: Machine>(&self, objects: Objects, tenure: Tenure) -> Result<Begun<M>, Error> {
        let epoch = objects.epoch().0;
        tracing::info!(epoch, address = self.handle.address(), "leading");
        self.metrics.terms.inc();
        let framework = self.framework(epoch)?;
        let mut urls = Vec::new();
        let mut stored = Vec::new();
        for (key, object) in objects.list("") {
            if key == CALLBACKS_KEY {
                urls = serde_json::from_slice(&object.value).unwrap_or_default();
            } else {
                stored.push((key.to_owned(), object.value.to_vec()));
            }
        }
        let core =
            M::recover(self.options.core(), stored, rand::random(), crate::clock::now()).map_err(Error::Stored)?;
        let (inbox, messages) = Inbox::new(framework.handle());
        let events = Arc::new(Events::new(epoch, self.options.events_kept as usize));
        let probes = Probes::new(inbox.clone()).map_err(Error::Http)?;
        let client = reqwest::Client::builder().no_proxy().build().map_err(Error::Http)?;
        let callbacks = Callbacks::new(client, Arc::clone(&events), &urls);
        let patience = self.options.request_timeout;
        let term = Arc::new(Term::new(core.view(), inbox.clone(), events, callbacks, patience));
        let storage = Storage::new(objects, inbox.clone());
        let abdicated = term.abdicated();
        let metrics = Arc::clone(&self.metrics);
        let (driver, unstored) = Driver::new(core, Arc::clone(&term), messages, storage, probes, metrics);
        self.handle.lead(term);
        // The driver sets its clock when it is woken first.
        inbox.wake();
        Ok(Begun { driver, framework, tenure, unstored, abdicated })
    }

    /// The framework of a term. The epoch is its incarnation: whoever leads later takes over, and nobody else does.
    fn framework(&self, epoch: u64) -> Result<Framework, Error> {
        let options = &self.options;
        let mut builder = Framework::builder(&options.framework_name)
            .master(&options.master)
            .roles([&options.role])
            .failover_timeout(options.failover_timeout)
            .webui_url(format!("http://{}", self.handle.address()))
            .incarnation(epoch)
            .explicit_acknowledgements();
        if let Some(user) = &options.user {
            builder = builder.user(user);
        }
        builder = match &options.zk {
            Some(address) => builder.id_in_zookeeper(address.below(ID_NAME).reveal()),
            None => builder.id_file(options.dir.join(ID_NAME)),
        };
        builder.build().map_err(Error::Framework)
    }
}

/// What follows the end of a term.
enum After {
    Stop,
    StandBy,
    Pause,
}

fn judge(ended: Ended, elected: bool) -> Result<After, Error> {
    match ended {
        Ended::Stopped => Ok(After::Stop),
        Ended::Abdicated => {
            tracing::info!("the term is over, as was asked for; standing by");
            Ok(After::Pause)
        }
        Ended::Deposed(fate) => {
            tracing::warn!(why = %kit::exit::chain(&fate), "the term is over; standing by");
            Ok(After::StandBy)
        }
        Ended::Unstored(error) => {
            tracing::warn!(why = %kit::exit::chain(&error), "the term is over; standing by");
            Ok(After::Pause)
        }
        // The id is forgotten with it; the next term begins another framework and launches everything again.
        Ended::Framework(error @ proffer_framework::Error::Removed(_)) => {
            tracing::error!(why = %kit::exit::chain(&error), "the framework is no more; beginning another one");
            Ok(After::Pause)
        }
        Ended::Framework(error @ proffer_framework::Error::Superseded(_)) if elected => {
            tracing::warn!(why = %kit::exit::chain(&error), "the term is over; standing by");
            Ok(After::Pause)
        }
        Ended::Framework(error) => Err(Error::Framework(error)),
    }
}

/// Leads in a task of its own, where a message between the framework's driver and its streams wakes no thread.
async fn lead<M: Machine>(begun: Begun<M>, stop: CancellationToken, handle: Arc<Handle>) -> Ended {
    match tokio::spawn(Box::pin(work(begun, stop, handle))).await {
        Ok(ended) => ended,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// Leads until the term is over. When this returns, nobody is told any more that this instance leads, and the store is
/// closed.
async fn work<M: Machine>(begun: Begun<M>, stop: CancellationToken, handle: Arc<Handle>) -> Ended {
    let Begun { mut driver, framework, mut tenure, unstored, abdicated } = begun;
    let ended = {
        let mut running = pin!(framework.run(&mut driver));
        let mut stopped = pin!(stop.cancelled());
        let mut abdicated = pin!(abdicated.cancelled());
        let mut unstored = pin!(unstored);
        poll_fn(|context| {
            // A process that stood still may be here before it is told that its term is over, so this comes first.
            if !tenure.holds() {
                let why = "this instance stood still for longer than its lease";
                return Poll::Ready(Ended::Deposed(Fate::Lost(why.into())));
            }
            if stopped.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ended::Stopped);
            }
            if let Poll::Ready(fate) = pin!(tenure.ended()).poll(context) {
                return Poll::Ready(Ended::Deposed(fate));
            }
            if abdicated.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ended::Abdicated);
            }
            match running.as_mut().poll(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ended::Stopped),
                Poll::Ready(Err(error)) => return Poll::Ready(Ended::Framework(error)),
                Poll::Pending => {}
            }
            match unstored.as_mut().poll(context) {
                Poll::Ready(Ok(error)) => Poll::Ready(Ended::Unstored(error)),
                Poll::Ready(Err(_)) => Poll::Ready(Ended::Unstored(CommitError::Ended(Fate::Ended))),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    };
    handle.step_down();
    driver.close().await;
    ended
}

fn cannot_begin(first: bool, elected: bool, source: coordination::Error) -> Error {
    let option = if elected { "--zk" } else { "--dir" };
    if first { Error::Store { option, source } } else { Error::Lost(source) }
}
