//! Building one kustomization: its resources, generators, components, transformers and validators, in this order.

use crate::build::Build;
use crate::config::{FieldSpec, TransformerConfig, crds, transformer_config};
use crate::error::{Context, Error, ErrorKind, Result, quoted};
use crate::generate::{self, Generated, generate, helm};
use crate::kustomization::{
    COMPONENT_KIND, FILE_NAMES, GeneratorArgs, GeneratorOptions, HelmGlobals, Kustomization,
};
use crate::load::{Loader, is_url};
use crate::origin::Origin;
use crate::plugin::{self, Generator, Transformer};
use crate::resmap::{Ids, ResMap};
use crate::resource::{self, ORIGIN};
use crate::transform;
use crate::transform::vars::{self, VarSet};
use crate::tree::{NodeId, Tree, json, read};
use serde_json::Value;
use std::rc::Rc;
use std::sync::Arc;

/// What has been collected so far: objects, the tables for transforming them, variables.
#[derive(Default)]
pub(crate) struct Accumulator {
    pub(crate) map: ResMap,
    config: Option<Arc<TransformerConfig>>,
    pub(crate) vars: VarSet,
}

impl Accumulator {
    /// Adds tables to those collected. Even the first ones are added to empty tables, not taken over: on the way an
    /// entry for all kinds gives way to one for a kind. The built-in ones have no such entries.
    fn merge_config(&mut self, more: &Arc<TransformerConfig>) -> Result<()> {
        match &mut self.config {
            None if Arc::ptr_eq(more, &TransformerConfig::builtin()) => {
                self.config = Some(Arc::clone(more));
            }
            Some(mine) if Arc::ptr_eq(mine, more) => {}
            mine => {
                let mut merged = mine.as_deref().cloned().unwrap_or_default();
                merged.merge(more)?;
                *mine = Some(Arc::new(merged));
            }
        }
        Ok(())
    }

    /// The tables for transforming.
    pub(crate) fn config(&self) -> Arc<TransformerConfig> {
        self.config.clone().unwrap_or_default()
    }

    fn merge(&mut self, ids: &mut Ids, tree: &Tree, other: Self) -> Result<()> {
        self.map.append_to(ids, tree, other.map.list)?;
        if let Some(config) = other.config {
            self.merge_config(&config)?;
        }
        vars::add(&mut self.vars, other.vars.into_values())
    }
}

/// One kustomization, loaded.
pub(crate) struct Target<'a> {
    pub(crate) kustomization: Kustomization,
    pub(crate) file_name: &'static str,
    pub(crate) loader: Rc<Loader<'a>>,
    /// Where this is, if the result shall say where objects come from.
    pub(crate) origin: Option<Origin>,
    helm_namespace: String,
}

impl<'a> Target<'a> {
    /// Reads the kustomization file of a directory.
    pub(crate) fn load(build: &mut Build<'_>, loader: Rc<Loader<'a>>) -> Result<Self> {
        let (text, file_name) = kustomization_text(&loader)?;
        let root = loader.root();
        let kustomization = Kustomization::parse(&text, &root.display().to_string())
            .context(|| root.join(file_name).display().to_string())?;
        build.warn_about_old_fields(&kustomization);
        Ok(Self { kustomization, file_name, loader, origin: None, helm_namespace: String::new() })
    }

    /// Takes the kustomization's `openapi` field into account.
    pub(crate) fn set_schema(&self, build: &mut Build<'_>, reset: bool) -> Result<()> {
        let openapi = &self.kustomization.openapi;
        let document = openapi.get("path").map(|path| self.loader.load(path)).transpose()?;
        build.tree.schemas.set(
            openapi.get("version").map(String::as_str),
            document.as_deref(),
            reset,
        )
    }

