//! `helm template RELEASE CHART` with this engine, for comparing and measuring; it takes the flags that say what a
//! rendering gives. Time stands still, and there is no randomness. With `--repeat N` it prints no manifests but what
//! loading and rendering the chart once takes.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use helm::capabilities::KubeVersion;
use helm::{Chart, Error, Options, TextOptions, Values, strvals};

/// Sets values as one of the flags does.
type Set = fn(&str, &mut Values) -> Result<(), Error>;

#[derive(Default)]
struct Arguments {
    words: Vec<String>,
    namespace: String,
    files: Vec<String>,
    sets: Vec<(Set, String)>,
    kube_version: Option<String>,
    api_versions: Vec<String>,
    show_only: Vec<String>,
    text: TextOptions,
    is_upgrade: bool,
    skip_schema: bool,
    repeat: u32,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Self {
        let mut arguments = Self { namespace: "default".to_owned(), ..Self::default() };
        while let Some(word) = given.next() {
            let mut value = || given.next().unwrap_or_default();
            match word.as_str() {
                "template" => {}
                "-n" | "--namespace" => arguments.namespace = value(),
                "-f" | "--values" => arguments.files.push(value()),
                "--set" => arguments.sets.push((strvals::set, value())),
                "--set-string" => arguments.sets.push((strvals::set_string, value())),
                "--set-json" => arguments.sets.push((strvals::set_json, value())),
                "--set-literal" => arguments.sets.push((strvals::set_literal, value())),
                "--kube-version" => arguments.kube_version = Some(value()),
                "-a" | "--api-versions" => arguments.api_versions.push(value()),
                "-s" | "--show-only" => arguments.show_only.push(value()),
                "--repeat" => arguments.repeat = value().parse().unwrap_or_default(),
                "--include-crds" => arguments.text.include_crds = true,
                "--no-hooks" => arguments.text.no_hooks = true,
                "--skip-tests" => arguments.text.skip_tests = true,
                "--is-upgrade" => arguments.is_upgrade = true,
                "--skip-schema-validation" => arguments.skip_schema = true,
                _ => arguments.words.push(word),
            }
        }
        arguments
    }

    fn values(&self) -> Result<Values, Error> {
        let mut values = Values::new();
        for file in &self.files {
            let text = std::fs::read_to_string(file).map_err(failed)?;
            values = helm::merge_maps(values, helm::from_yaml_documents(&text)?);
        }
        for (set, text) in &self.sets {
            set(text, &mut values)?;
        }
        Ok(values)
    }
}

fn failed(error: impl ToString) -> Error {
    Error::new(error.to_string())
}

fn load(path: &str) -> Result<Chart, Error> {
    let chart = Chart::load_dir(Path::new(path), Path::new("/"))?;
    let kind = chart.metadata.kind.as_str();
    if !matches!(kind, "" | "application") {
        return Err(Error::new(format!("{kind} charts are not installable")));
    }
    match chart.missing_dependencies().as_slice() {
        [] => Ok(chart),
        missing => Err(Error::new(format!("missing in charts/ directory: {}", missing.join(", ")))),
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let [release, path, ..] = arguments.words.as_slice() else {
        return Err(Error::new("give a release and a chart"));
    };
    let environment = gotemplate::Fixed::default();
    let mut options = Options::new(release, &arguments.namespace, &environment);
    options.is_upgrade = arguments.is_upgrade;
    options.skip_schema = arguments.skip_schema;
    options.capabilities.api_versions.extend(arguments.api_versions.iter().cloned());
    if let Some(version) = &arguments.kube_version {
        options.capabilities.kube_version = KubeVersion::parse(version).map_err(failed)?;
    }
    if arguments.repeat == 0 {
        let rendered = helm::render(&load(path)?, &arguments.values()?, &options)?;
        let text = rendered.text_with(arguments.text);
        print!("{}", shown(&text, &arguments.show_only));
        return Ok(());
    }
    let started = Instant::now();
    for _ in 0..arguments.repeat {
        helm::render_files(&load(path)?, &arguments.values()?, &options)?;
    }
    let each = started.elapsed() / arguments.repeat;
    println!("{:.3} ms a rendering", each.as_secs_f64() * 1000.0);
    Ok(())
}

/// The documents that came from these templates, or all.
fn shown(text: &str, templates: &[String]) -> String {
    if templates.is_empty() {
        return text.to_owned();
    }
    let documents = helm::split_manifests(text);
    let from = |document: &str, template: &str| {
        let source = document.lines().find_map(|line| line.strip_prefix("# Source: "));
        source.and_then(|path| path.split_once('/')).is_some_and(|(_, path)| path == template)
    };
    let chosen = templates
        .iter()
        .flat_map(|template| documents.iter().filter(move |document| from(document, template)));
    chosen.flat_map(|document| ["---\n", document.as_str(), "\n"]).collect()
}

fn main() -> ExitCode {
    match run(&Arguments::read(std::env::args().skip(1))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
