//! `proffer maintenance`: when agents will not be there.

use crate::{
    lists::agents::{condition, unavailability},
    master_option::MasterOption,
    output::{Listed, Output},
    subject::find_agents,
    usage,
};
use anyhow::Result;
use clap::{Args, Subcommand};
use proffer_framework::operator::v1;
use serde_json::{Value, json};
use std::{
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What `maintenance` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Plan it: offers say so, the agents are drained when it begins and offered again when it ends.
    Schedule(Schedule),
    /// Show what is planned.
    Show(Show),
    /// Take it back, or end what has begun.
    Cancel(Cancel),
}

/// What `maintenance schedule` takes.
#[derive(Debug, Args)]
struct Schedule {
    #[command(flatten)]
    master: MasterOption,
    /// When it begins, in UTC, such as 2030-12-01T02:00:00Z. Default: now.
    #[arg(long, value_name = "DATE", value_parser = humantime::parse_rfc3339_weak, conflicts_with = "within")]
    start: Option<SystemTime>,
    /// How long from now it begins.
    #[arg(long = "in", value_name = "TIME", value_parser = humantime::parse_duration)]
    within: Option<Duration>,
    /// How long it takes. Default: until it is cancelled or the agent reactivated.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// The agents, by id or hostname.
    #[arg(required = true, value_name = "AGENT")]
    agents: Vec<String>,
}

/// What `maintenance show` takes.
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    master: MasterOption,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `maintenance cancel` takes.
#[derive(Debug, Args)]
struct Cancel {
    #[command(flatten)]
    master: MasterOption,
    /// The agents, by id or hostname.
    #[arg(required = true, value_name = "AGENT")]
    agents: Vec<String>,
}

/// An agent with something planned.
struct Planned {
    agent: v1::AgentRecord,
    unavailability: v1::Unavailability,
}

impl Listed for Planned {
    const COLUMNS: &'static [&'static str] = &["agent", "hostname", "start", "end", "state"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.agent.id.clone(),
            hostname(&self.agent),
            date(self.unavailability.start_ms),
            self.unavailability.end_ms.map_or_else(|| "-".to_owned(), date),
            condition(&self.agent),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "agent_id": self.agent.id, "hostname": hostname(&self.agent), "state": condition(&self.agent),
            "unavailability": unavailability(self.unavailability),
        })
    }
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    match options.action {
        Action::Schedule(options) => schedule(options).await?,
        Action::Show(options) => show(options).await?,
        Action::Cancel(options) => {
            let mut operator = options.master.operator();
            let agents = find_agents(&mut operator, &options.agents).await?;
            operator.cancel_maintenance(&agents).await?;
            eprintln!("no maintenance is planned for {}", agents.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn schedule(options: Schedule) -> Result<()> {
    let now = SystemTime::now();
    let planned = plan(now, options.start, options.within, options.duration).map_err(usage)?;
    let mut operator = options.master.operator();
    let agents = find_agents(&mut operator, &options.agents).await?;
    let request = v1::ScheduleMaintenanceRequest { agent_ids: agents.clone(), unavailability: Some(planned) };
    operator.schedule_maintenance(request).await?;
    let end = planned.end_ms.map_or_else(String::new, |end| format!(" until {}", date(end)));
    eprintln!("maintenance of {} is planned from {}{end}", agents.join(", "), date(planned.start_ms));
    Ok(())
}

async fn show(options: Show) -> Result<()> {
    let agents = options.master.operator().agents().await?;
    let planned: Vec<Planned> = agents
        .into_iter()
        .filter_map(|agent| agent.unavailability.map(|unavailability| Planned { agent, unavailability }))
        .collect();
    Ok(Output::new(options.json).list(&planned)?)
}

/// What is planned, if it is not over already.
fn plan(
    now: SystemTime,
    start: Option<SystemTime>,
    within: Option<Duration>,
    duration: Option<Duration>,
) -> Result<v1::Unavailability, String> {
    let too_far = || "maintenance: it is too far away; name a nearer date".to_owned();
    let start = start.or(now.checked_add(within.unwrap_or_default())).ok_or_else(too_far)?;
    let end = duration.map(|duration| start.checked_add(duration).ok_or_else(too_far)).transpose()?;
    if duration.is_some_and(|duration| duration < Duration::from_millis(1)) {
        return Err("--for: must be longer than that; leave it out for maintenance without an end".to_owned());
    }
    if let Some(end) = end.filter(|end| *end <= now) {
        return Err(format!("--start: this maintenance was over at {}", date(milliseconds(end))));
    }
    Ok(v1::Unavailability { start_ms: milliseconds(start), end_ms: end.map(milliseconds) })
}

fn milliseconds(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// The latest moment that can be written as a date.
const DATE_MAX: Duration = Duration::from_secs(253_402_300_799);

fn date(milliseconds: u64) -> String {
    let since = Duration::from_millis(milliseconds).min(DATE_MAX);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

fn hostname(agent: &v1::AgentRecord) -> String {
    agent.info.as_ref().map(|info| info.hostname.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_or_takes_no_time_is_not_planned() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let second = Duration::from_secs(1);
        let planned = plan(now, None, Some(second), Some(second * 2)).unwrap();
        assert_eq!((planned.start_ms, planned.end_ms), (1_000_001_000, Some(1_000_003_000)));
        assert_eq!(plan(now, Some(now - second), None, None).unwrap().end_ms, None, "it has begun and does not end");
        let over = plan(now, Some(now - second * 2), None, Some(second)).unwrap_err();
        assert_eq!(over, "--start: this maintenance was over at 1970-01-12T13:46:39Z");
        assert!(plan(now, None, None, Some(Duration::ZERO)).unwrap_err().starts_with("--for: "));
    }

    #[test]
    fn any_date_can_be_written() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
