//! Plans against a HAProxy that does what its manual says.

use super::{
    Applied, Command, Drains, Exchange, Plan, Policy, Reason, Running, RunningServer, ServerKey, answers, csv_rows,
    parse_map_dump, parse_processes, parse_servers, plan,
};
use crate::{
    model::{Built, Options, ServerState, build},
    render::{Map, Params, Rendered, Renderer},
    source::{Known, read_apps},
};
use proptest::prelude::*;
use proto_types::time::Monotonic;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const DIRECTORY: &str = "/maps";

fn at(seconds: u64) -> Monotonic {
    Monotonic(Duration::from_secs(seconds))
}

fn key(server: u8) -> ServerKey {
    ServerKey { backend: "web_10000".to_owned(), server: format!("10_0_0_{server}_31000") }
}

/// An app with tasks (number, whether about to be killed) and a name.
fn wanted(tasks: &[(u8, bool)], labels: Value) -> (Built, Rendered) {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|(number, killing)| {
            let state = if *killing { "TASK_KILLING" } else { "TASK_RUNNING" };
            json!({"id": format!("web.{number}"), "host": format!("10.0.0.{number}"), "ports": [31000], "state": state})
        })
        .collect();
    let app = json!({"id": "/web", "labels": labels, "portDefinitions": [{"port": 10000}], "tasks": tasks});
    let mut known = Known::default();
    known.merge(read_apps(json!({"apps": [app]}).to_string().as_bytes()).expect("apps"));
    let built = build(known.apps(), &Options::default());
    let params = Params { directory: DIRECTORY.to_owned(), ..Params::default() };
    let rendered = Renderer::new(BTreeMap::new()).expect("templates").render(&built.model, &params).expect("a text");
    (built, rendered)
}

/// A HAProxy in memory.
#[derive(Debug, Clone)]
struct Fake(Running);

impl Fake {
    fn of(built: &Built) -> Self {
        let mut running = Running { backends: built.model.services.keys().cloned().collect(), ..Running::default() };
        running.maps = Map::ALL.into_iter().map(|map| (map, BTreeMap::new())).collect();
        Self(running)
    }

    fn server(&mut self, key: &ServerKey) -> &mut RunningServer {
        self.0.servers.get_mut(key).unwrap_or_else(|| panic!("there is no server {key}"))
    }

    fn map(&mut self, path: &str) -> &mut BTreeMap<String, Vec<String>> {
        let map = Map::ALL.into_iter().find(|map| map.path(DIRECTORY) == path).expect("a known map");
        self.0.maps.entry(map).or_default()
    }

    fn run(&mut self, command: &Command) {
        match command {
            Command::AddServer { backend, server, .. } => {
                assert!(self.0.servers_of(backend).all(|(_, other)| other.id != server.id), "the id is taken");
                let added = RunningServer {
                    id: server.id,
                    address: Some(server.address),
                    port: server.port,
                    weight: server.weight,
                    state: ServerState::Maintenance,
                    sessions: 0,
                };
                let key = ServerKey { backend: backend.clone(), server: server.name.clone() };
                assert_eq!(self.0.servers.insert(key, added), None, "the server is there already");
            }
            Command::SetCookieKey(backend) => assert!(self.0.backends.contains(backend), "there is no such backend"),
            Command::EnableHealth(key) => {
                self.server(key);
            }
            Command::SetState(key, state) => self.server(key).state = *state,
            Command::SetWeight(key, weight) => self.server(key).weight = *weight,
            Command::SetAddress(key, address, port) => {
                let server = self.server(key);
                (server.address, server.port) = (Some(*address), *port);
            }
            Command::ShutdownSessions(key) => self.server(key).sessions = 0,
            Command::DeleteServer(key) => {
                let server = self.server(key);
                assert_eq!((server.state, server.sessions), (ServerState::Maintenance, 0), "it cannot be deleted");
                self.0.servers.remove(key);
            }
            Command::AddMap { map, key, value } => {
                let old = self.map(map).insert(key.clone(), vec![value.clone()]);
                assert_eq!(old, None, "the key would come twice");
            }
            Command::SetMap { map, key, value } => {
                let values = self.map(map).get_mut(key).expect("a key");
                values.iter_mut().for_each(|old| old.clone_from(value));
            }
            Command::DeleteMap { map, key } => {
                self.map(map).remove(key).expect("a key");
            }
        }
    }

