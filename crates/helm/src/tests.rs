use std::collections::BTreeMap;

use gotemplate::{Fixed, ObjectReference};
use serde_json::{Value as Json, json};

use crate::*;

mod log;

fn chart(files: &[(&str, &str)]) -> Chart {
    let mut all = vec![File::new("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.2.3\n")];
    all.extend(files.iter().map(|(name, data)| File::new(*name, data.to_string())));
    // A later Chart.yaml replaces the default one.
    if files.iter().any(|(name, _)| *name == "Chart.yaml") {
        all.remove(0);
    }
    Chart::from_files(all).unwrap()
}

fn rendered(chart: &Chart, values: &str) -> Result<Rendered, Error> {
    let environment = Fixed::default();
    render(chart, &from_yaml(values)?, &Options::new("rel", "ns", &environment))
}

#[track_caller]
fn check(files: &[(&str, &str)], values: &str, expected: &str) {
    let out = rendered(&chart(files), values).map(|rendered| rendered.text());
    assert_eq!(out.as_deref(), Ok(expected));
}

#[track_caller]
fn fails(files: &[(&str, &str)], values: &str, expected: &str) {
    assert_eq!(rendered(&chart(files), values).unwrap_err().to_string(), expected);
}

#[test]
fn manifests_come_in_order_of_installation_and_hooks_last() {
    let service = "kind: Service\nmetadata: {name: {{ .Release.Name }}}\n";
    let hook = "kind: Job\nmetadata:\n  name: j\n  annotations: {helm.sh/hook: \"pre-install,test\", helm.sh/hook-weight: 3}\n";
    let files = [
        ("templates/a.yaml", service),
        (
            "templates/b.yaml",
            "kind: Namespace\nmetadata: {name: {{ .Values.ns }}}\n---\n# nothing\n---\n",
        ),
        ("templates/c.yaml", hook),
        ("templates/_h.tpl", "{{ define \"x\" }}{{ end }}"),
        ("templates/NOTES.txt", "{{ .Chart.Name }} {{ .Chart.Version }}"),
        ("values.yaml", "ns: one\n"),
    ];
    let out = rendered(&chart(&files), "").unwrap();
    let kinds: Vec<&str> = out.manifests.iter().map(|m| m.kind.as_str()).collect();
    assert_eq!(kinds, ["Namespace", "Service", ""]);
    assert_eq!(out.notes, "app 1.2.3");
    assert_eq!(out.hooks[0].weight, 3);
    assert_eq!(out.hooks[0].events, [HookEvent::PreInstall, HookEvent::Test]);
    let options = TextOptions { skip_tests: true, ..TextOptions::default() };
    assert!(!out.text_with(options).contains("Job"));
    assert!(out.text().contains("Job"));
}

#[test]
fn templates_without_actions_are_not_copied() {
    let object = "kind: A\n---\nkind: B\n";
    let mut chart = chart(&[
        ("templates/plain.yaml", object),
        ("templates/value.yaml", "kind: <no value>C\n"),
        ("templates/other.yaml", "kind: D\n"),
        ("templates/_z.tpl", "{{ define \"app/templates/other.yaml\" }}kind: {{ \"E\" }}{{ end }}"),
        ("templates/comment.yaml", "{{/* nothing */}}kind: F\n"),
    ]);
    chart.templates.push(File::new("templates/bytes.yaml", b"kind: \xff\n".as_slice()));
    let rendered = rendered(&chart, "").unwrap();
    let content = |kind: &str| {
        let found = rendered.manifests.iter().find(|manifest| manifest.kind == kind);
        found.map(|manifest| &manifest.content).unwrap()
    };
    let plain = &chart.templates.iter().find(|file| file.data == object).unwrap().data;
    assert_eq!(content("A"), "kind: A\n");
    assert_eq!(content("A").as_ptr(), plain.as_ptr());
    assert_eq!(content("B").as_ptr(), plain[12..].as_ptr());
    for (kind, text) in
        [("C", "kind: C\n"), ("E", "kind: E"), ("F", "kind: F\n"), ("\u{fffd}", "kind: \u{fffd}\n")]
    {
        assert_eq!(content(kind), text);
    }
}