    /// Runs all steps on top of what was collected before (which is something only for components).
    pub(crate) fn accumulate(
        &mut self,
        build: &mut Build<'_>,
        mut all: Accumulator,
    ) -> Result<Accumulator> {
        let resources = std::mem::take(&mut self.kustomization.resources);
        all = self
            .accumulate_resources(build, all, &resources)
            .context(|| "accumulating resources".to_owned())?;
        let path = self.loader.root().join(self.file_name).display().to_string();
        let here = || path.clone();
        self.merge_configs(&mut all).context(here)?;
        self.run_generators(build, &mut all).context(here)?;
        all = self
            .accumulate_components(build, all)
            .context(|| "accumulating components".to_owned())?;
        self.run_transformers(build, &mut all).context(here)?;
        self.run_validators(build, &mut all).context(here)?;
        let vars = &self.kustomization.vars;
        vars::attach(&build.tree, &mut all.map, vars)
            .and_then(|()| vars::add(&mut all.vars, vars.iter().cloned()))
            .context(|| {
                let shown: Vec<_> = vars.iter().map(vars::describe_raw).collect();
                format!("merging vars [{}]", shown.join(" "))
            })
            .context(here)?;
        Ok(all)
    }

    fn merge_configs(&self, all: &mut Accumulator) -> Result<()> {
        let mut config = TransformerConfig::builtin();
        for path in &self.kustomization.configurations {
            let more = transformer_config(&self.loader.load_text(path)?)
                .context(|| format!("configuration '{path}'"))?;
            Arc::make_mut(&mut config).merge(&more)?;
        }
        all.merge_config(&config)?;
        for path in &self.kustomization.crds {
            let loading = || format!("loading CRDs [{}]", self.kustomization.crds.join(" "));
            let text = self.loader.load_text(path).context(loading)?;
            all.merge_config(&Arc::new(crds::config(path, &text).context(loading)?))?;
        }
        Ok(())
    }

    /// Adds files and directories. What cannot be read as a file is tried as a directory.
    fn accumulate_resources(
        &mut self,
        build: &mut Build<'_>,
        mut all: Accumulator,
        paths: &[String],
    ) -> Result<Accumulator> {
        let mut ids = all.map.ids(&build.tree);
        for path in paths {
            let Err(as_file) = self.accumulate_file(build, (&mut all, &mut ids), path) else {
                continue;
            };
            if as_file.kind() == ErrorKind::Limit
                || (is_url(path)
                    && matches!(as_file.kind(), ErrorKind::Remote | ErrorKind::Unsupported))
            {
                return Err(as_file);
            }
            let nested = || format!("accumulation err='{}'", as_file.chain());
            let loader = match self.loader.enter(path) {
                Ok(loader) => loader,
                Err(_) if as_file.kind() == ErrorKind::MalformedYaml => return Err(as_file),
                Err(error) => return Err(error.during(nested())),
            };
            let into = (&mut all, &mut ids);
            self.accumulate_base(build, into, Step { loader, path }).context(nested)?;
        }
        Ok(all)
    }

    fn accumulate_file(
        &self,
        build: &mut Build<'_>,
        (all, ids): (&mut Accumulator, &mut Ids),
        path: &str,
    ) -> Result<()> {
        let mut objects = objects_of_file(&mut build.tree, &self.loader, path)
            .and_then(|objects| ResMap::from_nodes(&build.tree, objects))
            .context(|| format!("accumulating resources from '{path}'"))?;
        let file = self.loader.given(path);
        for object in &mut objects.list {
            object.file.clone_from(&file);
        }
        if let Some(origin) = &self.origin {
            let text = origin.append(path).text();
            let annotation = [(ORIGIN.to_owned(), text)].into();
            let everywhere = [FieldSpec::everywhere("metadata/annotations", true)];
            transform::set_all(&mut build.tree, &objects, &annotation, &everywhere)
                .context(|| format!("cannot add path annotation for '{path}'"))?;
        }
        all.map
            .append_to(ids, &build.tree, objects.list)
            .context(|| format!("merging resources from '{path}'"))
    }