    fn plan(&self, wanted: &(Built, Rendered), drains: &mut Drains, now: Monotonic) -> Plan {
        let (built, rendered) = wanted;
        let applied = Applied { topology: Some(&rendered.topology), directory: DIRECTORY };
        plan(&self.0, &built.model, rendered, applied, drains, now, Policy::default())
    }

    /// Plans and carries out; the lines that were sent.
    fn step(&mut self, wanted: &(Built, Rendered), drains: &mut Drains, now: Monotonic) -> Vec<String> {
        match self.plan(wanted, drains, now) {
            Plan::Nothing => Vec::new(),
            Plan::Commands(exchanges) => {
                exchanges.iter().flat_map(|exchange| &exchange.commands).for_each(|command| self.run(command));
                exchanges.iter().map(ToString::to_string).collect()
            }
            Plan::Reload(reasons) => panic!("no reload is needed: {reasons:?}"),
        }
    }
}

#[test]
fn one_task_more_or_less_is_one_exchange() {
    let mut drains = Drains::default();
    let one = wanted(&[(1, false)], json!({}));
    let mut haproxy = Fake::of(&one.0);
    let id = one.0.model.services["web_10000"].servers["10_0_0_1_31000"].id;
    assert_eq!(
        haproxy.step(&one, &mut drains, at(0)),
        [format!(
            "add server web_10000/10_0_0_1_31000 10.0.0.1:31000 id {id} weight 100;set server web_10000/10_0_0_1_31000 state ready"
        )]
    );
    assert_eq!(haproxy.plan(&one, &mut drains, at(0)), Plan::Nothing);
    let none = wanted(&[], json!({}));
    assert_eq!(
        haproxy.step(&none, &mut drains, at(0)),
        ["set server web_10000/10_0_0_1_31000 state maint;del server web_10000/10_0_0_1_31000"]
    );
}

#[test]
fn a_server_with_sessions_is_drained_until_they_end() {
    let mut drains = Drains::default();
    let (one, none) = (wanted(&[(1, false)], json!({})), wanted(&[], json!({})));
    let mut haproxy = Fake::of(&one.0);
    haproxy.step(&one, &mut drains, at(0));
    haproxy.server(&key(1)).sessions = 2;
    assert_eq!(haproxy.step(&none, &mut drains, at(1)), ["set server web_10000/10_0_0_1_31000 state drain"]);
    assert_eq!(drains.next_deadline(), Some(at(61)));
    assert_eq!(haproxy.step(&none, &mut drains, at(60)), [""; 0]);
    assert_eq!(Drains::drained(&haproxy.0, [&key(1)]).len(), 0);
    haproxy.server(&key(1)).sessions = 0;
    assert_eq!(Drains::drained(&haproxy.0, [&key(1), &key(2)]).len(), 2);
    assert_eq!(haproxy.step(&none, &mut drains, at(60)).len(), 1);
    assert!(haproxy.0.servers.is_empty());
    assert_eq!(haproxy.plan(&none, &mut drains, at(60)), Plan::Nothing);
    assert_eq!(drains.next_deadline(), None);
}

#[test]
fn at_the_deadline_sessions_are_ended() {
    let mut drains = Drains::default();
    let (one, none) = (wanted(&[(1, false)], json!({})), wanted(&[], json!({})));
    let mut haproxy = Fake::of(&one.0);
    haproxy.step(&one, &mut drains, at(0));
    haproxy.server(&key(1)).sessions = 2;
    haproxy.step(&none, &mut drains, at(1));
    let name = "web_10000/10_0_0_1_31000";
    let sent = format!("set server {name} state maint;shutdown sessions server {name};del server {name}");
    assert_eq!(haproxy.step(&none, &mut drains, at(61)), [sent]);
}

