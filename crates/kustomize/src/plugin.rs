//! Transformers and generators, from a kustomization's fields or from objects that configure them.

use crate::build::Build;
use crate::config::{FieldSpec, TransformerConfig, merge_specs, parse_field_specs};
use crate::error::{Context, Error, ErrorKind, Result, quoted};
use crate::generate::{Generated, IamPolicyArgs};
use crate::kustomization::shape::{Fields, Reading};
use crate::kustomization::{
    FieldSpecArgs, GeneratorArgs, HelmChart, HelmGlobals, Image, Kustomization, Label, Metadata,
    Patch, Replacement, Replica, Texts, decode, shapes,
};
use crate::load::Loader;
use crate::resmap::{ResMap, Selector};
use crate::resource;
use crate::transform::images::ImageChange;
use crate::transform::namespace::{NamespaceChange, Subjects};
use crate::transform::patches::{JsonPatchChange, MergePatches, PatchChange};
use crate::transform::value_add::ValueAdd;
use crate::transform::{self, End, replacements};
use crate::tree::{NodeId, json};
use serde::Deserialize;
use serde_json::Value;

/// The `apiVersion` of what is built in.
const BUILTIN: &str = "builtin";

/// A transformer, ready to run.
pub(crate) enum Transformer {
    MergePatches(MergePatches),
    Patch(PatchChange),
    Namespace(NamespaceChange),
    Prefix(String, Vec<FieldSpec>),
    Suffix(String, Vec<FieldSpec>),
    Labels(Texts, Vec<FieldSpec>),
    Annotations(Texts, Vec<FieldSpec>),
    JsonPatch(JsonPatchChange),
    Replicas(Replica, Vec<FieldSpec>),
    Image(Image, Vec<FieldSpec>),
    Replacements(Vec<Replacement>),
    ValueAdd(ValueAdd),
    Hash,
    /// Several after each other, as the old `PrefixSuffixTransformer` is.
    Several(Vec<Self>),
}

/// A generator, ready to run.
pub(crate) enum Generator {
    Data(Generated, Box<GeneratorArgs>),
    IamPolicy(IamPolicyArgs),
    Helm(Box<HelmChart>, HelmGlobals),
}

impl Transformer {
    /// The transformer's kind, as an object that configures one has it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::MergePatches(_) => "PatchStrategicMergeTransformer",
            Self::Patch(_) => "PatchTransformer",
            Self::Namespace(_) => "NamespaceTransformer",
            Self::Prefix(..) => "PrefixTransformer",
            Self::Suffix(..) => "SuffixTransformer",
            Self::Labels(..) => "LabelTransformer",
            Self::Annotations(..) => "AnnotationsTransformer",
            Self::JsonPatch(_) => "PatchJson6902Transformer",
            Self::Replicas(..) => "ReplicaCountTransformer",
            Self::Image(..) => "ImageTagTransformer",
            Self::Replacements(_) => "ReplacementTransformer",
            Self::ValueAdd(_) => "ValueAddTransformer",
            Self::Hash => "HashTransformer",
            Self::Several(_) => "PrefixSuffixTransformer",
        }
    }

    /// The field of a kustomization that asks for it, or its kind where there is none.
    pub(crate) const fn field(&self) -> &'static str {
        match self {
            Self::MergePatches(_) => "patchesStrategicMerge",
            Self::Patch(_) => "patches",
            Self::Namespace(_) => "namespace",
            Self::Prefix(..) => "namePrefix",
            Self::Suffix(..) => "nameSuffix",
            Self::Labels(..) => "labels",
            Self::Annotations(..) => "commonAnnotations",
            Self::JsonPatch(_) => "patchesJson6902",
            Self::Replicas(..) => "replicas",
            Self::Image(..) => "images",
            Self::Replacements(_) => "replacements",
            Self::ValueAdd(_) | Self::Hash | Self::Several(_) => self.kind(),
        }
    }

    /// Changes the objects.
    pub(crate) fn apply(&self, build: &mut Build<'_>, map: &mut ResMap) -> Result<()> {
        let tree = &mut build.tree;
        match self {
            Self::MergePatches(patches) => patches.apply(tree, map),
            Self::Patch(patch) => patch.apply(tree, map),
            Self::Namespace(change) => change.apply(tree, map),
            Self::Prefix(text, specs) => transform::rename(tree, map, text, End::Front, specs),
            Self::Suffix(text, specs) => transform::rename(tree, map, text, End::Back, specs),
            Self::Labels(texts, specs) | Self::Annotations(texts, specs) => {
                transform::set_all(tree, map, texts, specs)
            }
            Self::JsonPatch(patch) => patch.apply(tree, map),
            Self::Replicas(replica, specs) => transform::replicas(tree, map, replica, specs),
            Self::Image(image, specs) => ImageChange::new(image).apply(tree, map, specs),
            Self::Replacements(list) => {
                let objects: Vec<NodeId> =
                    map.list.iter().filter_map(|resource| resource.node).collect();
                replacements::apply(tree, &objects, list)
            }
            Self::ValueAdd(change) => change.apply(tree, map),
            Self::Hash => transform::hash::add_suffixes(tree, map),
            Self::Several(list) => {
                list.iter().try_for_each(|transformer| transformer.apply(build, map))
            }
        }
    }
}

