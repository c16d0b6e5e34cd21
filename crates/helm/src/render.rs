//! Renders a chart as `helm template` and `helm install` do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytestring::ByteString;
use gotemplate::{Environment, Limits};
use serde_json::{Value as Json, json};

use crate::capabilities::Capabilities;
use crate::chart::Chart;
use crate::metadata::compatible;
use crate::postrender::{PostRenderer, Strategy};
use crate::release::{Hook, HookEvent};
use crate::sort::{Manifest, Sorted, sort_manifests};
use crate::values::{Merge, Values};
use crate::{Error, Result, dependencies, engine, postrender, schema};

/// How strict templates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Absent values are empty.
    #[default]
    Normal,
    /// Absent values are errors.
    Strict,
    /// `fail` and `required` let the rendering go on.
    Lint,
}

/// How to render a chart.
#[expect(clippy::struct_excessive_bools, reason = "they mirror Helm's independent flags")]
pub struct Options<'a> {
    /// The release's name.
    pub name: &'a str,
    /// The release's namespace.
    pub namespace: &'a str,
    /// The release's revision, from 1.
    pub revision: u32,
    /// Whether this is an upgrade, not an installation.
    pub is_upgrade: bool,
    /// What the cluster can do.
    pub capabilities: Capabilities,
    /// How strict templates are.
    pub mode: Mode,
    /// Whether `getHostByName` may ask the environment.
    pub dns: bool,
    /// Whether values are not checked against schemas.
    pub skip_schema: bool,
    /// Whether the notes of subcharts are shown too.
    pub sub_notes: bool,
    /// What changes the manifests after rendering.
    pub post_renderer: Option<(&'a (dyn PostRenderer + Sync), Strategy)>,
    /// Limits against hostile charts.
    pub limits: Limits,
    /// Time, randomness, and what the cluster answers to `lookup`.
    pub environment: &'a dyn Environment,
}

impl<'a> Options<'a> {
    /// The options of a first installation.
    pub fn new(name: &'a str, namespace: &'a str, environment: &'a dyn Environment) -> Self {
        Self {
            name,
            namespace,
            revision: 1,
            is_upgrade: false,
            capabilities: Capabilities::default(),
            mode: Mode::default(),
            dns: false,
            skip_schema: false,
            sub_notes: false,
            post_renderer: None,
            limits: Limits::default(),
            environment,
        }
    }
}

/// What a chart rendered to.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// The objects in the order of installation.
    pub manifests: Vec<Manifest>,
    /// The hooks, by kind.
    pub hooks: Vec<Hook>,
    /// `NOTES.txt`.
    pub notes: String,
    /// The CRDs of `crds/`, not templated.
    pub crds: Vec<crate::Crd>,
    /// The values that the templates saw.
    pub values: Values,
}

/// The stack on which templates are rendered: a thousand includes inside each other, as Helm allows,
/// take about this much in a debug build. Only what is used is taken from the system.
const STACK: usize = 512 << 20;

/// Renders a chart with the user's values.
///
/// # Errors
/// With Helm's text: incompatible Kubernetes, values against the schema, errors of templates,
/// manifests that are no YAML.
pub fn render(chart: &Chart, user: &Values, options: &Options<'_>) -> Result<Rendered, Error> {
    let (chart, values) = prepared(chart, user, options)?;
    rendered(&chart, values, options).map_err(Error::rendering)
}

fn rendered(chart: &Chart, values: Values, options: &Options<'_>) -> Result<Rendered> {
    check_kubernetes(chart, options)?;
    let files = on_large_stack(|| engine::render_all(chart, &values, &release(options), options))?;
    let (files, notes) = take_notes(chart, files, options.sub_notes);
    let files = match options.post_renderer {
        Some((renderer, strategy)) => {
            postrender::apply(renderer, strategy, files, options.environment)?
        }
        None => files,
    };
    let Sorted { hooks, manifests } = sort_manifests(&files, options.environment)?;
    Ok(Rendered { manifests, hooks, notes, crds: chart.crds(), values })
}

/// Renders a chart to the text of each template that is no partial, by path; nothing is sorted.
///
/// # Errors
/// As [`render`], save for manifests.
pub fn render_files(
    chart: &Chart,
    user: &Values,
    options: &Options<'_>,
) -> Result<BTreeMap<String, ByteString>, Error> {
    let (chart, values) = prepared(chart, user, options)?;
    check_kubernetes(&chart, options)?;
    on_large_stack(|| engine::render_all(&chart, &values, &release(options), options))
}

/// Renders the templates of a chart that was prepared elsewhere: its dependencies are processed,
/// `values` are what the root chart sees, `release` what `.Release` holds.
///
/// # Errors
/// When a template does not parse or fails.
pub fn render_prepared(
    chart: &Chart,
    values: &Values,
    release: &Json,
    options: &Options<'_>,
) -> Result<BTreeMap<String, ByteString>, Error> {
    on_large_stack(|| engine::render_all(chart, values, release, options))
}

/// The name that a template without data gives to a release.
///
/// # Errors
/// With Go's text.
pub fn release_name(template: &str, environment: &dyn Environment) -> Result<String, Error> {
    const NAME: &str = "name-template";
    let set = gotemplate::TemplateSet::named(NAME);
    let functions = gotemplate::Functions::sprig();
    set.parse(NAME, template, &functions)?;
    let options = gotemplate::Options::new(environment);
    let text = gotemplate::render(&set, NAME, gotemplate::Value::Missing, &functions, &options)?;
    String::from_utf8(text).map_err(|_| Error::new("the name is no UTF-8 text"))
}

