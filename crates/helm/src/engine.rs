//! Renders the templates of a chart and all charts below it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use bytestring::ByteString;
use gotemplate::{
    Function, Functions, Level, LogLine, Map, MissingKey, NamedMap, Options as TemplateOptions,
    Scope, Str, TemplateSet, Type, Value,
};
use memchr::memmem;
use serde_json::Value as Json;

use crate::capabilities::CapabilitiesObject;
use crate::chart::Chart;
use crate::metadata::Metadata;
use crate::render::{Mode, Options};
use crate::values::Values;
use crate::{Error, Result};

mod errors;
mod files;
mod functions;

use errors::{execution_error, parse_error};
use files::Files;

/// A template and what it sees.
struct Renderable<'c> {
    text: &'c Bytes,
    scope: Map,
    base_path: String,
}

/// The most actions that the templates of a chart and of all charts below it may have, and the most bytes inside of
/// those. Charts have some thousand; trees of so many take some hundred megabytes.
const MAX_ACTIONS: usize = 1_000_000;
const MAX_ACTION_BYTES: usize = 8 << 20;

/// Counts the actions of templates.
#[derive(Default)]
struct Actions {
    count: usize,
    bytes: usize,
}

impl Actions {
    fn add(&mut self, name: &str, text: &[u8]) -> Result<()> {
        let (open, close) = (memmem::Finder::new("{{"), memmem::Finder::new("}}"));
        let mut rest = text;
        while let Some(start) = open.find(rest) {
            let action = rest.get(start + 2..).unwrap_or_default();
            let length = close.find(action).unwrap_or(action.len());
            self.count += 1;
            self.bytes += length;
            if self.count > MAX_ACTIONS {
                let what = format!("the templates have more than {MAX_ACTIONS} actions");
                return Err(Error::new(format!("{name}: {what}")));
            }
            rest = action.get(length..).unwrap_or_default();
        }
        if self.bytes > MAX_ACTION_BYTES {
            let what = format!("the actions of templates have more than {MAX_ACTION_BYTES} bytes");
            return Err(Error::new(format!("{name}: {what}")));
        }
        Ok(())
    }
}

/// Renders all templates; gives the text of each that is no partial, by path.
pub(crate) fn render_all(
    chart: &Chart,
    values: &Values,
    release: &Json,
    options: &Options<'_>,
) -> Result<BTreeMap<String, ByteString>> {
    let capabilities = Value::object(CapabilitiesObject(options.capabilities.clone()));
    let mut templates = BTreeMap::new();
    let top = Top { release: Value::from_json(release), capabilities };
    let values = Value::map_from_json_int64(values);
    collect(chart, values, chart.name(), (&top, true), &mut templates);
    let functions = functions::all(options);
    let functions = with_templates(functions, options.mode);
    let set = TemplateSet::named("gotpl");
    let mut names: Vec<&String> = templates.keys().collect();
    // Deeper paths first, so that a parent's definitions replace those of its subcharts.
    let depth = |name: &str| name.bytes().filter(|b| *b == b'/').count();
    names.sort_by(|a, b| (depth(b), b).cmp(&(depth(a), a)));
    let mut actions = Actions::default();
    for name in &names {
        if let Some(template) = templates.get(*name) {
            actions.add(name, template.text)?;
            set.parse(name, template.text.clone(), &functions)
                .map_err(|e| parse_error(name, &e.0))?;
        }
    }
    let mut template_options = TemplateOptions::new(options.environment);
    template_options.limits = options.limits;
    template_options.missing_key =
        if options.mode == Mode::Strict { MissingKey::Error } else { MissingKey::Zero };
    let mut rendered = BTreeMap::new();
    for name in names {
        let base = name.rsplit('/').next().unwrap_or_default();
        let Some(template) = templates.get(name).filter(|_| !base.starts_with('_')) else {
            continue;
        };
        if let Some(text) = set.verbatim(name) {
            rendered.insert(name.clone(), without_no_value(text));
            continue;
        }
        let about = Map::new();
        about.set("Name", Value::string(name.as_str()));
        about.set("BasePath", Value::string(template.base_path.as_str()));
        template.scope.set("Template", Value::Map(values_type(about)));
        let data = Value::Map(values_type(template.scope.clone()));
        let out = gotemplate::render(&set, name, data, &functions, &template_options)
            .map_err(|e| execution_error(&e.0))?;
        rendered.insert(name.clone(), without_no_value(out.into()));
    }
    Ok(rendered)
}

fn without_no_value(out: Bytes) -> ByteString {
    let text = ByteString::try_from(out.clone())
        .unwrap_or_else(|_| String::from_utf8_lossy(&out).into_owned().into());
    if text.contains("<no value>") { text.replace("<no value>", "").into() } else { text }
}

