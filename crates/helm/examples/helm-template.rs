//! `helm template RELEASE CHART [-n NAMESPACE] [-f FILE]... [--include-crds] [--is-upgrade]` with this engine, for
//! comparing and measuring. Time stands still, and there is no randomness. With `--repeat N` it
//! prints no manifests but what one rendering of the loaded chart takes.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use helm::{Chart, Error, Options, Values};

#[derive(Default)]
struct Arguments {
    words: Vec<String>,
    namespace: String,
    files: Vec<String>,
    api_versions: Vec<String>,
    include_crds: bool,
    is_upgrade: bool,
    repeat: u32,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Self {
        let mut arguments = Self { namespace: "default".to_owned(), ..Self::default() };
        while let Some(word) = given.next() {
            let mut value = || given.next().unwrap_or_default();
            match word.as_str() {
                "template" => {}
                "-n" => arguments.namespace = value(),
                "-f" => arguments.files.push(value()),
                "--api-versions" => arguments.api_versions.push(value()),
                "--repeat" => arguments.repeat = value().parse().unwrap_or_default(),
                "--include-crds" => arguments.include_crds = true,
                "--is-upgrade" => arguments.is_upgrade = true,
                _ => arguments.words.push(word),
            }
        }
        arguments
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let [release, chart, ..] = arguments.words.as_slice() else {
        return Err(Error::new("give a release and a chart"));
    };
    let chart = Chart::load_dir(Path::new(chart), Path::new("/"))?;
    let mut values = Values::new();
    for file in &arguments.files {
        let text = std::fs::read_to_string(file).map_err(|error| Error::new(error.to_string()))?;
        values = helm::merge_maps(values, helm::from_yaml_documents(&text)?);
    }
    let environment = gotemplate::Fixed::default();
    let mut options = Options::new(release, &arguments.namespace, &environment);
    options.is_upgrade = arguments.is_upgrade;
    options.capabilities.api_versions.extend(arguments.api_versions.iter().cloned());
    if arguments.repeat == 0 {
        let rendered = helm::render(&chart, &values, &options)?;
        let include_crds = arguments.include_crds;
        print!("{}", rendered.text_with(helm::TextOptions { include_crds, ..Default::default() }));
        return Ok(());
    }
    let started = Instant::now();
    for _ in 0..arguments.repeat {
        helm::render_files(&chart, &values, &options)?;
    }
    let each = started.elapsed() / arguments.repeat;
    println!("{:.3} ms a rendering", each.as_secs_f64() * 1000.0);
    Ok(())
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
