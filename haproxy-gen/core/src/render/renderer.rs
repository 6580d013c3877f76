//! The templates at work.

use super::{Map, Maps, Params, Part, TemplateError, Topology, lines::server_line, view::ServiceView};
use crate::model::{Model, Service};
use minijinja::{Environment, Template, UndefinedBehavior, context, syntax::SyntaxConfig, value::Serde};
use std::collections::BTreeMap;

/// The name of the list of the apps' certificates, beside the maps.
const CRT_LIST: &str = "certificates.list";

/// A configuration, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text of `haproxy.cfg`.
    pub config: String,
    /// What is to be in the maps.
    pub maps: Maps,
    /// The text of the list of the apps' certificates, and its path; none if there are no such.
    pub certificates: Option<(String, String)>,
    /// What cannot change without a reload.
    pub topology: Topology,
    /// The words after a server's address, by backend: commands need them too.
    pub server_options: BTreeMap<String, String>,
}

/// The templates, checked.
#[derive(Debug, Clone)]
pub struct Renderer {
    texts: BTreeMap<Part, String>,
}

impl Renderer {
    /// Takes the operator's templates in place of our own.
    ///
    /// # Errors
    /// The template that cannot be read, and its line.
    pub fn new(overrides: BTreeMap<Part, String>) -> Result<Self, TemplateError> {
        let text = |part: Part| part.default_text().to_owned();
        let mut texts: BTreeMap<Part, String> = Part::ALL.into_iter().map(|part| (part, text(part))).collect();
        texts.extend(overrides);
        let renderer = Self { texts };
        renderer.compile(&environment())?;
        Ok(renderer)
    }

    /// Writes a model out.
    ///
    /// # Errors
    /// The template that failed, and its line; nothing is to be changed then.
    pub fn render(&self, model: &Model, params: &Params) -> Result<Rendered, TemplateError> {
        let environment = environment();
        let templates = self.compile(&environment)?;
        Draft::new(templates, params).render(model)
    }

    fn compile<'e>(
        &'e self,
        environment: &'e Environment<'e>,
    ) -> Result<BTreeMap<Part, Template<'e, 'e>>, TemplateError> {
        let compile = |(part, text): (&Part, &'e String)| {
            let template = environment.template_from_named_str(part.file_name(), text);
            Ok((*part, template.map_err(|error| TemplateError::of(*part, &error))?))
        };
        self.texts.iter().map(compile).collect()
    }
}

fn environment<'e>() -> Environment<'e> {
    let mut environment = Environment::new();
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // A misspelt name in an operator's template must not silently become nothing.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
}

/// A configuration that is being written.
struct Draft<'t> {
    templates: BTreeMap<Part, Template<'t, 't>>,
    params: &'t Params,
    /// The same for templates: made once.
    params_value: minijinja::Value,
    maps_value: minijinja::Value,
    rendered: Rendered,
}

impl<'t> Draft<'t> {
    fn new(templates: BTreeMap<Part, Template<'t, 't>>, params: &'t Params) -> Self {
        let path = |map: Map| map.path(&params.directory);
        let maps = context! { domains => path(Map::Domains), paths => path(Map::Paths), apps => path(Map::Apps) };
        let rendered = Rendered {
            config: String::new(),
            maps: Maps::default(),
            certificates: None,
            topology: Topology::default(),
            server_options: BTreeMap::new(),
        };
        Self { templates, params, params_value: minijinja::Value::from(Serde(params)), maps_value: maps, rendered }
    }

    fn render(mut self, model: &Model) -> Result<Rendered, TemplateError> {
        self.rendered.maps = Maps::of(&model.routes);
        let params = self.params_value.clone();
        let text = self.part(Part::Head, context! { params => params.clone() })?;
        self.section("head".to_owned(), &text);
        let views: Vec<(&Service, minijinja::Value)> = model
            .services
            .values()
            .map(|service| (service, minijinja::Value::from(Serde(ServiceView::of(service)))))
            .collect();
        for (service, view) in views.iter().filter(|(service, _)| service.auth.is_some()) {
            let text = self.part(Part::Userlist, context! { service => view.clone(), params => params.clone() })?;
            self.section(format!("userlist user_{}", service.name), &text);
        }
        self.frontends(model)?;
        for (service, view) in &views {
            self.service(service, view)?;
        }
        Ok(self.rendered)
    }