/// Marks a map as Helm's `common.Values`, with its methods.
fn values_type(map: Map) -> Map {
    static VALUES: NamedMap = NamedMap { name: "common.Values", methods: values_method };
    map.named(&VALUES)
}

fn values_method(map: &Map, name: &str, args: &[Value]) -> Option<gotemplate::Result<Value>> {
    let path = || args.first().and_then(Value::as_str).cloned().unwrap_or_default();
    match name {
        "AsMap" => Some(Ok(Value::Map(map.clone().plain()))),
        "YAML" => {
            let json = Value::Map(map.clone()).to_json().unwrap_or(Json::Null);
            Some(Ok(Value::string(yaml::from_json(&json))))
        }
        "Table" => {
            let path = path();
            let mut table = map.clone();
            for part in path.text().split('.') {
                match table.get(part.as_bytes()) {
                    Some(Value::Map(inner)) => table = inner,
                    _ => {
                        return Some(Err(gotemplate::Error(format!("{part:?} is not a table"))));
                    }
                }
            }
            Some(Ok(Value::Map(values_type(table))))
        }
        "PathValue" => {
            let path = path();
            let mut value = Value::Map(map.clone());
            for part in path.text().split('.') {
                let next = value.as_map().and_then(|map| map.get(part.as_bytes()));
                match next {
                    Some(next) => value = next,
                    None => {
                        return Some(Err(gotemplate::Error(format!("{part:?} is not a value"))));
                    }
                }
            }
            Some(Ok(value))
        }
        _ => None,
    }
}

/// What all charts of a tree see.
struct Top {
    release: Value,
    capabilities: Value,
}

fn collect<'c>(
    chart: &'c Chart,
    values: Map,
    path: &str,
    (top, is_root): (&Top, bool),
    templates: &mut BTreeMap<String, Renderable<'c>>,
) -> Map {
    let scope = Map::new();
    let about = metadata_map(&chart.metadata);
    about.set("IsRoot", Value::Bool(is_root));
    scope.set("Chart", Value::Map(about));
    scope.set("Files", Value::object(Files::new(&chart.files)));
    scope.set("Release", top.release.clone());
    scope.set("Capabilities", top.capabilities.clone());
    scope.set("Values", Value::Map(values_type(values.clone())));
    let subcharts = Map::new();
    for subchart in &chart.dependencies {
        let name = subchart.name();
        // A subchart's values are the very table in its parent's: what one sets the other sees.
        let inner = match values.get(name.as_bytes()) {
            Some(Value::Map(inner)) => inner,
            _ => map_at(&values, name).unwrap_or_default(),
        };
        let path = format!("{path}/charts/{name}");
        let seen = collect(subchart, inner, &path, (top, false), templates);
        subcharts.set(name, Value::Map(seen));
    }
    scope.set("Subcharts", Value::Map(subcharts));
    let library = chart.metadata.is_library();
    for file in &chart.templates {
        let base = file.name.rsplit('/').next().unwrap_or_default();
        if library && !base.starts_with('_') {
            continue;
        }
        let renderable = Renderable {
            text: &file.data,
            scope: scope.clone(),
            base_path: format!("{path}/templates"),
        };
        templates.insert(format!("{path}/{}", file.name), renderable);
    }
    scope
}

/// The map at a dotted path.
fn map_at(values: &Map, path: &str) -> Option<Map> {
    path.split('.').try_fold(values.clone(), |map, part| match map.get(part.as_bytes()) {
        Some(Value::Map(inner)) => Some(inner),
        _ => None,
    })
}

