//! A HAProxy that runs, and is brought from one model to the next.

use haproxy_gen_core::{
    apply::{Applied, Drains, Exchange, Plan, Policy, Running, answers, plan},
    model::Built,
    render::{Map, Params, Rendered, Renderer},
};
use proto_types::time::Monotonic;
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

/// HAProxy with a directory of its own.
pub(crate) struct Haproxy {
    process: Child,
    directory: tempfile::TempDir,
    drains: Drains,
    /// What it was started with.
    started: Rendered,
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn place(directory: &Path) -> String {
    directory.to_str().expect("a plain path").to_owned()
}

fn rendered(built: &Built, directory: &Path, port: u16) -> Rendered {
    let params = Params {
        address: "127.0.0.1".to_owned(),
        http_port: Some(port),
        https_port: None,
        appid_port: None,
        stats_port: None,
        stats_socket: Some(format!("{}/socket", place(directory))),
        directory: place(directory),
        max_reloads: None,
        ..Params::default()
    };
    Renderer::new(BTreeMap::new()).expect("our own templates").render(&built.model, &params).expect("a configuration")
}

impl Haproxy {
    /// None if HAProxy is not installed.
    pub(crate) fn start(built: &Built, port: u16) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let started = rendered(built, directory.path(), port);
        for map in Map::ALL {
            std::fs::write(directory.path().join(map.file_name()), started.maps.text(map)).expect("a map");
        }
        let file = directory.path().join("haproxy.cfg");
        std::fs::write(&file, &started.config).expect("a file");
        let process = Command::new("/usr/sbin/haproxy").arg("-db").arg("-f").arg(file).spawn().ok()?;
        let haproxy = Self { process, directory, drains: Drains::default(), started };
        for _ in 0..500 {
            if UnixStream::connect(haproxy.directory.path().join("socket")).is_ok() {
                return Some(haproxy);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("HAProxy does not answer");
    }

    /// Where its files are.
    pub(crate) fn place(&self) -> String {
        place(self.directory.path())
    }

    pub(crate) fn ask(&self, line: &str) -> String {
        let mut stream = UnixStream::connect(self.directory.path().join("socket")).expect("a connection");
        stream.write_all(format!("{line}\n").as_bytes()).expect("a written line");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    pub(crate) fn running(&self) -> Running {
        let read = [Map::Domains, Map::Paths].map(|map| {
            let text = self.ask(&format!("show map {}", map.path(&place(self.directory.path()))));
            (map, text)
        });
        Running::read(&self.ask("show servers state"), &self.ask("show stat"), &read.into()).expect("readable answers")
    }

    pub(crate) fn plan(&mut self, built: &Built, port: u16, seconds: u64) -> Plan {
        let wanted = rendered(built, self.directory.path(), port);
        let running = self.running();
        let place = place(self.directory.path());
        let applied = Applied { topology: Some(&self.started.topology), directory: &place };
        let now = Monotonic(Duration::from_secs(seconds));
        plan(&running, &built.model, &wanted, applied, &mut self.drains, now, Policy::default())
    }

    pub(crate) fn carry_out(&self, exchanges: &[Exchange]) {
        for exchange in exchanges {
            let answer = self.ask(&exchange.to_string());
            assert_eq!(answers(exchange, &answer), [], "{exchange}\n{answer:?}");
        }
    }

    /// Plans and carries out; true if nothing is left to do. What comes too early is left to the next time.
    pub(crate) fn advance(&mut self, built: &Built, port: u16) -> bool {
        match self.plan(built, port, 0) {
            Plan::Nothing => true,
            Plan::Reload(reasons) => panic!("commands suffice: {reasons:?}"),
            Plan::Commands(exchanges) => {
                for exchange in &exchanges {
                    let failed = answers(exchange, &self.ask(&exchange.to_string()));
                    assert!(failed.iter().all(|failed| failed.early), "{failed:?}");
                }
                false
            }
        }
    }

    /// Plans, carries out, and expects that nothing is left to do.
    pub(crate) fn reach(&mut self, built: &Built, port: u16) -> usize {
        let Plan::Commands(exchanges) = self.plan(built, port, 0) else {
            panic!("commands suffice and are needed");
        };
        self.carry_out(&exchanges);
        assert_eq!(self.plan(built, port, 0), Plan::Nothing);
        exchanges.len()
    }
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