    /// The frontends that all services share.
    fn frontends(&mut self, model: &Model) -> Result<(), TemplateError> {
        let list = certificate_list(model);
        if !list.is_empty() && self.params.https_port.is_some() {
            let path = format!("{}/{CRT_LIST}", self.params.directory.trim_end_matches('/'));
            self.rendered.topology.put("list of certificates".to_owned(), &list);
            self.rendered.certificates = Some((path, list));
        }
        let crt_list = self.rendered.certificates.as_ref().map(|(path, _)| path.clone());
        let (params, maps) = (self.params_value.clone(), self.maps_value.clone());
        let routing = self.part(Part::Routing, context! { params => params.clone(), maps => maps.clone() })?;
        let routing = routing.trim_end_matches('\n');
        let encrypted = crt_list.is_some() || !self.params.certificates.is_empty();
        let wanted = [
            (Part::HttpFrontend, "frontend marathon_http_in", self.params.http_port.is_some()),
            (Part::AppidFrontend, "frontend marathon_http_appid_in", self.params.appid_port.is_some()),
            (Part::HttpsFrontend, "frontend marathon_https_in", self.params.https_port.is_some() && encrypted),
        ];
        for (part, name, _) in wanted.into_iter().filter(|(_, _, wanted)| *wanted) {
            let context = context! { params => params.clone(), maps => maps.clone(), routing => routing, crt_list => crt_list.clone() };
            let text = self.part(part, context)?;
            self.section(name.to_owned(), &text);
        }
        Ok(())
    }

    fn service(&mut self, service: &Service, view: &minijinja::Value) -> Result<(), TemplateError> {
        let params = self.params_value.clone();
        let context = context! { service => view, params => params };
        let options = self.part(Part::ServerOptions, context.clone())?.trim().to_owned();
        if options.contains(['\n', ';']) {
            let why = "gives more than one line, or a semicolon; servers get it as one command".to_owned();
            return Err(TemplateError { part: Part::ServerOptions, line: None, why });
        }
        let text = self.part(Part::Frontend, context.clone())?;
        self.section(format!("frontend {}", service.name), &text);
        let text = self.part(Part::Backend, context)?;
        if !text.lines().any(|line| line.trim_end() == format!("backend {}", service.name)) {
            let why = format!("gives no line \"backend {}\" for that service", service.name);
            return Err(TemplateError { part: Part::Backend, line: None, why });
        }
        // How servers are checked is part of what cannot change while they run.
        self.rendered.topology.put(format!("backend {}", service.name), &format!("{text}\n{options}"));
        self.rendered.config.push_str(&text);
        for server in service.servers.values() {
            self.rendered.config.push_str(&server_line(server, &options));
        }
        self.rendered.config.push('\n');
        self.rendered.server_options.insert(service.name.clone(), options);
        Ok(())
    }

    fn section(&mut self, name: String, text: &str) {
        self.rendered.topology.put(name, text);
        self.rendered.config.push_str(text);
        self.rendered.config.push('\n');
    }

    /// One part, with exactly one line end at its end.
    fn part(&self, part: Part, context: minijinja::Value) -> Result<String, TemplateError> {
        let template = &self.templates[&part];
        let text = template.render(context).map_err(|error| TemplateError::of(part, &error))?;
        if let Some(letter) = text.chars().find(|letter| letter.is_control() && *letter != '\n' && *letter != '\t') {
            let why = format!("gives the control character {}", letter.escape_unicode());
            return Err(TemplateError { part, line: None, why });
        }
        Ok(format!("{}\n", text.trim_matches('\n')))
    }
}

/// The certificates of services that are reached by names, each for these names.
fn certificate_list(model: &Model) -> String {
    let mut list = String::new();
    for service in model.services.values().filter(|service| !service.vhosts.is_empty()) {
        for certificate in &service.certificates {
            list.push_str(certificate.as_str());
            for host in &service.vhosts {
                list.push(' ');
                list.push_str(host.as_str());
            }
            list.push('\n');
        }
    }
    list
}
