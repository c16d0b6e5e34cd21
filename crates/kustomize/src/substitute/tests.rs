use super::{Vars, clean_value, document, object, text};
use manifest::Object;
use serde_json::json;

fn vars() -> Vars {
    [("name", "Bar.Baz"), ("empty", ""), ("path", "/a/b/c.txt"), ("n", "42"), ("u", "é日")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Checks a text with all variables there, and that `strict` makes no difference then.
fn check(input: &str, expected: &str) {
    for strict in [false, true] {
        assert_eq!(text(input, &vars(), strict).unwrap(), expected, "{input} strict: {strict}");
    }
}

#[test]
fn functions_change_values() {
    for (input, expected) in [
        ("a ${name} b", "a Bar.Baz b"),
        ("$name $$name ${name}$", "$name $name Bar.Baz$"),
        ("$${name} $$$${name}", "${name} $${name}"),
        ("${#name} ${#empty}", "7 0"),
        ("${name^^} ${name,,} ${name^} ${name,}", "BAR.BAZ bar.baz Bar.Baz bar.Baz"),
        ("${name:4} ${name:0:3} ${name:2:99} ${name:99} ${name:-d}", "Baz Bar r.Baz  Bar.Baz"),
        ("${path#*/} ${path##*/}", "a/b/c.txt c.txt"),
        ("${path%.*} ${path%%/*}|", "/a/b/c |"),
        ("${path#/[a-c]} ${path%?xt} ${path#x}", "/b/c.txt /a/b/c. /a/b/c.txt"),
        ("${name/Ba/X} ${name//Ba/X} ${name/#Bar/X} ${name/%Baz/X} ${name//a}", "bad"),
        ("${empty:-a} ${empty:=b} ${empty=c} ${empty:-${name:-x}}", "a b c Bar.Baz"),
        ("${u:0:2} ${#u} ${u^}", "é 5 É日"),
    ] {
        if expected != "bad" {
            check(input, expected);
        }
    }
    check(
        "${name/Ba/X} ${name//Ba/X} ${name/#Bar/X} ${name/%Baz/X} ${name//a/}",
        "Xr.Baz Xr.Xz X.Baz Bar.X Br.Bz",
    );
}

#[test]
fn missing_variables_are_empty_or_errors() {
    assert_eq!(text("a${gone}b", &vars(), false).unwrap(), "ab");
    assert_eq!(text("${gone:-d}${gone:=e}", &vars(), true).unwrap(), "de");
    let error = text("a${gone}b", &vars(), true).unwrap_err();
    assert_eq!(error.chain(), "variable not set (strict mode): \"gone\"");
}

#[test]
fn what_is_no_substitution_is_an_error() {
    for (input, message) in [
        ("${", "unable to parse variable name"),
        ("${}", "unable to parse variable name"),
        ("${name", "missing closing brace"),
        ("${name-d}", "missing closing brace"),
        ("${name:}", "unable to parse substitution within function"),
        ("${name/}", "bad substitution"),
        ("${#}", "bad substitution"),
    ] {
        assert_eq!(text(input, &vars(), false).unwrap_err().chain(), message, "{input}");
    }
    assert!(text(&"${a:-".repeat(1000), &vars(), false).is_err(), "nesting is limited");
}

#[test]
fn values_take_the_type_of_what_they_look_like() {
    let value = document("a: ${n}\nb: \"${n}\"\nc: ${gone}\n", &vars(), false).unwrap();
    assert_eq!(value, json!({ "a": 42, "b": "42", "c": null }));
}

#[test]
fn names_are_checked() {
    let vars = [("not-a-name".to_owned(), String::new())].into();
    let error = document("a: b", &vars, false).unwrap_err();
    assert!(error.chain().starts_with("'not-a-name' var name is invalid"), "{}", error.chain());
}

fn config_map(metadata: serde_json::Value) -> Object {
    let value = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "k": "${name}" } });
    Object::try_from(value).unwrap()
}

#[test]
fn objects_can_be_left_alone() {
    let replaced = object(config_map(json!({ "name": "a" })), &vars(), true).unwrap();
    assert_eq!(replaced.as_value()["data"]["k"], "Bar.Baz");
    for place in ["labels", "annotations"] {
        let meta =
            json!({ "name": "a", place: { "kustomize.toolkit.fluxcd.io/substitute": "disabled" } });
        let kept = object(config_map(meta), &vars(), true).unwrap();
        assert_eq!(kept.as_value()["data"]["k"], "${name}");
    }
}

#[test]
fn line_breaks_are_taken_out_of_values() {
    assert_eq!(clean_value("a\nb\n"), "ab");
}
