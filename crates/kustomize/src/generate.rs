//! ConfigMaps and Secrets from literals and files, and the other built-in generators.

pub(crate) mod helm;

use crate::error::{Context, Error, Result, quoted};
use crate::kustomization::{GeneratorArgs, GeneratorOptions};
use crate::load::Loader;
use crate::resmap::encode;
use crate::resource::{self, build};
use crate::tree::{Kind, Node, NodeId, Tag, Tree};
use std::collections::BTreeMap;

/// What a generator makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Generated {
    ConfigMap,
    Secret,
}

impl Generated {
    const fn kind(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    /// The field of a kustomization that asks for it.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::ConfigMap => "configMapGenerator",
            Self::Secret => "secretGenerator",
        }
    }

    /// The generator's kind, when it is written out as an object.
    pub(crate) const fn generator(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMapGenerator",
            Self::Secret => "SecretGenerator",
        }
    }
}

/// Makes a ConfigMap or Secret.
pub(crate) fn generate(
    tree: &mut Tree,
    loader: &Loader<'_>,
    what: Generated,
    args: &GeneratorArgs,
) -> Result<NodeId> {
    let name = if args.name.is_empty() { &args.metadata.name } else { &args.name };
    let namespace =
        if args.namespace.is_empty() { &args.metadata.namespace } else { &args.namespace };
    if name.is_empty() {
        return Err(Error::new("a configmap must have a name"));
    }
    let object = tree.new_map();
    tree.append_string(object, "apiVersion", "v1");
    tree.append_string(object, "kind", what.kind());
    let meta = tree.new_map();
    tree.append_field(object, "metadata", meta);
    tree.set_string(meta, "name", name)?;
    if !namespace.is_empty() {
        tree.set_string(meta, "namespace", namespace)?;
    }
    if what == Generated::Secret {
        tree.set_string(
            object,
            "type",
            if args.r#type.is_empty() { "Opaque" } else { &args.r#type },
        )?;
    }
    let data = load_data(loader, name, args)?;
    write_data(tree, object, what, data)?;
    if let Some(options) = &args.options {
        apply_options(tree, object, options)?;
    }
    if !args.options.as_ref().is_some_and(|options| options.disable_name_suffix_hash) {
        resource::enable(tree, object, build::NEEDS_HASH)?;
    }
    let behavior = resource::Behavior::parse(&args.behavior);
    let mut annotations = resource::annotations(tree, object);
    annotations.insert(build::BEHAVIOR.to_owned(), behavior.name().to_owned());
    resource::set_annotations(tree, object, &annotations)?;
    Ok(object)
}

fn apply_options(tree: &mut Tree, object: NodeId, options: &GeneratorOptions) -> Result<()> {
    for (name, value) in options.labels.iter().flatten() {
        resource::set_label(tree, object, name, value)?;
    }
    for (name, value) in options.annotations.iter().flatten() {
        resource::set_annotation(tree, object, name, value)?;
    }
    if options.immutable {
        let value = tree.add(Node::tagged("true", Tag::Bool));
        tree.set_field(object, "immutable", Some(value.into()))?;
    }
    Ok(())
}

fn write_data(
    tree: &mut Tree,
    object: NodeId,
    what: Generated,
    data: BTreeMap<String, Vec<u8>>,
) -> Result<()> {
    if what == Generated::Secret {
        let map = tree.new_map();
        tree.append_field(object, "data", map);
        for (key, value) in data {
            tree.append_string(map, &key, &encode(&value));
        }
        return Ok(());
    }
    for (key, value) in data {
        let (field, value) = match String::from_utf8(value) {
            Ok(text) => ("data", text),
            Err(error) => ("binaryData", encode(error.as_bytes())),
        };
        if let Some(map) = tree.field_or_new(object, field, Kind::Mapping)? {
            tree.append_string(map, &key, &value);
        }
    }
    Ok(())
}

/// All keys and values of a generator; a key given twice is an error.
fn load_data(
    loader: &Loader<'_>,
    name: &str,
    args: &GeneratorArgs,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let pairs = load_pairs(loader, args).context(|| "loading KV pairs".to_owned())?;
    let mut data = BTreeMap::new();
    for (key, value) in pairs {
        if data.contains_key(&key) {
            return Err(Error::new(format!("configmap {name} illegally repeats the key `{key}`")));
        }
        data.insert(key, value);
    }
    Ok(data)
}