    fn accumulate_components(
        &mut self,
        build: &mut Build<'_>,
        mut all: Accumulator,
    ) -> Result<Accumulator> {
        for path in std::mem::take(&mut self.kustomization.components) {
            let loader = self.loader.enter(&path).map_err(|error| {
                Error::of(error.kind(), format!("loader.New {}", quoted(&error.chain())))
            })?;
            all = self.accumulate_component(build, all, Step { loader, path: &path }).map_err(
                |error| {
                    Error::of(
                        error.kind(),
                        format!("accumulateDirectory: {}", quoted(&error.chain())),
                    )
                },
            )?;
        }
        Ok(all)
    }

    /// Builds another directory, and adds its objects.
    fn accumulate_base(
        &self,
        build: &mut Build<'_>,
        (all, ids): (&mut Accumulator, &mut Ids),
        step: Step<'a, '_>,
    ) -> Result<()> {
        let (mut base, root) = self.enter(build, step)?;
        if base.kustomization.is_component() {
            return Err(Error::new(format!(
                "expected kind != '{COMPONENT_KIND}' for path '{root}'"
            )));
        }
        let found = base
            .accumulate(build, Accumulator::default())
            .context(|| format!("recursed accumulation of path '{root}'"))?;
        all.merge(ids, &build.tree, found)
            .context(|| format!("recursed merging from path '{root}'"))
    }

    /// Builds the component of another directory on top of what was collected before.
    fn accumulate_component(
        &self,
        build: &mut Build<'_>,
        all: Accumulator,
        step: Step<'a, '_>,
    ) -> Result<Accumulator> {
        let (mut component, root) = self.enter(build, step)?;
        if !component.kustomization.is_component() {
            let kind = &component.kustomization.kind;
            return Err(Error::new(format!(
                "expected kind '{COMPONENT_KIND}' for path '{root}' but got '{kind}'"
            )));
        }
        let found = component
            .accumulate(build, all)
            .context(|| format!("recursed accumulation of path '{root}'"))?;
        let mut merged = Accumulator::default();
        merged
            .merge(&mut Ids::default(), &build.tree, found)
            .context(|| format!("recursed merging from path '{root}'"))?;
        Ok(merged)
    }

    /// Loads the kustomization of another directory; also returns its path.
    fn enter(&self, build: &mut Build<'_>, step: Step<'a, '_>) -> Result<(Self, String)> {
        let root = step.loader.root().display().to_string();
        build.count_kustomization()?;
        let mut sub = Self::load(build, step.loader)
            .context(|| format!("couldn't make target for path '{root}'"))?;
        sub.kustomization.build_metadata.clone_from(&self.kustomization.build_metadata);
        sub.origin = self.origin.as_ref().map(|origin| origin.append(step.path));
        let namespace =
            Some(&self.kustomization.namespace).filter(|namespace| !namespace.is_empty());
        sub.helm_namespace.clone_from(namespace.unwrap_or(&self.helm_namespace));
        sub.set_schema(build, false)?;
        Ok((sub, root))
    }

    fn run_generators(&mut self, build: &mut Build<'_>, all: &mut Accumulator) -> Result<()> {
        for what in [Generated::ConfigMap, Generated::Secret] {
            let list = match what {
                Generated::ConfigMap => &self.kustomization.config_map_generator,
                Generated::Secret => &self.kustomization.secret_generator,
            };
            let global = self.kustomization.generator_options.as_ref();
            for args in list {
                let options = GeneratorOptions::merged(args.options.as_ref(), global);
                let args = GeneratorArgs { options, ..args.clone() };
                let which = || format!("{} '{}'", what.field(), args.name);
                let made = generate(&mut build.tree, &self.loader, what, &args).context(which)?;
                absorb(build, all, vec![made], self.builtin_origin(what.generator()))
                    .context(which)?;
            }
        }
        for made in self.inflate_charts(build)? {
            absorb(build, all, made, self.builtin_origin("HelmChartInflationGenerator"))?;
        }
        let generators = std::mem::take(&mut self.kustomization.generators);
        let configs = self
            .plugin_configs(build, &generators, "configuring external generator")
            .context(|| "loading generator plugins".to_owned())?;
        let mut loaded = Vec::new();
        for config in configs {
            let generator = plugin::generator(build, &self.loader, config)
                .context(|| "failed to load generator".to_owned())
                .context(|| "loading generator plugins".to_owned())?;
            loaded.push((generator, Origin::of_config(&build.tree, config)));
        }
        for (generator, origin) in loaded {
            let made = self.run_generator(build, &generator)?;
            absorb(build, all, made, origin)?;
        }
        Ok(())
    }

