//! The templates, each of which an operator can override.

use std::fmt;

/// A part of the configuration with a template of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Global settings, defaults and the statistics.
    Head,
    /// The users of one service.
    Userlist,
    /// Virtual hosts over plain HTTP.
    HttpFrontend,
    /// Virtual hosts over TLS.
    HttpsFrontend,
    /// How both find the backend.
    Routing,
    /// Requests with `X-Marathon-App-Id`.
    AppidFrontend,
    /// The port of one service.
    Frontend,
    /// One service, without its servers.
    Backend,
    /// The words after a server's address: one line.
    ServerOptions,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 9] = [
        Self::Head,
        Self::Userlist,
        Self::HttpFrontend,
        Self::HttpsFrontend,
        Self::Routing,
        Self::AppidFrontend,
        Self::Frontend,
        Self::Backend,
        Self::ServerOptions,
    ];

    /// The name of its file.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Head => "head.cfg",
            Self::Userlist => "userlist.cfg",
            Self::HttpFrontend => "http_frontend.cfg",
            Self::HttpsFrontend => "https_frontend.cfg",
            Self::Routing => "routing.cfg",
            Self::AppidFrontend => "appid_frontend.cfg",
            Self::Frontend => "frontend.cfg",
            Self::Backend => "backend.cfg",
            Self::ServerOptions => "server_options.cfg",
        }
    }

    /// The template that is used unless the operator gives another.
    #[must_use]
    pub fn default_text(self) -> &'static str {
        match self {
            Self::Head => include_str!("../../templates/head.cfg"),
            Self::Userlist => include_str!("../../templates/userlist.cfg"),
            Self::HttpFrontend => include_str!("../../templates/http_frontend.cfg"),
            Self::HttpsFrontend => include_str!("../../templates/https_frontend.cfg"),
            Self::Routing => include_str!("../../templates/routing.cfg"),
            Self::AppidFrontend => include_str!("../../templates/appid_frontend.cfg"),
            Self::Frontend => include_str!("../../templates/frontend.cfg"),
            Self::Backend => include_str!("../../templates/backend.cfg"),
            Self::ServerOptions => include_str!("../../templates/server_options.cfg"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file_name())
    }
}

/// A template that cannot be used. The new configuration is refused; the last one stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {part}{}: {why}", .line.map(|line| format!(" line {line}")).unwrap_or_default())]
pub struct TemplateError {
    /// The template.
    pub part: Part,
    /// The line in it.
    pub line: Option<usize>,
    /// What is wrong.
    pub why: String,
}

impl TemplateError {
    pub(super) fn of(part: Part, error: &minijinja::Error) -> Self {
        let why = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        Self { part, line: error.line(), why }
    }
}
