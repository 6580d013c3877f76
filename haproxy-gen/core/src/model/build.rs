//! From what runs to what HAProxy is to do.

use super::{
    Options, PortKey, Report, Routes, Service,
    assign::assign,
    deployment::{Candidate, Labelled, join},
    health::{Asked, check_of},
    routes::route,
    selection::is_selected,
    servers::{Common, servers_of},
};
use crate::{
    labels::{Balance, Effect, Mode, PortLabels, parse, shown},
    source::{App, AppId},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What HAProxy is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// The services, by the name of their backend.
    pub services: BTreeMap<String, Service>,
    /// Which names and paths lead to them.
    pub routes: Routes,
    /// Service ports that were given to services without one; to be given back with the next [`Options`].
    pub assigned: BTreeMap<PortKey, u16>,
}

/// A model, and what of the apps did not find its way into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// The model.
    pub model: Model,
    /// What was left out or done otherwise, by app.
    pub reports: Vec<Report>,
}

/// Builds the model of these apps. Same apps and options, same model: two load balancers agree.
#[must_use]
pub fn build(apps: &BTreeMap<AppId, Arc<App>>, options: &Options) -> Built {
    let mut built = Built::default();
    let labelled = apps.values().filter_map(|app| read_labels(app, options, &mut built.reports)).collect();
    let candidates = join(labelled, &mut built.reports);
    let chosen = choose(&candidates, options);
    let named: BTreeSet<u16> = chosen.iter().filter_map(|choice| choice.port).collect();
    let wanting: Vec<PortKey> = chosen.iter().filter(|choice| choice.port.is_none()).map(Choice::key).collect();
    let assigned = assign(&wanting, &named, options);
    for choice in chosen {
        let port = choice.port.or_else(|| assigned.get(&choice.key()).copied().flatten());
        let Some(port) = port else {
            built.reports.push(choice.report(
                "servicePort",
                none_left(options),
                "make the range larger, or name a port",
            ));
            continue;
        };
        if choice.port.is_none() {
            built.model.assigned.insert(choice.key(), port);
        }
        if let Some((label, why, remedy)) = refusal(&choice, port, options, &built.model.services) {
            built.reports.push(choice.report(&label, why, remedy));
            continue;
        }
        let service = serve(&choice, port, options, &mut built.reports);
        built.model.services.insert(service.name.clone(), service);
    }
    built.model.routes = route(&built.model.services, &mut built.reports);
    built.reports.sort_by(|one, other| (&one.app, one.port, &one.label).cmp(&(&other.app, other.port, &other.label)));
    built
}

/// A port that is to be served.
struct Choice<'a> {
    candidate: &'a Candidate,
    index: u32,
    labels: PortLabels,
    /// The service port, if it has one.
    port: Option<u16>,
}

impl Choice<'_> {
    fn app(&self) -> &App {
        &self.candidate.current.app
    }

    fn key(&self) -> PortKey {
        (self.app().id.clone(), self.index)
    }

    fn name(&self, port: u16) -> String {
        let group = self.candidate.current.labels.app.deployment.group.as_ref();
        format!("{}_{port}", group.cloned().unwrap_or_else(|| self.app().id.stem()))
    }

    fn report(&self, label: &str, why: String, remedy: &str) -> Report {
        Report {
            app: self.app().id.clone(),
            port: Some(self.index),
            label: label.to_owned(),
            why,
            remedy: remedy.to_owned(),
            effect: Effect::PortLeftOut,
        }
    }
}

fn read_labels(app: &Arc<App>, options: &Options, reports: &mut Vec<Report>) -> Option<Labelled> {
    let parsed = parse(&app.labels, app.ports.len(), &options.policy);
    let all = 0..u32::try_from(app.ports.len()).unwrap_or(u32::MAX);
    let left_out = all.filter(|index| parsed.leaves_out(*index)).collect();
    let is_left_out = parsed.is_left_out();
    reports.extend(parsed.faults.into_iter().map(|fault| Report::of(&app.id, fault)));
    (!is_left_out).then(|| Labelled { app: app.clone(), labels: parsed.labels, left_out })
}

/// The ports to serve, those of the app whose id comes first first.
fn choose<'a>(candidates: &'a [Candidate], options: &Options) -> Vec<Choice<'a>> {
    let mut chosen = Vec::new();
    for candidate in candidates {
        let current = &candidate.current;
        for (index, app_port) in (0_u32..).zip(&current.app.ports) {
            let labels = current.labels.ports.get(&index).cloned().unwrap_or_default();
            let served = app_port.protocol.has_tcp() && !current.left_out.contains(&index);
            if served && is_selected(&current.labels.app, &labels, options) {
                let port = port_of(candidate, index, &labels);
                chosen.push(Choice { candidate, index, labels, port });
            }
        }
    }
    chosen
}

/// The port that clients use: the label's, else the former app's, so that it stays while a deployment goes on.
fn port_of(candidate: &Candidate, index: u32, labels: &PortLabels) -> Option<u16> {
    let former = candidate.former.iter().find_map(|former| {
        let label = former.labels.ports.get(&index).and_then(|labels| labels.port);
        label.or_else(|| service_port(&former.app, index))
    });
    labels.port.or(former).or_else(|| service_port(&candidate.current.app, index))
}

