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
    let texts = arguments.iter().map(|argument| argument.to_string_lossy());
    let before_command = texts.take_while(|argument| argument != "--").collect::<Vec<_>>();
    let position =
        before_command.iter().position(|argument| argument == "--config" || argument.starts_with("--config="))?;
    match before_command[position].strip_prefix("--config=") {
        Some(path) => Some(PathBuf::from(path)),
        None => before_command.get(position + 1).map(|path| PathBuf::from(path.as_ref())),
    }
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
    let named = |given: &OsString| {
        let given = given.to_string_lossy();
        given == long || given.strip_prefix(&long).is_some_and(|rest| rest.starts_with('='))
    };
    arguments.iter().any(named) || argument.get_env().is_some_and(|name| std::env::var_os(name).is_some())
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
            .arg(Arg::new("master").long("master").action(ArgAction::Append))
            .arg(Arg::new("cpus").long("ping-misses"))
            .arg(Arg::new("insecure").long("insecure").action(ArgAction::SetTrue))
            .arg(Arg::new("config").long("config"));
        clap::Command::new("proffer").subcommand(agent)
    }

    fn layered(file: &str, arguments: &[&str]) -> Result<Vec<String>, Error> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("proffer.toml");
        std::fs::write(&path, file).unwrap();
        let mut all = vec![OsString::from("proffer"), OsString::from("agent")];
        all.extend(arguments.iter().map(OsString::from));
        all.push(OsString::from(format!("--config={}", path.display())));
        let mut flags = layer(&command(), all)?;
        flags.pop();
        Ok(flags[2..].iter().map(|flag| flag.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = "master = [\"a:1\", \"b:2\"]\nping-misses = 3\ninsecure = true\n";
        assert_eq!(layered(file, &[]).unwrap(), ["--insecure", "--master=a:1", "--master=b:2", "--ping-misses=3"]);
        let given = layered(file, &["--master", "c:3"]).unwrap();
        assert_eq!(given, ["--insecure", "--ping-misses=3", "--master", "c:3"]);
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = layered("mater = \"a:1\"\n", &[]).unwrap_err();
        assert!(error.to_string().ends_with("there is no setting \"mater\""), "{error}");
        let error = layered("master = { a = 1 }\n", &[]).unwrap_err();
        assert!(error.to_string().contains("master must be"), "{error}");
    }
}
