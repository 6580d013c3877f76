//! Putting instances on offers.
//!
//! The apps come in the order in which they began to wait. For each, all lots where an instance fits are ranked: first by
//! its constraints' wishes and the spread that they ask for, then by how many of its instances the agent has. The best is
//! taken, ranked anew, and so on. Ranks only get worse as instances are placed, so a lot whose rank did not change since
//! it was put into the heap is the best of all: n instances on m lots cost (n + m) log m.

use super::{
    LaunchQueue, NewInstance, OfferUse, QueueItem, Shortage,
    demand::Demand,
    known_agents::KnownAgents,
    lot::{Lot, Slots},
    offer_use::refusal,
    queue_item::{UNUSED_OFFERS_MAX, UnusedOffer},
    tally::Tally,
    tasks::{self, Circumstances, Secrets},
};
use crate::{
    app::{PathId, Timestamp},
    constraints::{Penalty, Place, Rules},
    instances::Instance,
};
use imbl::OrdMap;
use proto_types::{AgentId, AgentInfo, Offer, Resources, TaskId};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
};

/// What else matters for launches.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// Now.
    pub now: Timestamp,
    /// The instances that there are.
    pub instances: &'a OrdMap<PathId, OrdMap<TaskId, Arc<Instance>>>,
    /// What secrets hold.
    pub secrets: Secrets<'a>,
}

/// How good a lot is for one more instance; the least is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    penalty: Penalty,
    stranger: bool,
    /// Instances of this version on the agent.
    own: u32,
    /// Those of older ones.
    older: u32,
    /// Whether graphics processors lie idle there meanwhile.
    wastes_gpus: bool,
    lot: usize,
}

/// How far one app came.
struct Placing<'a> {
    tally: Tally,
    /// By the number of the agent: instances of this version, and older ones.
    on_agents: Vec<(u32, u32)>,
    /// Agents that are not in this batch, one of each kind that the constraints tell apart.
    elsewhere: Vec<&'a AgentInfo>,
    /// The lots that were used.
    used: BTreeSet<usize>,
    /// Whether what is left is not good enough yet.
    waits: bool,
}

impl LaunchQueue {
    /// Uses offers for what is wanted, and refuses the rest. Every offer is in one of the answers. `next_id` gives new
    /// tasks their ids.
    pub fn use_offers(
        &mut self,
        offers: Vec<Offer>,
        situation: &Situation<'_>,
        next_id: &mut dyn FnMut(&PathId) -> TaskId,
    ) -> Vec<OfferUse> {
        let now = situation.now;
        self.end_delays(now);
        self.agents.forget_old(now);
        let (mut lots, slots) = Lot::gather(offers, &self.settings, now);
        for lot in &lots {
            self.agents.offered(&lot.offer().agent, &lot.offer().agent_info, now);
        }
        let mut waiting: Vec<(Timestamp, PathId)> =
            self.items.iter().map(|(id, item)| (item.since, id.clone())).collect();
        waiting.sort_unstable();
        for (_, id) in waiting {
            self.place(&id, &mut lots, &slots, situation, next_id);
        }
        let refuse = refusal(&self.settings, now, !self.items.is_empty(), self.wakes());
        self.refused |= !lots.is_empty();
        let used = |lot: Lot| OfferUse {
            offers: lot.offers.iter().map(|offer| offer.id.clone()).collect(),
            launched: lot.launched,
            refuse,
        };
        lots.into_iter().map(used).collect()
    }

