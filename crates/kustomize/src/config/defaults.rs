//! The built-in tables, read once from the text next to the sources.

use super::{FieldSpec, NameReference, TransformerConfig};
use crate::id::Gvk;
use std::sync::{Arc, LazyLock};

/// The built-in tables, in the order in which the original has them after sorting.
pub(super) fn config() -> Arc<TransformerConfig> {
    static CONFIG: LazyLock<Arc<TransformerConfig>> =
        LazyLock::new(|| Arc::new(read(include_str!("../data/fieldspecs.txt"))));
    Arc::clone(&CONFIG)
}

fn read(text: &'static str) -> TransformerConfig {
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
    config
}

fn gvk(words: &mut impl Iterator<Item = &'static str>) -> Gvk {
    let mut word = || words.next().filter(|word| *word != "-").unwrap_or_default();
    let (kind, group, version) = (word(), word(), word());
    Gvk::builtin(group, version, kind)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_sorted() {
        let mut sorted = config().as_ref().clone();
        sorted.sort();
        assert!(sorted == *config());
    }

    /// So the tables may be taken over where the original merges them into empty ones.
    #[test]
    fn merging_changes_nothing() {
        let mut merged = TransformerConfig::default();
        merged.merge(&config()).unwrap();
        assert!(merged == *config());
        assert!(merged.name_reference.len() > 10 && merged.common_labels.len() > 20);
    }
}
