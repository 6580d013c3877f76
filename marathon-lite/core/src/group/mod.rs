//! The tree of groups, with the apps and pods in it.

mod changed;
mod node;
mod port_uses;
mod render;
mod request;
mod root;
mod service_ports;
mod settle;
mod update;
mod versions;

pub use changed::Changed;
pub use node::Group;
pub use render::{Embed, Extras};
pub use request::{GroupChange, change};
pub use root::Root;
pub use settle::settle;
pub use update::{GroupUpdate, read};
pub use versions::restarted;