/// The metadata under the names of Helm's Go fields.
fn metadata_map(metadata: &Metadata) -> Map {
    let texts = |items: &[String]| {
        Value::list(items.iter().map(|item| Value::string(item.as_str())).collect())
    };
    let map = Map::new();
    for (name, text) in [
        ("Name", &metadata.name),
        ("Home", &metadata.home),
        ("Version", &metadata.version),
        ("Description", &metadata.description),
        ("Icon", &metadata.icon),
        ("APIVersion", &metadata.api_version),
        ("Condition", &metadata.condition),
        ("Tags", &metadata.tags),
        ("AppVersion", &metadata.app_version),
        ("KubeVersion", &metadata.kube_version),
        ("Type", &metadata.kind),
    ] {
        map.set(name, Value::string(text.as_str()));
    }
    map.set("Sources", texts(&metadata.sources));
    map.set("Keywords", texts(&metadata.keywords));
    map.set("Deprecated", Value::Bool(metadata.deprecated));
    let annotations = metadata.annotations.iter();
    let annotations = annotations.map(|(k, v)| (Str::from(k.as_str()), Value::string(v.as_str())));
    let annotations = Map::typed(annotations.collect(), gotemplate::Element::String);
    map.set("Annotations", Value::Map(annotations));
    let maintainers = metadata.maintainers.iter().map(|maintainer| {
        let map = Map::new();
        map.set("Name", Value::string(maintainer.name.as_str()));
        map.set("Email", Value::string(maintainer.email.as_str()));
        map.set("URL", Value::string(maintainer.url.as_str()));
        Value::Map(map)
    });
    map.set("Maintainers", Value::list(maintainers.collect()));
    let dependencies = metadata.dependencies.iter().map(|dependency| {
        let map = Map::new();
        map.set("Name", Value::string(dependency.name.as_str()));
        map.set("Version", Value::string(dependency.version.as_str()));
        map.set("Repository", Value::string(dependency.repository.as_str()));
        map.set("Condition", Value::string(dependency.condition.as_str()));
        map.set("Tags", texts(&dependency.tags));
        map.set("Enabled", Value::Bool(dependency.enabled));
        let imports = dependency.import_values.iter().map(Value::from_json_floats);
        map.set("ImportValues", Value::list(imports.collect()));
        map.set("Alias", Value::string(dependency.alias.as_str()));
        Value::Map(map)
    });
    map.set("Dependencies", Value::list(dependencies.collect()));
    map
}

/// The most that one name may be included inside itself.
const MAX_RECURSION: usize = 1000;

/// Adds the functions that render templates: `include`, `tpl`, `required`, `fail`.
fn with_templates(mut functions: Functions, mode: Mode) -> Functions {
    let including: Rc<RefCell<Vec<Str>>> = Rc::default();
    functions.add(Function::new("include", &[Type::String, Type::Any], None, move |scope, args| {
        let name = args.str(0);
        if is_included_too_often(&including.borrow(), &name) {
            let name = name.text();
            return Err(gotemplate::Error(format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            )));
        }
        including.borrow_mut().push(name.clone());
        let out = scope.render(&name.text(), args.any(1).clone());
        including.borrow_mut().pop();
        out.map(Value::String)
    }));
    functions.add(Function::new("tpl", &[Type::String, Type::Any], None, |scope, args| {
        let text = args.str(0);
        let quoted = || gotemplate::quote(text.as_bytes());
        let set = scope
            .define("gotpl", text.clone())
            .map_err(|e| gotemplate::Error(format!("cannot parse template {}: {e}", quoted())))?;
        let out = scope.render_in(set, "gotpl", args.any(1).clone()).map_err(|e| {
            gotemplate::Error(format!("error during tpl function execution for {}: {e}", quoted()))
        })?;
        Ok(Value::String(without_no_value_text(out)))
    }));
    functions.add(Function::new(
        "required",
        &[Type::String, Type::Any],
        None,
        move |scope, args| {
            let value = args.any(1);
            let absent = value.is_nil() || value.as_str().is_some_and(Str::is_empty);
            match (absent, mode) {
                (false, _) => Ok(value.clone()),
                (true, Mode::Lint) => {
                    let message = if value.is_nil() {
                        "missing required value"
                    } else {
                        "missing required values"
                    };
                    Ok(instead_of_error(scope, Level::Warn, message, &args.text(0)))
                }
                (true, _) => Err(errors::warning(&args.text(0))),
            }
        },
    ));
    functions.add(Function::new("fail", &[Type::String], None, move |scope, args| match mode {
        Mode::Lint => Ok(instead_of_error(scope, Level::Info, "funcMap fail", &args.text(0))),
        _ => Err(errors::warning(&args.text(0))),
    }));
    functions
}

/// The empty text with which linting goes on after an error, which the log tells.
fn instead_of_error(scope: &Scope<'_>, level: Level, message: &str, error: &str) -> Value {
    scope.environment().log(&LogLine { level, message, fields: &[("message", error)] });
    Value::string("")
}

/// True when a template is being included inside itself more often than Helm allows.
fn is_included_too_often(including: &[Str], name: &Str) -> bool {
    // Without so many templates inside each other none can be there so often.
    including.len() > MAX_RECURSION
        && including.iter().filter(|other| *other == name).count() > MAX_RECURSION
}

fn without_no_value_text(out: Str) -> Str {
    const MARK: &[u8] = b"<no value>";
    if memmem::find(out.as_bytes(), MARK).is_none() {
        return out;
    }
    let mut kept = Vec::with_capacity(out.len());
    let mut rest = out.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(MARK) {
            rest = after;
        } else {
            kept.push(*first);
            rest = tail;
        }
    }
    Str::from(kept)
}
