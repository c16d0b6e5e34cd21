use serde_json::json;

use crate::{
    Fixed, Functions, Level, Limits, LogLine, MissingKey, Options, TemplateSet, Value, render,
};

/// Renders with all functions over a small data set, from a thread with room for deep templates.
fn rendered(template: &str) -> Result<String, String> {
    let template = template.to_owned();
    let run = move || {
        let functions = Functions::sprig();
        let set = TemplateSet::new();
        set.parse("t", template.as_str(), &functions).map_err(|e| e.0)?;
        let environment = Fixed::at("2024-02-29T13:04:05Z".parse().unwrap());
        let mut options = Options::new(&environment);
        options.missing_key = MissingKey::Zero;
        options.limits = Limits { steps: 2_000_000, bytes: 1 << 24, depth: 300 };
        let data = Value::from_json(&json!({
            "name": "flux", "none": null, "port": 8080, "ratio": 2.0, "on": true,
            "list": ["b", "a", null], "map": { "y": 2, "x": { "deep": "z" } },
        }));
        let out = render(&set, "t", data, &functions, &options).map_err(|e| e.0)?;
        String::from_utf8(out).map_err(|e| e.to_string())
    };
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(run);
    thread.map_err(|e| e.to_string())?.join().map_err(|_| "panicked".to_owned())?
}

#[track_caller]
fn check(template: &str, expected: &str) {
    assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
}

#[track_caller]
fn fails(template: &str, expected: &str) {
    assert_eq!(rendered(template).unwrap_err(), expected, "{template}");
}

#[test]
fn actions_trim_scope_and_loop() {
    check("a \n{{- 1 -}}\n b", "a1b");
    check("{{/* gone */ -}} x", "x");
    check("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", "2");
    check(
        "{{ range $i, $e := .list }}{{ $i }}={{ $e }};{{ else }}none{{ end }}",
        "0=b;1=a;2=<no value>;",
    );
    check("{{ range $k, $v := .map }}{{ $k }}{{ end }}", "xy");
    check(
        "{{ range 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}",
        "02",
    );
    check("{{ with .none }}a{{ else with .name }}{{ . }}{{ else }}c{{ end }}", "flux");
    check("{{ if .none }}a{{ else if .on }}b{{ end }}", "b");
    check(
        "{{ define \"g\" }}<{{ . }}>{{ end }}{{ template \"g\" .port }}{{ block \"h\" .name }}{{ . }}{{ end }}",
        "<8080>flux",
    );
}

#[test]
fn values_print_as_in_go() {
    check(
        "{{ .map }} {{ .list }} {{ .ratio }} {{ .absent }}",
        "map[x:map[deep:z] y:2] [b a <nil>] 2 <no value>",
    );
    check("{{ 1000000.0 }} {{ 123456.0 }} {{ 0.00001 }} {{ 1e100 }}", "1e+06 123456 1e-05 1e+100");
    check("{{ print 1 2 \"a\" \"b\" 3 }}|{{ println .on }}", "1 2ab3|true\n");
    check(
        "{{ printf \"%05d|%-4s|%+.2f|%q|%x|%v\" 42 \"ab\" 1.5 \"é\\n\" \"hi\" .none }}",
        "00042|ab  |+1.50|\"é\\n\"|6869|<nil>",
    );
    check("{{ printf \"%d %s %!\" \"x\" 1 }}", "%!d(string=x) %!s(int=1) %!!(MISSING)");
    check(
        "{{ printf \"%[2]d %[1]d\" 1 2 }} {{ printf \"%d\" 1 2 }} {{ printf \"%d\" }}",
        "2 1 1%!(EXTRA int=2) %!d(MISSING)",
    );
    check(
        "{{ printf \"%T %T %T\" 1 .ratio .list }} {{ printf \"%#v\" (dict \"a\" 1) }}",
        "int float64 []interface {} map[string]interface {}{\"a\":1}",
    );
}

