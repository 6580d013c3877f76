//! Which cluster a client command talks to.

use clap::Args;
use proffer_framework::{MasterAddress, operator::Operator};

/// Which cluster a client command talks to.
#[derive(Debug, Clone, Args)]
pub(crate) struct MasterOption {
    /// A master, or several separated by commas; any will do, the leader is found through it.
    #[arg(
        long = "master",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        env = "PROFFER_MASTER",
        default_value = "127.0.0.1:5050"
    )]
    pub(crate) masters: Vec<MasterAddress>,
}

impl MasterOption {
    /// A client of the first master that answers; of the first named if none does, so that the failure names it.
    pub(crate) async fn operator(&self) -> Operator {
        let first = self.masters.first().cloned().unwrap_or_default();
        for master in self.masters.iter().skip(usize::from(self.masters.len() == 1)) {
            let mut operator = Operator::new(master.clone());
            if operator.cluster().await.is_ok() {
                return operator;
            }
        }
        Operator::new(first)
    }
}
