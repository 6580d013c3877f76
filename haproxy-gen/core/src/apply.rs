//! From the state in which HAProxy is to the one in which it is wanted: by commands of its Runtime API where that can
//! be, else by a reload, with the reason.

mod answer;
mod change;
mod command;
mod drain;
mod exchange;
mod maps;
mod plan;
mod processes;
mod servers;
mod state;
mod stats;

pub use answer::{Failed, answers};
pub use command::{Command, ServerKey};
pub use drain::{Drains, Policy};
pub use exchange::{Exchange, LONGEST as EXCHANGE_LONGEST};
pub use plan::{Applied, Plan, Reason, plan};
pub use processes::{Process, Processes, parse_processes};
pub use state::{Running, RunningServer, parse_map_dump, parse_servers, parse_stats};
pub use stats::{Unreadable, csv_rows};

#[cfg(test)]
mod tests;
