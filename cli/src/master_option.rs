//! Which cluster a client command talks to.

use clap::Args;
use proffer_framework::{MasterAddress, operator::Operator};

/// Which cluster a client command talks to.
#[derive(Debug, Clone, Args)]
pub(crate) struct MasterOption {
    /// A master, or several separated by commas; any will do, the leader is found through it. Or the ZooKeeper that
    /// elects them: zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT ...]/PATH.
    #[arg(
        long = "master",
        value_name = "HOST:PORT",
        env = "PROFFER_MASTER",
        hide_env_values = true,
        default_value = "127.0.0.1:5050",
        value_parser = masters
    )]
    pub(crate) masters: Masters,
}

/// Masters, or their election.
#[derive(Debug, Clone)]
pub(crate) struct Masters(Vec<MasterAddress>);

impl std::ops::Deref for Masters {
    type Target = [MasterAddress];

    fn deref(&self) -> &[MasterAddress] {
        &self.0
    }
}

fn masters(text: &str) -> Result<Masters, proffer_framework::Error> {
    MasterAddress::list(text).map(Masters)
}

impl MasterOption {
    /// A client of whichever of them leads.
    pub(crate) fn operator(&self) -> Operator {
        Operator::of(self.masters.to_vec())
    }
}