    fn run_generator(&self, build: &mut Build<'_>, generator: &Generator) -> Result<Vec<NodeId>> {
        match generator {
            Generator::Data(what, args) => {
                Ok(vec![generate(&mut build.tree, &self.loader, *what, args)?])
            }
            Generator::IamPolicy(args) => Ok(vec![generate::iam_policy(&mut build.tree, args)?]),
            Generator::Helm(chart, globals) => {
                let configured = helm::configure(&self.loader, build.options.helm, chart)?;
                helm::inflate(&mut build.tree, &self.loader, configured, (chart, globals))
            }
        }
    }

    fn inflate_charts(&self, build: &mut Build<'_>) -> Result<Vec<Vec<NodeId>>> {
        let default = HelmGlobals::default();
        let globals = self.kustomization.helm_globals.as_ref().unwrap_or(&default);
        let mut all = Vec::new();
        for chart in &self.kustomization.helm_charts {
            let mut chart = chart.clone();
            if chart.namespace.is_empty() {
                let own =
                    Some(&self.kustomization.namespace).filter(|namespace| !namespace.is_empty());
                chart.namespace.clone_from(own.unwrap_or(&self.helm_namespace));
            }
            let configured = helm::configure(&self.loader, build.options.helm, &chart)
                .context(|| helm::describe(&chart, globals))?;
            let charts = (&chart, globals);
            all.push(helm::inflate(&mut build.tree, &self.loader, configured, charts)?);
        }
        Ok(all)
    }

    /// The objects that configure generators, transformers or validators: inline, or in files and directories.
    fn plugin_configs(
        &mut self,
        build: &mut Build<'_>,
        entries: &[String],
        doing: &str,
    ) -> Result<Vec<NodeId>> {
        let mut all = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries {
            let inline = read::objects(&mut build.tree, entry)
                .and_then(|objects| ResMap::from_nodes(&build.tree, objects));
            let Ok(inline) = inline else {
                paths.push(entry.clone());
                continue;
            };
            if let Some(origin) = &self.origin {
                let origin = origin.append(self.file_name);
                for object in inline.list.iter().filter_map(|resource| resource.node) {
                    origin.set(&mut build.tree, object)?;
                }
            }
            all.map.append_all(&build.tree, inline.list).context(|| doing.to_owned())?;
        }
        let all = self.accumulate_resources(build, all, &paths)?;
        Ok(all.map.list.into_iter().filter_map(|resource| resource.node).collect())
    }

    fn run_transformers(&mut self, build: &mut Build<'_>, all: &mut Accumulator) -> Result<()> {
        let config = all.config();
        let mut transformers = Vec::new();
        for transformer in
            plugin::builtin_transformers(build, &self.loader, &self.kustomization, &config)?
        {
            let origin = self.builtin_origin(transformer.kind());
            transformers.push((transformer, origin));
        }
        let entries = std::mem::take(&mut self.kustomization.transformers);
        for (transformer, origin) in self.load_transformers(build, &entries)? {
            transformers.push((transformer, origin));
        }
        for (transformer, origin) in transformers {
            transformer.apply(build, &mut all.map).context(|| transformer.field().to_owned())?;
            if let Some(origin) = origin {
                for object in all.map.list.iter().filter_map(|resource| resource.node) {
                    origin.add_transformation(&mut build.tree, object)?;
                }
            }
            all.map.drop_empties(&build.tree);
        }
        Ok(())
    }

