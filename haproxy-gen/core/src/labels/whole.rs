//! Labels about a whole app.

use super::{
    fault::Bad,
    value::{items, name, number, port, shown},
};

/// What the labels say about a whole app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppLabels {
    /// HAPROXY_GROUP: the load balancers it belongs to.
    pub groups: Vec<String>,
    /// HAPROXY_APP_ID: the id by which clients ask for it, if that is not its own.
    pub id: Option<String>,
    /// HAPROXY_DEPLOYMENT_*: its part in a blue/green deployment.
    pub deployment: Deployment,
}

/// An app's part in a blue/green deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// GROUP: what the two apps have in common.
    pub group: Option<String>,
    /// ALT_PORT: the service port of the other one, since Marathon gives each port once.
    pub alternate_port: Option<u16>,
    /// COLOUR.
    pub colour: Option<String>,
    /// STARTED_AT: when it began, in the form of ISO 8601, which sorts by time.
    pub started: Option<String>,
    /// TARGET_INSTANCES: how many instances there are to be in the end.
    pub target: Option<u32>,
    /// NEW_INSTANCES: how many of them are to be new, in a deployment that stops half-way.
    pub new: Option<u32>,
}

impl AppLabels {
    /// Takes one label; false if there is none of that name.
    pub(super) fn take(&mut self, label: &str, text: &str) -> Result<bool, Bad> {
        let count = |text| Ok(u32::try_from(number(text, 0, 1_000_000)?).ok());
        let deployment = &mut self.deployment;
        match label {
            "GROUP" => self.groups = items(text).map(name).collect::<Result<_, _>>()?,
            "APP_ID" => self.id = Some(name(text)?),
            "DEPLOYMENT_GROUP" => deployment.group = Some(backend_name(text)?),
            "DEPLOYMENT_ALT_PORT" => deployment.alternate_port = Some(port(text)?),
            "DEPLOYMENT_COLOUR" => deployment.colour = Some(name(text)?),
            "DEPLOYMENT_STARTED_AT" => deployment.started = Some(time(text)?),
            "DEPLOYMENT_TARGET_INSTANCES" => deployment.target = count(text)?,
            "DEPLOYMENT_NEW_INSTANCES" => deployment.new = count(text)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A name that becomes a backend's: slashes as in an app's id become underscores.
fn backend_name(text: &str) -> Result<String, Bad> {
    let name = name(text)?;
    let stem = name.trim_matches('/').replace('/', "_");
    if stem.is_empty() {
        return Err(Bad::new(
            format!("\"{}\" names nothing", shown(text)),
            "write a name of letters, digits and - _ .",
        ));
    }
    Ok(stem)
}

fn time(text: &str) -> Result<String, Bad> {
    let allowed = |byte: u8| byte.is_ascii_digit() || b"-:.TZ+".contains(&byte);
    if text.len() > 40 || text.len() < 10 || !text.bytes().all(allowed) {
        let why = format!("\"{}\" is not a time", shown(text));
        return Err(Bad::new(why, "write it as 2026-01-31T12:00:00.000000"));
    }
    Ok(text.to_owned())
}
