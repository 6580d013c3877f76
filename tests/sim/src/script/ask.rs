//! What schedulers ask for in a script, through their session or past it.

use super::{
    Stage, Wrong,
    words::{Words, role},
};
use crate::{
    behaviour::{custom_executor, task_info},
    hosts::{FrameworkIndex, SchedulerIndex},
};
use framework_core::{Input, Ticket, UserCall};
use proto_types::{
    Filters, OfferId, RequestId, Resources, Role, TaskId, TaskInfo,
    offer::REFUSE_DEFAULT,
    reconcile::Query,
    scheduling::{Accept, Acceptance, Call, Subject},
    task::Launch,
};
use std::sync::Arc;

/// Who asks.
#[derive(Clone, Copy)]
struct Asker {
    framework: FrameworkIndex,
    scheduler: SchedulerIndex,
    /// Whether it asks past its session, as a scheduler without the SDK does.
    raw: bool,
}

impl Stage {
    /// The scheduler of the framework of this name asks for something.
    pub(super) fn ask(&mut self, name: &str, mut words: Words<'_>) -> Result<(), Wrong> {
        let framework = self.framework(name)?;
        let scheduler = self.world.framework(framework).scheduler.ok_or(Wrong::Impossible("it has no scheduler"))?;
        let asker = Asker { framework, scheduler, raw: words.skip("raw") };
        let verb = words.word("what the scheduler does")?;
        match verb {
            "accepts" => self.accept(asker, words),
            "declines" => {
                let offers = self.offers(asker, words.word("an agent or offer")?)?;
                let filters = Filters { refuse: words.option_duration("for")?.unwrap_or(REFUSE_DEFAULT) };
                words.end()?;
                if asker.raw {
                    return self.send(asker, Call::Decline { offers, filters });
                }
                self.tell(asker, UserCall::Decline { offers, filters })
            }
            "kills" => {
                let grace = words.option_duration("grace")?;
                let tasks = read_all(words, "task")?;
                if asker.raw {
                    return self.send(asker, Call::Kill { tasks, grace });
                }
                self.tell(asker, UserCall::Kill { tasks, grace })
            }
            "reconciles" => {
                let tasks: Vec<TaskId> = read_all(words, "task")?;
                let queries = tasks.into_iter().map(|task| Query { task, agent: None }).collect();
                if asker.raw {
                    return self.send(asker, Call::Reconcile { queries, after: None });
                }
                self.tell(asker, UserCall::Reconcile(queries))
            }
            "explains" => self.explain(asker, words),
            _ => self.ask_for_offers_or_end(asker, verb, words),
        }
    }

    fn ask_for_offers_or_end(&mut self, asker: Asker, verb: &str, mut words: Words<'_>) -> Result<(), Wrong> {
        let mut roles = || words.rest().into_iter().map(role).collect::<Result<Vec<Role>, Wrong>>();
        let (call, raw) = match verb {
            "revives" => {
                let roles = roles()?;
                (UserCall::Revive(roles.clone()), Call::Revive(roles))
            }
            "suppresses" => {
                let roles = roles()?;
                (UserCall::Suppress(roles.clone()), Call::Suppress(roles))
            }
            "quits" => (UserCall::Teardown, Call::Teardown),
            "stops" if !asker.raw => return self.tell(asker, UserCall::Stop),
            other => return Err(Wrong::Excess(other.to_owned())),
        };
        if asker.raw { self.send(asker, raw) } else { self.tell(asker, call) }
    }

    fn explain(&mut self, asker: Asker, mut words: Words<'_>) -> Result<(), Wrong> {
        let subject = match words.word("what is to be explained")? {
            "itself" => Subject::Framework,
            "task" => Subject::Task(words.value("task")?),
            "shape" => Subject::Shape { resources: words.value("resources")?, role: None },
            other => return Err(Wrong::Excess(other.to_owned())),
        };
        words.end()?;
        self.tell(asker, UserCall::Explain { ticket: Ticket(self.world.kernel.event), subject })
    }