/// The transformers that a kustomization's own fields ask for, in the order in which they run.
pub(crate) fn builtin_transformers(
    build: &mut Build<'_>,
    loader: &Loader<'_>,
    from: &Kustomization,
    config: &TransformerConfig,
) -> Result<Vec<Transformer>> {
    let mut list = Vec::new();
    if !from.patches_strategic_merge.is_empty() {
        let paths = &from.patches_strategic_merge;
        let patches = MergePatches::read(&mut build.tree, loader, paths, "").context(|| {
            let shown: Vec<&str> =
                paths.iter().map(|path| if path.contains('\n') { INLINE } else { path }).collect();
            let shown = shown.join("\n- ");
            trouble("PatchStrategicMergeTransformer", &format!("paths:\n- {shown}\n"))
        })?;
        list.push(Transformer::MergePatches(patches));
    }
    for patch in &from.patches {
        let shown = shown_patch(patch);
        let change = PatchChange::read(&mut build.tree, loader, patch, || shown.clone())
            .context(|| trouble("PatchTransformer", &shown))?;
        list.push(Transformer::Patch(change));
    }
    if !from.namespace.is_empty() {
        let change = NamespaceChange {
            namespace: from.namespace.clone(),
            specs: config.namespace.clone(),
            ..NamespaceChange::default()
        };
        list.push(Transformer::Namespace(change));
    }
    if !from.name_prefix.is_empty() {
        list.push(Transformer::Prefix(from.name_prefix.clone(), config.name_prefix.clone()));
    }
    if !from.name_suffix.is_empty() {
        list.push(Transformer::Suffix(from.name_suffix.clone(), config.name_suffix.clone()));
    }
    if !from.labels.is_empty() || !from.common_labels.is_empty() {
        for label in &from.labels {
            list.push(Transformer::Labels(label.pairs.clone(), label_specs(label, config)?));
        }
        list.push(Transformer::Labels(from.common_labels.clone(), config.common_labels.clone()));
    }
    if !from.common_annotations.is_empty() {
        list.push(Transformer::Annotations(
            from.common_annotations.clone(),
            config.common_annotations.clone(),
        ));
    }
    for patch in &from.patches_json6902 {
        let change = JsonPatchChange::read(loader, patch.target.as_ref(), &patch.path, &patch.text)
            .context(|| trouble("PatchJson6902Transformer", &shown_json_patch(patch)))?;
        list.push(Transformer::JsonPatch(change));
    }
    list.extend(
        from.replicas
            .iter()
            .map(|replica| Transformer::Replicas(replica.clone(), config.replicas.clone())),
    );
    list.extend(
        from.images.iter().map(|image| Transformer::Image(image.clone(), config.images.clone())),
    );
    if !from.replacements.is_empty() {
        let list_of = replacements::load(loader, &from.replacements)
            .context(|| "trouble configuring builtin ReplacementTransformer".to_owned())?;
        list.push(Transformer::Replacements(list_of));
    }
    Ok(list)
}

