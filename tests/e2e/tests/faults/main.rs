//! Faults of processes, links, clocks and disks under real clusters; in the end the history of each is checked.

mod agents;
mod clocks;
mod directories;
mod engines;
mod links;
mod machines;
mod masters;
mod plans;
mod sabotage;
mod schedulers;
mod upgrades;