#[test]
fn errors_name_place_and_reason() {
    fails(
        "{{ .map.x.deep.no }}",
        "template: t:1:7: executing \"t\" at <.map.x.deep.no>: can't evaluate field no in type interface {}",
    );
    fails(
        "\n  {{ .none.x }}",
        "template: t:2:10: executing \"t\" at <.none.x>: nil pointer evaluating interface {}.x",
    );
    fails(
        "{{ eq 1 1.0 }}",
        "template: t:1:3: executing \"t\" at <eq 1 1.0>: error calling eq: incompatible types for comparison: int and float64",
    );
    fails(
        "{{ upper .port }}",
        "template: t:1:9: executing \"t\" at <.port>: wrong type for value; expected string; got int",
    );
    fails(
        "{{ template \"absent\" }}",
        "template: t:1:12: executing \"t\" at <{{template \"absent\"}}>: template \"absent\" not defined",
    );
    fails(
        "{{ range .ratio }}{{ end }}",
        "template: t:1:9: executing \"t\" at <.ratio>: range can't iterate over 2",
    );
    fails("{{ nofunc }}", "template: t:1: function \"nofunc\" not defined");
    fails("{{ if }}", "template: t:1: missing value for if");
    fails("a\n{{ \"x }}", "template: t:2: unterminated quoted string");
}

#[test]
fn maps_are_shared_and_merged_in_place() {
    check("{{ $d := dict \"a\" 1 }}{{ $_ := set $d \"b\" 2 }}{{ $d }}", "map[a:1 b:2]");
    check(
        "{{ $d := dict \"a\" 0 \"m\" (dict \"x\" 1) }}{{ $_ := merge $d (dict \"a\" 5 \"m\" (dict \"x\" 9 \"y\" 2)) }}{{ $d }}",
        "map[a:5 m:map[x:1 y:2]]",
    );
    check(
        "{{ $d := dict \"a\" 1 }}{{ $_ := mergeOverwrite $d (dict \"a\" \"\") }}[{{ $d.a }}]",
        "[]",
    );
    check(
        "{{ $a := dict \"k\" (list 1) }}{{ $b := deepCopy $a }}{{ $_ := set $b \"k\" 2 }}{{ $a }}",
        "map[k:[1]]",
    );
}

#[test]
fn sprig_keeps_kinds_apart() {
    check(
        "{{ kindOf (int64 .ratio) }} {{ kindOf (add 1 2) }} {{ typeOf (until 2) }} {{ typeOf (splitList \",\" \"a\") }}",
        "int64 int64 []int []string",
    );
    check(
        "{{ addf 0.1 0.2 }} {{ divf 1 3 }} {{ round 2.5 0 }} {{ floor -1.5 }} {{ int \"0x1f\" }}",
        "0.3 0.3333333333333333 3 -2 31",
    );
    check(
        "{{ list | toJson }} {{ concat (list) (list) | toJson }} {{ list 1 2.5 \"<\" | toJson }}",
        "[] null [1,2.5,\"\\u003c\"]",
    );
    check("{{ fromJson \"{\\\"a\\\": [1]}\" | toPrettyJson }}", "{\n  \"a\": [\n    1\n  ]\n}");
    check(
        "{{ trunc -3 \"abcdef\" }} {{ snakecase \"HTTPServerName\" }} {{ camelcase \"a_b-c\" }} {{ title \"a bC\" }}",
        "def http_server_name ABC A BC",
    );
}

#[test]
fn dates_follow_go_layouts() {
    check(
        "{{ now | date \"Mon Jan _2 15:04:05.000 MST 2006\" }}",
        "Thu Feb 29 13:04:05.000 UTC 2024",
    );
    check(
        "{{ dateInZone \"2006-01-02T15:04:05Z07:00\" now \"America/New_York\" }}",
        "2024-02-29T08:04:05-05:00",
    );
    check("{{ (toDate \"2006-01-02\" \"2021-03-04\").AddDate 0 1 0 | htmlDate }}", "2021-04-04");
    check(
        "{{ now | dateModify \"-1h30m\" | unixEpoch }} {{ durationRound \"49h\" }} {{ duration \"95\" }}",
        "1709206445 2d 1m35s",
    );
    check("{{ now.Year }} {{ now.Month }} {{ now.Weekday }}", "2024 February Thursday");
}

#[test]
fn expressions_mean_what_go_means() {
    check("{{ regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"${1}W\" }}", "-W-xxW-");
    check(
        "{{ regexMatch \"^[[:alpha:]_-]{2,}$\" \"ab_-\" }} {{ regexMatch \"\\\\d\" \"٣\" }}",
        "true false",
    );
    check(
        "{{ regexFindAll \"[a-z]{1,2}\" \"abcde\" -1 }} {{ regexSplit \"z+\" \"pizzza\" -1 }}",
        "[ab cd e] [pi a]",
    );
    check("{{ regexMatch \"a{,2}\" \"a{,2}\" }} {{ regexMatch \"[[]\" \"[\" }}", "true true");
    fails(
        "{{ mustRegexMatch \"a**\" \"x\" }}",
        "template: t:1:3: executing \"t\" at <mustRegexMatch \"a**\" \"x\">: error calling mustRegexMatch: error parsing regexp: invalid nested repetition operator: `**`",
    );
}