#[test]
fn values_merge_by_helms_rules() {
    let template = "v: {{ .Values | toJson }}\n";
    let files =
        [("templates/t.yaml", template), ("values.yaml", "a: {b: 1, c: 2}\nl: [1, 2]\nn: null\n")];
    check(
        &files,
        "a: {b: null}\nl: [3]\n",
        "---\n# Source: app/templates/t.yaml\nv: {\"a\":{\"c\":2},\"l\":[3]}\n",
    );
    let mut values = Values::new();
    strvals::set("a.b[1]=x,c={1,two},d\\.e=null,f=007", &mut values).unwrap();
    assert_eq!(
        Json::Object(values),
        json!({"a": {"b": [null, "x"]}, "c": [1, "two"], "d.e": null, "f": "007"})
    );
}

#[test]
fn numbers_of_values_are_floats_and_those_of_set_are_not() {
    let files = [(
        "templates/t.yaml",
        "v: \"{{ .Values.num }} {{ kindOf .Values.num }} {{ .Values.s }} {{ kindOf .Values.s }}\"\n",
    )];
    let mut values = from_yaml("num: 12345678").unwrap();
    strvals::set("s=12345678", &mut values).unwrap();
    let environment = Fixed::default();
    let out = render(&chart(&files), &values, &Options::new("r", "n", &environment)).unwrap();
    assert_eq!(out.manifests[0].content, "v: \"1.2345678e+07 float64 12345678 int64\"\n");
}

#[test]
fn subcharts_obey_conditions_tags_aliases_and_globals() {
    let metadata = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: sub, version: 1.x.x, condition: sub.active, tags: [t]}\n- {name: sub, version: 1.x.x, alias: other, tags: [t]}\n";
    let sub = "v: {{ .Values.global.g }} {{ .Values.x }} {{ .Chart.Name }} {{ .Template.Name }}\n";
    let files = [
        ("Chart.yaml", metadata),
        ("values.yaml", "global: {g: G}\nother: {x: 9}\nsub: {active: true}\n"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.5.0\n"),
        ("charts/sub/values.yaml", "x: 1\n"),
        ("charts/sub/templates/t.yaml", sub),
    ];
    let one = "---\n# Source: app/charts/sub/templates/t.yaml\nv: G 1 sub app/charts/sub/templates/t.yaml\n";
    let two = "---\n# Source: app/charts/other/templates/t.yaml\nv: G 9 other app/charts/other/templates/t.yaml\n";
    check(&files, "", &format!("{two}\n{one}"));
    check(&files, "sub: {active: false}", two);
    check(&files, "tags: {t: false}", one);
}

#[test]
fn parents_import_values_of_children() {
    let metadata = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- name: sub\n  version: \"*\"\n  import-values: [data, {child: deep.er, parent: mine}]\n";
    let files = [
        ("Chart.yaml", metadata),
        ("templates/t.yaml", "v: {{ .Values.port }} {{ .Values.mine.k }}\n"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.1.0\n"),
        ("charts/sub/values.yaml", "exports: {data: {port: 80}}\ndeep: {er: {k: v}}\n"),
    ];
    check(&files, "", "---\n# Source: app/templates/t.yaml\nv: 80 v\n");
}

#[test]
fn errors_are_worded_as_helm_words_them() {
    let helpers = ("templates/_h.tpl", "{{ define \"h\" }}{{ .Values.a.b }}{{ end }}");
    fails(
        &[("templates/t.yaml", "x: {{ include \"h\" . }}"), helpers],
        "",
        "app/templates/t.yaml:1:6\n  executing \"app/templates/t.yaml\" at <include \"h\" .>:\n    error calling include:\napp/templates/_h.tpl:1:26\n  executing \"h\" at <.Values.a.b>:\n    nil pointer evaluating interface {}.b",
    );
    fails(
        &[("templates/t.yaml", "x: {{ required \"give a\" .Values.a }}")],
        "",
        "execution error at (app/templates/t.yaml:1:6): give a",
    );
    fails(
        &[("templates/t.yaml", "{{ if }}")],
        "",
        "parse error at (app/templates/t.yaml:1): missing value for if",
    );
    fails(
        &[("templates/t.yaml", "just text")],
        "",
        "YAML parse error on app/templates/t.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type util.SimpleHead",
    );
}

#[test]
fn endless_includes_end_with_an_error() {
    let files = [(
        "templates/t.yaml",
        "{{ define \"l\" }}{{ include \"l\" . }}{{ end }}{{ include \"l\" . }}",
    )];
    let error = rendered(&chart(&files), "").unwrap_err().to_string();
    assert!(error.contains("rendering template has a nested reference name: l"), "{error}");
    let files = [("templates/t.yaml", "{{ tpl .Values.t . }}")];
    let error = rendered(&chart(&files), "t: '{{ tpl .Values.t . }}'").unwrap_err().to_string();
    assert!(error.contains("exceeded maximum template depth"), "{}", error.len());
}

#[test]
fn schemas_check_values_of_the_chart_and_below() {
    let schema = r#"{"type": "object", "required": ["a", "z"], "additionalProperties": false,
        "properties": {"a": {"type": "integer", "minimum": 2}, "z": {}, "e": {"enum": ["x", "y"]}, "global": {}}}"#;
    let files = [("values.schema.json", schema), ("templates/t.yaml", "a: b\n")];
    fails(
        &files,
        "a: 1\ne: q\nmore: 1\n",
        "values don't meet the specifications of the schema(s) in the following chart(s):\napp:\n- at '': missing property 'z'\n- at '/a': minimum: got 1, want 2\n- at '/e': value must be one of 'x', 'y'\n- at '': additional properties 'more' not allowed\n",
    );
    assert!(rendered(&chart(&files), "a: 2\nz: 1\n").is_ok());
}

