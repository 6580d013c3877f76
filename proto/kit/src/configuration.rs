//! Layers of configuration: defaults, a TOML file, the environment, flags; the later wins.
//!
//! Flags and environment are clap's. A file is turned into flags that stand before those of the command line: what a
//! file may say is what flags may say, under the same names, checked by the same code.

use std::{ffi::OsString, path::PathBuf};
use toml::{Table, Value};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("--config: cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("--config: {} is not valid TOML", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
    /// It names something that the command does not know.
    #[error("--config: {}: there is no setting {key:?}", path.display())]
    Unknown {
        /// Which.
        path: PathBuf,
        /// What it names.
        key: String,
    },
    /// A value is neither a text, a number, a yes or no, nor a list of such.
    #[error("--config: {}: {key} must be a text, a number, true, false or a list of them", path.display())]
    Kind {
        /// Which.
        path: PathBuf,
        /// Of what.
        key: String,
    },
}

/// Puts what the file of `--config FILE` says in front of the flags of `command`'s subcommand, where neither a flag nor
/// the environment says otherwise. Without `--config`, the arguments as they are.
///
/// # Errors
/// What is wrong with the file, naming the key.
pub fn layer(command: &clap::Command, arguments: Vec<OsString>) -> Result<Vec<OsString>, Error> {
    let Some(path) = config_path(&arguments) else { return Ok(arguments) };
    let Some((position, subcommand)) = find_subcommand(command, &arguments) else { return Ok(arguments) };
    let text = std::fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let table: Table = text.parse().map_err(|source| Error::Parse { path: path.clone(), source })?;
    let mut flags = Vec::new();
    for (key, value) in table {
        let known = subcommand.get_arguments().find(|argument| argument.get_long() == Some(&key.replace('_', "-")));
        let Some(argument) = known else { return Err(Error::Unknown { path, key }) };
        if is_given(argument, &arguments) {
            continue;
        }
        flags.extend(flag(argument, &value).ok_or_else(|| Error::Kind { path: path.clone(), key })?);
    }
    let mut layered = arguments;
    layered.splice(position + 1..position + 1, flags);
    Ok(layered)
}

fn config_path(arguments: &[OsString]) -> Option<PathBuf> {
    let mut texts = own(arguments).map(|argument| argument.to_string_lossy());
    let given = texts.find(|argument| argument == "--config" || argument.starts_with("--config="))?;
    match given.strip_prefix("--config=") {
        Some(path) => Some(PathBuf::from(path)),
        None => texts.next().map(|path| PathBuf::from(path.as_ref())),
    }
}

/// The arguments that are ours: those behind `--` are of a command that we run.
fn own(arguments: &[OsString]) -> impl Iterator<Item = &OsString> {
    arguments.iter().take_while(|argument| *argument != "--")
}

fn find_subcommand<'a>(command: &'a clap::Command, arguments: &[OsString]) -> Option<(usize, &'a clap::Command)> {
    arguments
        .iter()
        .enumerate()
        .skip(1)
        .find_map(|(position, argument)| Some((position, command.find_subcommand(argument)?)))
}

fn is_given(argument: &clap::Arg, arguments: &[OsString]) -> bool {
    let long = format!("--{}", argument.get_long().unwrap_or_default());
    let short = argument.get_short().map(|letter| format!("-{letter}"));
    let named = |given: &OsString| {
        let given = given.to_string_lossy();
        given == long
            || given.strip_prefix(&long).is_some_and(|rest| rest.starts_with('='))
            || short.as_ref().is_some_and(|short| given.starts_with(short.as_str()))
    };
    own(arguments).any(named) || argument.get_env().is_some_and(|name| std::env::var_os(name).is_some())
}

/// The value as flags; none if it is of no kind that flags have.
fn flag(argument: &clap::Arg, value: &Value) -> Option<Vec<OsString>> {
    let long = format!("--{}", argument.get_long()?);
    let with = |text: String| vec![OsString::from(format!("{long}={text}"))];
    match value {
        Value::Boolean(yes) if !argument.get_action().takes_values() => {
            Some(if *yes { vec![OsString::from(long)] } else { Vec::new() })
        }
        Value::Array(values) => {
            let flags: Option<Vec<_>> = values.iter().map(|value| flag(argument, value)).collect();
            flags.map(|flags| flags.into_iter().flatten().collect())
        }
        Value::String(text) => Some(with(text.clone())),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => Some(with(value.to_string())),
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, ArgAction};

    fn command() -> clap::Command {
        let agent = clap::Command::new("agent")
            .arg(Arg::new("master").long("master").short('m').action(ArgAction::Append))
            .arg(Arg::new("misses").long("ping-misses"))
            .arg(Arg::new("home").long("home").env("HOME"))
            .arg(Arg::new("insecure").long("insecure").action(ArgAction::SetTrue))
            .arg(Arg::new("config").long("config"));
        clap::Command::new("proffer").subcommand(agent)
    }

    /// What stands between `agent` and the flag that names the file.
    fn layered(file: &str, arguments: &[&str]) -> Result<Vec<String>, Error> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("proffer.toml");
        std::fs::write(&path, file).unwrap();
        let config = format!("--config={}", path.display());
        let all = ["proffer", "agent", &config].into_iter().chain(arguments.iter().copied());
        let flags = layer(&command(), all.map(OsString::from).collect())?;
        let flags = flags[2..].iter().map(|flag| flag.to_string_lossy().into_owned());
        Ok(flags.filter(|flag| *flag != config).collect())
    }

    const FILE: &str = "master = [\"a:1\", \"b:2\"]\nping-misses = 3\ninsecure = true\n";

    #[test]
    fn flags_win_over_the_file() {
        assert_eq!(layered(FILE, &[]).unwrap(), ["--insecure", "--master=a:1", "--master=b:2", "--ping-misses=3"]);
        for flags in [["--master", "c:3"], ["--master=c:3", "--insecure"], ["-m", "c:3"], ["-mc:3", "--insecure"]] {
            let given = layered(FILE, &flags).unwrap();
            assert!(given.contains(&"--ping-misses=3".to_owned()) && !given.contains(&"--master=a:1".to_owned()));
            assert!(given.ends_with(&flags.map(str::to_owned)), "{given:?}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        assert_eq!(layered("home = \"/nowhere\"\n", &[]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_name_may_be_written_with_underscores() {
        assert_eq!(layered("ping_misses = 3\n", &[]).unwrap(), ["--ping-misses=3"]);
    }

    #[test]
    fn what_is_behind_two_dashes_is_not_ours() {
        let given = layered("ping-misses = 3\n", &["--", "sh", "--ping-misses=4", "--config=none"]).unwrap();
        assert_eq!(given, ["--ping-misses=3", "--", "sh", "--ping-misses=4", "--config=none"]);
        let others: Vec<OsString> = ["proffer", "agent", "--", "--config", "none"].map(OsString::from).into();
        assert_eq!(layer(&command(), others.clone()).unwrap(), others);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let message = |file| crate::exit::chain(&layered(file, &[]).unwrap_err());
        assert!(message("mater = \"a:1\"\n").ends_with("there is no setting \"mater\""));
        assert!(message("master = { a = 1 }\n").contains("master must be"));
        assert!(message("[agent]\nmaster = \"a:1\"\n").contains("there is no setting \"agent\""));
        assert!(message("master = \n").contains("is not valid TOML"));
        let missing: Vec<OsString> = ["proffer", "agent", "--config", "/nowhere.toml"].map(OsString::from).into();
        let error = layer(&command(), missing).unwrap_err();
        assert_eq!(error.to_string(), "--config: cannot read /nowhere.toml");
    }
}
