use super::*;

fn check(range: &str, inside: &[&str], outside: &[&str]) {
    let parsed: Range = range.parse().unwrap();
    for version in inside {
        assert!(
            parsed.matches(&Version::parse(version).unwrap()),
            "{version} should match '{range}'"
        );
    }
    for version in outside {
        assert!(
            !parsed.matches(&Version::parse(version).unwrap()),
            "{version} should not match '{range}'"
        );
    }
}

#[test]
fn comparisons() {
    check("1.2.3", &["1.2.3"], &["1.2.4", "1.2.3-rc.1"]);
    check("=v1.2.3", &["1.2.3"], &["1.2.2"]);
    check("!=1.2.3", &["1.2.2", "2.0.0"], &["1.2.3", "1.2.2-rc.1"]);
    check(">1.2.3", &["1.2.4"], &["1.2.3", "1.3.0-rc.1"]);
    check(">= 1.2.3", &["1.2.3", "2.0.0"], &["1.2.2"]);
    check("=>1.2.3", &["1.2.3"], &["1.2.2"]);
    check("<1.2.3", &["1.2.2"], &["1.2.3"]);
    check("=<1.2.3", &["1.2.3"], &["1.2.4"]);
}

#[test]
fn missing_parts_and_wildcards() {
    check("*", &["0.0.0", "12.3.4"], &["1.0.0-rc.1"]);
    check("1.x", &["1.0.0", "1.9.9"], &["2.0.0", "0.9.0"]);
    check("1.2", &["1.2.0", "1.2.9"], &["1.3.0"]);
    check("1.2.X", &["1.2.0", "1.2.9"], &["1.3.0"]);
    check(">1", &["2.0.0"], &["1.9.9"]);
    check(">1.2", &["1.3.0"], &["1.2.9"]);
    check("<=1", &["1.9.9"], &["2.0.0"]);
    check("<=1.2", &["1.2.9"], &["1.3.0"]);
    check("!=1.x", &["2.0.0"], &["1.4.0"]);
    check("!=1.2.x", &["1.3.0"], &["1.2.7"]);
}

#[test]
fn tilde_and_caret() {
    check("~1.2.3", &["1.2.3", "1.2.9"], &["1.2.2", "1.3.0"]);
    check("~>1", &["1.9.0"], &["2.0.0"]);
    check("~0.0.0", &["0.0.0", "7.1.2"], &[]);
    check("^1.2.3", &["1.2.3", "1.9.0"], &["2.0.0", "1.2.2"]);
    check("^0.2.3", &["0.2.9"], &["0.3.0", "1.2.3"]);
    check("^0.0.3", &["0.0.3"], &["0.0.4"]);
    check("^0.0", &["0.0.9"], &["0.1.0"]);
    check("^0", &["0.9.0"], &["1.0.0"]);
}

#[test]
fn combinations() {
    check(">=1.0.0 <2.0.0", &["1.5.0"], &["2.0.0", "0.9.0"]);
    check(">=1.0.0, <2.0.0", &["1.5.0"], &["2.0.0"]);
    check("<1.0.0 || >=2.0.0 <3.0.0", &["0.9.0", "2.5.0"], &["1.5.0", "3.0.0"]);
    check("1.2.0 - 1.4.5", &["1.2.0", "1.4.5"], &["1.1.9", "1.4.6"]);
    check("1.2 - 2", &["1.2.0", "2.9.9"], &["3.0.0"]);
    check("1.2.3 - 1.2.9 || ~3", &["1.2.4", "3.5.0"], &["2.0.0"]);
}

#[test]
fn prereleases_only_where_one_is_named() {
    check(">=1.0.0-0", &["1.0.0-rc.1", "1.0.0", "2.0.0-beta"], &["0.9.0"]);
    check("~1.4.0-0", &["1.4.0-rc.2", "1.4.7"], &["1.5.0"]);
    check("^2.0.0-rc.1 || 1.x", &["2.0.0-rc.2", "1.4.0"], &["2.0.0-alpha"]);
    check("1.x || ^2.0.0-0", &["2.1.0-rc.1"], &["1.4.0-rc.1"]);
    check(">=1.0.0-0 <2.0.0", &["1.5.0-rc.1"], &["2.0.0"]);
}

#[test]
fn build_metadata_is_no_part_of_the_order() {
    check("1.2.3+b1", &["1.2.3", "1.2.3+other"], &[]);
    check(">=1.2.3 <=1.2.3", &["1.2.3+b9"], &[]);
}

#[test]
fn improper_ranges_are_errors() {
    for text in [
        "",
        "1.x ||",
        "one",
        "1.2.3.4",
        ">=1.0.0<2.0.0",
        "1.0.0 |",
        "=> ",
        "1.2.3-",
        "1.2.3+",
        "> 1.0 - 2.0",
        "1x",
        ">>1",
    ] {
        let error = text.parse::<Range>().map(|range| format!("{range:?}")).unwrap_err();
        assert!(error.to_string().contains("improper constraint"), "{text}");
    }
}

#[test]
fn only_strict_versions_are_taken_from_tags() {
    assert_eq!(parse_version("v1.2.3").unwrap(), Version::new(1, 2, 3));
    for tag in ["1.2", "version-1.2.3", "vv1.2.3", "1.02.3", "main"] {
        assert_eq!(parse_version(tag), None, "{tag}");
    }
}

#[test]
fn every_answer_is_that_of_the_original_package() {
    let mut lines = include_str!("masterminds.tsv").lines().filter(|line| !line.starts_with('#'));
    let versions: Vec<Version> = lines
        .next()
        .unwrap()
        .split_whitespace()
        .map(|version| Version::parse(version).unwrap())
        .collect();
    let mut wrong = Vec::new();
    for line in lines {
        let (range, expected) = line.split_once('\t').unwrap();
        let found = match range.parse::<Range>() {
            Err(_) => "err".to_owned(),
            Ok(range) => {
                versions.iter().map(|it| if range.matches(it) { '1' } else { '0' }).collect()
            }
        };
        if found != expected {
            wrong.push(format!("{range:?}: {found} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
