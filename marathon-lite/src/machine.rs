//! What the shell needs of its core.

use marathon_lite_core::scheduler::{Config, Effect, Input, Marathon, View};
use proto_types::Now;

/// The core, as a function of state, time and input.
pub(crate) trait Machine: Send + Sized + 'static {
    /// The state that was stored, keys with values.
    ///
    /// # Errors
    /// What cannot be read.
    fn recover(config: Config, stored: Vec<(String, Vec<u8>)>, seed: u128, now: Now) -> Result<Self, String>;

    /// Takes an input in.
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>);

    /// What readers see. Cheap.
    fn view(&self) -> View;
}

impl Machine for Marathon {
    fn recover(config: Config, stored: Vec<(String, Vec<u8>)>, seed: u128, now: Now) -> Result<Self, String> {
        Self::recover(config, stored, seed, now).map_err(|error| error.to_string())
    }

    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.handle(now, input, effects);
    }

    fn view(&self) -> View {
        self.view()
    }
}
