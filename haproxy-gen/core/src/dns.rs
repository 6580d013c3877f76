//! Names for what runs, in the way of Mesos-DNS: `web.marathon.proffer` has the addresses of the app `/web`,
//! `_web._tcp.marathon.proffer` also its ports; groups come reversed, as in `web.shop.marathon.proffer`.

mod machines;
mod name;
mod options;
mod records;
mod tasks;
mod zone;

pub use machines::{Agent, Master};
pub use name::Name;
pub use options::{DnsOptions, Unnamed};
pub use records::{Kind, Record};
pub use zone::{Answer, Zone};

#[cfg(test)]
mod tests;
