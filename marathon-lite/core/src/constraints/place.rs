//! What constraints see of an agent.

use crate::instances::Instance;
use proto_types::{AgentInfo, Attributes, attributes::AttributeValue};
use std::borrow::Cow;

/// An agent, as far as constraints look at it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// `hostname` and `@hostname`.
    pub host: &'a str,
    /// Every other field.
    pub attributes: &'a Attributes,
    /// `@region`.
    pub region: Option<&'a str>,
    /// `@zone`.
    pub zone: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The text of a field; none: the agent has no such thing.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<Cow<'a, str>> {
        match field {
            "hostname" | "@hostname" => Some(Cow::Borrowed(self.host)),
            "@region" => self.region.map(Cow::Borrowed),
            "@zone" => self.zone.map(Cow::Borrowed),
            name => {
                let attribute = self.attributes.0.iter().find(|attribute| attribute.name == name)?;
                Some(match &attribute.value {
                    AttributeValue::Text(text) => Cow::Borrowed(text),
                    other => Cow::Owned(other.to_string()),
                })
            }
        }
    }
}

impl<'a> From<&'a AgentInfo> for Place<'a> {
    fn from(agent: &'a AgentInfo) -> Self {
        Self {
            host: &agent.hostname,
            attributes: &agent.attributes,
            region: agent.region.as_deref(),
            zone: agent.zone.as_deref(),
        }
    }
}

impl<'a> From<&'a Instance> for Place<'a> {
    fn from(instance: &'a Instance) -> Self {
        Self {
            host: &instance.host,
            attributes: &instance.attributes,
            region: instance.region.as_deref(),
            zone: instance.zone.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_types::resources::parse_attributes;

    #[test]
    fn fields_are_read_as_text() {
        let attributes = parse_attributes("rack:r1;cores:8.50;ids:[3-4,1-1];rack:r2").unwrap();
        let place = Place { host: "h1", attributes: &attributes, region: Some("eu"), zone: None };
        for (field, expected) in [
            ("hostname", Some("h1")),
            ("@hostname", Some("h1")),
            ("@region", Some("eu")),
            ("@zone", None),
            ("rack", Some("r1")),
            ("cores", Some("8.5")),
            ("ids", Some("[1-1,3-4]")),
            ("none", None),
        ] {
            assert_eq!(place.text(field).as_deref(), expected, "{field}");
        }
    }
}