#[test]
fn a_server_that_is_wanted_again_is_given_back() {
    let mut drains = Drains::default();
    let (one, none) = (wanted(&[(1, false)], json!({})), wanted(&[], json!({})));
    let mut haproxy = Fake::of(&one.0);
    haproxy.step(&one, &mut drains, at(0));
    haproxy.server(&key(1)).sessions = 2;
    haproxy.step(&none, &mut drains, at(1));
    assert_eq!(haproxy.step(&one, &mut drains, at(100)), ["set server web_10000/10_0_0_1_31000 state ready"]);
    assert_eq!(drains.next_deadline(), None);
}

#[test]
fn a_task_that_is_about_to_be_killed_drains_and_sticky_clients_have_no_say() {
    let mut drains = Drains::default();
    let mut haproxy = Fake::of(&wanted(&[], json!({})).0);
    haproxy.step(&wanted(&[(1, false)], json!({})), &mut drains, at(0));
    let sent = haproxy.step(&wanted(&[(1, true)], json!({})), &mut drains, at(0));
    assert_eq!(sent, ["set server web_10000/10_0_0_1_31000 state drain"]);
    let sticky = json!({"HAPROXY_0_MODE": "http", "HAPROXY_0_STICKY": "true"});
    let mut haproxy = Fake::of(&wanted(&[], sticky.clone()).0);
    haproxy.step(&wanted(&[(1, false)], sticky.clone()), &mut drains, at(0));
    let sent = haproxy.step(&wanted(&[(1, true)], sticky), &mut drains, at(0));
    assert_eq!(sent, ["set server web_10000/10_0_0_1_31000 state maint"]);
}