    fn accept(&mut self, asker: Asker, mut words: Words<'_>) -> Result<(), Wrong> {
        let request = words.option("request").unwrap_or("raw");
        let request = RequestId::new(request).map_err(|_| Wrong::Missing("a request id"))?;
        let refuse = words.option_duration("refuse")?.unwrap_or(REFUSE_DEFAULT);
        let length = words.option_duration("for")?;
        let code: i32 = words.option_value("exit")?.unwrap_or(0);
        let (group, own, all_or_nothing) = (words.flag("group"), words.flag("own"), words.flag("whole"));
        let command = length.map_or("run for ever".to_owned(), |length| format!("run {} {code}", length.as_millis()));
        let rest = words.rest();
        let mut acceptances = Vec::new();
        for part in rest.split(|word| *word == "+") {
            let (place, tasks) = part.split_first().ok_or(Wrong::Missing("an agent or offer"))?;
            let offers = self.offers(asker, place)?;
            let tasks = tasks.iter().map(|task| read_task(task, &command)).collect::<Result<Vec<_>, Wrong>>()?;
            let launches = vec![Launch { executor: own.then(custom_executor), tasks, group }];
            acceptances.push(Acceptance { offers, launches, filters: Filters { refuse } });
        }
        if asker.raw {
            return self.send(asker, Call::Accept(Accept { request, acceptances, all_or_nothing }));
        }
        for acceptance in &acceptances {
            self.enter(asker, acceptance);
        }
        self.tell(asker, UserCall::Accept { acceptances, all_or_nothing })
    }

    /// The framework knows from now on of the tasks that it asks for.
    fn enter(&mut self, asker: Asker, acceptance: &Acceptance) {
        let now = self.world.kernel.now;
        let held = &self.world.scheduler(asker.scheduler).offers;
        let agent = acceptance.offers.iter().find_map(|offer| held.get(offer)).map(|(offer, _)| offer.agent.clone());
        for task in acceptance.launches.iter().flat_map(|launch| &launch.tasks) {
            self.world.framework_mut(asker.framework).enter(task.id.clone(), now, agent.clone());
        }
    }

    /// All offers of an agent that the scheduler holds, or the offer of this id.
    fn offers(&self, asker: Asker, place: &str) -> Result<Vec<OfferId>, Wrong> {
        let Ok(agent) = self.agent(place) else {
            let offer = OfferId::new(place).map_err(|_| Wrong::Value { what: "offer", text: place.to_owned() })?;
            return Ok(vec![offer]);
        };
        let id = self.world.agent(agent).id.as_ref();
        let held = self.world.scheduler(asker.scheduler).offers.values();
        let offers: Vec<OfferId> =
            held.filter(|(offer, _)| Some(&offer.agent) == id).map(|(offer, _)| offer.id.clone()).collect();
        if offers.is_empty() {
            return Err(Wrong::Impossible("the scheduler holds no offer of that agent"));
        }
        Ok(offers)
    }

    fn tell(&mut self, asker: Asker, call: UserCall) -> Result<(), Wrong> {
        self.world.ask(asker.scheduler, call);
        self.world.give_scheduler(asker.scheduler, Input::Handled);
        Ok(())
    }

    fn send(&mut self, asker: Asker, call: Call) -> Result<(), Wrong> {
        let session = self.world.scheduler(asker.scheduler).master_session.clone();
        let session = session.ok_or(Wrong::Impossible("the scheduler never had a session"))?;
        // It has used what it names, whatever comes of it.
        let named: Vec<OfferId> = match &call {
            Call::Accept(accept) => accept.acceptances.iter().flat_map(|part| part.offers.clone()).collect(),
            Call::Decline { offers, .. } => offers.clone(),
            _ => Vec::new(),
        };
        self.world.scheduler_mut(asker.scheduler).offers.retain(|offer, _| !named.contains(offer));
        self.world.send_call(asker.scheduler, None, session, call);
        Ok(())
    }
}

fn read_all<T: std::str::FromStr>(mut words: Words<'_>, what: &'static str) -> Result<Vec<T>, Wrong> {
    let read = |word: &str| word.parse().map_err(|_| Wrong::Value { what, text: word.to_owned() });
    words.rest().into_iter().map(read).collect()
}

/// Reads `t1=cpus:1;mem:64`.
fn read_task(word: &str, command: &str) -> Result<Arc<TaskInfo>, Wrong> {
    let wrong = || Wrong::Value { what: "task", text: word.to_owned() };
    let (id, resources) = word.split_once('=').ok_or_else(wrong)?;
    let resources: Resources =
        if resources.is_empty() { Resources::default() } else { resources.parse().map_err(|_| wrong())? };
    Ok(Arc::new(task_info(TaskId::new(id).map_err(|_| wrong())?, resources, command.to_owned())))
}
