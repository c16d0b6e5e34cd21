//! The rules for `Chart.yaml`.

use gotemplate::semver::{Constraint, Version};
use serde_json::Value as Json;

use super::addresses::{is_email, is_request_url, is_url};
use super::{Folder, Linter, ensure};
use crate::chart::MAX_METADATA;
use crate::metadata::{Metadata, unknown_field};

const FILE: &str = "Chart.yaml";

type Outcome = Result<(), String>;

pub(super) fn check(linter: &mut Linter, folder: &Folder<'_>) {
    let is_file = folder.metadata.ok_or_else(|| "should be a file, not a directory".to_owned());
    let text = linter.error(FILE, is_file).map(String::from_utf8_lossy);
    let parsed = match &text {
        Some(text) => parse(text),
        None => Err("read Chart.yaml: is a directory".to_owned()),
    };
    let parsed = parsed.map_err(|error| format!("unable to parse YAML\n\t{error}"));
    let Some((json, metadata)) = linter.error(FILE, parsed) else { return };
    let strict = strictly(&text.unwrap_or_default(), &json);
    linter.warning(
        FILE,
        strict.map_err(|e| format!("failed to strictly parse chart metadata file\n\t{e}")),
    );
    linter.error(FILE, name(&metadata));
    linter.error(FILE, api_version(&metadata));
    linter.error(FILE, is_text(&json, "version"));
    linter.error(FILE, version(&metadata));
    linter.error(FILE, is_text(&json, "appVersion"));
    linter.error(FILE, maintainers(&metadata, &json));
    linter.error(FILE, sources(&metadata));
    linter.info(FILE, ensure(!metadata.icon.is_empty(), || "icon is recommended".to_owned()));
    let icon = metadata.icon.is_empty() || is_request_url(&metadata.icon);
    linter.error(FILE, ensure(icon, || format!("invalid icon URL '{}'", metadata.icon)));
    linter.error(FILE, only_in_v2(&metadata));
    linter.error(FILE, dependencies_only_in_v2(&metadata));
    let strict = Version::parse_strict(&metadata.version).is_ok();
    let complaint = || format!("version '{}' is not a valid SemVerV2", metadata.version);
    linter.warning(FILE, ensure(strict, complaint));
}

fn parse(text: &str) -> Result<(Json, Metadata), String> {
    if text.len() > MAX_METADATA {
        return Err(format!("larger than {MAX_METADATA} bytes"));
    }
    let json = yaml::to_json(text, yaml::Rules::V2)
        .map_err(|error| format!("error converting YAML to JSON: {}", error.go_message()))?;
    let metadata: Option<Metadata> = serde_json::from_value(json.clone())
        .map_err(|error| format!("error unmarshaling JSON: while decoding JSON: {error}"))?;
    Ok((json, metadata.unwrap_or_default()))
}

fn strictly(text: &str, json: &Json) -> Outcome {
    yaml::to_json_strict(text)
        .map_err(|error| format!("error converting YAML to JSON: {}", error.go_message()))?;
    match unknown_field(json) {
        Some(field) => Err(format!(
            "error unmarshaling JSON: while decoding JSON: json: unknown field {field:?}"
        )),
        None => Ok(()),
    }
}

fn name(metadata: &Metadata) -> Outcome {
    let name = &metadata.name;
    if name.is_empty() {
        return Err("name is required".to_owned());
    }
    let plain = !name.contains('/');
    ensure(plain, || format!("chart name {name:?} is invalid"))
}

fn api_version(metadata: &Metadata) -> Outcome {
    match metadata.api_version.as_str() {
        "v1" | "v2" => Ok(()),
        "" => Err("apiVersion is required. The value must be either \"v1\" or \"v2\"".to_owned()),
        other => Err(format!(
            "apiVersion '{other}' is not valid. The value must be either \"v1\" or \"v2\""
        )),
    }
}

fn is_text(json: &Json, key: &str) -> Outcome {
    let found = match json.get(key) {
        None | Some(Json::String(_)) => return Ok(()),
        Some(Json::Null) => "<nil>",
        Some(Json::Bool(_)) => "bool",
        Some(Json::Number(_)) => "float64",
        Some(Json::Array(_)) => "[]interface {}",
        Some(Json::Object(_)) => "map[string]interface {}",
    };
    Err(format!("{key} should be of type string but it's of type {found}"))
}

fn version(metadata: &Metadata) -> Outcome {
    let text = &metadata.version;
    if text.is_empty() {
        return Err("version is required".to_owned());
    }
    let version = Version::parse(text);
    let version = version.map_err(|_| format!("version '{text}' is not a valid SemVer"))?;
    let least = Constraint::parse(">0.0.0-0").map_err(|error| error.to_string())?;
    let complaint = || format!("version {text} is less than or equal to 0.0.0-0");
    ensure(least.check(&version), complaint)
}

fn maintainers(metadata: &Metadata, json: &Json) -> Outcome {
    let listed = json.get("maintainers").and_then(Json::as_array);
    if listed.into_iter().flatten().any(Json::is_null) {
        return Err("a maintainer entry is empty".to_owned());
    }
    for maintainer in &metadata.maintainers {
        let (name, email, url) = (&maintainer.name, &maintainer.email, &maintainer.url);
        if name.is_empty() {
            return Err("each maintainer requires a name".to_owned());
        }
        if !email.is_empty() && !is_email(email) {
            return Err(format!("invalid email '{email}' for maintainer '{name}'"));
        }
        if !url.is_empty() && !is_url(url) {
            return Err(format!("invalid url '{url}' for maintainer '{name}'"));
        }
    }
    Ok(())
}

fn sources(metadata: &Metadata) -> Outcome {
    match metadata.sources.iter().find(|source| !is_request_url(source)) {
        Some(source) => Err(format!("invalid source URL '{source}'")),
        None => Ok(()),
    }
}

fn only_in_v2(metadata: &Metadata) -> Outcome {
    let (kind, version) = (&metadata.kind, &metadata.api_version);
    ensure(kind.is_empty() || version == "v2", || {
        format!("chart type is not valid in apiVersion '{version}'. It is valid in apiVersion 'v2'")
    })
}

fn dependencies_only_in_v2(metadata: &Metadata) -> Outcome {
    let version = &metadata.api_version;
    ensure(metadata.dependencies.is_empty() || version == "v2", || {
        format!(
            "dependencies are not valid in the Chart file with apiVersion '{version}'. They are valid in apiVersion 'v2'"
        )
    })
}
