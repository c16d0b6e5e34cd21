//! `weir helm package`.

use std::path::{Path, PathBuf};

use helm::{Chart, Error, Version};

use super::complain;
use super::dependency;
use super::fetch::ConnectionArgs;
use super::files::{detect, io_error, load_folder, make_folder, read_limited, write};
use super::settings::{Settings, default_keyring, now, pack, source_date};
use super::values::ValueArgs;
use super::verify::keyring;
use crate::output::{self, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm package charts/podinfo -d dist --version 6.1.1")]
pub(super) struct Args {
    /// The charts' folders.
    #[arg(required = true, value_name = "CHART")]
    charts: Vec<String>,
    /// The folder to write to.
    #[arg(long, short, default_value = ".", value_name = "DIR")]
    destination: PathBuf,
    /// Write this version instead of the chart's own.
    #[arg(long, default_value = "", value_name = "VERSION")]
    version: String,
    /// Write this application version instead of the chart's own.
    #[arg(long, default_value = "", value_name = "VERSION")]
    app_version: String,
    /// Fetch the dependencies first.
    #[arg(long, short = 'u')]
    dependency_update: bool,
    /// Write a provenance file, signed with `--key`.
    #[arg(long)]
    sign: bool,
    /// The name of the key to sign with.
    #[arg(long, default_value = "", value_name = "NAME")]
    key: String,
    /// The key ring that has it.
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// A file with the key's passphrase in its first line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Checked and not used: packages hold the chart's own values.
    #[command(flatten)]
    values: ValueArgs,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Exit {
    match args.run(settings) {
        Ok(()) => Exit::Done,
        Err(error) => complain(&error),
    }
}

impl Args {
    fn run(&self, settings: &Settings) -> Result<(), Error> {
        let date = source_date()?;
        if self.sign && self.key.is_empty() {
            return Err(Error::new("--key is required for signing a package"));
        }
        self.values.merged(settings)?;
        let passphrase = self.passphrase()?;
        for name in &self.charts {
            let path = Path::new(name);
            std::fs::metadata(path).map_err(|error| io_error("stat", path, &error))?;
            if self.dependency_update {
                let quiet = dependency::Quiet;
                dependency::update_with(path, settings, &self.connection, date, &quiet)?;
            }
            let target = self.one(path, date)?;
            if self.sign {
                self.sign(&target, &passphrase)?;
            }
            output::print(&format!(
                "Successfully packaged chart and saved it to: {}\n",
                target.display()
            ));
        }
        Ok(())
    }

    /// Packs one chart and returns the package's path.
    fn one(&self, path: &Path, date: Option<u64>) -> Result<PathBuf, Error> {
        detect(path)?;
        let mut chart = load_folder(path)?;
        if !self.version.is_empty() {
            chart.metadata.version.clone_from(&self.version);
        }
        Version::parse(&chart.metadata.version).map_err(|error| Error::new(error.to_string()))?;
        if !self.app_version.is_empty() {
            chart.metadata.app_version.clone_from(&self.app_version);
        }
        let missing = chart.missing_dependencies();
        if !missing.is_empty() {
            return Err(Error::new(format!(
                "found in Chart.yaml, but missing in charts/ directory: {}",
                missing.join(", ")
            )));
        }
        let data = pack(&mut chart, date)
            .map_err(|error| Error::new(format!("failed to save: {error}")))?;
        let folder = match self.destination.as_path() {
            here if here == Path::new(".") => {
                std::path::absolute("").or_else(|_| std::env::current_dir())
            }
            folder => Ok(folder.to_owned()),
        };
        let folder = folder.map_err(|error| io_error("getwd", Path::new("."), &error))?;
        make_folder(&folder)?;
        let target = folder.join(helm::package_name(&chart));
        write(&target, &data)?;
        Ok(target)
    }

    fn passphrase(&self) -> Result<String, Error> {
        let Some(path) = &self.passphrase_file else { return Ok(String::new()) };
        let text = String::from_utf8_lossy(&super::files::read(path)?).into_owned();
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }

    /// Writes the provenance file beside a package.
    fn sign(&self, package: &Path, passphrase: &str) -> Result<(), Error> {
        let ring = keyring(&self.keyring.clone().unwrap_or_else(default_keyring))?;
        let key = ring.secret(&self.key)?;
        if key.is_locked() && self.passphrase_file.is_none() {
            return Err(Error::new(format!(
                "the key of {} needs a passphrase: give it by --passphrase-file",
                key.name()
            )));
        }
        let data = read_limited(package, super::files::MAX_PACKAGE)?;
        let chart = Chart::load_archive(&data)
            .map_err(|error| Error::new(format!("failed to load chart for signing: {error}")))?;
        let metadata = serde_json::to_value(&chart.metadata);
        let metadata = metadata.map_err(|error| Error::new(error.to_string()))?;
        let name = package.file_name().map(|name| name.to_string_lossy().into_owned());
        let text = helm::provenance::sign(
            &name.unwrap_or_default(),
            &data,
            &helm::to_yaml(&metadata),
            (&key, passphrase),
            now(),
        )?;
        let mut target = package.as_os_str().to_owned();
        target.push(".prov");
        write(Path::new(&target), text.as_bytes())
    }
}
