//! Scripts: a world driven step by step, without random faults, and what it must come to.
//!
//! ```text
//! # A task runs on through the death of the only master.
//! # shows: the_master_knows_what_runs
//!
//! agent a1 cpus:4;mem:4096
//! framework alpha role=prod
//! run 3s
//! alpha accepts a1 t1=cpus:1
//! run 1s
//! show tasks
//! ----
//! t1 of alpha on a1: RUNNING 2; seen RUNNING; runs on a1
//!
//! # Later blocks go on where the ones before left the world.
//! crash m1
//! run 1m
//! show masters
//! ----
//! m1 down
//! ```
//!
//! A block is a paragraph: some commands, and, if they print something, a line `----` and the text that they print. The
//! form is that of CockroachDB's `datadriven`. With `UPDATE_GOLDEN=1` the test rewrites the texts. Comments name what a
//! script shows (`# shows: INVARIANT ...`), the row of DESIGN's section 8 that it plays (`# row: ...`), and the planted
//! faults that it must find (`# finds: SWITCH ...`).
//!
//! | command | what it does |
//! |---|---|
//! | `world masters=2 offer_timeout=30s event_ring=4 compacts` | builds the world otherwise than by default; first of all |
//! | `agent a1 cpus:4;mem:4096 [rack:r1]` | one more machine; its agent starts |
//! | `framework alpha [role=prod] [failover=120s] [minimum=cpus:3] [behaviour=greedy:4] [suppressed]` | one more framework; its scheduler starts |
//! | `run 5s` | time passes |
//! | `rest` | time passes until everything has found its place |
//! | `crash m1`, `a1`, `alpha`, `executors a1` | a process dies |
//! | `start m1`, `a1`, `alpha` | a process starts again; a scheduler as the same incarnation |
//! | `takeover alpha` | another scheduler comes for the framework |
//! | `reboot a1` | the machine loses its memory; `start a1` afterwards |
//! | `resize a1 cpus:2` | the agent describes itself so from its next start on |
//! | `cut a1 [m1]`, `heal a1`, `heal all` | nothing passes between a host and the masters, or another; a scheduler's host is `s1` or its framework; ZooKeeper is one |
//! | `stall m1 20s` | a master does nothing, and nobody notices |
//! | `depose 20s` | ZooKeeper ends the leader's session, and the leader is cut off from it for so long |
//! | `replace session m1` | ZooKeeper ends a master's session, and its client goes on with another without a word |
//! | `crash zookeeper minority`, `leader`, `whole`; `start zookeeper` | servers of ZooKeeper are gone; it serves again |
//! | `wipe zookeeper` | everything that ZooKeeper kept is gone |
//! | `fail log` | a write of the leader fails, and its term ends |
//! | `mount other` | the single master finds another directory; it must be down |
//! | `disk 5s` | from now on a write takes so long (of an agent's journal: a quarter) |
//! | `clock m1 3600` | a master's wall clock is off by so many seconds |
//! | `turn a1 to m1` | the agent takes this master for the leader |
//! | `lose`, `double` or `delay launch to a1 [by 5s] [times=2]` | what is done to the next message of this name |
//! | `alpha [raw] accepts a1 t1=cpus:1 [+ a2 t2=cpus:1] [for=10s] [exit=1] [group] [own] [whole] [refuse=5s]` | uses the offers held of an agent, or an offer by its id; `raw`: without the SDK, with `request=` |
//! | `alpha declines a1 [for=5s]`, `suppresses`, `revives [role]`, `kills t1 [grace=1s]`, `reconciles [t1]`, `quits`, `stops` | other calls, all of them also `raw` |
//! | `alpha explains itself`, `task t1`, `shape cpus:8` | asks why |
//! | `operator limits prod cpus:2`, `weighs prod 2000`, `kills t1`, `removes alpha`, `locates t1`, `explains alpha` | what operators ask |
//! | `show masters`, `agents`, `schedulers`, `tasks`, `offers`, `log`, `state` | prints how things stand |
//! | `trace updates offers ...` | prints what happened since the last `trace`, of these topics ([`trace::Topic`]) |

mod act;
mod ask;
mod file;
mod operate;
mod report;
mod stage;
pub mod trace;
mod words;

pub use file::{Block, Script};
pub use report::{Failure, Mismatch, run};
pub use stage::{Stage, Wrong};
