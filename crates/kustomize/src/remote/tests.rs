use super::RepositoryUrl;

/// Checks the clone URL, directory and reference of a text; `None` means that it is no repository.
fn check(raw: &str, expected: Option<(&str, &str, &str)>) {
    let parsed = RepositoryUrl::parse(raw);
    let got = parsed
        .as_ref()
        .map(|url| (url.clone_url(), url.directory.as_str(), url.reference.as_str()));
    let got =
        got.as_ref().map(|(url, directory, reference)| (url.as_str(), *directory, *reference));
    assert_eq!(got, expected, "{raw}");
}

#[test]
fn repositories_are_told_from_paths() {
    check(
        "https://github.com/org/repo//base?ref=v1",
        Some(("https://github.com/org/repo", "base", "v1")),
    );
    check(
        "https://github.com/org/repo/deep/base",
        Some(("https://github.com/org/repo", "deep/base", "")),
    );
    check("github.com/org/repo?version=main", Some(("https://github.com/org/repo", "", "main")));
    check("git@github.com:org/repo.git//x", Some(("git@github.com:org/repo.git", "x", "")));
    check("ssh://git@host.xz/org/repo.git", Some(("ssh://git@host.xz/org/repo.git", "", "")));
    check(
        "https://dev.azure.com/o/p/_git/repo/sub",
        Some(("https://dev.azure.com/o/p/_git/repo", "sub", "")),
    );
    check("file:///tmp/repo.git/dev?ref=x", Some(("file:///tmp/repo.git", "dev", "x")));
    check("../base", None);
    check("base", None);
    check("/absolute", None);
    check("https://example.com/only", None);
    check("https://github.com/org/repo//../outside", None);
    check("ftp://host/org/repo", None);
}

#[test]
fn queries_say_how_to_fetch() {
    let url = RepositoryUrl::parse("https://h/o/r?ref=a&timeout=2m&submodules=false").unwrap();
    assert_eq!((url.timeout_seconds, url.submodules), (120, false));
    let url = RepositoryUrl::parse("https://h/o/r").unwrap();
    assert_eq!((url.timeout_seconds, url.submodules), (27, true));
}
