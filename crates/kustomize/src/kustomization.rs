//! What stands in a kustomization file (names and meaning: kustomize v5.8, `api/types`).

pub(crate) mod shape;
pub(crate) mod shapes;

use crate::error::{Error, Result};
use crate::resmap::Selector;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shape::{Fields, Reading};
use std::collections::BTreeMap;

/// String to string.
pub(crate) type Texts = BTreeMap<String, String>;

pub(crate) const KIND: &str = "Kustomization";
pub(crate) const API_VERSION: &str = "kustomize.config.k8s.io/v1beta1";
pub(crate) const COMPONENT_KIND: &str = "Component";
const COMPONENT_API_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

/// The names a kustomization file may have.
pub(crate) const FILE_NAMES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// `buildMetadata`: keep the annotations that say where objects came from.
pub(crate) const ORIGIN_ANNOTATIONS: &str = "originAnnotations";
/// `buildMetadata`: keep the annotations that say what changed objects.
pub(crate) const TRANSFORMER_ANNOTATIONS: &str = "transformerAnnotations";
/// `buildMetadata`: label objects with the tool.
pub(crate) const MANAGED_BY_LABEL: &str = "managedByLabel";

macro_rules! wire {
    ($(#[$doc:meta])* struct $name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub(crate) struct $name { $(pub(crate) $field: $type),+ }
    };
}

wire!(
    struct FieldSpecArgs {
        group: String,
        version: String,
        kind: String,
        path: String,
        create: bool,
    }
);
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Label {
    pub(crate) pairs: Texts,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) include_volume_claim_templates: bool,
    pub(crate) fields: Vec<FieldSpecArgs>,
}
wire!(
    struct PatchArgs {
        allow_name_change: bool,
        allow_kind_change: bool,
    }
);
/// An entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Patch {
    pub(crate) path: String,
    #[serde(rename = "patch")]
    pub(crate) text: String,
    pub(crate) target: Option<Selector>,
    pub(crate) options: Option<PatchArgs>,
}
wire!(
    struct Image {
        name: String,
        new_name: String,
        tag_suffix: String,
        new_tag: String,
        digest: String,
    }
);
wire!(
    struct FieldOptions {
        delimiter: String,
        index: i64,
        encoding: String,
        create: bool,
    }
);
wire!(
    struct Source {
        group: String,
        version: String,
        kind: String,
        name: String,
        namespace: String,
        field_path: String,
        options: Option<FieldOptions>,
    }
);
wire!(
    struct Target {
        select: Option<Selector>,
        reject: Vec<Selector>,
        field_paths: Vec<String>,
        options: Option<FieldOptions>,
    }
);
wire!(
    struct Replacement {
        source: Option<Source>,
        targets: Vec<Target>,
        source_value: Option<String>,
        path: String,
    }
);
wire!(
    struct Replica {
        name: String,
        count: i64,
    }
);
wire!(
    struct VarTarget {
        api_version: String,
        group: String,
        version: String,
        kind: String,
        name: String,
        namespace: String,
    }
);
wire!(
    struct VarField {
        field_path: String,
    }
);
wire!(
    struct Var {
        name: String,
        objref: VarTarget,
        fieldref: VarField,
    }
);
wire!(
    struct LegacySortOptions {
        order_first: Vec<String>,
        order_last: Vec<String>,
    }
);
wire!(
    struct SortOptions {
        order: String,
        legacy_sort_options: Option<LegacySortOptions>,
    }
);
wire!(
    struct GeneratorOptions {
        labels: Option<Texts>,
        annotations: Option<Texts>,
        disable_name_suffix_hash: bool,
        immutable: bool,
    }
);
wire!(
    struct Metadata {
        name: String,
        namespace: String,
        labels: Texts,
        annotations: Texts,
    }
);
wire!(
    /// A ConfigMap or Secret to generate.
    struct GeneratorArgs {
        metadata: Metadata,
        namespace: String,
        name: String,
        behavior: String,
        literals: Vec<String>,
        files: Vec<String>,
        envs: Vec<String>,
        env: String,
        options: Option<GeneratorOptions>,
        r#type: String,
    }
);
wire!(
    struct HelmGlobals {
        chart_home: String,
        config_home: String,
    }
);