fn load_pairs(loader: &Loader<'_>, args: &GeneratorArgs) -> Result<Vec<(String, Vec<u8>)>> {
    let mut pairs = Vec::new();
    let envs = args.envs.iter().chain(Some(&args.env).filter(|env| !env.is_empty()));
    for path in envs {
        pairs.extend(
            env_file(loader, path)
                .context(|| format!("env source files: [{}]", args.envs.join(" ")))?,
        );
    }
    for (number, source) in args.literals.iter().enumerate() {
        let pair = literal(source)
            .context(|| format!("literal source {} of {}", number + 1, args.literals.len()))?;
        pairs.push(pair);
    }
    for source in &args.files {
        let pair =
            file(loader, source).context(|| format!("file sources: [{}]", args.files.join(" ")))?;
        pairs.push(pair);
    }
    Ok(pairs)
}

/// `key=value`, quotes around the value taken off. A text that is none is not shown: it may be a secret.
fn literal(source: &str) -> Result<(String, Vec<u8>)> {
    let (key, value) = source
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| Error::new("invalid literal source, expected key=value"))?;
    let unquoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    Ok((key.to_owned(), unquoted.as_bytes().to_vec()))
}

/// `path` or `key=path`.
fn file(loader: &Loader<'_>, source: &str) -> Result<(String, Vec<u8>)> {
    let (key, path) = match source.split_once('=') {
        None => (source.trim_end_matches('/').rsplit('/').next().unwrap_or_default(), source),
        Some((_, rest)) if rest.contains('=') => {
            return Err(Error::new(format!(
                "source {} key name or file path contains '='",
                quoted(source)
            )));
        }
        Some(("", path)) => {
            let message = format!(
                "missing key name for file path {} in source {}",
                quoted(path),
                quoted(source)
            );
            return Err(Error::new(message));
        }
        Some((key, "")) => {
            let message = format!(
                "missing file path for key name {} in source {}",
                quoted(key),
                quoted(source)
            );
            return Err(Error::new(message));
        }
        Some(pair) => pair,
    };
    Ok((key.to_owned(), loader.load(path)?))
}

/// The longest line of an env file that Go's scanner takes.
const MAX_LINE: usize = 64 * 1024;

fn env_file(loader: &Loader<'_>, path: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let content = loader.load(path)?;
    let mut pairs = Vec::new();
    for (number, line) in content.split(|byte| *byte == b'\n').enumerate() {
        if line.len() >= MAX_LINE {
            // The original's reader stops here without a word; what follows would be lost.
            return Err(Error::new(format!(
                "line {} of '{path}' is longer than {MAX_LINE} bytes",
                number + 1
            )));
        }
        let line = std::str::from_utf8(line).map_err(|_| {
            Error::new(format!("line {} of '{path}' has invalid utf8 bytes", number + 1))
        })?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = if number == 0 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    Ok(pairs)
}

/// Makes the ServiceAccount that Google's clouds want for workload identity.
pub(crate) fn iam_policy(tree: &mut Tree, args: &IamPolicyArgs) -> Result<NodeId> {
    if args.cloud != "gke" {
        return Err(Error::new(format!("cloud provider {} not supported yet", args.cloud)));
    }
    let object = tree.new_map();
    tree.append_string(object, "apiVersion", "v1");
    tree.append_string(object, "kind", "ServiceAccount");
    let meta = tree.new_map();
    tree.append_field(object, "metadata", meta);
    let annotations = tree.new_map();
    tree.append_field(meta, "annotations", annotations);
    let account = format!(
        "{}@{}.iam.gserviceaccount.com",
        args.service_account.name, args.service_account.project_id
    );
    tree.append_string(annotations, "iam.gke.io/gcp-service-account", &account);
    tree.append_string(meta, "name", &args.kubernetes_service.name);
    if !args.kubernetes_service.namespace.is_empty() {
        tree.append_string(meta, "namespace", &args.kubernetes_service.namespace);
    }
    Ok(object)
}

/// An `IAMPolicyGenerator`.
#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct IamPolicyArgs {
    cloud: String,
    kubernetes_service: NamedInNamespace,
    service_account: CloudAccount,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NamedInNamespace {
    name: String,
    namespace: String,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CloudAccount {
    name: String,
    project_id: String,
}
