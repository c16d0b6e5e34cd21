use super::{all, parse};

fn check(selector: &str, labels: &[(&str, &str)], fits: bool) {
    let labels =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(all(&parse(selector).unwrap(), &labels), fits, "{selector}");
}

#[test]
fn selectors_are_those_of_kubernetes() {
    let labels = [("app", "web"), ("x.io/tier", "1"), ("empty", "")];
    for (selector, fits) in [
        ("", true),
        ("app=web", true),
        ("app == web,x.io/tier", true),
        ("app!=web", false),
        ("gone!=web", true),
        ("app in (db, web)", true),
        ("app notin (db)", true),
        ("gone notin (db)", true),
        ("gone in (db)", false),
        ("!gone, app", true),
        ("!app", false),
        ("x.io/tier>0", true),
        ("x.io/tier<1", false),
        ("empty=", true),
        ("empty in ()", true),
    ] {
        check(selector, &labels, fits);
    }
}

#[test]
fn malformed_selectors_are_errors() {
    for selector in ["app in (a", "app in a", "=a", "a,,b", "a,", "a b", "-a=b", "a>x"] {
        assert!(parse(selector).is_err(), "{selector}");
    }
}
