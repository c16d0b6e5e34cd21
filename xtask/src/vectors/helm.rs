//! Helm: rendering, values, sorting, and the grammar of `--set`.

use super::{Case, Outcome, same_text};
use gotemplate::Fixed;
use helm::capabilities::KubeVersion;
use helm::{Capabilities, Chart, Dependency, File, Metadata, Mode, Options, Values};
use serde_json::Value as Json;

/// The Kubernetes version that the cases were made with.
const KUBE_VERSION: &str = "v1.36.0";

pub(crate) fn run(case: &Case) -> Outcome {
    let result = match case.text("mode") {
        "template" => template(case),
        "engine" => engine(case),
        "chart" => chart(case),
        "coalesce" => values(case, helm::coalesce_values),
        "merge" => values(case, helm::merge_values),
        "coalesce-tables" => Ok(tables(case, helm::coalesce_tables)),
        "merge-tables" => Ok(tables(case, helm::merge_tables)),
        "split" => Ok(split(case)),
        "toyaml" => to_yaml(case),
        _ => return Outcome::Unsupported,
    };
    match (result, case.value.get("error").and_then(Json::as_str)) {
        (Ok(outcome), None) => outcome,
        (Ok(_), Some(expected)) => Outcome::Failed(format!("expected the error: {expected}")),
        (Err(error), Some(expected)) => same_text(expected, &error),
        (Err(error), None) => Outcome::Failed(format!("unexpected error: {error}")),
    }
}

/// `--set` and its relatives.
pub(crate) fn run_strvals(case: &Case) -> Outcome {
    let mut values = object(case.value.get("base"));
    let input = case.text("input");
    let result = match case.text("mode") {
        "set" => helm::strvals::set(input, &mut values),
        "set-string" => helm::strvals::set_string(input, &mut values),
        "set-json" => helm::strvals::set_json(input, &mut values),
        "set-literal" => helm::strvals::set_literal(input, &mut values),
        _ => return Outcome::Unsupported,
    };
    match (result, case.value.get("error").and_then(Json::as_str)) {
        (Ok(()), None) => same_json(case.value.get("result"), &Json::Object(values)),
        (Ok(()), Some(expected)) => Outcome::Failed(format!("expected the error: {expected}")),
        (Err(error), Some(expected)) => same_text(expected, &error.to_string()),
        (Err(error), None) => Outcome::Failed(format!("unexpected error: {error}")),
    }
}

fn object(json: Option<&Json>) -> Values {
    json.and_then(Json::as_object).cloned().unwrap_or_default()
}

/// Compares by value: whether a number was written as a float does not count.
fn same_json(expected: Option<&Json>, got: &Json) -> Outcome {
    let expected = helm::to_yaml(expected.unwrap_or(&Json::Null));
    same_text(&expected, &helm::to_yaml(got))
}

fn show(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn options(environment: &Fixed) -> Options<'_> {
    let mut options = Options::new("rel", "ns", environment);
    if let Ok(version) = KubeVersion::parse(KUBE_VERSION) {
        options.capabilities.kube_version = version;
    }
    options
}

fn template(case: &Case) -> Result<Outcome, String> {
    let files = vec![
        File::new("Chart.yaml", "apiVersion: v2\nname: t\nversion: 0.1.0\nappVersion: \"1.0\"\n"),
        File::new("templates/t.yaml", case.text("template").to_owned()),
    ];
    let chart = Chart::from_files(files).map_err(show)?;
    let values = helm::from_yaml(case.text("values")).map_err(show)?;
    let environment = Fixed::default();
    let files = helm::render_files(&chart, &values, &options(&environment)).map_err(show)?;
    let got = files.get("t/templates/t.yaml").map_or("", |text| &**text);
    Ok(same_text(case.text("expected"), got))
}

/// A chart given as JSON, by Go's field names or those of `Chart.yaml`.
fn json_chart(json: &Json) -> Chart {
    let list = |name: &str| json.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let metadata = json.get("metadata").cloned().unwrap_or_default();
    let text = |name: &str| {
        let found = metadata.get(name).or_else(|| metadata.get(name.to_lowercase()));
        found.and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    let file = |file: &Json| {
        let text =
            |name: &str| file.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        File::new(text("name"), text("data"))
    };
    let dependencies = metadata.get("Dependencies").or_else(|| metadata.get("dependencies"));
    let dependencies = dependencies.and_then(Json::as_array).cloned().unwrap_or_default();
    Chart {
        metadata: Metadata {
            name: text("Name"),
            version: text("Version"),
            kind: text("Type"),
            dependencies: dependencies
                .into_iter()
                .filter_map(|json| serde_json::from_value::<Dependency>(json).ok())
                .collect(),
            ..Metadata::default()
        },
        templates: list("templates").iter().map(file).collect(),
        files: list("files").iter().map(file).collect(),
        values: object(json.get("values")),
        dependencies: list("dependencies").iter().map(json_chart).collect(),
        ..Chart::default()
    }
}

fn engine(case: &Case) -> Result<Outcome, String> {
    let chart = json_chart(case.value.get("chart").unwrap_or(&Json::Null));
    let top = object(case.value.get("top"));
    let environment = Fixed::default();
    let mut options = options(&environment);
    options.dns = case.name.contains("WithDNS");
    options.mode = match (case.flag("strict"), case.flag("lint")) {
        (true, _) => Mode::Strict,
        (_, true) => Mode::Lint,
        _ => Mode::Normal,
    };
    let release = top.get("Release").cloned().unwrap_or_default();
    let files = helm::render_prepared(&chart, &object(top.get("Values")), &release, &options);
    let files = files.map_err(show)?;
    let got = Json::Object(files.into_iter().map(|(k, v)| (k, Json::String(v.into()))).collect());
    Ok(same_json(case.value.get("rendered"), &got))
}

fn texts<'a>(case: &'a Case, name: &str) -> impl Iterator<Item = &'a str> {
    let list = case.value.get(name).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str)
}

