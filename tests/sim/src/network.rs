//! The network: streams, which are ordered and whole until they break, and unary calls, which are neither.
//!
//! A stream loses nothing in the middle: where a message is lost, the connection breaks, and nothing after it arrives.
//! Calls travel each for itself: they overtake each other, are lost on the way there or back, and come twice where a
//! proxy tries again. Between hosts that are cut off from each other everything waits, and arrives late if the
//! connection outlives the cut.

use crate::{
    chance::Chance,
    hosts::{Host, Life},
    time::Time,
    zookeeper::{FromZooKeeper, ToZooKeeper},
};
use proto_types::{
    Epoch, SessionId,
    link::{FromAgent, ToAgent},
    scheduling::{Call, NumberedEvent, Refusal, Reply, Subscribe},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// A connection, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetId(pub u64);

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Who opened it.
    Client,
    /// Who accepted it.
    Server,
}

/// What travels on streams.
#[derive(Debug, Clone)]
pub enum Packet {
    /// An agent opens its control stream.
    AgentLink,
    /// An agent says something.
    FromAgent(FromAgent),
    /// A master says something to an agent.
    ToAgent(Epoch, ToAgent),
    /// A scheduler opens its event stream.
    Subscribe(Box<Subscribe>),
    /// A master says something to a scheduler.
    Event(Arc<NumberedEvent>),
    /// A subscription is refused.
    Refused(Refusal),
    /// The process there does not lead.
    NotLeader(Option<String>),
    /// Something for ZooKeeper.
    ToZooKeeper(ToZooKeeper),
    /// Something of ZooKeeper's.
    FromZooKeeper(FromZooKeeper),
    /// The other side ended the stream, after everything it had said.
    End,
}

/// What a unary call ended with.
#[derive(Debug, Clone)]
pub enum CallResult {
    /// It was answered.
    Answered(Result<Reply, Refusal>),
    /// The process there does not lead.
    NotLeader(Option<String>),
    /// Nobody knows.
    Lost,
}

/// A unary call on its way.
#[derive(Debug, Clone)]
pub struct CallPacket {
    /// In which session.
    pub session: SessionId,
    /// What.
    pub body: Call,
}

/// How good the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality {
    /// The least time a message takes.
    pub delay_min: Duration,
    /// The most, usually.
    pub delay_max: Duration,
    /// One in so many messages takes a second or more; 0: none.
    pub slow_one_in: u32,
    /// One in so many messages on a stream breaks the connection; 0: none.
    pub break_one_in: u32,
    /// One in so many calls is lost on the way there, and as many on the way back; 0: none.
    pub lose_call_one_in: u32,
    /// One in so many calls arrives twice; 0: none.
    pub double_call_one_in: u32,
}

impl Quality {
    /// A network that always takes a millisecond.
    pub const PERFECT: Self = Self {
        delay_min: Duration::from_millis(1),
        delay_max: Duration::from_millis(1),
        slow_one_in: 0,
        break_one_in: 0,
        lose_call_one_in: 0,
        double_call_one_in: 0,
    };
    /// A good network: messages only take different times.
    pub const GOOD: Self =
        Self { delay_min: Duration::from_micros(100), delay_max: Duration::from_millis(3), ..Self::PERFECT };
    /// A bad network.
    pub const BAD: Self = Self {
        delay_min: Duration::from_micros(100),
        delay_max: Duration::from_millis(40),
        slow_one_in: 200,
        break_one_in: 1500,
        lose_call_one_in: 60,
        double_call_one_in: 60,
    };
}

/// Something that will arrive.
#[derive(Debug)]
pub struct Arrival {
    /// When.
    pub at: Time,
    /// On which connection.
    pub connection: NetId,
    /// At which end.
    pub side: Side,
    /// What; none: the end learns that the connection is broken.
    pub packet: Option<Packet>,
}

#[derive(Debug)]
struct End {
    host: Host,
    life: Life,
    /// When the last message arrives here: none overtakes it.
    last: Time,
    open: bool,
    /// What waits for the cut to heal.
    held: Vec<Packet>,
}

#[derive(Debug)]
struct Connection {
    client: End,
    server: End,
    /// Nothing sent from now on arrives.
    broken: bool,
}