    /// Puts as many instances of one app on the lots as it wants and can.
    fn place(
        &mut self,
        id: &PathId,
        lots: &mut [Lot],
        slots: &Slots,
        situation: &Situation<'_>,
        next_id: &mut dyn FnMut(&PathId) -> TaskId,
    ) {
        let (Some(item), Some(demand)) = (self.items.get(id), self.demands.get_mut(id)) else { return };
        if item.delayed_until.is_some() || lots.is_empty() {
            return;
        }
        let mut item = Arc::clone(item);
        let mut blocked = tasks::blocked(&item.spec, situation.secrets);
        let tally = self.tallies.remove(id).filter(|tally| tally.is_of(&item.spec));
        let mut tally = tally.unwrap_or_else(|| Tally::new(&item.spec));
        tally.follow(situation.instances.get(id).unwrap_or(&OrdMap::new()));
        let mut placing = Placing::new(tally, lots.len(), slots);
        if placing.tally.rules.have_degrees() {
            placing.elsewhere = elsewhere(&item, demand, &placing.tally.rules, &self.agents, slots);
        }
        let circumstances = Circumstances { now: situation.now, settings: &self.settings, secrets: situation.secrets };
        let mut count = item.count;
        let mut order: BinaryHeap<Reverse<Rank>> = if blocked.is_some() {
            BinaryHeap::new()
        } else {
            (0..lots.len()).filter_map(|index| placing.rank(demand, lots, index).map(Reverse)).collect()
        };
        while count > 0
            && let Some(Reverse(was)) = order.pop()
        {
            let Some(rank) = placing.rank(demand, lots, was.lot) else { continue };
            if rank > was {
                order.push(Reverse(rank));
                continue;
            }
            if !placing.is_best(rank.penalty) {
                if !demand.settles(self.settings.patience, situation.now) {
                    placing.waits = true;
                    break;
                }
            } else {
                demand.is_content();
            }
            let lot = &mut lots[rank.lot];
            match tasks::launch(&item.spec, &demand.needs, lot, next_id(id), &circumstances) {
                Ok(launched) => placing.launched(lot, rank.lot, launched),
                Err(why) => {
                    blocked = Some(why);
                    break;
                }
            }
            count -= 1;
            order.extend(placing.rank(demand, lots, rank.lot).map(Reverse));
        }
        if count > 0 {
            record(Arc::make_mut(&mut item), count, blocked, demand, &placing, lots, situation.now);
            self.items.insert(id.clone(), item);
        }
        self.tallies.insert(id.clone(), placing.tally);
        if count == 0 {
            self.remove(id);
        }
    }
}

impl<'a> Placing<'a> {
    fn new(tally: Tally, lots: usize, slots: &Slots) -> Self {
        let mut on_agents = vec![(0, 0); lots];
        if tally.on_agents.len() < slots.len() {
            for (agent, counts) in &tally.on_agents {
                if let Some(slot) = slots.get(agent) {
                    on_agents[*slot] = *counts;
                }
            }
        } else {
            for (agent, slot) in slots {
                on_agents[*slot] = tally.on_agents.get(agent).copied().unwrap_or_default();
            }
        }
        Self { tally, on_agents, elsewhere: Vec::new(), used: BTreeSet::new(), waits: false }
    }

    /// How good a lot is for one more instance; none: it does not do.
    fn rank(&self, demand: &Demand, lots: &[Lot], index: usize) -> Option<Rank> {
        let lot = &lots[index];
        if !lot.fits(&demand.needs) {
            return None;
        }
        let verdict = self.tally.rules.judge(&Place::from(&*lot.offer().agent_info), &self.tally.placed);
        if verdict.broken.is_some() {
            return None;
        }
        let (own, older) = self.on_agents[lot.slot];
        let wastes_gpus = demand.needs.needs_no_gpus && lot.has_gpus;
        Some(Rank { penalty: verdict.penalty, stranger: verdict.stranger, own, older, wastes_gpus, lot: index })
    }

    /// Whether no agent elsewhere is better than this.
    fn is_best(&self, penalty: Penalty) -> bool {
        penalty == Penalty::default()
            || self.elsewhere.iter().all(|agent| {
                let verdict = self.tally.rules.judge(&Place::from(*agent), &self.tally.placed);
                verdict.broken.is_some() || verdict.penalty >= penalty
            })
    }