fn user_values(case: &Case) -> Result<Values, helm::Error> {
    let mut values = Values::new();
    for text in texts(case, "values") {
        values = helm::merge_maps(values, helm::from_yaml(text)?);
    }
    for text in texts(case, "set_json") {
        helm::strvals::set_json(text, &mut values)?;
    }
    for text in texts(case, "set") {
        helm::strvals::set(text, &mut values)?;
    }
    for text in texts(case, "set_string") {
        helm::strvals::set_string(text, &mut values)?;
    }
    Ok(values)
}

fn chart(case: &Case) -> Result<Outcome, String> {
    let dir = tempfile::tempdir().map_err(show)?;
    for (name, data) in object(case.value.get("files")) {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or_else(|| dir.path())).map_err(show)?;
        std::fs::write(path, data.as_str().unwrap_or_default()).map_err(show)?;
    }
    let chart = Chart::load_dir(dir.path(), dir.path()).map_err(show)?;
    let values = user_values(case).map_err(show)?;
    let environment = Fixed::default();
    let release = object(case.value.get("release"));
    let name = text_or(&release, "Name", "rel");
    let namespace = text_or(&release, "Namespace", "ns");
    let mut options = Options { name, namespace, ..options(&environment) };
    options.is_upgrade = ["Upgrade", "IsUpgrade"]
        .iter()
        .any(|name| release.get(*name).and_then(Json::as_bool) == Some(true));
    if let Some(revision) = release.get("Revision").and_then(Json::as_u64) {
        options.revision = u32::try_from(revision).map_err(show)?;
    }
    if let Some(version) = case.value.get("kube_version").and_then(Json::as_str) {
        options.capabilities.kube_version = KubeVersion::parse(version).map_err(show)?;
    }
    let mut capabilities = Capabilities { ..options.capabilities };
    capabilities.api_versions.extend(texts(case, "api_versions").map(str::to_owned));
    options.capabilities = capabilities;
    let rendered = helm::render(&chart, &values, &options).map_err(show)?;
    let coalesced =
        same_json(case.value.get("coalesced_values"), &Json::Object(rendered.values.clone()));
    if !matches!(coalesced, Outcome::Passed) {
        return Ok(coalesced);
    }
    if rendered.notes != case.text("notes") {
        return Ok(same_text(case.text("notes"), &rendered.notes));
    }
    let hooks = case.value.get("hooks").and_then(Json::as_array).map_or(0, Vec::len);
    if hooks != rendered.hooks.len() {
        return Ok(Outcome::Failed(format!("{} hooks, expected {hooks}", rendered.hooks.len())));
    }
    Ok(same_text(case.text("expected"), &rendered.manifest(case.flag("include_crds"))))
}

fn text_or<'a>(map: &'a Values, name: &str, default: &'a str) -> &'a str {
    map.get(name).and_then(Json::as_str).unwrap_or(default)
}

fn values(
    case: &Case,
    merge: fn(&Chart, &Values) -> Result<Values, helm::Error>,
) -> Result<Outcome, String> {
    let chart = json_chart(case.value.get("chart").unwrap_or(&Json::Null));
    let got = merge(&chart, &object(case.value.get("vals"))).map_err(show)?;
    Ok(same_json(case.value.get("result"), &Json::Object(got)))
}

fn tables(case: &Case, merge: fn(&mut Values, Values)) -> Outcome {
    let mut destination = object(case.value.get("dst"));
    merge(&mut destination, object(case.value.get("src")));
    same_json(case.value.get("result"), &Json::Object(destination))
}

fn split(case: &Case) -> Outcome {
    let documents = helm::split_manifests(case.text("input")).into_iter().enumerate();
    let documents = documents.map(|(n, text)| (format!("manifest-{n}"), Json::String(text)));
    same_json(case.value.get("output"), &Json::Object(documents.collect()))
}

fn to_yaml(case: &Case) -> Result<Outcome, String> {
    let json = yaml::to_json(case.text("input"), yaml::Rules::V2)
        .map_err(|error| format!("error converting YAML to JSON: {}", error.go_message()))?;
    // Every number is a float to Go here.
    let value = gotemplate::Value::from_json_floats(&json).to_json().unwrap_or_default();
    Ok(same_text(case.text("expected"), &yaml::from_json(&value)))
}