impl Connection {
    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl Side {
    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// All connections and cuts.
#[derive(Debug)]
pub struct Network {
    connections: BTreeMap<NetId, Connection>,
    opened: u64,
    cuts: BTreeSet<(Host, Host)>,
    quality: Quality,
}

impl Network {
    /// An empty network.
    #[must_use]
    pub fn new(quality: Quality) -> Self {
        Self { connections: BTreeMap::new(), opened: 0, cuts: BTreeSet::new(), quality }
    }

    /// Changes how good it is.
    pub fn set_quality(&mut self, quality: Quality) {
        self.quality = quality;
    }

    /// How good it is.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// How long one message takes.
    pub fn delay(&self, chance: &mut Chance) -> Duration {
        let quality = self.quality;
        if chance.once_in(quality.slow_one_in) {
            return chance.between(Duration::from_secs(1), Duration::from_secs(4));
        }
        chance.between(quality.delay_min, quality.delay_max)
    }

    /// Opens a connection.
    pub fn open(&mut self, client: (Host, Life), server: (Host, Life)) -> NetId {
        self.opened += 1;
        let id = NetId(self.opened);
        let end = |(host, life)| End { host, life, last: Time::default(), open: true, held: Vec::new() };
        self.connections.insert(id, Connection { client: end(client), server: end(server), broken: false });
        id
    }

    /// Who is at this end, if it is open.
    #[must_use]
    pub fn holder(&self, id: NetId, side: Side) -> Option<(Host, Life)> {
        let connection = self.connections.get(&id)?;
        let end = match side {
            Side::Client => &connection.client,
            Side::Server => &connection.server,
        };
        end.open.then_some((end.host, end.life))
    }

    /// Sends something from one end; says what arrives where.
    pub fn send(&mut self, id: NetId, from: Side, packet: Packet, now: Time, chance: &mut Chance) -> Vec<Arrival> {
        let delay = self.delay(chance);
        let breaks = chance.once_in(self.quality.break_one_in);
        let Some(connection) = self.connections.get_mut(&id) else { return Vec::new() };
        if connection.broken || !connection.end(from).open {
            return Vec::new();
        }
        if breaks {
            return self.break_connection(id, now, chance);
        }
        let to = from.other();
        if is_cut(&self.cuts, connection.client.host, connection.server.host) {
            connection.end(to).held.push(packet);
            return Vec::new();
        }
        let end = connection.end(to);
        end.last = end.last.max(now + delay);
        vec![Arrival { at: end.last, connection: id, side: to, packet: Some(packet) }]
    }

    /// Breaks a connection: each end learns it after what was under way to it, or, if that is lost too, at once.
    pub fn break_connection(&mut self, id: NetId, now: Time, chance: &mut Chance) -> Vec<Arrival> {
        let delay = self.delay(chance);
        let Some(connection) = self.connections.get_mut(&id) else { return Vec::new() };
        connection.broken = true;
        [Side::Client, Side::Server]
            .into_iter()
            .map(|side| {
                let end = connection.end(side);
                let at = if chance.once_in(2) { end.last.max(now + delay) } else { now + delay };
                Arrival { at, connection: id, side, packet: None }
            })
            .collect()
    }

    /// An end is closed: what still arrives there is of no interest. Says whether it was open.
    pub fn close_end(&mut self, id: NetId, side: Side) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let was_open = std::mem::replace(&mut connection.end(side).open, false);
        if !connection.client.open && !connection.server.open {
            self.connections.remove(&id);
        }
        was_open
    }

    /// The process at this host is gone. If its machine lives, the other ends learn it soon; if not, only by silence.
    pub fn abandon(&mut self, host: Host, machine_lives: bool, now: Time, chance: &mut Chance) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        for id in self.of_host(host) {
            let delay = if machine_lives { self.delay(chance) } else { silence(chance) };
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            let side = if connection.client.host == host { Side::Client } else { Side::Server };
            connection.broken = true;
            let other = connection.end(side.other());
            if other.open {
                let at = other.last.max(now + delay);
                arrivals.push(Arrival { at, connection: id, side: side.other(), packet: None });
            }
            self.close_end(id, side);
        }
        arrivals
    }

    /// Whether two hosts are cut off from each other.
    #[must_use]
    pub fn is_cut(&self, one: Host, another: Host) -> bool {
        is_cut(&self.cuts, one, another)
    }

    /// Cuts two hosts off from each other. Each end of their connections believes them broken after a while of silence.
    pub fn cut(&mut self, one: Host, another: Host, now: Time, chance: &mut Chance) -> Vec<Arrival> {
        self.cuts.insert(ordered(one, another));
        let mut arrivals = Vec::new();
        for id in self.between(one, another) {
            for side in [Side::Client, Side::Server] {
                arrivals.push(Arrival { at: now + silence(chance), connection: id, side, packet: None });
            }
        }
        arrivals
    }