#[test]
fn functions_of_helm_work_on_yaml_toml_and_files() {
    let files = [
        (
            "templates/t.yaml",
            "{{ $y := fromYaml \"a: [1, {b: c}]\" }}v: {{ $y.a | toJson }}\nw: {{ (fromYaml \"a: [\").Error | quote }}\nt: {{ toToml (dict \"a\" 1.0 \"b\" (dict \"c\" \"d\")) | quote }}\nf: {{ .Files.Get \"x.txt\" }}\n{{ (.Files.Glob \"d/**\").AsConfig }}\nn: {{ len (.Files.Lines \"x.txt\") }}\n",
        ),
        ("x.txt", "data"),
        ("d/e/f.ini", "k=v"),
    ];
    check(
        &files,
        "",
        "---\n# Source: app/templates/t.yaml\nv: [1,{\"b\":\"c\"}]\nw: \"error converting YAML to JSON: yaml: line 1: did not find expected node content\"\nt: \"a = 1.0\\n\\n[b]\\n  c = \\\"d\\\"\\n\"\nf: data\nf.ini: k=v\nn: 1\n",
    );
}

struct Cluster;

impl Environment for Cluster {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }

    fn lookup(&self, object: &ObjectReference<'_>) -> Result<Option<Json>, gotemplate::Error> {
        Ok((object.name == "there").then(|| json!({"data": {"k": object.kind}})))
    }
}

#[test]
fn lookup_asks_the_cluster() {
    let files = [(
        "templates/t.yaml",
        "a: {{ (lookup \"v1\" \"Secret\" \"ns\" \"there\").data.k }}\nb: {{ lookup \"v1\" \"Secret\" \"ns\" \"gone\" | toJson }}\n",
    )];
    let out = render(&chart(&files), &Values::new(), &Options::new("r", "n", &Cluster)).unwrap();
    assert_eq!(out.manifests[0].content, "a: Secret\nb: {}\n");
}

#[test]
fn packages_are_reproducible_and_load_again() {
    let original =
        chart(&[("templates/t.yaml", "a: b\n"), ("values.yaml", "x: 1\n"), ("README.md", "hi")]);
    let packed = package(&original, 1_700_000_000).unwrap();
    assert_eq!(packed, package(&original, 1_700_000_000).unwrap());
    let mut loaded = Chart::load_archive(&packed).unwrap();
    assert_eq!(loaded.templates[0].modified.as_deref(), Some("2023-11-14T22:13:20Z"));
    loaded.stamp(1_500_000_000);
    loaded.raw.clear();
    let mut stamped = original.clone();
    stamped.raw.clear();
    stamped.stamp(1_500_000_000);
    assert_eq!(loaded, stamped);
    assert_eq!(package_name(&original), "app-1.2.3.tgz");
}

#[test]
fn archives_that_leave_their_folder_are_refused() {
    let mut builder =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.as_gnu_mut().unwrap().name[..13].copy_from_slice(b"app/../../etc");
    header.set_cksum();
    builder.append(&header, &b"x"[..]).unwrap();
    let data = builder.into_inner().unwrap().finish().unwrap();
    assert_eq!(
        Chart::load_archive(&data).unwrap_err().to_string(),
        "chart illegally references parent directory"
    );
}

