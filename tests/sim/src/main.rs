//! `sim`: runs the cluster in a simulated world.

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use sim::{
    Header, Record, World,
    faults::parse_kinds,
    record::{Sink, Writer},
    replay::replay,
    sabotage::Switch,
    script::{self, Script},
};
use std::{
    fs::{self, File},
    io::{BufReader, BufWriter},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Runs a whole cluster in a simulated world with seeded faults, and checks that what must hold holds.
#[derive(Debug, Parser)]
#[command(name = "sim", version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one world.
    Run(RunOptions),
    /// Runs again what a record tells of, and compares.
    Replay {
        /// The record.
        log: PathBuf,
        /// Stop at this event and print the state.
        #[arg(long)]
        until: Option<u64>,
    },
    /// Runs scripts, and compares what they print with what they say.
    Script {
        /// The scripts.
        #[arg(required = true)]
        scripts: Vec<PathBuf>,
        /// Break this rule on purpose.
        #[arg(long)]
        sabotage: Option<Switch>,
        /// Write what they print into them.
        #[arg(long)]
        update: bool,
    },
    /// Breaks a rule on purpose, one after the other, until each is found.
    Sabotage {
        /// So many seeds are tried for each at most.
        #[arg(long, default_value_t = 200)]
        seeds: u64,
        /// Only this one.
        #[arg(long)]
        only: Option<Switch>,
    },
    /// Runs one world after another, each with another seed.
    Soak {
        /// For so long.
        #[arg(long)]
        minutes: u64,
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// So many agents in each.
        #[arg(long, default_value_t = 6)]
        agents: u32,
    },
}

#[derive(Debug, Args)]
struct RunOptions {
    /// So many agents.
    #[arg(long, default_value_t = 10)]
    agents: u32,
    /// So many masters; a single one keeps its log in a directory, several are elected through ZooKeeper.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    masters: u32,
    /// So many simulated hours of faults.
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// Where chance begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which faults: all, none, or names with commas between.
    #[arg(long, default_value = "all")]
    faults: String,
    /// Break this rule on purpose.
    #[arg(long)]
    sabotage: Option<Switch>,
    /// Write the record here.
    #[arg(long)]
    log: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    match Options::parse().command {
        Command::Run(options) => run(&options),
        Command::Replay { log, until } => run_again(&log, until),
        Command::Script { scripts, sabotage, update } => run_scripts(&scripts, sabotage, update),
        Command::Sabotage { seeds, only } => Ok(sabotage(seeds, only)),
        Command::Soak { minutes, seed, agents } => Ok(soak(Duration::from_secs(minutes * 60), seed, agents)),
    }
}