#[test]
fn what_cannot_be_done_by_commands_is_a_reload_with_its_reason() {
    let before = wanted(&[(1, false)], json!({}));
    let after = wanted(&[(1, false)], json!({"HAPROXY_0_BALANCE": "leastconn"}));
    let haproxy = Fake::of(&before.0);
    let plan_from = |running: &Running, topology| {
        let applied = Applied { topology, directory: DIRECTORY };
        plan(running, &after.0.model, &after.1, applied, &mut Drains::default(), at(0), Policy::default())
    };
    let texts = |plan| match plan {
        Plan::Reload(reasons) => reasons.iter().map(Reason::to_string).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(texts(plan_from(&haproxy.0, Some(&before.1.topology))), ["backend web_10000 is different"]);
    assert_eq!(texts(plan_from(&haproxy.0, None)), ["it is not known with which configuration HAProxy runs"]);
    assert_eq!(texts(plan_from(&Running::default(), Some(&after.1.topology))), ["HAProxy has no backend web_10000"]);
}

#[test]
fn a_taken_number_is_stepped_over() {
    let one = wanted(&[(1, false)], json!({}));
    let id = one.0.model.services["web_10000"].servers["10_0_0_1_31000"].id;
    let mut haproxy = Fake::of(&one.0);
    let foreign = RunningServer { id, address: None, port: 1, weight: 1, state: ServerState::Ready, sessions: 1 };
    haproxy.0.servers.insert(ServerKey { server: "foreign".to_owned(), ..key(1) }, foreign);
    haproxy.step(&one, &mut Drains::default(), at(0));
    assert_eq!(haproxy.server(&key(1)).id, id + 1);
}

#[test]
fn a_long_plan_is_cut_between_servers() {
    let tasks: Vec<(u8, bool)> = (1..=200).map(|number| (number, false)).collect();
    let many = wanted(&tasks, json!({}));
    let haproxy = Fake::of(&many.0);
    let Plan::Commands(exchanges) = haproxy.plan(&many, &mut Drains::default(), at(0)) else {
        panic!("commands suffice");
    };
    assert!(
        exchanges.len() > 1 && exchanges.iter().all(|exchange| exchange.to_string().len() <= super::EXCHANGE_LONGEST)
    );
    assert!(exchanges.iter().all(|exchange| exchange.commands.len() % 2 == 0));
}

#[test]
fn answers_are_told_apart() {
    let state = |server| Command::SetState(key(server), ServerState::Maintenance);
    let commands = vec![state(1), Command::DeleteServer(key(1)), state(2), Command::DeleteServer(key(2)), state(3)];
    let exchange = Exchange { commands };
    assert_eq!(answers(&exchange, "\nServer deleted.\n\nServer deleted.\n\n"), []);
    let text = "\nServer still has connections attached to it, cannot remove it.\nNo such server.\n\nServer deleted.\n";
    let failed: Vec<(String, bool)> =
        answers(&exchange, text).into_iter().map(|failed| (failed.answer, failed.early)).collect();
    assert_eq!(failed[0], ("Server still has connections attached to it, cannot remove it.".to_owned(), true));
    assert_eq!(failed[1], ("No such server.".to_owned(), false));
    assert_eq!(failed[2], ("no answer".to_owned(), false));
    assert_eq!(answers(&Exchange { commands: vec![state(1)] }, "\nsomething\n\n").len(), 1);
}

const STATE: &str = "1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight ...
4 web_10000 7 a 127.0.0.1 2 0 100 100 0 8 2 0 6 0 0 1 - 19001 - 0 0 - - 0
4 web_10000 8 b fd00::1 0 5 50 100 0 1 0 0 8 0 0 1 - 19002 - 0 0 - - 0
4 web_10000 9 c - 2 12 0 100 0 1 0 0 8 0 0 1 - 19003 - 0 0 - - 0

";

#[test]
fn states_of_servers_are_read() {
    let servers = parse_servers(STATE).expect("a state");
    let read: Vec<_> = servers.values().map(|server| (server.id, server.port, server.weight, server.state)).collect();
    let (ready, drain, maintenance) = (ServerState::Ready, ServerState::Drain, ServerState::Maintenance);
    assert_eq!(read, [(7, 19001, 100, ready), (8, 19002, 50, maintenance), (9, 19003, 0, drain)]);
    assert!(parse_servers("2\n").is_err() && parse_servers("").is_err());
    let cut = parse_servers("1\n# be_id\n4 web_10000 7 a 127.0").expect_err("cut");
    assert!(cut.to_string().contains("show servers state"));
}

#[test]
fn statistics_and_maps_and_processes_are_read() {
    let stats =
        "# pxname,svname,qcur,qmax,scur,\nweb_10000,FRONTEND,,,5,\nweb_10000,a,1,2,3,\nweb_10000,BACKEND,0,0,3,\n";
    let running = Running::read(STATE, stats, &BTreeMap::from([(Map::Apps, "0x1 /a a_1\n0x2 /a b_1\n\n".to_owned())]));
    let running = running.expect("readable");
    assert_eq!(running.backends, ["web_10000".to_owned()].into());
    assert_eq!(running.servers.values().map(|server| server.sessions).collect::<Vec<_>>(), [4, 0, 0]);
    assert_eq!(running.maps[&Map::Apps]["/a"], ["a_1", "b_1"]);
    assert!(parse_map_dump("Unknown map identifier. Please use #<id> or <file>.\n").is_empty());
    assert_eq!(csv_rows("# a,b\n\"x,\"\"y\"\"\",2\n").expect("rows")[0]["a"], "x,\"y\"");
    assert!(csv_rows("Unknown command\n").is_err());
    let text = "#<PID>          <type>          <reloads>       <uptime>        <version>      \n\
                19432           master          1 [failed: 2]   0d00h00m02s     2.6.12-1+deb12u4\n# workers\n\
                19448           worker          0               0d00h00m01s     2.6.12-1+deb12u4\n# old workers\n\
                19435           worker          1               0d00h00m09s     2.6.12-1+deb12u4\n# programs\n\n";
    let processes = parse_processes(text).expect("processes");
    let master = processes.master.expect("a master");
    assert_eq!((master.pid, master.reloads, master.uptime.as_str()), (19432, 1, "0d00h00m02s"));
    assert_eq!((processes.failed_reloads, processes.workers[0].pid, processes.old_workers[0].pid), (2, 19448, 19435));
    assert!(parse_processes("").is_err());
}

fn state() -> impl Strategy<Value = ServerState> {
    prop_oneof![Just(ServerState::Ready), Just(ServerState::Drain), Just(ServerState::Maintenance)]
}

proptest! {
    #[test]
    fn plans_lead_to_what_is_wanted(
        tasks in prop::collection::btree_map(1_u8..30, any::<bool>(), 0..12),
        present in prop::collection::btree_map(1_u8..40, (state(), 0_u16..256, 0_u64..3, any::<bool>()), 0..12),
        name in prop::option::of("[a-c]\\.example\\.com"),
        entries in prop::collection::btree_map("[a-c]\\.example\\.com", prop::collection::vec("[x-z]_1", 1..3), 0..4),
    ) {
        let labels = name.map_or(json!({}), |name| json!({"HAPROXY_0_VHOST": name}));
        let tasks: Vec<(u8, bool)> = tasks.into_iter().collect();
        let wanted = wanted(&tasks, labels);
        let mut haproxy = Fake::of(&wanted.0);
        for (number, (state, weight, sessions, moved)) in present {
            let address = Some([10, 0, 0, number].into());
            let port = if moved { 1 } else { 31000 };
            let server = RunningServer { id: u32::from(number), address, port, weight, state, sessions };
            haproxy.0.servers.insert(key(number), server);
        }
        haproxy.0.maps.insert(Map::Domains, entries);
        let mut drains = Drains::default();
        haproxy.step(&wanted, &mut drains, at(0));
        // What is wanted is there at once, what is not gets nothing new.
        let service = &wanted.0.model.services["web_10000"];
        for (server_key, server) in &haproxy.0.servers {
            match service.servers.get(&server_key.server) {
                Some(wished) => {
                    prop_assert_eq!((server.address, server.port), (Some(wished.address), wished.port));
                    prop_assert_eq!(server.weight, wished.weight);
                    prop_assert_eq!(server.state == ServerState::Ready, wished.state == ServerState::Ready);
                }
                None => prop_assert!(server.state != ServerState::Ready && server.sessions > 0),
            }
        }
        for name in service.servers.keys() {
            let key = ServerKey { server: name.clone(), backend: "web_10000".to_owned() };
            prop_assert!(haproxy.0.servers.contains_key(&key));
        }
        for map in Map::ALL {
            let present = haproxy.0.maps[&map].iter().map(|(key, values)| (key.as_str(), values[0].as_str()));
            prop_assert_eq!(present.collect::<Vec<_>>(), wanted.1.maps.entries(map).collect::<Vec<_>>());
        }
        // After the deadline nothing else is there, and nothing is left to do.
        haproxy.step(&wanted, &mut drains, at(61));
        prop_assert_eq!(haproxy.0.servers.len(), service.servers.len());
        prop_assert_eq!(haproxy.plan(&wanted, &mut drains, at(61)), Plan::Nothing);
        prop_assert_eq!(drains, Drains::default());
    }

    #[test]
    fn no_answer_makes_a_reader_panic(text in any::<String>(), words in "[0-9a-z \n,#\"\\-]{0,200}") {
        for text in [&text, &words, &format!("1\n{words}"), &format!("# {words}")] {
            let _ = (parse_servers(text), super::parse_stats(text), parse_processes(text), parse_map_dump(text));
            let exchange = Exchange { commands: vec![Command::DeleteServer(key(1)), Command::EnableHealth(key(1))] };
            let _ = answers(&exchange, text);
        }
    }
}