    fn launched(&mut self, lot: &mut Lot, index: usize, launched: NewInstance) {
        self.tally.launched(&launched.instance);
        self.on_agents[lot.slot].0 += 1;
        self.used.insert(index);
        lot.launch(launched);
    }
}

/// The agents that are not in this batch and might do, one of each kind that the constraints tell apart: those that are
/// large enough, and were not found to lack anything when they were offered last.
fn elsewhere<'a>(
    item: &QueueItem,
    demand: &Demand,
    rules: &Rules,
    agents: &'a KnownAgents,
    slots: &Slots,
) -> Vec<&'a AgentInfo> {
    let large_enough = |all: &Resources| demand.needs.amounts.iter().all(|(name, needed)| all.scalar(name) >= *needed);
    let lacking = |id: &AgentId| {
        let unused = item.last_unused_offers.get(id);
        unused.is_some_and(|unused| !unused.shortages.contains(&Shortage::BetterElsewhere))
    };
    let mut kinds: BTreeMap<Vec<Option<String>>, &AgentInfo> = BTreeMap::new();
    for (id, agent) in agents.iter() {
        if !slots.contains_key(id) && large_enough(&agent.resources) && !lacking(id) {
            kinds.entry(rules.signature(&Place::from(agent))).or_insert(agent);
        }
    }
    kinds.into_values().collect()
}

/// Writes down what came of a batch for an app that still wants instances.
fn record(
    item: &mut QueueItem,
    count: u32,
    blocked: Option<String>,
    demand: &Demand,
    placing: &Placing<'_>,
    lots: &[Lot],
    now: Timestamp,
) {
    item.count = count;
    if blocked.is_some() {
        item.blocked = blocked;
        return;
    }
    item.blocked = None;
    if !placing.used.is_empty() {
        item.since_launch = Default::default();
        item.last_used_at = Some(now);
    }
    let mut kept = 0;
    for (index, lot) in lots.iter().enumerate() {
        let offers = lot.offers.len() as u64;
        if placing.used.contains(&index) {
            item.processed += offers;
            item.since_launch.used();
            item.last_unused_offers.remove(&lot.offer().agent);
            continue;
        }
        let shortages = shortages(demand, placing, lot);
        if shortages.is_empty() {
            continue;
        }
        item.processed += offers;
        item.unused += offers;
        item.last_unused_at = Some(now);
        item.since_launch.unused(&shortages);
        if kept < UNUSED_OFFERS_MAX {
            kept += 1;
            let unused = UnusedOffer { offer: Arc::clone(lot.offer()), shortages, timestamp: now };
            item.last_unused_offers.insert(lot.offer().agent.clone(), Arc::new(unused));
        }
    }
    drop_oldest(item);
}

fn shortages(demand: &Demand, placing: &Placing<'_>, lot: &Lot) -> Vec<Shortage> {
    let mut shortages = lot.shortages(&demand.needs);
    let verdict = placing.tally.rules.judge(&Place::from(&*lot.offer().agent_info), &placing.tally.placed);
    if let Some(broken) = verdict.broken {
        shortages.push(Shortage::Constraint { index: broken.index, found: broken.found });
    } else if shortages.is_empty() && placing.waits {
        shortages.push(Shortage::BetterElsewhere);
    }
    shortages.sort_by_key(Shortage::reason);
    shortages
}

/// Keeps the latest of the last unused offers.
fn drop_oldest(item: &mut QueueItem) {
    let surplus = item.last_unused_offers.len().saturating_sub(UNUSED_OFFERS_MAX);
    if surplus == 0 {
        return;
    }
    let mut by_time: Vec<(Timestamp, AgentId)> =
        item.last_unused_offers.iter().map(|(agent, unused)| (unused.timestamp, agent.clone())).collect();
    by_time.sort_unstable();
    for (_, agent) in by_time.into_iter().take(surplus) {
        item.last_unused_offers.remove(&agent);
    }
}
