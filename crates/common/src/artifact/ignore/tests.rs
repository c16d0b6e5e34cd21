use std::{fs, path::Path, process::Command};

use super::Rules;

/// Each case: rules, a path (a directory if it ends with `/`), whether it is left out, and whether
/// Git agrees.
const CASES: &[(&str, &str, bool, Git)] = &[
    // Names at any depth.
    ("*.md", "README.md", true, Git::Agrees),
    ("*.md", "docs/deep/README.md", true, Git::Agrees),
    ("*.md", "README.mdx", false, Git::Agrees),
    ("build", "a/build/out.txt", true, Git::Agrees),
    ("build", "a/rebuild", false, Git::Agrees),
    ("foo?", "food", true, Git::Agrees),
    ("foo?", "foo", false, Git::Agrees),
    ("f*o*d", "fxxoyyd", true, Git::Agrees),
    ("f*o*d", "fxxoyy", false, Git::Agrees),
    // Directories only.
    ("logs/", "logs/", true, Git::Agrees),
    ("logs/", "logs/a.txt", true, Git::Agrees),
    ("logs/", "logs", false, Git::Agrees),
    ("logs/", "a/logs/b.txt", true, Git::Agrees),
    // Anchored.
    ("/root.txt", "root.txt", true, Git::Agrees),
    ("/root.txt", "a/root.txt", false, Git::Agrees),
    ("a/b", "a/b/c", true, Git::Agrees),
    ("a/b", "x/a/b", false, Git::Agrees),
    ("a/b/", "a/b", false, Git::Agrees),
    ("/*", "anything/below", true, Git::Agrees),
    // Any number of directories.
    ("**/x", "x", true, Git::Agrees),
    ("**/x", "a/b/x", true, Git::Agrees),
    ("a/**/b", "a/b", true, Git::Agrees),
    ("a/**/b", "a/x/y/b", true, Git::Agrees),
    ("a/**/b", "a/x/y/c", false, Git::Agrees),
    ("a/**/b/c", "a/b/x/b/c", true, Git::Agrees),
    ("**/a/**/z", "q/a/w/a/z", true, Git::Agrees),
    ("a/**", "a/x", true, Git::Agrees),
    ("a**z", "a--z", true, Git::Agrees),
    ("a**z", "a/z", false, Git::Agrees),
    // Taking back.
    ("*.log\n!keep.log", "keep.log", false, Git::Agrees),
    ("*.log\n!keep.log", "x.log", true, Git::Agrees),
    ("!keep.log\n*.log", "keep.log", true, Git::Agrees),
    ("/*\n!/deploy", "deploy/app.yaml", false, Git::Agrees),
    ("/*\n!/deploy", "docs/app.yaml", true, Git::Agrees),
    ("/*\n!/deploy\n/deploy/**/*.md", "deploy/a/b.md", true, Git::Agrees),
    // Sets and escapes.
    ("[abc].txt", "b.txt", true, Git::Agrees),
    ("[a-c].txt", "d.txt", false, Git::Agrees),
    ("[!a].txt", "b.txt", true, Git::Agrees),
    ("[^a].txt", "a.txt", false, Git::Agrees),
    ("[]a].txt", "].txt", true, Git::Agrees),
    ("[[:digit:]x].txt", "7.txt", true, Git::Agrees),
    ("[a", "[a", false, Git::Agrees),
    ("\\!important", "!important", true, Git::Agrees),
    ("\\#hash", "#hash", true, Git::Agrees),
    ("a\\*b", "a*b", true, Git::Agrees),
    ("a\\*b", "axb", false, Git::Agrees),
    // Blanks and comments.
    ("# comment\n\n   \nx", "x", true, Git::Agrees),
    ("#x", "#x", false, Git::Agrees),
    ("trail   ", "trail", true, Git::Agrees),
    ("trail\\ ", "trail ", true, Git::Agrees),
    // As the original reads them.
    ("foo/*\n!foo/bar/baz", "foo/bar/baz", false, Git::Differs),
    ("*\n!deploy/**", "deploy/a/b.yaml", false, Git::Differs),
    ("a/**", "a", true, Git::Differs),
    ("/**", "a", false, Git::Differs),
    // Characters, not bytes.
    ("?.txt", "ä.txt", true, Git::Differs),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Git {
    Agrees,
    Differs,
}

#[test]
fn rules_decide_as_described() {
    for (rules, path, expected, _) in CASES {
        let is_directory = path.ends_with('/');
        let ignored = Rules::parse(rules).ignores(Path::new(path), is_directory);
        assert_eq!(ignored, *expected, "{rules:?} for {path}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "asks the real Git")]
fn git_agrees_where_it_should() {
    let works = |command: &mut Command| command.output().is_ok_and(|out| out.status.success());
    if !works(Command::new("git").arg("--version")) {
        eprintln!("skipped: no git");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(directory.path()).args(arguments);
        command.env_clear().env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", directory.path());
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        works(&mut command)
    };
    assert!(run(&["init", "-q"]));
    for (rules, path, expected, git) in CASES {
        // What exists decides whether a path is a directory for Git.
        let top = directory.path().join(path.split('/').next().unwrap());
        let full = directory.path().join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        if path.ends_with('/') {
            fs::create_dir_all(&full).unwrap();
        } else {
            fs::write(&full, "").unwrap();
        }
        fs::write(directory.path().join(".gitignore"), rules).unwrap();
        let ignored = run(&["check-ignore", "-q", "--no-index", "--", path]);
        assert_eq!(ignored == *expected, *git == Git::Agrees, "{rules:?} for {path}");
        fs::remove_dir_all(&top).or_else(|_| fs::remove_file(&top)).unwrap();
    }
}

/// Versions of Git do not agree on the end of such a line.
#[test]
fn lines_may_end_as_on_windows() {
    assert!(Rules::parse("x\r\ny\r\n").ignores(Path::new("x"), false));
}

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn ignored(rules: &Rules, path: &str) -> bool {
    rules.ignores(Path::new(path), false)
}

#[test]
fn defaults_hold_without_other_rules() {
    let rules = Rules::load(tree(&[]).path(), None).unwrap();
    for path in [".git/HEAD", "a/.gitignore", "logo.png", "a/b.tar.gz", ".github/x", "a/.sops.yaml"]
    {
        assert!(ignored(&rules, path), "{path}");
    }
    for path in ["app.yaml", ".sourceignore", "github/x", "a.tar"] {
        assert!(!ignored(&rules, path), "{path}");
    }
    let given = Rules::load(tree(&[]).path(), Some("*.md")).unwrap();
    assert!(ignored(&given, "README.md") && ignored(&given, ".git/HEAD"));
    assert!(!ignored(&given, "logo.png"), "other rules take the place of the list");
}

#[test]
fn files_hold_below_their_directory_and_the_spec_comes_last() {
    let files = [
        (".sourceignore", "*.txt\n"),
        ("a/.sourceignore", "!keep.txt\n/only\n"),
        (".git/.sourceignore", "*\n"),
    ];
    let root = tree(&files);
    let rules = Rules::load(root.path(), None).unwrap();
    assert!(ignored(&rules, "keep.txt"));
    assert!(!ignored(&rules, "a/keep.txt"));
    assert!(!ignored(&rules, "a/b/keep.txt"));
    assert!(ignored(&rules, "a/only"));
    assert!(!ignored(&rules, "only") && !ignored(&rules, "a/b/only"));
    let rules = Rules::load(root.path(), Some("keep.txt")).unwrap();
    assert!(ignored(&rules, "a/keep.txt"));
}

#[test]
fn rules_outside_of_the_tree_are_not_read() {
    let outside = tree(&[("rules", "*\n")]);
    let root = tree(&[("shared/rules", "*.txt\n"), ("a/x", ""), ("b/x", "")]);
    let link = |to: &Path, at: &str| std::os::unix::fs::symlink(to, root.path().join(at)).unwrap();
    link(&outside.path().join("rules"), "a/.sourceignore");
    link(Path::new("../shared/rules"), "b/.sourceignore");
    link(Path::new("nowhere"), "shared/.sourceignore");
    let rules = Rules::load(root.path(), None).unwrap();
    assert!(!ignored(&rules, "a/x.txt"));
    assert!(ignored(&rules, "b/x.txt"));
}

#[test]
fn too_many_rules_are_refused() {
    let root = tree(&[(".sourceignore", &"x\n".repeat(200_000))]);
    let error = Rules::load(root.path(), None).unwrap_err();
    assert!(error.to_string().contains(".sourceignore"), "{error}");
    assert!(Rules::load(tree(&[]).path(), Some(&"x\n".repeat(200_000))).is_err());
}

#[test]
fn many_stars_take_no_exponential_time() {
    let rules = Rules::parse(&format!("{}b\n{}b", "*a".repeat(60), "**/a/".repeat(60)));
    assert!(!ignored(&rules, &"a".repeat(5000)));
    assert!(!ignored(&rules, &"a/".repeat(200)));
}