    fn load_transformers(
        &mut self,
        build: &mut Build<'_>,
        entries: &[String],
    ) -> Result<Vec<(Transformer, Option<Origin>)>> {
        let mut loaded = Vec::new();
        for config in self.plugin_configs(build, entries, "configuring external transformer")? {
            let transformer = plugin::transformer(build, &self.loader, config)?;
            loaded.push((transformer, Origin::of_config(&build.tree, config)));
        }
        Ok(loaded)
    }

    /// Validators are transformers that may not change anything.
    fn run_validators(&mut self, build: &mut Build<'_>, all: &mut Accumulator) -> Result<()> {
        let entries = std::mem::take(&mut self.kustomization.validators);
        for (validator, _) in self.load_transformers(build, &entries)? {
            let before = values(&build.tree, &all.map)?;
            validator.apply(build, &mut all.map)?;
            let mut after = values(&build.tree, &all.map)?;
            after.iter_mut().for_each(remove_validated_by);
            if before != after {
                return Err(Error::new("validator shouldn't modify the resource map"));
            }
        }
        Ok(())
    }

    fn builtin_origin(&self, kind: &str) -> Option<Origin> {
        self.origin.as_ref().map(|origin| origin.builtin(self.file_name, kind))
    }
}

/// Takes in what a generator made.
fn absorb(
    build: &mut Build<'_>,
    all: &mut Accumulator,
    made: Vec<NodeId>,
    origin: Option<Origin>,
) -> Result<()> {
    let made = ResMap::from_nodes(&build.tree, made)?;
    if let Some(origin) = origin {
        for object in made.list.iter().filter_map(|resource| resource.node) {
            if resource::annotation(&build.tree, object, ORIGIN).is_none() {
                origin.set(&mut build.tree, object)?;
            }
        }
    }
    all.map.absorb_all(&mut build.tree, made.list).context(|| "merging from generator".to_owned())
}

/// The label with which a validator marks what it has seen.
const VALIDATED_BY: &str = "validated-by";

/// Takes the mark of a validator off a copy of an object.
fn remove_validated_by(value: &mut Value) {
    let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(labels) = meta.get_mut("labels").and_then(Value::as_object_mut) {
        let removed = labels.remove(VALIDATED_BY).is_some();
        if removed && labels.is_empty() {
            meta.remove("labels");
        }
    }
}

/// Another directory to build.
struct Step<'a, 'p> {
    loader: Rc<Loader<'a>>,
    path: &'p str,
}

fn values(tree: &Tree, map: &ResMap) -> Result<Vec<Value>> {
    map.list
        .iter()
        .filter_map(|resource| resource.node)
        .map(|object| json::to_value(tree, object))
        .collect()
}

/// The kustomization file of a directory, which must be the only one.
fn kustomization_text(loader: &Loader<'_>) -> Result<(String, &'static str)> {
    let mut found = None;
    for name in FILE_NAMES {
        match loader.load_text(name) {
            Ok(text) if found.is_none() => found = Some((text, name)),
            Ok(_) => {
                let root = loader.root().display();
                return Err(Error::new(format!(
                    "Found multiple kustomization files under: {root}\n"
                )));
            }
            Err(error) if matches!(error.kind(), ErrorKind::Limit | ErrorKind::Forbidden) => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    found.ok_or_else(|| {
        let root = loader.root().display();
        Error::of(
            ErrorKind::NotFound,
            format!("unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{root}'"),
        )
    })
}

/// The objects in a file.
pub(crate) fn objects_of_file(
    tree: &mut Tree,
    loader: &Loader<'_>,
    path: &str,
) -> Result<Vec<NodeId>> {
    let text = loader.load_text(path)?;
    read::objects(tree, &text).map_err(|error| match error.kind() {
        ErrorKind::MalformedYaml => {
            Error::of(error.kind(), format!("{} in File: {path}", error.chain()))
        }
        _ => error,
    })
}
