//! Process tasks of a real executor and a real launcher, which are this very program, started as their agent would.

mod harness;
mod taking_over;
mod tasks;
mod world;

use agent_executor::Options;
use std::{error::Error, path::Path, process::ExitCode};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["launcher", "--directory", directory, "--isolation", isolation] => {
            agent_executor::launcher(Path::new(directory), isolation.parse()?)?;
        }
        ["executor"] => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(agent_executor::run(Options::from_environment()?))?;
        }
        _ => return Ok(harness::run(&words, &[tasks::TESTS, taking_over::TESTS].concat())),
    }
    Ok(ExitCode::SUCCESS)
}
