//! `kustomize build DIR [--load-restrictor LoadRestrictionsNone] [--reorder legacy|none]` with this engine, for
//! comparing and measuring. With `--repeat N` it builds N times and prints the last result.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use kustomize::{DirFiles, LoadRestriction, Options, Reorder, build_yaml};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut directory = ".".to_owned();
    let mut options = Options { reorder: Reorder::Legacy, ..Options::default() };
    let mut rounds = 1;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument.clone(), None),
        };
        let mut value = || value.clone().or_else(|| arguments.next()).unwrap_or_default();
        match name.as_str() {
            "--load-restrictor" if value() == "LoadRestrictionsNone" => {
                options.load_restriction = LoadRestriction::None;
            }
            "--reorder" if value() == "none" => options.reorder = Reorder::None,
            "--repeat" => rounds = value().parse().unwrap_or(1),
            "--load-restrictor" | "--reorder" | "build" => {}
            _ => directory = argument,
        }
    }
    let build = || {
        let directory = std::path::absolute(&directory).map_err(|error| error.to_string())?;
        let files = DirFiles::jailed(Path::new("/")).map_err(|error| error.to_string())?;
        let built = build_yaml(&files, &directory, &options).map_err(|error| error.chain())?;
        Ok::<_, String>((built.yaml, built.warnings))
    };
    let mut result = build();
    for _ in 1..rounds {
        result = build();
    }
    match result {
        Ok((text, warnings)) => {
            for warning in &warnings {
                eprintln!("{warning}");
            }
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
