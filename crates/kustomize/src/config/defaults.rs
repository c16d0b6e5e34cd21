//! The built-in tables, read once from the text next to the sources.

use super::{FieldSpec, NameReference, TransformerConfig};
use crate::id::Gvk;
use std::sync::{Arc, LazyLock};

/// The built-in tables, sorted as the original sorts them.
pub(super) fn config() -> Arc<TransformerConfig> {
    static CONFIG: LazyLock<Arc<TransformerConfig>> =
        LazyLock::new(|| Arc::new(read(include_str!("../data/fieldspecs.txt"))));
    Arc::clone(&CONFIG)
}

/// The built-in tables merged into empty ones, which leaves out what they say twice.
pub(super) fn merged() -> Arc<TransformerConfig> {
    static MERGED: LazyLock<Arc<TransformerConfig>> = LazyLock::new(|| {
        let mut merged = TransformerConfig::default();
        match merged.merge(&config()) {
            Ok(()) => Arc::new(merged),
            // The tables contradict themselves nowhere, so this is never reached.
            Err(_) => config(),
        }
    });
    Arc::clone(&MERGED)
}

fn read(text: &str) -> TransformerConfig {
    let mut config = TransformerConfig::default();
    let mut section = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            continue;
        }
        if let Some(target) = line.strip_prefix("> ") {
            let gvk = gvk(&mut target.split(' '));
            config.name_reference.push(NameReference { gvk, referrers: Vec::new() });
            continue;
        }
        let mut words = line.split(' ');
        let path = words.next().unwrap_or_default();
        let gvk = gvk(&mut words);
        let spec = FieldSpec::new(gvk, path, words.next() == Some("create"));
        if let Some(list) = list(&mut config, section) {
            list.push(spec);
        }
    }
    config.sort();
    config
}

fn gvk<'a>(words: &mut impl Iterator<Item = &'a str>) -> Gvk {
    let mut word = || words.next().filter(|word| *word != "-").unwrap_or_default();
    let (kind, group, version) = (word(), word(), word());
    Gvk::selector(group, version, kind)
}

fn list<'a>(config: &'a mut TransformerConfig, section: &str) -> Option<&'a mut Vec<FieldSpec>> {
    Some(match section {
        "namePrefix" => &mut config.name_prefix,
        "nameSuffix" => &mut config.name_suffix,
        "namespace" => &mut config.namespace,
        "commonLabels" => &mut config.common_labels,
        "templateLabels" => &mut config.template_labels,
        "volumeClaimTemplateLabels" => &mut config.volume_claim_template_labels,
        "commonAnnotations" => &mut config.common_annotations,
        "varReference" => &mut config.var_reference,
        "images" => &mut config.images,
        "replicas" => &mut config.replicas,
        "nameReference" => &mut config.name_reference.last_mut()?.referrers,
        _ => return None,
    })
}