fn trouble(kind: &str, config: &str) -> String {
    format!("trouble configuring builtin {kind} with config: `\n{config}`")
}

/// The places where an entry of `labels` puts its pairs.
fn label_specs(label: &Label, config: &TransformerConfig) -> Result<Vec<FieldSpec>> {
    let mut specs = parse_field_specs(&label.fields);
    let failed = |error: Error| {
        Error::of(error.kind(), format!("failed to merge labels: {}", error.chain()))
    };
    merge_specs(&mut specs, &config.labels).map_err(failed)?;
    if label.include_selectors {
        merge_specs(&mut specs, &config.common_labels).map_err(failed)?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_specs(&mut specs, &config.template_labels)
            .context(|| "failed to merge template fieldSpec".to_owned())?;
    }
    if label.include_volume_claim_templates {
        merge_specs(&mut specs, &config.volume_claim_template_labels)
            .context(|| "failed to merge volumeClaimTemplate fieldSpec".to_owned())?;
    }
    merge_specs(&mut specs, &[FieldSpec::everywhere("metadata/labels", true)]).map_err(failed)?;
    Ok(specs)
}

fn shown_selector(selector: &Selector) -> Value {
    let fields = [
        ("group", &selector.group),
        ("version", &selector.version),
        ("kind", &selector.kind),
        ("name", &selector.name),
        ("namespace", &selector.namespace),
        ("annotationSelector", &selector.annotation_selector),
        ("labelSelector", &selector.label_selector),
    ];
    let said = fields.into_iter().filter(|(_, text)| !text.is_empty());
    Value::Object(said.map(|(name, text)| (name.to_owned(), text.as_str().into())).collect())
}

/// A patch as the original shows its configuration in errors.
/// Stands for the text of a patch in messages: it may hold a secret.
const INLINE: &str = "(inline)";

fn shown_patch(patch: &Patch) -> String {
    let mut map = serde_json::Map::new();
    if !patch.text.is_empty() {
        map.insert("patch".to_owned(), INLINE.into());
    }
    if !patch.path.is_empty() {
        map.insert("path".to_owned(), patch.path.as_str().into());
    }
    if let Some(target) = &patch.target {
        map.insert("target".to_owned(), shown_selector(target));
    }
    if let Some(options) = &patch.options {
        let said = [
            ("allowKindChange", options.allow_kind_change),
            ("allowNameChange", options.allow_name_change),
        ];
        let said = said.into_iter().filter(|(_, on)| *on);
        map.insert(
            "options".to_owned(),
            said.map(|(name, on)| (name.to_owned(), Value::from(on))).collect(),
        );
    }
    yaml::from_json(&Value::Object(map))
}

fn shown_json_patch(patch: &Patch) -> String {
    let mut map = serde_json::Map::new();
    if !patch.text.is_empty() {
        map.insert("jsonOp".to_owned(), INLINE.into());
    }
    if !patch.path.is_empty() {
        map.insert("path".to_owned(), patch.path.as_str().into());
    }
    if let Some(target) = &patch.target {
        map.insert("target".to_owned(), shown_selector(target));
    }
    yaml::from_json(&Value::Object(map))
}

/// What an object that configures something built-in may say, of all kinds together.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    metadata: Metadata,
    field_specs: Option<Vec<FieldSpecArgs>>,
    unset_only: bool,
    set_role_binding_subjects: String,
    prefix: String,
    suffix: String,
    labels: Texts,
    annotations: Texts,
    image_tag: Image,
    replica: Replica,
    replacements: Vec<Replacement>,
    target: Option<Selector>,
    path: String,
    json_op: String,
    paths: Vec<String>,
    patches: String,
}

