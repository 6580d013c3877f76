//! What is run over which inputs.

use crate::Environment;
use proffer_framework::{InvalidTask, TaskInfo, task};
use std::path::PathBuf;

/// Longest name of a task made from its input.
const NAME_CHARS_MAX: usize = 60;

/// What is run over which inputs.
#[derive(Debug, Clone)]
pub struct Job {
    /// The framework's name.
    pub name: String,
    /// The role whose offers are used; none: `*`.
    pub role: Option<String>,
    /// The command. `{}` in it stands for the input; without one, the input is appended.
    pub command: Vec<String>,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The Docker image; none: plain processes.
    pub docker: Option<String>,
    /// Processors for each task.
    pub cpus: f64,
    /// MiB for each task.
    pub mem: f64,
    /// How often a failed input is tried again.
    pub retries: u32,
    /// The environment of each task.
    pub environment: Environment,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What the command gets.
    pub argument: String,
    /// What a container needs to see of the agent's files.
    pub mount: Option<Mount>,
}

/// A file or directory of the agent that a container sees, for reading, under the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount(pub PathBuf);

impl Input {
    /// An input that is no file.
    pub fn text(argument: impl Into<String>) -> Self {
        Self { argument: argument.into(), mount: None }
    }

    /// A file, which every agent must see under this absolute path.
    #[must_use]
    pub fn file(path: PathBuf) -> Self {
        Self { argument: path.to_string_lossy().into_owned(), mount: Some(Mount(path)) }
    }
}

impl Job {
    /// The task for one attempt at one input.
    pub(crate) fn task(&self, index: usize, attempt: u32) -> Result<TaskInfo, InvalidTask> {
        let input = &self.inputs[index];
        let name: String = input.argument.chars().take(NAME_CHARS_MAX).collect();
        let mut built = task(format!("{index}.{attempt}"))
            .name(name)
            .command(fill(&self.command, &input.argument))
            .cpus(self.cpus)
            .mem(self.mem);
        for (name, value) in &self.environment {
            built = built.env(name, value);
        }
        if let Some(image) = &self.docker {
            built = built.docker(image);
            if let Some(Mount(path)) = &input.mount {
                let path = path.to_string_lossy();
                built = built.volume(&*path, &*path, true);
            }
        }
        built.build()
    }
}

/// Puts the input where `{}` stands, or at the end.
fn fill(command: &[String], input: &str) -> Vec<String> {
    let mut filled: Vec<String> = command.iter().map(|part| part.replace("{}", input)).collect();
    if !command.iter().any(|part| part.contains("{}")) {
        filled.push(input.to_owned());
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_stands_where_it_is_wanted() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(fill(&words("gzip -c"), "a"), ["gzip", "-c", "a"]);
        assert_eq!(fill(&words("cp {} {}.old"), "a"), ["cp", "a", "a.old"]);
    }
}
