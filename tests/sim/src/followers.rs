//! Those who follow in ZooKeeper who leads: the shell around [`coordination_core::Detection`].

use crate::{
    hosts::{AgentIndex, Host, Life, MasterIndex},
    kernel::Event,
    network::{NetId, Packet, Side},
    world::World,
    zookeeper::{FromZooKeeper, ToZooKeeper},
};
use coordination_core::{Detection, Leader, Lease, Noticed, Request, Ticket};
use std::time::Duration;

/// How often a follower looks at its clock.
const TICK: Duration = Duration::from_millis(500);

/// Before it connects again; the least and the most.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// So many agents at most follow in ZooKeeper who leads; the others are told a list of masters. Each asks every other
/// second, which in a large world would be most of what happens.
const AGENTS_MAX: u32 = 64;

/// Follows who leads.
#[derive(Debug)]
pub struct Follower {
    /// Who leads, as far as it knows.
    pub leader: Option<Leader>,
    detection: Detection,
    lease: Lease,
    connection: Option<NetId>,
}

impl Follower {
    /// Whether it has this connection.
    #[must_use]
    pub fn holds(&self, connection: NetId) -> bool {
        self.connection == Some(connection)
    }
}

/// The master of this name.
#[must_use]
pub fn master_named(name: &str) -> Option<MasterIndex> {
    name.strip_prefix('m')?.parse::<u32>().ok()?.checked_sub(1).map(MasterIndex)
}

impl World {
    /// Whether an agent follows in ZooKeeper who leads.
    pub(crate) fn follows(&self, index: AgentIndex) -> bool {
        self.coordination.ensemble.is_some() && index.0.is_multiple_of(2) && index.0 < AGENTS_MAX
    }

    /// The master that leads, as this process knows from ZooKeeper.
    pub(crate) fn sighted(&self, host: Host) -> Option<MasterIndex> {
        let leader = self.followers.get(&host)?.leader.as_ref()?;
        master_named(&leader.address).filter(|index| (index.0 as usize) < self.masters.len())
    }

    /// A process begins to follow who leads.
    pub(crate) fn follow(&mut self, host: Host, life: Life) {
        let Some(ensemble) = &self.coordination.ensemble else { return };
        let now = self.kernel.now.now(0).monotonic;
        let detection = Detection::new(ensemble.paths.clone(), coordination::zookeeper::leader, now);
        let lease = Lease::new(self.settings.session_timeout, now);
        self.followers.insert(host, Follower { leader: None, detection, lease, connection: None });
        self.kernel.after(Duration::from_millis(1), Event::FollowerConnects(host, life));
        self.kernel.after(TICK, Event::FollowerTicks(host, life));
    }

    /// Whether the process that was started so often still follows.
    fn still_follows(&self, host: Host, life: Life) -> bool {
        self.life_of(host) == Some(life) && self.followers.contains_key(&host)
    }

    pub(crate) fn on_follower_connects(&mut self, host: Host, life: Life) {
        let connected = self.followers.get(&host).is_some_and(|follower| follower.connection.is_some());
        if !self.still_follows(host, life) || connected {
            return;
        }
        let now = self.kernel.now.now(0).monotonic;
        let Some(connection) = self.connect_to_zookeeper(host, life) else { return self.follow_again(host, life) };
        let Some(follower) = self.followers.get_mut(&host) else { return };
        follower.connection = Some(connection);
        follower.lease = Lease::new(self.settings.session_timeout, now);
        self.kernel.send(connection, Side::Client, Packet::ToZooKeeper(ToZooKeeper::Look));
    }

    fn follow_again(&mut self, host: Host, life: Life) {
        let pause = self.kernel.chances.backoff.between(RECONNECT.0, RECONNECT.1);
        self.kernel.after(pause, Event::FollowerConnects(host, life));
    }

    pub(crate) fn on_follower_ticks(&mut self, host: Host, life: Life) {
        if !self.still_follows(host, life) {
            return;
        }
        self.kernel.after(TICK, Event::FollowerTicks(host, life));
        let now = self.kernel.now.now(0).monotonic;
        let Some(follower) = self.followers.get_mut(&host) else { return };
        let Some(connection) = follower.connection else { return };
        if follower.lease.is_over(now) {
            // Whatever it hangs on, another connection may do better.
            self.kernel.close(connection, Side::Client);
            return self.lose_follower(host, life);
        }
        let requests = follower.detection.tick(now);
        self.look(connection, requests);
    }

    fn lose_follower(&mut self, host: Host, life: Life) {
        if let Some(follower) = self.followers.get_mut(&host) {
            follower.connection = None;
            follower.detection.disconnected();
        }
        self.follow_again(host, life);
    }

    fn look(&mut self, connection: NetId, requests: Vec<(Ticket, Request)>) {
        for (ticket, request) in requests {
            let ask = ToZooKeeper::Ask(ticket, request);
            self.kernel.send(connection, Side::Client, Packet::ToZooKeeper(ask));
        }
    }

    /// Something of ZooKeeper's for who follows with this connection. Says whether somebody does.
    pub(crate) fn on_packet_for_follower(&mut self, host: Host, connection: NetId, packet: &Option<Packet>) -> bool {
        let Some(follower) = self.followers.get_mut(&host).filter(|follower| follower.holds(connection)) else {
            return false;
        };
        let now = self.kernel.now.now(0).monotonic;
        let mut noticed = None;
        let requests = match packet {
            Some(Packet::FromZooKeeper(FromZooKeeper::Opened(_))) => follower.detection.connected(now),
            Some(Packet::FromZooKeeper(FromZooKeeper::Changed(path))) => follower.detection.changed(path, now),
            Some(Packet::FromZooKeeper(FromZooKeeper::Answer(ticket, answer))) => {
                if *answer != coordination_core::Answer::Lost {
                    follower.lease.renew(now);
                }
                let (found, requests) = follower.detection.answered(*ticket, answer.clone(), now);
                noticed = found;
                requests
            }
            None | Some(Packet::End) => {
                self.kernel.network.close_end(connection, Side::Client);
                if let Some(life) = self.life_of(host) {
                    self.lose_follower(host, life);
                }
                return true;
            }
            Some(_) => Vec::new(),
        };
        self.look(connection, requests);
        if let Some(noticed) = noticed {
            self.notice(host, noticed);
        }
        true
    }

    fn life_of(&self, host: Host) -> Option<Life> {
        match host {
            Host::Master(index) => Some(self.master(index).life),
            Host::Agent(index) => Some(self.agent(index).life),
            Host::Scheduler(_) | Host::ZooKeeper => None,
        }
    }

    fn notice(&mut self, host: Host, noticed: Noticed) {
        let leader = match noticed {
            Noticed::Leader(leader) => Some(leader),
            Noticed::Nobody | Noticed::Trouble(_) => None,
        };
        let Some(follower) = self.followers.get_mut(&host) else { return };
        if follower.leader == leader {
            return;
        }
        follower.leader = leader;
        if let (Host::Agent(index), Some(master)) = (host, self.sighted(host)) {
            self.turn_to_leader(index, master);
        }
    }
}