#[test]
fn release_records_round_trip() {
    let release = Release {
        name: "r".to_owned(),
        info: Info { status: "deployed".to_owned(), notes: "a < b".to_owned(), ..Info::default() },
        chart: chart(&[("templates/t.yaml", "a: b\n"), ("values.yaml", "x: 1\n")]),
        config: from_yaml("num: 3").unwrap(),
        manifest: "---\na: b\n".to_owned(),
        version: 4,
        namespace: "ns".to_owned(),
        ..Release::default()
    };
    let json = release.to_json().unwrap();
    assert!(
        json.starts_with(r#"{"name":"r","info":{"description""#)
            || json.starts_with(r#"{"name":"r","info":{"status":"deployed","notes":"a \u003c b"}"#),
        "{json}"
    );
    assert!(json.contains(r#""config":{"num":3}"#), "{json}");
    let mut read = Release::decode(&release.encode().unwrap()).unwrap();
    read.chart.raw.clone_from(&release.chart.raw);
    assert_eq!(read, release);
}

#[test]
fn indexes_are_read_whole_or_in_pieces() {
    let block = "apiVersion: v1\nentries:\n  a:\n  - {apiVersion: v2, name: a, version: 1.0.0, urls: [a-1.tgz]}\n  - {apiVersion: v2, name: a, version: 1.10.0, urls: [a-2.tgz]}\n  - {apiVersion: v2, name: a, version: 2.0.0-rc.1, urls: [a-3.tgz]}\n  - {name: a}\n  b:\n    - apiVersion: v2\n      name: b\n      version: 0.1.0\n      urls: [b.tgz]\ngenerated: \"2024-01-01T00:00:00Z\"\n";
    let index = RepositoryIndex::parse(block).unwrap();
    let flow = serde_json::to_string(&yaml::to_json(block, yaml::Rules::V2).unwrap()).unwrap();
    assert_eq!(RepositoryIndex::parse(&flow).unwrap(), index);
    assert_eq!(RepositoryIndex::parse(&index.to_yaml().unwrap()).unwrap(), index);
    assert_eq!(index.get("a", "").unwrap().metadata.version, "1.10.0");
    assert_eq!(index.get("a", "2.0.0-rc.1").unwrap().urls, ["a-3.tgz"]);
    assert_eq!(index.get("a", ">=3").unwrap_err().to_string(), "no chart version found for a->=3");
    assert_eq!(index.entries["a"].len(), 3);
}

struct Repositories(RepositoryIndex);

impl Source for Repositories {
    fn index(&self, _: &str) -> Result<&RepositoryIndex, Error> {
        Ok(&self.0)
    }

    fn tags(&self, _: &str, _: &str) -> Result<Vec<String>, Error> {
        Ok(vec!["1.0.0".to_owned(), "1.2.0_b".to_owned(), "2.0.0".to_owned()])
    }

    fn local(&self, _: &str, _: &str) -> Result<String, Error> {
        Ok("0.5.0".to_owned())
    }
}

#[test]
fn dependencies_resolve_to_the_newest_fitting_version() {
    let index = "apiVersion: v1\nentries:\n  a:\n  - {apiVersion: v2, name: a, version: 1.1.0, urls: [a-1.tgz]}\n  - {apiVersion: v2, name: a, version: 2.0.0, urls: [a-2.tgz]}\n";
    let source = Repositories(RepositoryIndex::parse(index).unwrap());
    let wanted = |repository: &str, version: &str| Dependency {
        name: "a".to_owned(),
        repository: repository.to_owned(),
        version: version.to_owned(),
        ..Dependency::default()
    };
    let all = [wanted("https://x", "^1"), wanted("oci://x", "1.x"), wanted("file://../a", ">0.1")];
    let resolved = resolve(&all, &source, "2024-01-01T00:00:00Z").unwrap();
    let versions: Vec<&str> =
        resolved.lock.dependencies.iter().map(|d| d.version.as_str()).collect();
    assert_eq!(versions, ["1.1.0", "1.2.0+b", "0.5.0"]);
    assert!(resolved.lock.fits(&all));
    assert!(!resolved.lock.fits(&all[..1]));
    let error = resolve(&[wanted("https://x", "^9")], &source, "").unwrap_err();
    assert!(
        error.to_string().starts_with("can't get a valid version for 1 subchart(s): \"a\""),
        "{error}"
    );
}

struct Replace;

impl PostRenderer for Replace {
    fn run(&self, manifests: &str) -> Result<String, Error> {
        Ok(manifests.replace("old", "new"))
    }
}

#[test]
fn post_renderers_see_what_their_strategy_says() {
    let files = BTreeMap::from([
        ("app/templates/a.yaml".to_owned(), "kind: A\nmetadata: {name: old}\n".into()),
        (
            "app/templates/h.yaml".to_owned(),
            "kind: Job\nmetadata:\n  name: old\n  annotations: {helm.sh/hook: test}\n".into(),
        ),
    ]);
    for (strategy, hook) in
        [(Strategy::Combined, "new"), (Strategy::Separate, "new"), (Strategy::NoHooks, "old")]
    {
        let out = postrender::apply(&Replace, strategy, files.clone(), &Fixed::default()).unwrap();
        assert!(out["app/templates/a.yaml"].contains("name: new"), "{strategy:?}");
        assert!(out["app/templates/h.yaml"].contains(&format!("name: {hook}")), "{strategy:?}");
        assert!(!out["app/templates/a.yaml"].contains("postrender"), "{strategy:?}");
    }
}

#[test]
fn ignored_files_are_left_out() {
    let mut rules = ignore::Rules::parse("# c\n*.bak\n/top.txt\ndir/\nsub/*.tmp\n").unwrap();
    rules.add_defaults();
    for (path, is_dir, ignored) in [
        ("a.bak", false, true),
        ("x/a.bak", false, true),
        ("top.txt", false, true),
        ("x/top.txt", false, false),
        ("dir", true, true),
        ("dir", false, false),
        ("sub/a.tmp", false, true),
        ("templates/.hidden", false, true),
        ("templates/t.yaml", false, false),
    ] {
        assert_eq!(rules.ignores(path, is_dir), ignored, "{path}");
    }
    assert!(ignore::Rules::parse("a/**").is_err());
}
#[test]
fn the_version_of_kubernetes_is_text_to_an_action_and_a_struct_to_a_function() {
    let template = "a: {{ .Capabilities.KubeVersion }}\nb: {{ .Capabilities.KubeVersion | quote }}\nc: {{ .Capabilities.KubeVersion.Version | quote }}\nd: {{ printf \"%s\" .Capabilities.KubeVersion.String }}\n";
    check(
        &[("templates/a.yaml", template)],
        "",
        "---\n# Source: app/templates/a.yaml\na: v1.37.0\nb: \"{v1.37.0 v1.37.0 1 37}\"\nc: \"v1.37.0\"\nd: v1.37.0\n",
    );
}

#[test]
fn durations_are_scaled_as_go_scales_them() {
    let template = "v: {{ durationMinutes 100 }} {{ durationHours \"1h30m\" }} {{ durationRoundTo 1.5 \"1_000\" }} {{ durationSeconds \"-1.5\" }}\n";
    check(
        &[("templates/t.yaml", template)],
        "",
        "---\n# Source: app/templates/t.yaml\nv: 1.6666666666666665 1.5 0s -1.5\n",
    );
}

#[test]
fn settings_that_end_inside_an_index_set_nothing_more() {
    let mut values = Values::new();
    strvals::set("a=1,b[=2", &mut values).unwrap();
    strvals::set("c[0][1", &mut values).unwrap();
    assert_eq!(Json::Object(values.clone()), json!({"a": 1, "c": []}));
    let error = strvals::set("d[0]xy=1", &mut values).unwrap_err();
    assert_eq!(error.to_string(), "unexpected data at end of array index: ['x' 'y']");
}

#[test]
fn subcharts_under_many_names_are_limited() {
    let below: String = (0..30)
        .map(|n| format!("- {{name: s, version: 1.0.0, alias: a{n}}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let metadata = |name: &str| {
        format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies:\n{below}")
    };
    let (top, inner) = (metadata("app"), metadata("s"));
    let files = [
        ("Chart.yaml", top.as_str()),
        ("charts/s/Chart.yaml", inner.as_str()),
        ("charts/s/charts/s/Chart.yaml", inner.as_str()),
        ("charts/s/charts/s/charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n"),
    ];
    let expected =
        "chart dependencies processing failed: the chart has more than 10000 charts below it";
    fails(&files, "", expected);
}

#[test]
fn templates_and_what_they_give_have_limits() {
    const METADATA: (&str, &str) = ("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
    let actions = "{{/**/}}".repeat(1_000_001);
    let expected = "app/templates/a.yaml: the templates have more than 1000000 actions";
    fails(&[METADATA, ("templates/a.yaml", &actions)], "", expected);
    let long = format!("{{{{ list {}}}}}", "1 ".repeat(1 << 22));
    let expected = "app/templates/a.yaml: the actions of templates have more than 8388608 bytes";
    fails(&[METADATA, ("templates/a.yaml", &long)], "", expected);
    let objects = "a: b\n---\n".repeat(100_001);
    let expected = "app/templates/a.yaml: the chart has more than 100000 objects";
    fails(&[METADATA, ("templates/a.yaml", &objects)], "", expected);
}

#[test]
fn texts_are_cut_at_lines_that_start_with_a_separator() {
    for (text, expected) in [
        ("", vec![]),
        ("a", vec!["a"]),
        ("---\na\n---\n---\nb", vec!["a\n", "b"]),
        (" \n--- a\nb\n--- \t# c\n  d\n", vec!["a\nb\n", "# c\n  d\n"]),
        ("a ---\n ---\n------\nb\r\n---", vec!["a ---\n ---\n", "---\nb\r\n"]),
    ] {
        assert_eq!(split_manifests(text), expected, "{text:?}");
    }
}

/// Runs on a stack of the size that the threads of controllers have.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

/// Mappings inside each other, in one line.
fn nested(levels: usize) -> String {
    format!("{}1{}", "{a: ".repeat(levels), "}".repeat(levels))
}

#[test]
fn values_as_deep_as_they_may_be_fit_a_small_stack() {
    on_a_small_stack(|| {
        let metadata = |name: &str| format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
        let schema = format!("{}{{}}{}", "{\"properties\": {\"a\": ".repeat(60), "}}".repeat(60));
        // The root and its text are two of the levels.
        let values = nested(127);
        let (top, sub) = (metadata("app"), metadata("s"));
        let files = [
            ("Chart.yaml", top.as_str()),
            ("values.yaml", &values),
            ("values.schema.json", &schema),
            ("templates/a.yaml", "a: {{ .Values | toYaml | fromYaml | toJson | quote }}"),
            ("charts/s/Chart.yaml", &sub),
            ("charts/s/values.yaml", &values),
            ("charts/s/charts/s/Chart.yaml", &sub),
            ("charts/s/charts/s/values.yaml", &values),
        ];
        let chart = chart(&files);
        let user = from_yaml(&values).unwrap();
        let environment = Fixed::default();
        let options = Options::new("r", "ns", &environment);
        let rendered = render(&chart, &user, &options).unwrap();
        assert_eq!(rendered.manifests.len(), 1);
        let error = from_yaml(&nested(128)).unwrap_err().to_string();
        assert!(error.ends_with("exceeded max depth of 128"), "{error}");
        let release = Release {
            name: "r".to_owned(),
            chart,
            config: user,
            version: 1,
            namespace: "ns".to_owned(),
            ..Release::default()
        };
        let back = Release::decode(&release.encode().unwrap()).unwrap();
        assert_eq!(back.config, release.config);
    });
}

#[test]
fn imported_values_are_not_nested_without_end() {
    on_a_small_stack(|| {
        let metadata = |parent: usize| {
            format!(
                "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- name: s\n  version: 1.0.0\n  import-values: [{{child: data, parent: {}}}]\n",
                vec!["a"; parent].join(".")
            )
        };
        let sub = "apiVersion: v2\nname: s\nversion: 1.0.0\n";
        let check = |parent: usize, expected: &str| {
            let metadata = metadata(parent);
            let files = [
                ("Chart.yaml", metadata.as_str()),
                ("charts/s/Chart.yaml", sub),
                ("charts/s/values.yaml", "data: {x: [1]}\n"),
            ];
            let error = rendered(&chart(&files), "").map_err(|error| error.to_string()).err();
            assert_eq!(error.unwrap_or_default(), expected);
        };
        let expected = "chart dependencies processing failed: values imported from s are nested deeper than 128";
        check(100_000, expected);
        check(127, expected);
        check(126, "");
    });
}

/// The lines are those that Helm names for the same texts.
#[test]
fn errors_about_toml_name_the_line() {
    for (text, line) in [
        ("a", 1),
        ("a =", 1),
        ("= 1", 1),
        ("[a]\n[a]", 2),
        ("a = 1\na = 2", 2),
        ("[a]\nb = 1\n[a.b]\nc = 1", 3),
        ("a = 1\n\nb = [1, 2", 3),
        ("a = 1\nb = 01\n", 2),
        ("a = 1 # \u{1}", 1),
    ] {
        let found = toml::decode(text).err().unwrap().0;
        let expected = format!("toml: line {line}: ");
        assert!(found.starts_with(&expected), "{text:?}: {found}");
    }
}
