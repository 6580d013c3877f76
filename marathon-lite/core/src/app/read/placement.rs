//! Constraints and roles.

use crate::{
    app::{AppUpdate, Constraint, Operator, PREFERRED_PREFIX},
    json::{Fields, Item},
};
use serde_json::Value;

pub(super) fn read(fields: &Fields<'_>, update: &mut AppUpdate) {
    update.constraints = fields.read("constraints", |item| item.each(constraint));
    update.accepted_resource_roles = fields.read("acceptedResourceRoles", |item| {
        let roles = item.each(Item::filled)?;
        if roles.is_empty() {
            item.refuse("must not be empty; leave it out for the framework's default");
        }
        Some(roles.into_iter().collect())
    });
}

/// `[field, operator]` or `[field, operator, value]`; numbers and truth values are taken as their text.
fn constraint(item: &Item<'_>) -> Option<Constraint> {
    let parts = item.list()?;
    if !(2..=3).contains(&parts.len()) {
        item.refuse("Each constraint must have either 2 or 3 fields");
        return None;
    }
    let field = parts[0].filled()?;
    let name = parts[1].text()?;
    let value = match parts.get(2) {
        None => None,
        Some(part) if part.value.is_null() => None,
        Some(part) => Some(value_text(part)?),
    };
    constraint_of(item, &field, name, value)
}

/// A constraint from its parts.
pub(crate) fn constraint_of(item: &Item<'_>, field: &str, name: &str, value: Option<String>) -> Option<Constraint> {
    let Some(operator) = Operator::named(name) else {
        item.refuse(format!("Operator must be one of the following {}", operators_text()));
        return None;
    };
    let (field, preferred) = match field.strip_prefix(PREFERRED_PREFIX) {
        Some(field) => (field, true),
        None => (field, false),
    };
    if field.is_empty() {
        item.refuse("the field of a constraint must not be empty; write 'hostname' or the name of an attribute");
    }
    let value = value.filter(|value| !(value.is_empty() && operator != Operator::Is));
    let whole = value.as_deref().map(|value| value.parse::<u32>().is_ok_and(|value| value > 0));
    match (operator, whole) {
        (Operator::Unique, Some(_)) => item.refuse("Value specified but not used"),
        (Operator::Like | Operator::Unlike, None) => item.refuse("A regular expression value must be provided"),
        (Operator::MaxPer, None) => item.refuse("MAX_PER was selected but no value specified"),
        (Operator::MaxPer | Operator::GroupBy, Some(false)) => {
            item.refuse(format!("Value was specified for {} but is not a number above 0", operator.name()));
        }
        (Operator::Is, None) => item.refuse("IS was selected but no value specified"),
        _ => {}
    }
    Some(Constraint { field: field.to_owned(), operator, value, preferred })
}

/// The operators, for messages.
fn operators_text() -> String {
    Operator::ALL.map(Operator::name).join(", ")
}

fn value_text(part: &Item<'_>) -> Option<String> {
    match part.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").map(str::to_owned).unwrap_or(text))
        }
        Value::Bool(flag) => Some(flag.to_string()),
        _ => part.misshapen("error.expected.jsstring"),
    }
}