/// A copy of a chart without the files as they were loaded, which rendering does not look at.
fn without_raw(chart: &Chart) -> Chart {
    Chart {
        metadata: chart.metadata.clone(),
        templates: chart.templates.clone(),
        values: chart.values.clone(),
        schema: chart.schema.clone(),
        files: chart.files.clone(),
        dependencies: chart.dependencies.iter().map(without_raw).collect(),
        ..Chart::default()
    }
}

/// The chart with its dependencies processed, and the values it sees.
pub(crate) fn prepared(
    chart: &Chart,
    user: &Values,
    options: &Options<'_>,
) -> Result<(Chart, Values)> {
    let mut chart = without_raw(chart);
    dependencies::process(&mut chart, user, options.environment)?;
    let values = Merge::coalescing(Some(options.environment)).values(&chart, user)?;
    if !options.skip_schema {
        schema::check(&chart, &values, options.environment)?;
    }
    Ok((chart, values))
}

fn check_kubernetes(chart: &Chart, options: &Options<'_>) -> Result<()> {
    let wanted = &chart.metadata.kube_version;
    let found = &options.capabilities.kube_version;
    if !wanted.is_empty() && !compatible(wanted, &found.normalized) {
        return Err(Error::new(format!(
            "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}",
            found.version
        )));
    }
    Ok(())
}

fn release(options: &Options<'_>) -> Json {
    json!({
        "Name": options.name,
        "Namespace": options.namespace,
        "Revision": options.revision,
        "IsUpgrade": options.is_upgrade,
        "IsInstall": !options.is_upgrade,
        "Service": "Helm",
    })
}

/// Works on a stack of its own, in this thread: a new thread would get a heap of its own too, and glibc asks the system
/// for each single page of such a heap. A panic becomes an error.
pub(crate) fn on_large_stack<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    stacker::grow(STACK, || catch_unwind(AssertUnwindSafe(work)))
        .unwrap_or_else(|_| Err(Error::new("rendering template failed")))
}

const NOTES: &str = "NOTES.txt";

fn take_notes(
    chart: &Chart,
    files: BTreeMap<String, ByteString>,
    sub_notes: bool,
) -> (BTreeMap<String, ByteString>, String) {
    let own = format!("{}/templates/{NOTES}", chart.name());
    let mut notes: Vec<ByteString> = Vec::new();
    let mut kept = BTreeMap::new();
    for (name, text) in files {
        if !name.ends_with(NOTES) {
            kept.insert(name, text);
        } else if sub_notes || name == own {
            notes.push(text);
        }
    }
    (kept, notes.join("\n"))
}

/// What one printed document is made of.
fn document<'r>(path: &'r str, content: Cow<'r, str>) -> [Cow<'r, str>; 5] {
    ["---\n# Source: ".into(), path.into(), "\n".into(), content, "\n".into()]
}

/// Takes white space from the end of a text in parts.
fn trim_end(parts: &mut Vec<Cow<'_, str>>) {
    while let Some(last) = parts.pop() {
        let kept = last.trim_end().len();
        if kept > 0 {
            parts.push(match last {
                Cow::Borrowed(text) => text.get(..kept).unwrap_or(text).into(),
                Cow::Owned(mut text) => {
                    text.truncate(kept);
                    text.into()
                }
            });
            return;
        }
    }
}

impl Rendered {
    /// The manifest as Helm stores it in a release; with the CRDs first when asked.
    pub fn manifest(&self, include_crds: bool) -> String {
        self.documents(include_crds).concat()
    }

    fn documents(&self, include_crds: bool) -> Vec<Cow<'_, str>> {
        let crds = self.crds.iter().filter(|_| include_crds);
        let crds = crds.map(|crd| document(&crd.filename, String::from_utf8_lossy(&crd.data)));
        let manifests = self.manifests.iter();
        let manifests = manifests.map(|it| document(&it.name, (&*it.content).into()));
        crds.chain(manifests).flatten().collect()
    }

    /// What `helm template` prints without flags: manifests, then hooks.
    pub fn text(&self) -> String {
        self.text_with(TextOptions::default())
    }

    /// What `helm template` prints.
    pub fn text_with(&self, options: TextOptions) -> String {
        self.parts(options).concat()
    }

    /// The same in parts, for who need not have all of it in memory once more.
    pub fn parts(&self, options: TextOptions) -> Vec<Cow<'_, str>> {
        let mut parts = self.documents(options.include_crds);
        trim_end(&mut parts);
        parts.push("\n".into());
        let is_wanted = |hook: &&Hook| {
            let skipped = options.skip_tests && hook.events.contains(&HookEvent::Test);
            !options.no_hooks && !skipped
        };
        let hooks = self.hooks.iter().filter(is_wanted);
        parts.extend(hooks.flat_map(|hook| document(&hook.path, hook.manifest.as_str().into())));
        parts
    }
}

/// What `helm template` is told about its output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// CRDs come first.
    pub include_crds: bool,
    /// Hooks are left out.
    pub no_hooks: bool,
    /// Test hooks are left out.
    pub skip_tests: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_while_rendering_is_an_error() {
        let error = on_large_stack::<()>(|| panic!("said by a test")).unwrap_err();
        assert_eq!(error.to_string(), "rendering template failed");
    }
}