    /// Ends a cut: what waited arrives, where the connection still stands.
    pub fn heal(&mut self, one: Host, another: Host, now: Time, chance: &mut Chance) -> Vec<Arrival> {
        if !self.cuts.remove(&ordered(one, another)) {
            return Vec::new();
        }
        let mut arrivals = Vec::new();
        for id in self.between(one, another) {
            for side in [Side::Client, Side::Server] {
                let delay = self.delay(chance);
                let Some(connection) = self.connections.get_mut(&id) else { continue };
                let end = connection.end(side);
                end.last = end.last.max(now + delay);
                let at = end.last;
                let held = std::mem::take(&mut end.held);
                let packets = held.into_iter().map(|packet| Arrival { at, connection: id, side, packet: Some(packet) });
                arrivals.extend(packets);
            }
        }
        arrivals
    }

    /// All cuts.
    #[must_use]
    pub fn cuts(&self) -> Vec<(Host, Host)> {
        self.cuts.iter().copied().collect()
    }

    /// Whether the silence of a cut that was expected to break this connection is over, so that it lives on.
    #[must_use]
    pub fn survives(&self, id: NetId) -> bool {
        self.connections.get(&id).is_some_and(|connection| {
            let other_gone = !connection.client.open || !connection.server.open;
            !connection.broken && !other_gone && !is_cut(&self.cuts, connection.client.host, connection.server.host)
        })
    }

    /// The open connections of a host.
    #[must_use]
    pub fn of_host(&self, host: Host) -> Vec<NetId> {
        let at = |connection: &Connection| {
            (connection.client.host == host && connection.client.open)
                || (connection.server.host == host && connection.server.open)
        };
        self.connections.iter().filter(|(_, connection)| at(connection)).map(|(id, _)| *id).collect()
    }

    fn between(&self, one: Host, another: Host) -> Vec<NetId> {
        let pair = ordered(one, another);
        let joins = |connection: &Connection| ordered(connection.client.host, connection.server.host) == pair;
        self.connections.iter().filter(|(_, connection)| joins(connection)).map(|(id, _)| *id).collect()
    }
}

fn ordered(one: Host, another: Host) -> (Host, Host) {
    if one <= another { (one, another) } else { (another, one) }
}

fn is_cut(cuts: &BTreeSet<(Host, Host)>, one: Host, another: Host) -> bool {
    !cuts.is_empty() && cuts.contains(&ordered(one, another))
}

/// How long an end waits before it takes silence for a broken connection.
fn silence(chance: &mut Chance) -> Duration {
    chance.between(Duration::from_secs(8), Duration::from_secs(20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::{AgentIndex, MasterIndex};

    const MASTER: Host = Host::Master(MasterIndex(0));
    const AGENT: Host = Host::Agent(AgentIndex(0));

    fn world(quality: Quality) -> (Network, Chance, NetId) {
        let mut network = Network::new(quality);
        let id = network.open((AGENT, Life(1)), (MASTER, Life(1)));
        (network, Chance::new(1, "network"), id)
    }

    #[test]
    fn nothing_overtakes_on_a_stream() {
        let (mut network, mut chance, id) = world(Quality { break_one_in: 0, ..Quality::BAD });
        let mut last = Time(0);
        for at in 0..1000 {
            for arrival in network.send(id, Side::Client, Packet::AgentLink, Time(at), &mut chance) {
                assert!(arrival.at >= last);
                last = arrival.at;
            }
        }
    }

    #[test]
    fn what_is_sent_into_a_cut_arrives_when_it_heals() {
        let (mut network, mut chance, id) = world(Quality::PERFECT);
        assert_eq!(network.cut(MASTER, AGENT, Time(0), &mut chance).len(), 2);
        assert!(network.send(id, Side::Client, Packet::AgentLink, Time(1), &mut chance).is_empty());
        assert!(!network.survives(id));
        assert_eq!(network.heal(AGENT, MASTER, Time(9), &mut chance).len(), 1);
        assert!(network.survives(id));
    }

    #[test]
    fn a_broken_connection_carries_nothing_more() {
        let (mut network, mut chance, id) = world(Quality::PERFECT);
        assert_eq!(network.break_connection(id, Time(0), &mut chance).len(), 2);
        assert!(network.send(id, Side::Server, Packet::End, Time(1), &mut chance).is_empty());
        network.close_end(id, Side::Client);
        network.close_end(id, Side::Server);
        assert!(network.of_host(AGENT).is_empty());
    }
}