impl Config {
    fn specs(&self) -> Vec<FieldSpec> {
        parse_field_specs(self.field_specs.as_deref().unwrap_or_default())
    }

    fn needed_specs(&self) -> Result<Vec<FieldSpec>> {
        let specs = self
            .field_specs
            .as_deref()
            .ok_or_else(|| Error::new("fieldSpecs is not expected to be nil"))?;
        Ok(parse_field_specs(specs))
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value, shape: &'static Fields) -> Result<T> {
    decode(value, shape, Reading::Lenient).map_err(|error| {
        Error::new(format!("error unmarshaling JSON: while decoding JSON: {}", error.chain()))
    })
}

/// The transformer that an object configures.
pub(crate) fn transformer(
    build: &mut Build<'_>,
    loader: &Loader<'_>,
    config: NodeId,
) -> Result<Transformer> {
    let kind = builtin_kind(build, config)?;
    let value = json::to_value(&build.tree, config)?;
    let failed = || format!("plugin {} fails configuration", resource::id(&build.tree, config));
    let failed = failed();
    if generator_shape(&kind).is_some() {
        return Err(Error::new(format!(
            "plugin {} not a transformer",
            resource::id(&build.tree, config)
        )));
    }
    match load_transformer(build, loader, &kind, value) {
        Ok(Some(transformer)) => Ok(transformer),
        Ok(None) => Err(Error::new(format!(
            "unable to load builtin {}",
            resource::id(&build.tree, config).gvk
        ))),
        Err(error) => Err(error.during(failed)),
    }
}

fn load_transformer(
    build: &mut Build<'_>,
    loader: &Loader<'_>,
    kind: &str,
    value: Value,
) -> Result<Option<Transformer>> {
    Ok(Some(match kind {
        "PatchTransformer" => {
            let shown = yaml::from_json(&value);
            let patch: Patch = read(value, &shapes::PATCH_PLUGIN)?;
            Transformer::Patch(PatchChange::read(&mut build.tree, loader, &patch, || {
                shown.clone()
            })?)
        }
        "ValueAddTransformer" => {
            Transformer::ValueAdd(read::<ValueAdd>(value, &shapes::VALUE_PLUGIN)?.complete(loader)?)
        }
        "HashTransformer" => Transformer::Hash,
        _ => match transformer_shape(kind) {
            None => return Ok(None),
            Some(shape) => from_config(build, loader, kind, read(value, shape)?)?,
        },
    }))
}

fn transformer_shape(kind: &str) -> Option<&'static Fields> {
    Some(match kind {
        "NamespaceTransformer" => &shapes::NAMESPACE_PLUGIN,
        "PrefixTransformer" => &shapes::PREFIX_PLUGIN,
        "SuffixTransformer" => &shapes::SUFFIX_PLUGIN,
        "PrefixSuffixTransformer" => &shapes::PREFIX_SUFFIX_PLUGIN,
        "LabelTransformer" => &shapes::LABEL_PLUGIN,
        "AnnotationsTransformer" => &shapes::ANNOTATIONS_PLUGIN,
        "ImageTagTransformer" => &shapes::IMAGE_PLUGIN,
        "ReplicaCountTransformer" => &shapes::REPLICA_PLUGIN,
        "ReplacementTransformer" => &shapes::REPLACEMENT_PLUGIN,
        "PatchJson6902Transformer" => &shapes::JSON_PATCH_PLUGIN,
        "PatchStrategicMergeTransformer" => &shapes::MERGE_PATCH_PLUGIN,
        _ => return None,
    })
}

