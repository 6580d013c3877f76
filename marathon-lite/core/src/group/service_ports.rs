//! Service ports for apps that leave the choice to the server.

use super::Root;
use crate::{
    app::{AppDefinition, Timestamp},
    json::Refusal,
    support::Support,
};
use std::{collections::VecDeque, sync::Arc};

/// Gives every port 0 of changed apps a number: one that the app had, or else the lowest that is free.
pub(super) fn assign(before: &Root, after: &mut Root, version: Timestamp, support: &Support) -> Result<(), Refusal> {
    for change in after.changed_apps(before) {
        let Some(app) = change.after.filter(|app| app.service_ports().contains(&0)) else { continue };
        let mut app = AppDefinition::clone(&app);
        let mut had = ports_to_keep(&app, change.before.as_deref(), after, support);
        while let Some(index) = app.service_ports().iter().position(|port| *port == 0) {
            let port = had
                .pop_front()
                .or_else(|| after.free_service_port(support.local_port_min, support.local_port_max))
                .ok_or_else(|| exhausted(&app, support))?;
            set_service_port(&mut app, index, port);
            after.put_app(Arc::new(app.clone()), version);
        }
    }
    Ok(())
}

/// The numbers that the app had from the server, unless they are used again already.
fn ports_to_keep(
    app: &AppDefinition,
    before: Option<&AppDefinition>,
    after: &Root,
    support: &Support,
) -> VecDeque<u16> {
    let range = support.local_port_min..=support.local_port_max;
    let named = app.service_ports();
    let had = before.map(AppDefinition::service_ports).unwrap_or_default().into_iter();
    had.filter(|port| range.contains(port) && !named.contains(port) && after.service_port_uses(*port) == 0).collect()
}

fn set_service_port(app: &mut AppDefinition, index: usize, port: u16) {
    if app.uses_host_network() {
        app.port_definitions[index].port = port;
    } else if let Some(container) = &mut app.container {
        container.port_mappings[index].service_port = port;
    }
}

fn exhausted(app: &AppDefinition, support: &Support) -> Refusal {
    let (min, max) = (support.local_port_min, support.local_port_max);
    let field = if app.uses_host_network() { "/portDefinitions" } else { "/container/portMappings" };
    let why = format!("no service port from {min} to {max} is free; name one, or widen --local_port_min and -max");
    Refusal::invalid(field, why)
}