/// A Helm chart to render into objects, as a kustomization's `helmCharts` gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the wire format has them")]
#[expect(
    missing_docs,
    reason = "the fields are those of `helmCharts` in kustomize's documentation"
)]
pub struct HelmChart {
    pub name: String,
    pub version: String,
    pub repo: String,
    pub release_name: String,
    pub namespace: String,
    pub additional_values_files: Vec<String>,
    pub values_file: String,
    pub values_inline: serde_json::Map<String, Value>,
    pub values_merge: String,
    #[serde(rename = "includeCRDs")]
    pub include_crds: bool,
    pub skip_hooks: bool,
    pub api_versions: Vec<String>,
    pub kube_version: String,
    pub name_template: String,
    pub skip_tests: bool,
    pub debug: bool,
    pub devel: bool,
}

wire!(
    struct HelmArgs {
        chart_name: String,
        chart_version: String,
        chart_repo_url: String,
        chart_home: String,
        chart_repo_name: String,
        helm_bin: String,
        helm_home: String,
        values: String,
        values_local: serde_json::Map<String, Value>,
        values_merge: String,
        release_name: String,
        release_namespace: String,
        extra_args: Vec<String>,
    }
);

wire!(
    /// A kustomization or component.
    struct Kustomization {
        kind: String,
        api_version: String,
        openapi: Texts,
        name_prefix: String,
        name_suffix: String,
        namespace: String,
        common_labels: Texts,
        labels: Vec<Label>,
        common_annotations: Texts,
        patches_strategic_merge: Vec<String>,
        patches_json6902: Vec<Patch>,
        patches: Vec<Patch>,
        images: Vec<Image>,
        image_tags: Vec<Image>,
        replacements: Vec<Replacement>,
        replicas: Vec<Replica>,
        vars: Vec<Var>,
        sort_options: Option<SortOptions>,
        resources: Vec<String>,
        components: Vec<String>,
        crds: Vec<String>,
        bases: Vec<String>,
        config_map_generator: Vec<GeneratorArgs>,
        secret_generator: Vec<GeneratorArgs>,
        helm_globals: Option<HelmGlobals>,
        helm_charts: Vec<HelmChart>,
        helm_chart_inflation_generator: Vec<HelmArgs>,
        generator_options: Option<GeneratorOptions>,
        configurations: Vec<String>,
        generators: Vec<String>,
        transformers: Vec<String>,
        validators: Vec<String>,
        build_metadata: Vec<String>,
        old_fields: Vec<String>,
    }
);

/// Reads a value of a known shape.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(
    mut value: Value,
    shape: &'static Fields,
    reading: Reading,
) -> Result<T> {
    shape::conform(&mut value, shape, reading)?;
    serde_json::from_value(value).map_err(|error| Error::new(format!("json: {error}")))
}

impl Kustomization {
    /// Reads a kustomization file. `directory` appears in errors.
    pub(crate) fn parse(text: &str, directory: &str) -> Result<Self> {
        let value = yaml::to_json(text, yaml::Rules::V2)
            .map_err(|error| Error::new(error.go_message()).during("invalid Kustomization"))?;
        let mut value = value;
        shape::conform(&mut value, &shapes::KUSTOMIZATION, Reading::Strict)
            .map_err(|error| error.during("invalid Kustomization"))?;
        let empty = says_nothing(&value);
        let old_fields = old_fields(&value);
        let mut parsed: Self = serde_json::from_value(value).map_err(|error| {
            Error::new(format!("json: {error}")).during("invalid Kustomization")
        })?;
        parsed.old_fields = old_fields;
        parsed.modernize();
        if empty {
            return Err(Error::new("kustomization.yaml is empty"));
        }
        parsed.check_type(directory)?;
        Ok(parsed)
    }

