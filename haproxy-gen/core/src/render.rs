//! The model as text: the configuration of HAProxy and its maps.

mod blame;
mod lines;
mod maps;
mod params;
mod parts;
mod renderer;
mod topology;
mod view;

pub use blame::blame;
pub use maps::{Map, Maps, parse_map};
pub use params::Params;
pub use parts::{Part, TemplateError};
pub use renderer::{Rendered, Renderer};
pub use topology::{Change, Topology};

pub(crate) use lines::{add_server, server_target};

#[cfg(test)]
mod tests;