fn service_port(app: &App, index: u32) -> Option<u16> {
    app.ports.get(usize::try_from(index).ok()?)?.service
}

fn none_left(options: &Options) -> String {
    let (first, last) = (options.service_ports.start(), options.service_ports.end());
    format!("the app names no service port, and all from {first} to {last} are taken")
}

/// Why a port cannot be served as it is asked for: label, reason and remedy.
fn refusal(
    choice: &Choice<'_>,
    port: u16,
    options: &Options,
    services: &BTreeMap<String, Service>,
) -> Option<(String, String, &'static str)> {
    let label = |name: &str| format!("HAPROXY_{}_{name}", choice.index);
    let port_label = if choice.labels.port.is_some() { label("PORT") } else { "servicePort".to_owned() };
    if options.reserved_ports.contains(&port) {
        let why = format!("port {port} is the load balancer's own");
        return Some((port_label, why, "choose another service port"));
    }
    if choice.labels.auth.is_some() && mode_of(&choice.labels) == Mode::Tcp {
        let why = "in mode tcp nobody can be asked for a password".to_owned();
        return Some((label("AUTH"), why, "set the port's MODE to http, or a VHOST"));
    }
    let address = choice.labels.bind_address;
    let name = choice.name(port);
    let holder =
        services.values().find(|other| other.port == port && (other.address.meets(address) || other.name == name));
    if let Some(holder) = holder {
        let why = format!("port {port} already belongs to {}", holder.app);
        return Some((port_label, why, "choose another service port; the app whose id comes first has this one"));
    }
    if let Some(complaint) = options.refused.get(&name) {
        let why = format!("HAProxy refuses what the labels ask for: {}", shown(complaint));
        return Some((label("*"), why, "look at the labels of this port; it is tried again when they change"));
    }
    for (name, files) in [("SSL_CERT", &choice.labels.certificates), ("BIND_OPTIONS", &choice.labels.bind_files)] {
        for file in files {
            if let Some(why) = options.unusable_certificates.get(file.as_str()) {
                return Some((label(name), format!("{file} cannot be used: {why}"), "put a readable file there"));
            }
        }
    }
    None
}

fn mode_of(labels: &PortLabels) -> Mode {
    if labels.vhosts.is_empty() { labels.mode.unwrap_or(Mode::Tcp) } else { Mode::Http }
}

fn serve(choice: &Choice<'_>, port: u16, options: &Options, reports: &mut Vec<Report>) -> Service {
    let labels = choice.labels.clone();
    let app = choice.app();
    let mode = mode_of(&labels);
    let (check, asked) = match check_of(app, choice.index, &labels, reports) {
        Some((check, asked)) => (Some(check), asked),
        None => (None, Asked::Same),
    };
    let weight = labels.server_weight.unwrap_or(options.server_weight);
    // A cookie needs HTTP.
    let sticky = labels.sticky && mode == Mode::Http;
    let common = Common { index: choice.index, asked, weight, sticky, options };
    Service {
        name: choice.name(port),
        asked_as: asked_as(choice),
        app: app.id.clone(),
        index: choice.index,
        port,
        address: labels.bind_address,
        bind_options: labels.bind_options.clone(),
        certificates: labels.certificates.clone(),
        mode,
        balance: balance(choice, mode, reports),
        sticky,
        precedence: labels.precedence.filter(|weight| *weight != 0).unwrap_or(i32::from(labels.path.is_some())),
        vhosts: labels.vhosts,
        path: labels.path.filter(|path| path.as_str() != "/"),
        auth: labels.auth,
        allowed: labels.allowed,
        redirect_to_https: labels.redirect_to_https,
        hsts: labels.hsts,
        proxypass: labels.proxypass,
        revproxy: labels.revproxy,
        redirect: labels.redirect,
        check,
        servers: servers_of(choice.candidate, &common, reports),
    }
}

/// Clients write the id with its leading slash; the label may lack it.
fn asked_as(choice: &Choice<'_>) -> String {
    let id = choice.candidate.current.labels.app.id.as_deref().unwrap_or_else(|| choice.app().id.as_str());
    format!("/{}", id.trim_start_matches('/'))
}

/// How connections are spread, in a way that lets servers come and go.
fn balance(choice: &Choice<'_>, mode: Mode, reports: &mut Vec<Report>) -> Balance {
    let wanted = choice.labels.balance.clone().unwrap_or(Balance::ROUND_ROBIN);
    let why = if !wanted.is_dynamic() {
        "takes no servers while HAProxy runs"
    } else if wanted.needs_http() && mode == Mode::Tcp {
        "reads HTTP, and the port is in mode tcp"
    } else {
        return wanted;
    };
    let mut report = choice.report(
        &format!("HAPROXY_{}_BALANCE", choice.index),
        format!("{wanted} {why}"),
        "choose another way; roundrobin is used",
    );
    report.effect = Effect::Ignored;
    reports.push(report);
    Balance::ROUND_ROBIN
}