fn run(options: &RunOptions) -> anyhow::Result<ExitCode> {
    let header = Header {
        seed: options.seed,
        agents: options.agents.max(1),
        masters: options.masters,
        seconds: (options.hours.max(0.0) * 3600.0) as u64,
        faults: parse_kinds(&options.faults).context("--faults")?,
        sabotage: options.sabotage,
    };
    let sink: Option<Box<dyn Sink>> = match &options.log {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Some(Box::new(Writer(BufWriter::with_capacity(1 << 20, file))))
        }
        None => None,
    };
    let mut record = Record::new(sink);
    record.put(&header.print());
    let begun = Instant::now();
    let mut world = World::new(header.settings(), record);
    world.run(None);
    report(&world, options.seed, begun.elapsed());
    if let Some(error) = world.kernel.record.take_failure() {
        return Err(error).context("the record could not be written to its end");
    }
    Ok(if world.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what a world came to.
fn report(world: &World, seed: u64, wall: Duration) {
    let rested = world
        .rested_at
        .zip(world.healed_at)
        .map_or("-".to_owned(), |(rested, healed)| sim::time::seconds(rested - healed));
    println!("seed        {seed}");
    println!("simulated   {} s", world.kernel.now);
    println!("events      {}", world.kernel.event);
    println!("faults      {}", world.faults);
    println!("tasks run   {}", world.checker.evidence.started);
    println!("epochs      {}", world.coordination.epoch);
    println!("at rest     {rested} after the last fault");
    println!("violations  {}", world.checker.violations.len());
    println!("hash        {:016x}", world.kernel.record.hash());
    println!("wall        {:.1} s", wall.as_secs_f64());
    if let Some(violation) = world.checker.violations.first() {
        println!();
        println!("seed {seed}, event {}: {violation}", world.kernel.event);
        println!("the last lines of the record:");
        for line in world.kernel.record.last() {
            println!("  {line}");
        }
    }
}

fn run_again(log: &PathBuf, until: Option<u64>) -> anyhow::Result<ExitCode> {
    let file = File::open(log).with_context(|| format!("cannot read {}", log.display()))?;
    let replayed = replay(BufReader::new(file), until)?;
    let world = &replayed.world;
    if until.is_some() {
        println!("the last lines of the record:");
        world.kernel.record.last().for_each(|line| println!("  {line}"));
        println!();
        print!("{}", sim::show::state(world));
        println!();
    }
    if let Some(until) = until.filter(|until| *until > world.kernel.event) {
        println!("event {until} never comes: it ends at event {}", world.kernel.event);
    }
    println!("{} lines are the same", replayed.same);
    for violation in &world.checker.violations {
        println!("event {}: {violation}", world.kernel.event);
    }
    match replayed.difference {
        Some((recorded, now)) => {
            println!("recorded: {recorded}");
            println!("now:      {now}");
            Ok(ExitCode::FAILURE)
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

fn run_scripts(paths: &[PathBuf], sabotage: Option<Switch>, update: bool) -> anyhow::Result<ExitCode> {
    let mut failed = false;
    for path in paths {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let (failures, right) = script::run(&Script::parse(&text), sabotage);
        let (stale, wrong): (Vec<_>, Vec<_>) = failures.iter().partition(|failure| failure.is_stale_text());
        if update && !stale.is_empty() {
            fs::write(path, right.print()).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let told = wrong.iter().chain(stale.iter().filter(|_| !update));
        for failure in told {
            failed = true;
            println!("{}:{failure}", path.display());
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn sabotage(seeds: u64, only: Option<Switch>) -> ExitCode {
    let mut failed = false;
    for switch in Switch::ALL.iter().copied().filter(|switch| only.is_none_or(|only| only == *switch)) {
        let begun = Instant::now();
        let found = switch.find(seeds);
        let wall = begun.elapsed().as_secs_f64();
        match found {
            Some(found) if switch.breaks().contains(&found.violation.invariant) => {
                println!("{switch}: found by {} at seed {} in {wall:.1} s", found.violation.invariant, found.seed);
            }
            Some(found) => {
                failed = true;
                println!("{switch}: NAMED WRONGLY at seed {}: {}", found.seed, found.violation);
            }
            None => {
                failed = true;
                println!("{switch}: NOT FOUND within {seeds} seeds ({wall:.1} s)");
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn soak(length: Duration, first: u64, agents: u32) -> ExitCode {
    let begun = Instant::now();
    let mut seed = first;
    let (mut events, mut tasks, mut faults) = (0, 0, 0);
    while begun.elapsed() < length {
        let all = parse_kinds("all").unwrap_or_default();
        let header = Header { seed, agents, masters: 3, seconds: 600, faults: all, sabotage: None };
        let mut record = Record::new(None);
        record.put(&header.print());
        let started = Instant::now();
        let mut world = World::new(header.settings(), record);
        world.run(None);
        if !world.is_sound() {
            report(&world, seed, started.elapsed());
            println!("again: sim run --agents {agents} --hours {} --seed {seed}", 600.0 / 3600.0);
            return ExitCode::FAILURE;
        }
        events += world.kernel.event;
        tasks += world.checker.evidence.started;
        faults += world.faults;
        seed += 1;
    }
    println!("{} seeds, {events} events, {tasks} tasks, {faults} faults, no violation", seed - first);
    ExitCode::SUCCESS
}
