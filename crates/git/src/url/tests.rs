use super::*;

#[test]
fn a_url_is_shown_without_its_credentials() {
    let check = |text: &str, shown: &str| {
        let url: RemoteUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), shown);
        assert!(!format!("{url:?}").contains("hunter2"));
    };
    check("https://joe:hunter2@example.org/a.git", "https://example.org/a.git");
    check("https://hunter2@example.org/a.git?token=hunter2", "https://example.org/a.git");
    check("ssh://git@example.org:2222/a.git", "ssh://git@example.org:2222/a.git");
}

#[test]
fn errors_about_urls_do_not_show_credentials() {
    for text in
        ["https://joe:hunter2@", "ftp://joe:hunter2@example.org/a", "https://joe:hunter2@[/a"]
    {
        let error = text.parse::<RemoteUrl>().unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn what_other_tools_would_take_for_an_option_is_refused() {
    for text in ["ssh://-oProxyCommand=x/a", "ssh://-x@example.org/a", "file:///etc", "/etc/passwd"]
    {
        assert!(matches!(text.parse::<RemoteUrl>(), Err(Error::Invalid(_))), "{text}");
    }
}

#[test]
fn an_ssh_path_is_decoded_and_home_relative_when_asked() {
    let path = |text: &str| text.parse::<RemoteUrl>().unwrap().ssh_path();
    assert_eq!(path("ssh://git@example.org/team/my%20app.git"), "/team/my app.git");
    assert_eq!(path("ssh://git@example.org/~joe/app"), "~joe/app");
    assert_eq!(path("ssh://git@example.org/100%/app"), "/100%/app");
}

#[test]
fn repositories_are_the_same_whatever_the_way_to_them() {
    let key = RepositoryKey::of("https://github.com/Team/app").unwrap();
    for same in [
        "https://github.com/Team/app.git",
        "ssh://git@github.com/Team/app",
        "ssh://git@GitHub.com:22/Team/app.git/",
        "git@github.com:Team/app.git",
        "http://joe:secret@github.com:80/Team/app",
    ] {
        assert_eq!(RepositoryKey::of(same).as_ref(), Some(&key), "{same}");
    }
    for other in [
        "https://github.com/Team/app2",
        "https://github.com:8443/Team/app",
        "https://gitlab.com/Team/app",
    ] {
        assert_ne!(RepositoryKey::of(other).as_ref(), Some(&key), "{other}");
    }
    assert_eq!(RepositoryKey::of("../app"), None);
}

#[test]
fn submodule_urls_are_resolved_against_the_parent() {
    let base: RemoteUrl = "https://example.org/team/app.git".parse().unwrap();
    let join = |url: &str| {
        base.join_submodule(url).map(|url| url.to_string()).map_err(|error| error.to_string())
    };
    assert_eq!(join("../lib.git").unwrap(), "https://example.org/team/lib.git");
    assert_eq!(join("../../other/lib.git").unwrap(), "https://example.org/other/lib.git");
    assert_eq!(join("./nested").unwrap(), "https://example.org/team/app.git/nested");
    assert_eq!(join("git@example.org:team/lib.git").unwrap(), "ssh://git@example.org/team/lib.git");
    assert!(join("../../../../x").unwrap_err().contains("root"));
    for refused in [
        "--upload-pack=touch /tmp/x",
        "file:///etc",
        "ext::sh -c x",
        "/etc",
        "https://e.org/a\n[core]",
    ] {
        assert!(join(refused).is_err(), "{refused}");
    }
}
