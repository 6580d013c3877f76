//! Traffic as a function of what runs: from the answers of Marathon's API to a configuration of HAProxy, to the commands
//! that bring a running HAProxy there, and to the records of a name server.
//!
//! ```text
//!   answers, events          labels                 templates         HAProxy's own word
//!         |                    |                        |                     |
//!         v                    v                        v                     v
//!      source  -- Known -->  model  -- Model -->  render  -- Rendered -->  apply -> Plan: commands, or why to reload
//!         |                                                                 drain -> who is free of sessions
//!         `------------->  dns  -> Zone: records
//! ```
//!
//! **Architecture invariant:** no clock, no chance, no disk, no socket, no logging. What is wrong with an app is a
//! [`model::Report`], and takes out that app or port alone.
//!
//! **Architecture invariant:** what a person wrote into a label reaches a configuration only as a value of a type that
//! cannot hold a space, a quote or a line end.
pub mod apply;
pub mod dns;
pub mod labels;
pub mod model;
pub mod render;
pub mod source;
