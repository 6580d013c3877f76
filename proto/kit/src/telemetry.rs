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
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let _ = match options.log_format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}
