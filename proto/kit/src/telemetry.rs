//! Logs: to stderr, as text for people or JSON for programs.

use clap::{Args, ValueEnum};
use serde::Deserialize;
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt::MakeWriter};

/// How logs look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogOptions {
    /// What is logged: a level, or levels by module such as `info,master=debug`.
    #[arg(long, env = "PROFFER_LOG", default_value = "info", value_name = "FILTER", global = true)]
    pub log: String,
    /// How logs look.
    #[arg(long, env = "PROFFER_LOG_FORMAT", default_value = "text", value_name = "FORMAT", global = true)]
    pub log_format: LogFormat,
}

/// Why logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter does not read.
    #[error("--log: {filter:?} is no filter such as info or info,master=debug")]
    Filter {
        /// The text.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { log: "info".to_owned(), log_format: LogFormat::Text }
    }
}

/// Begins logging for the whole process. A second call changes nothing.
///
/// # Errors
/// If the filter does not read.
pub fn begin(options: &LogOptions) -> Result<(), Error> {
    begin_to(options, std::io::stderr)
}

fn begin_to<W>(options: &LogOptions, writer: W) -> Result<(), Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let wrong = |source| Error::Filter { filter: options.log.clone(), source };
    let filter = EnvFilter::builder().parse(&options.log).map_err(wrong)?;
    // ZooKeeper's client tells the passwords of its sessions; what goes wrong there is told by whoever uses it.
    let filter = filter.add_directive("zookeeper_async=off".parse().map_err(wrong)?);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).log_internal_errors(false);
    let _ = match options.log_format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_is_one_object_a_line() {
        let written = Written::default();
        let options = LogOptions { log: "warn,kit=debug".to_owned(), log_format: LogFormat::Json };
        let writer = written.clone();
        begin_to(&options, move || writer.clone()).unwrap();
        tracing::debug!(answer = 42, "as asked");
        tracing::info!(target: "other", "not asked for");
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["fields"]["answer"]), (&"DEBUG".into(), &42.into()));
    }

    #[test]
    fn a_filter_that_does_not_read_is_named() {
        let options = LogOptions { log: "info,=,".to_owned(), ..LogOptions::default() };
        let error = begin(&options).unwrap_err();
        assert!(error.to_string().starts_with("--log: \"info,=,\""), "{error}");
    }
}
