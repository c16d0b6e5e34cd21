//! Writes what a chart renders to into a folder, one file per template.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use helm::{Error, HookEvent, Rendered, TextOptions};

use super::super::files::{io_error, make_folder};
use crate::output;

/// Writes CRDs, manifests and hooks; manifests and hooks into the release's own folder if it has one.
pub(super) fn write(
    rendered: &Rendered,
    options: TextOptions,
    folder: &Path,
    release: Option<&str>,
) -> Result<(), Error> {
    let mut written = BTreeSet::new();
    if options.include_crds {
        for crd in &rendered.crds {
            let text = String::from_utf8_lossy(&crd.data);
            let again = !written.insert(crd.filename.clone());
            one(folder, &crd.filename, &text, again)?;
        }
    }
    let inner = release.map_or_else(|| folder.to_owned(), |release| folder.join(release));
    for manifest in &rendered.manifests {
        let again = !written.insert(manifest.name.clone());
        one(&inner, &manifest.name, &manifest.content, again)?;
    }
    if options.no_hooks {
        return Ok(());
    }
    for hook in &rendered.hooks {
        if options.skip_tests && hook.events.contains(&HookEvent::Test) {
            continue;
        }
        // Helm adds hooks to whatever file is there.
        let again = inner.join(&hook.path).exists();
        one(&inner, &hook.path, &hook.manifest, again)?;
    }
    Ok(())
}

fn one(folder: &Path, name: &str, text: &str, append: bool) -> Result<(), Error> {
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err(Error::new(format!("{name} would be written outside of the output folder")));
    }
    let target = folder.join(name);
    if let Some(parent) = target.parent() {
        make_folder(parent)?;
    }
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .append(append)
        .truncate(!append)
        .open(&target);
    let text = format!("---\n# Source: {name}\n{text}\n");
    let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| io_error("open", &target, &error))?;
    output::print(&format!("wrote {}/{name}\n", folder.display()));
    Ok(())
}
