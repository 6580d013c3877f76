//! Values of labels, each with the letters it may consist of.

use super::fault::Bad;
use std::fmt;

/// The longest value of any label. marathon-lb has no limit, but nothing that is not a template comes near it.
pub(super) const LONGEST: usize = 4_096;

/// Writes a foreign text so that it can be shown in one line: escaped and cut.
#[must_use]
pub fn shown(text: &str) -> String {
    const MOST: usize = 160;
    let mut line: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        line.push_str("...");
    }
    line
}

pub(super) fn flag(text: &str) -> Result<bool, Bad> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "0" => Ok(false),
        _ => Err(Bad::new(format!("\"{}\" is neither true nor false", shown(text)), "write true or false")),
    }
}

pub(super) fn number(text: &str, least: i64, most: i64) -> Result<i64, Bad> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(number) if plain && (least..=most).contains(&number) => Ok(number),
        _ => Err(Bad::new(
            format!("\"{}\" is not a whole number from {least} to {most}", shown(text)),
            format!("write a whole number from {least} to {most}"),
        )),
    }
}

pub(super) fn port(text: &str) -> Result<u16, Bad> {
    let number = number(text, 1, i64::from(u16::MAX))?;
    u16::try_from(number).map_err(|_| Bad::new("is not a port", "write a number from 1 to 65535"))
}

/// The parts of a list divided by commas; empty ones do not count.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(|item| item.trim_matches(' ')).filter(|item| !item.is_empty())
}

/// A name as groups and deployment groups have them. It may be part of a backend's name.
pub(super) fn name(text: &str) -> Result<String, Bad> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':');
    if text.is_empty() || text.len() > 255 || !text.bytes().all(allowed) {
        return Err(Bad::new(
            format!("\"{}\" is not a name", shown(text)),
            "use at most 255 letters, digits and - _ . / :",
        ));
    }
    Ok(text.to_owned())
}

/// The name of a virtual host, in lower case: `www.example.com`, or `*.example.com` for any one label before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    pub(super) fn parse(text: &str) -> Result<Self, Bad> {
        let host = text.to_ascii_lowercase();
        let labels = host.strip_prefix("*.").unwrap_or(&host);
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(letters);
        if host.len() > 253 || !labels.split('.').all(label) {
            return Err(Bad::new(
                format!("\"{}\" is not a host name", shown(text)),
                "write names such as www.example.com or *.example.com, without scheme, port and path",
            ));
        }
        Ok(Self(host))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for many names.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with('*')
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path of a URL, made of letters that mean nothing to HAProxy: neither in a pattern or a format, nor to its command
/// line, where a semicolon begins another command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UrlPath(String);

impl UrlPath {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/@:+,=&".contains(&byte);
        if !text.starts_with('/') || text.len() > 1_024 || !text.bytes().all(allowed) {
            return Err(format!(
                "\"{}\" is not a path: \"/\" and then letters, digits and - . _ ~ / @ : + , = &",
                shown(text)
            ));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn of_label(text: &str) -> Result<Self, Bad> {
        Self::parse(text).map_err(|why| Bad::new(why, "write a path such as /books, without query and escapes"))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A path and, maybe, a query, as health checks have.
    pub(crate) fn parse_with_query(text: &str) -> Result<Self, String> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = Self::parse(path)?;
        if query.is_empty() {
            return Ok(path);
        }
        Self::parse(&format!("/{}", query.replace('?', "/")))
            .map_err(|_| format!("\"{}\" has a query that HAProxy would read as more than text", shown(text)))?;
        Ok(Self(text.to_owned()))
    }

    /// The path as a regular expression that matches just it, without a slash at its end.
    #[must_use]
    pub fn pattern(&self) -> String {
        let mut pattern = String::new();
        for letter in self.0.trim_end_matches('/').chars() {
            match letter {
                '.' | '+' => pattern.extend(['[', letter, ']']),
                _ => pattern.push(letter),
            }
        }
        pattern
    }
}

impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The absolute path of a certificate on the load balancer's machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificatePath(String);

impl CertificatePath {
    /// Takes a path below one of the directories from which labels may name certificates.
    pub(super) fn parse(text: &str, roots: &[String]) -> Result<Self, Bad> {
        let remedy = format!("put the certificate below {} and write its absolute path", roots.join(" or "));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/@+".contains(&byte);
        let plain = text.starts_with('/') && text.len() <= 255 && text.bytes().all(allowed);
        if !plain || text.split('/').any(|part| part == "..") {
            return Err(Bad::new(
                format!("\"{}\" is not an absolute path of letters, digits and - . _ @ +", shown(text)),
                remedy,
            ));
        }
        let below =
            |root: &String| text.strip_prefix(root.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        if !roots.iter().any(below) {
            return Err(Bad::new(format!("\"{text}\" lies where labels may name no certificates"), remedy));
        }
        Ok(Self(text.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CertificatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