fn from_config(
    build: &mut Build<'_>,
    loader: &Loader<'_>,
    kind: &str,
    config: Config,
) -> Result<Transformer> {
    Ok(match kind {
        "PrefixTransformer" => Transformer::Prefix(config.prefix.clone(), config.needed_specs()?),
        "SuffixTransformer" => Transformer::Suffix(config.suffix.clone(), config.needed_specs()?),
        "PrefixSuffixTransformer" => {
            let specs = config.needed_specs()?;
            Transformer::Several(vec![
                Transformer::Prefix(config.prefix.clone(), specs.clone()),
                Transformer::Suffix(config.suffix.clone(), specs),
            ])
        }
        "LabelTransformer" => Transformer::Labels(config.labels.clone(), config.specs()),
        "AnnotationsTransformer" => {
            Transformer::Annotations(config.annotations.clone(), config.specs())
        }
        "ImageTagTransformer" => Transformer::Image(config.image_tag.clone(), config.specs()),
        "ReplicaCountTransformer" => Transformer::Replicas(config.replica.clone(), config.specs()),
        "ReplacementTransformer" => {
            Transformer::Replacements(replacements::load(loader, &config.replacements)?)
        }
        "PatchJson6902Transformer" => Transformer::JsonPatch(JsonPatchChange::read(
            loader,
            config.target.as_ref(),
            &config.path,
            &config.json_op,
        )?),
        "PatchStrategicMergeTransformer" => Transformer::MergePatches(MergePatches::read(
            &mut build.tree,
            loader,
            &config.paths,
            &config.patches,
        )?),
        _ => Transformer::Namespace(NamespaceChange {
            namespace: config.metadata.namespace.clone(),
            specs: config.specs(),
            unset_only: config.unset_only,
            subjects: Subjects::parse(&config.set_role_binding_subjects)?,
        }),
    })
}

fn generator_shape(kind: &str) -> Option<&'static Fields> {
    Some(match kind {
        "ConfigMapGenerator" => &shapes::CONFIG_MAP_PLUGIN,
        "SecretGenerator" => &shapes::SECRET_PLUGIN,
        "IAMPolicyGenerator" => &shapes::IAM_PLUGIN,
        "HelmChartInflationGenerator" => &shapes::HELM_PLUGIN,
        _ => return None,
    })
}

/// The generator that an object configures.
pub(crate) fn generator(
    build: &Build<'_>,
    _loader: &Loader<'_>,
    config: NodeId,
) -> Result<Generator> {
    let kind = builtin_kind(build, config)?;
    let id = resource::id(&build.tree, config);
    let Some(shape) = generator_shape(&kind) else {
        let known = transformer_shape(&kind).is_some()
            || matches!(
                kind.as_str(),
                "PatchTransformer" | "ValueAddTransformer" | "HashTransformer"
            );
        return Err(Error::new(if known {
            format!("plugin {id} not a generator")
        } else {
            format!("unable to load builtin {}", id.gvk)
        }));
    };
    let value = json::to_value(&build.tree, config)?;
    load_generator(&kind, value, shape).context(|| format!("plugin {id} fails configuration"))
}

fn load_generator(kind: &str, value: Value, shape: &'static Fields) -> Result<Generator> {
    Ok(match kind {
        "ConfigMapGenerator" => {
            Generator::Data(Generated::ConfigMap, Box::new(read(value, shape)?))
        }
        "SecretGenerator" => Generator::Data(Generated::Secret, Box::new(read(value, shape)?)),
        "IAMPolicyGenerator" => Generator::IamPolicy(read(value, shape)?),
        _ => {
            let globals = read(value.clone(), shape)?;
            Generator::Helm(Box::new(read(value, shape)?), globals)
        }
    })
}

/// The kind of a built-in plugin. Everything else would be a program to run.
fn builtin_kind(build: &Build<'_>, config: NodeId) -> Result<String> {
    let id = resource::id(&build.tree, config);
    if id.gvk.group.is_empty() && id.gvk.version == BUILTIN {
        return Ok(id.gvk.kind.into_owned());
    }
    let message = format!(
        "external plugins disabled; unable to load external plugin {}",
        quoted(&id.gvk.kind).replace('"', "'")
    );
    Err(Error::of(ErrorKind::Unsupported, message))
}