#[test]
fn versions_compare_as_masterminds() {
    for (constraint, version, expected) in [
        ("^1.2.0", "1.9.3", true),
        ("^0.2.3", "0.3.0", false),
        ("~1.2", "1.2.9", true),
        (">=1.0.0", "1.1.0-beta", false),
        (">=1.0.0-0", "v1.1.0-beta", true),
        ("1.2 - 1.4", "1.4.9", true),
        ("<2 || >=3.1.x", "3.1.0", true),
        ("*", "0.0.1", true),
    ] {
        check(
            &format!("{{{{ semverCompare \"{constraint}\" \"{version}\" }}}}"),
            &expected.to_string(),
        );
    }
    check("{{ (semver \"v1.2.3-rc.1+b\").Minor }} {{ semver \"1.2\" }}", "2 1.2.0");
}

#[test]
fn certificates_are_signed_by_their_authority() {
    check(
        "{{ $ca := genCAWithKey \"ca\" 1 (genPrivateKey \"ecdsa\") }}\
         {{ $c := genSignedCertWithKey \"x\" (list \"10.0.0.1\") (list \"a.b\") 1 $ca (genPrivateKey \"ed25519\") }}\
         {{ hasPrefix \"-----BEGIN CERTIFICATE-----\" $c.Cert }} {{ contains \"BEGIN PRIVATE KEY\" $c.Key }}\
         {{ with buildCustomCert (b64enc $c.Cert) (b64enc $c.Key) }} {{ eq .Cert $c.Cert }}{{ end }}",
        "true true true",
    );
}

#[test]
fn an_authority_has_an_rsa_key_that_can_be_read_again() {
    check(
        "{{ $ca := genCA \"ca\" 1 }}{{ hasPrefix \"-----BEGIN RSA PRIVATE KEY-----\" $ca.Key }}\
         {{ $again := genCAWithKey \"again\" 1 $ca.Key }} {{ eq $again.Key $ca.Key }}\
         {{ with buildCustomCert (b64enc $again.Cert) (b64enc $ca.Key) }} {{ eq .Cert $again.Cert }}{{ end }}",
        "true true true",
    );
}

#[test]
fn secrets_round_trip() {
    check(
        "{{ encryptAES \"k\" \"plain\" | decryptAES \"k\" }} {{ \"é\" | b64enc | b64dec }} {{ b32enc \"ab\" | b32dec }}",
        "plain é ab",
    );
    check(
        "{{ len (uuidv4) }} {{ htpasswd \"u\" \"p\" | trunc 9 }} {{ len (randAlphaNum 7) }}",
        "36 u:$2a$10$ 7",
    );
    check(
        "{{ derivePassword 1 \"long\" \"password\" \"user\" \"example.com\" }}",
        "ZedaFaxcZaso9*",
    );
}

#[test]
fn paths_and_urls() {
    check(
        "{{ base \"a/b.c/\" }} {{ dir \"a/b\" }} {{ clean \"/a/../../b\" }} {{ ext \"x.tar.gz\" }}",
        "b.c a /b .gz",
    );
    check(
        "{{ urlParse \"https://u:p@h:1/p%20q?x=1#f\" | urlJoin }} {{ urlquery \"a b&c\" }}",
        "https://u:p@h:1/p%20q?x=1#f a+b%26c",
    );
}

#[test]
fn regular_expressions_are_read_as_go_reads_them() {
    check("{{ regexReplaceAll \"[^a-z0-9-_.]+\" \"v1-a_b.c/x\" \"\" }}", "v1-a_b.cx");
    check("{{ regexReplaceAll \"[-a-c-]\" \"-abcd\" \".\" }}", "....d");
    // Nothing matches between the bytes of one character.
    check("{{ regexReplaceAllLiteral \"x*\" \"é\" \"-\" }}", "-é-");
}

