//! What breaks and comes back in a script.

use super::{Stage, Wrong, words::Words};
use crate::{
    faults::Fault,
    hosts::Host,
    interference::{Interference, NAMES, Trick},
    masters::MasterState,
    zookeeper::Loss,
};
use proto_types::ClusterId;

impl Stage {
    /// Carries out what something is done to. Says whether the verb is one of these.
    pub(super) fn act(&mut self, verb: &str, words: &mut Words<'_>) -> Result<bool, Wrong> {
        match verb {
            "crash" => self.crash(words)?,
            "start" => self.start(words)?,
            "takeover" => {
                let framework = self.framework(words.word("a framework")?)?;
                // Somebody starts it, whatever its schedulers thought.
                self.world.framework_mut(framework).over = false;
                self.world.on_scheduler_takes_over(framework);
            }
            "reboot" => {
                let agent = self.agent(words.word("an agent")?)?;
                self.world.reboot_agent(agent);
            }
            "resize" => {
                let agent = self.agent(words.word("an agent")?)?;
                self.world.agent_mut(agent).info.resources = words.value("resources")?;
            }
            "cut" | "heal" => self.cut_or_heal(verb == "cut", words)?,
            "stall" => {
                let master = self.master(words.word("a master")?)?;
                let length = words.duration()?;
                self.world.stall(master, length);
            }
            "depose" => {
                let blind = words.duration()?;
                self.world.depose(Some(blind));
            }
            "fail" => {
                if !words.skip("log") {
                    return Err(Wrong::Missing("\"log\""));
                }
                let leader = self.world.coordination.leader.ok_or(Wrong::Impossible("nobody leads"))?;
                self.world.strike(Fault::LogFailure(leader));
            }
            "replace" => {
                words.skip("session");
                let master = self.master(words.word("a master")?)?;
                self.world.strike(Fault::SessionReplaced(master));
            }
            "wipe" => {
                words.skip("zookeeper");
                self.world.wipe_zookeeper();
            }
            "mount" => self.mount(words.value("cluster")?)?,
            "disk" => {
                let delay = words.duration()?;
                self.world.settings.disk = (delay, delay);
            }
            "clock" => {
                let master = self.master(words.word("a master")?)?;
                let seconds: i64 = words.value("number of seconds")?;
                self.world.master_mut(master).skew_ms = seconds * 1000;
            }
            "turn" => {
                let agent = self.agent(words.word("an agent")?)?;
                words.skip("to");
                let master = self.master(words.word("a master")?)?;
                self.world.turn_to(agent, master);
            }
            "lose" | "double" | "delay" => self.single_out(verb, words)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn crash(&mut self, words: &mut Words<'_>) -> Result<(), Wrong> {
        if words.skip("zookeeper") {
            let loss = match words.word("minority, leader or whole")? {
                "minority" => Loss::Minority,
                "leader" => Loss::Leader,
                "whole" => Loss::Whole,
                other => return Err(Wrong::Value { what: "part of ZooKeeper", text: other.to_owned() }),
            };
            self.world.lose_ensemble(loss);
            return Ok(());
        }
        if words.skip("executors") {
            let agent = self.agent(words.word("an agent")?)?;
            self.world.strike(Fault::ExecutorCrash(agent));
            return Ok(());
        }
        match self.host(words.word("a process")?)? {
            Host::Master(index) => self.world.crash_master(index),
            Host::Agent(index) => self.world.crash_agent(index, true),
            Host::Scheduler(index) => self.world.crash_scheduler(index),
            Host::ZooKeeper => self.world.lose_ensemble(Loss::Whole),
        }
        Ok(())
    }

    fn start(&mut self, words: &mut Words<'_>) -> Result<(), Wrong> {
        match self.host(words.word("a process")?)? {
            Host::Master(index) => self.world.on_master_starts(index, self.world.master(index).life),
            Host::Agent(index) => self.world.on_agent_starts(index, self.world.agent(index).life),
            Host::Scheduler(index) => self.world.on_scheduler_starts(index, self.world.scheduler(index).life),
            Host::ZooKeeper => self.world.restore_ensemble(),
        }
        Ok(())
    }

    fn cut_or_heal(&mut self, cut: bool, words: &mut Words<'_>) -> Result<(), Wrong> {
        if !cut && words.skip("all") {
            for (one, another) in self.world.kernel.network.cuts() {
                self.world.heal_between(one, another);
            }
            return Ok(());
        }
        let host = self.host(words.word("a host")?)?;
        let other = words.word("a host").ok().map(|name| self.host(name)).transpose()?;
        match (cut, other) {
            (true, None) => self.world.cut(host),
            (true, Some(other)) => self.world.cut_between(host, other),
            (false, None) => self.world.heal(host),
            (false, Some(other)) => self.world.heal_between(host, other),
        }
        Ok(())
    }

    fn mount(&mut self, cluster: ClusterId) -> Result<(), Wrong> {
        if self.world.coordination.ensemble.is_some() {
            return Err(Wrong::Impossible("only a single master keeps its log in a directory"));
        }
        if self.world.masters.iter().any(|master| !matches!(master.state, MasterState::Down)) {
            return Err(Wrong::Impossible("masters find another storage only when they start"));
        }
        self.world.coordination.mount(cluster);
        Ok(())
    }

    fn single_out(&mut self, verb: &str, words: &mut Words<'_>) -> Result<(), Wrong> {
        let message = words.word("a message")?.to_owned();
        if !NAMES.contains(&message.as_str()) {
            return Err(Wrong::Value { what: "message", text: message });
        }
        words.skip("to");
        let to = self.host(words.word("a host")?)?;
        let times = words.option_value("times")?.unwrap_or(1);
        let trick = match verb {
            "lose" => Trick::Lose,
            "double" => Trick::Double,
            _ if words.skip("by") => Trick::Delay(words.duration()?),
            _ => return Err(Wrong::Missing("\"by\" and a duration")),
        };
        self.world.kernel.interferences.push(Interference { message, to, trick, times });
        Ok(())
    }
}
