use std::collections::BTreeMap;

use super::{Algorithm, Digest, Directories, MAX_DIRECTORIES, Recorder};

fn digest(text: &str) -> Digest {
    Digest::of(Algorithm::Sha256, text.as_bytes())
}

fn sample(file: &str) -> Directories {
    let mut recorder = Recorder::new();
    recorder.file("root.txt", false, &digest("root"));
    recorder.enter("apps");
    recorder.enter("prod");
    recorder.file("a.yaml", false, &digest(file));
    recorder.leave("prod");
    recorder.leave("apps");
    recorder.enter("docs");
    recorder.leave("docs");
    recorder.finish()
}

#[test]
fn a_change_reaches_the_directories_above_it_only() {
    let (before, after) = (sample("1"), sample("2"));
    for path in ["", "apps", "apps/prod", "./apps/prod/", "apps/prod/not/listed"] {
        assert!(before.covering(path).is_some());
        assert_ne!(before.covering(path), after.covering(path), "{path}");
    }
    assert_eq!(before.covering("docs"), after.covering("docs"));
    assert_eq!(before.covering("apps/../docs"), None);
    assert_eq!(sample("1"), before);
}

#[test]
fn text_form_reads_back() {
    let directories = sample("1");
    let text = directories.to_string();
    assert!(text.starts_with("v1 sha256\n"));
    assert_eq!(text.parse(), Ok(directories));
    for wrong in ["", "v2 sha256", "v1 sha256\nabc path", "v1 sha256\n"] {
        assert!(wrong.parse::<Directories>().is_err(), "{wrong:?}");
    }
}

#[test]
fn the_list_is_bounded_and_keeps_the_root() {
    let mut all = BTreeMap::new();
    all.insert(String::new(), digest("root"));
    for i in 0..1000 {
        all.insert(format!("a/b/{i}"), digest("x"));
        all.insert(format!("line\n{i}"), digest("x"));
    }
    all.insert("z".to_owned(), digest("z"));
    all.insert("long/".repeat(40), digest("z"));
    let kept = Directories::bounded(all);
    assert_eq!(kept.0.len(), MAX_DIRECTORIES);
    assert_ne!(kept.covering("z"), kept.covering(""));
    assert!(kept.to_string().len() < 48 * 1024);
}