#[test]
fn hostile_templates_end_with_an_error() {
    for (template, part) in [
        (
            "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}",
            "exceeded maximum template depth",
        ),
        ("{{ repeat 2000000000 \"ab\" }}", "the template writes more than"),
        ("{{ range until 2000000000 }}{{ end }}", "the template takes more than"),
        (
            "{{ $x := \"aaaaaaaa\" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}",
            "the template writes more than",
        ),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $d }}", "nested too deeply"),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ mustToJson $d }}", "encountered a cycle"),
        ("{{ range $i := 1000000000000 }}{{ end }}", "the template takes more than"),
        ("{{ range until 100 }}{{ $_ := htpasswd . \"x\" }}{{ end }}", "wrong type"),
        ("{{ $l := until 60000 }}{{ uniq $l | len }}", "the template takes more than"),
        (
            "{{ $l := until 100000 }}{{ range $l }}{{ $_ := $l | sortAlpha }}{{ end }}",
            "the template takes more than",
        ),
    ] {
        let error = rendered(template).unwrap_err();
        assert!(error.contains(part), "{template}: {error}");
    }
    check("{{ $d := dict }}{{ range until 100000 }}{{ $d = dict \"d\" $d }}{{ end }}done", "done");
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(rendered(&parens).unwrap_err().contains("max expression depth exceeded"));
}

#[test]
fn limits_are_reached_at_a_place() {
    let template =
        "{{ define \"x\" }}\n{{ range $i := 1000000000000 }}{{ end }}{{ end }}{{ template \"x\" }}";
    fails(
        template,
        "template: t:2:15: executing \"x\" at <1000000000000>: the template takes more than 2000000 steps",
    );
}

#[test]
fn values_that_unfold_without_end_are_refused() {
    let make = "{{ $x := list 1 }}{{ $y := list 1 }}{{ range until 60 }}{{ $x = list $x $x }}{{ $y = list $y $y }}{{ end }}";
    for call in
        ["toJson $x", "toPrettyJson $x", "deepCopy $x", "deepEqual $x $y", "has $x (list $y)"]
    {
        let error = rendered(&format!("{make}{{{{ {call} }}}}")).unwrap_err();
        assert!(error.ends_with("the value holds more than 2000000 values"), "{error}");
    }
}

#[test]
fn large_expressions_take_steps() {
    let error = rendered(
        "{{ range until 1000 }}{{ regexMatch (printf \"(a{1,90}b{1,%d}){1,9}\" (add . 90)) \"a\" }}{{ end }}",
    )
    .unwrap_err();
    assert!(error.ends_with("the template takes more than 2000000 steps"), "{error}");
    check(
        "{{ range until 1000 }}{{ $x := regexMatch \"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$\" \"a\" }}{{ end }}",
        "",
    );
}

#[test]
fn hosts_of_addresses_are_checked_as_in_go() {
    let host = |url: &str| format!("{{{{ (urlParse \"{url}\").host }}}}");
    check(&host("http://[::1%25eth0]:80/"), "[::1%eth0]:80");
    check(&host("mongodb://a:1,b:2/"), "a:1,b:2");
    let refused = |url: &str, why: &str| {
        let error = rendered(&host(url)).unwrap_err();
        assert!(error.ends_with(&format!("unable to parse url: parse {url:?}: {why}")), "{error}");
    };
    refused("http://a-x: y:8428", "invalid port \": y:8428\" after host");
    refused("http://a b/", "invalid character \" \" in host name");
    refused("http://[1.2.3.4]/", "invalid IP-literal");
    refused("http://a[::1]/", "invalid IP-literal");
    refused("http://[abc]/", "invalid host: ParseAddr(\"abc\"): unable to parse IP");
    refused("http://[::1/", "missing ']' in host");
}

#[test]
fn lines_of_the_log_are_quoted_where_go_quotes_them() {
    let line = |text: &str| {
        let fields = [("message", text)];
        LogLine { level: Level::Warn, message: "two words", fields: &fields }.to_string()
    };
    for (text, expected) in [
        ("plain", "plain"),
        ("back\\slash", "back\\slash"),
        ("", r#""""#),
        ("x=y", r#""x=y""#),
        ("say \"a\"\n", r#""say \"a\"\n""#),
        ("ümläut", "ümläut"),
        ("\u{200b}", r#""\u200b""#),
        ("\u{7f}", "\u{7f}"),
    ] {
        assert_eq!(line(text), format!("level=WARN msg=\"two words\" message={expected}"));
    }
}