    /// Defaults, and old spellings turned into today's.
    fn modernize(&mut self) {
        if self.kind.is_empty() {
            KIND.clone_into(&mut self.kind);
        }
        if self.api_version.is_empty() {
            let default = if self.is_component() { COMPONENT_API_VERSION } else { API_VERSION };
            default.clone_into(&mut self.api_version);
        }
        self.resources.append(&mut self.bases);
        self.images.append(&mut self.image_tags);
        for generator in self.config_map_generator.iter_mut().chain(&mut self.secret_generator) {
            if !generator.env.is_empty() {
                generator.envs.push(std::mem::take(&mut generator.env));
            }
        }
        let mut globals = HelmGlobals::default();
        for args in std::mem::take(&mut self.helm_chart_inflation_generator) {
            if !args.helm_home.is_empty() {
                globals.config_home.clone_from(&args.helm_home);
            }
            if !args.chart_home.is_empty() {
                globals.chart_home.clone_from(&args.chart_home);
            }
            self.helm_charts.push(args.into_chart());
        }
        if self.helm_globals.is_none() && globals != HelmGlobals::default() {
            self.helm_globals = Some(globals);
        }
    }

    fn check_type(&self, directory: &str) -> Result<()> {
        let mut problems = Vec::new();
        if self.kind != KIND && self.kind != COMPONENT_KIND {
            problems.push(format!("kind should be {KIND} or {COMPONENT_KIND}"));
        }
        let required = if self.is_component() { COMPONENT_API_VERSION } else { API_VERSION };
        if self.api_version != required {
            problems.push(format!("apiVersion for {} should be {required}", self.kind));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::new(format!(
            "Failed to read kustomization file under {directory}:\n{}",
            problems.join("\n")
        )))
    }

    pub(crate) fn is_component(&self) -> bool {
        self.kind == COMPONENT_KIND
    }

    /// Whether `buildMetadata` asks for something.
    pub(crate) fn wants(&self, option: &str) -> bool {
        self.build_metadata.iter().any(|wanted| wanted == option)
    }
}

/// Whether a kustomization has nothing but its type, as the original sees it.
fn says_nothing(value: &Value) -> bool {
    let fields = value.as_object().into_iter().flatten();
    fields.into_iter().all(|(name, value)| match (name.as_str(), value) {
        ("kind" | "apiVersion", _) | (_, Value::Null) => true,
        (_, Value::String(text)) => text.is_empty(),
        ("bases" | "imageTags" | "helmChartInflationGenerator", Value::Array(items)) => {
            items.is_empty()
        }
        _ => false,
    })
}

/// Warnings about deprecated fields, in the original's words.
fn old_fields(value: &Value) -> Vec<String> {
    const RUN: &str = "Run 'kustomize edit fix' to update your Kustomization automatically.";
    let old = [
        ("bases", "resources", ""),
        ("commonLabels", "labels", ""),
        ("imageTags", "images", ""),
        ("patchesJson6902", "patches", ""),
        ("patchesStrategicMerge", "patches", ""),
        ("vars", "replacements", "[EXPERIMENTAL] "),
    ];
    let used = old.into_iter().filter(|(name, _, _)| value.get(name).is_some());
    used.map(|(name, new, note)| {
        format!("# Warning: '{name}' is deprecated. Please use '{new}' instead. {note}{RUN}")
    })
    .collect()
}

impl HelmArgs {
    fn into_chart(self) -> HelmChart {
        HelmChart {
            name: self.chart_name,
            version: self.chart_version,
            repo: self.chart_repo_url,
            release_name: self.release_name,
            namespace: self.release_namespace,
            values_file: self.values,
            values_inline: self.values_local,
            values_merge: self.values_merge,
            ..HelmChart::default()
        }
    }
}

impl GeneratorOptions {
    /// The options of one generator with those of the whole kustomization filled in.
    pub(crate) fn merged(own: Option<&Self>, global: Option<&Self>) -> Option<Self> {
        let Some(global) = global else {
            return own.cloned();
        };
        let mut merged = own.cloned().unwrap_or_default();
        for (mine, theirs) in
            [(&mut merged.labels, &global.labels), (&mut merged.annotations, &global.annotations)]
        {
            if let Some(theirs) = theirs {
                let mine = mine.get_or_insert_with(Texts::new);
                for (key, value) in theirs {
                    mine.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        merged.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        merged.immutable |= global.immutable;
        Some(merged)
    }
}
