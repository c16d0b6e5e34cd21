//! `weir helm` and charts in kustomizations beside the real programs: the same output, errors and exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use helm::{Chart, Error, Options, Strategy, Values};
use kustomize::flux::{Image, Patch, post_render};
use tempfile::TempDir;

use crate::processes::{binary, tool};

/// Charts and files of the tests: paths with what they hold.
const FILES: &[(&str, &str)] = &[
    (
        "good/Chart.yaml",
        "apiVersion: v2\nname: good\nversion: 1.2.3\nappVersion: \"4.5\"\nicon: https://example.org/icon.png\ndescription: A chart with all there is\n",
    ),
    ("good/values.yaml", "# Comments stay.\nreplicas: 2\nbig: 1000000\nnested: {a: 1, b: null}\n"),
    ("good/values.schema.json", "{\"properties\": {\"replicas\": {\"type\": \"integer\"}}}"),
    ("good/README.md", "# Good\n\nA chart.\n"),
    (
        "good/crds/a.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: as.example.org\n",
    ),
    (
        "good/crds/b.yaml",
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: bs.example.org\n",
    ),
    (
        "good/templates/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  values: {{ .Values | toJson | quote }}\n  kube: \"{{ .Capabilities.KubeVersion }}\"\n  has: \"{{ .Capabilities.APIVersions.Has \"example.org/v1\" }}\"\n  upgrade: \"{{ .Release.IsUpgrade }}\"\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n",
    ),
    ("good/templates/sub/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n"),
    (
        "good/templates/hook.yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: hook\n  annotations:\n    helm.sh/hook: pre-install\n",
    ),
    (
        "good/templates/tests/test.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations:\n    helm.sh/hook: test\n",
    ),
    ("good/templates/NOTES.txt", "Well done.\n"),
    (
        "bad/Chart.yaml",
        "apiVersion: v3\nname: bad/name\nversion: 1.2\nappVersion: 1.5\nunknown: field\nicon: nothing\nsources: [nowhere]\ntype: application\nmaintainers:\n- name: Somebody\n  email: nobody\n",
    ),
    ("bad/templates/a.json", "{}"),
    ("bad/templates/b.yaml", "kind: Deployment\nmetadata:\n  name: Wrong_Name\n"),
    (
        "old/Chart.yaml",
        "apiVersion: v1\nname: old\nversion: v0.1.0\ntype: application\ndeprecated: true\n",
    ),
    ("old/values.yaml", "a: [\n"),
    ("outdated/Chart.yaml", "apiVersion: v2\nname: outdated\nversion: 0.1.0\n"),
    (
        "outdated/templates/a.yaml",
        "  apiVersion: batch/v1beta1\n  kind: CronJob\n  metadata:\n    name: a\n---\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: a.b\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: 1a.b\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: a.b\n",
    ),
    ("outdated/crds/a.yaml", "kind: Other\napiVersion: v1\n"),
    ("broken/Chart.yaml", "apiVersion: v2\nname: broken\nversion: 0.1.0\n"),
    (
        "broken/templates/a.yaml",
        "a: {{ required \"a is needed\" .Values.a }}\nb: [{{ .Values.b }}\n",
    ),
    ("library/Chart.yaml", "apiVersion: v2\nname: library\nversion: 0.1.0\ntype: library\n"),
    (
        "umbrella/Chart.yaml",
        "apiVersion: v2\nname: umbrella\nversion: 0.1.0\ndependencies:\n- {name: good, version: ^1.0.0, repository: 'file://../good'}\n- {name: outdated, version: 0.1.0, repository: 'file://../outdated', alias: other}\n",
    ),
    ("umbrella/charts/stranger/Chart.yaml", "apiVersion: v2\nname: stranger\nversion: 0.1.0\n"),
    ("umbrella/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"),
    (
        "lenient/Chart.yaml",
        "apiVersion: v2\nname: lenient\nversion: 0.1.0\nicon: https://example.org/i.png\ndependencies:\n- name: sub\n  version: 0.1.0\n  condition: sub.on,not.there,other\n  tags: [one, t w o]\n  import-values: [data, {child: a.b, parent: c}]\n",
    ),
    ("lenient/values.yaml", "sub: {on: maybe}\nother: 1\ntags: {one: 1, t w o: x}\nempty: ''\n"),
    (
        "lenient/templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: {{ required \"say \\\"a\\\" = b\\nor\\tnot\" .Values.a | quote }}\n  b: {{ required \"ümläut\" .Values.empty | quote }}\n  c: {{ required \"\" .Values.c | quote }}\n  d: {{ fail \"plain\" | quote }}\n  e: {{ fail \"x=\\u200b\\x7f\" | quote }}\n",
    ),
    (
        "lenient/charts/sub/Chart.yaml",
        "apiVersion: v2\nname: sub\nversion: 0.1.0\nicon: https://example.org/i.png\n",
    ),
    ("lenient/charts/sub/values.schema.json", "{}"),
    (
        "lenient/charts/sub/templates/b.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\ndata:\n  a: {{ required \"sub needs a\" .Values.a | quote }}\n",
    ),
    ("tables/Chart.yaml", "apiVersion: v2\nname: tables\nversion: 0.1.0\n"),
    ("tables/values.yaml", "table: {inner: {a: 1}, other: x}\ntext: x\nsub: {table: y}\n"),
    ("tables/templates/a.yaml", "a: {{ toJson .Values | quote }}\n"),
    ("tables/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.1.0\n"),
    ("tables/charts/sub/values.yaml", "table: {a: 1}\nglobal: {a: {b: 1}, c: d}\n"),
    ("one.yaml", "replicas: 3\nnested: {c: 5}\n"),
    ("two.yaml", "nested: {a: null}\n---\nlist: [1]\n"),
    ("wrong.yaml", "- a\n"),
    ("text.txt", "line one\nline, two\n"),
];

/// Commands that both programs get; one a line.
const COMMANDS: &str = include_str!("charts/commands.txt");

pub(crate) fn workspace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

pub(crate) fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the test is about the program")]
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env("HOME", folder).env("HELM_NO_COLOR", "1").env("SOURCE_DATE_EPOCH", "1700000000");
    command.output().unwrap()
}

/// What is printed, without what differs from run to run.
pub(crate) fn shown(output: &Output, folder: &Path) -> String {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.replace(&folder.display().to_string(), "FOLDER")
    };
    let code = output.status.code().unwrap_or(-1);
    format!("{}\nstderr:\n{}\nexit: {code}\n", text(&output.stdout), text(&output.stderr))
}

/// Every file below a folder with its content; packages unpacked.
pub(crate) fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut content = std::fs::read(&path).unwrap();
            if path.extension().is_some_and(|it| it == "tgz") {
                let mut unpacked = Vec::new();
                let mut reader = flate2::read::GzDecoder::new(content.as_slice());
                std::io::Read::read_to_end(&mut reader, &mut unpacked).unwrap();
                content = unpacked;
            }
            let text = String::from_utf8_lossy(&content).into_owned();
            if path.extension().is_some_and(|it| it == "lock") {
                let lines = text.lines().filter(|line| !line.starts_with("generated:"));
                content = lines.collect::<Vec<_>>().join("\n").into_bytes();
            }
            found.push((path.strip_prefix(folder).unwrap().to_owned(), content));
        }
    }
    found.retain(|(path, _)| !path.starts_with(".cache") && !path.starts_with(".config"));
    found.sort();
    found
}

/// With `--debug`, Helm logs whole schemas; our log names their charts only.
fn without_schemas(output: &str) -> String {
    let lines = output.split_inclusive('\n');
    lines.filter(|line| !line.contains("msg=\"unmarshalled JSON schema\"")).collect()
}

#[test]
fn commands_on_charts_are_those_of_helm() {
    let (Some(weir), Some(helm)) = (binary("weir"), tool("helm")) else { return };
    let mut different = Vec::new();
    for line in COMMANDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (ours, theirs) = (workspace(), workspace());
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let mut own = vec!["helm"];
        own.extend(&arguments);
        let one = shown(&run(&weir, ours.path(), &own), ours.path());
        let other = shown(&run(&helm, theirs.path(), &arguments), theirs.path());
        let other = without_schemas(&other);
        if one != other {
            different.push(format!("helm {line}\n--- ours\n{one}\n--- helm's\n{other}"));
        } else if tree(ours.path()) != tree(theirs.path()) {
            different.push(format!("helm {line}: the files differ"));
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn charts_in_kustomizations_are_those_of_kustomize() {
    let (Some(weir), Some(kustomize), Some(helm)) =
        (binary("weir"), tool("kustomize"), tool("helm"))
    else {
        return;
    };
    let helm = format!("--helm-command={}", helm.display());
    for text in [
        "helmCharts: [{name: good, releaseName: rel}]",
        "namespace: own\nhelmCharts: [{name: good, releaseName: rel, includeCRDs: true, skipTests: true}]",
        "helmCharts: [{name: good, namespace: theirs, skipHooks: true, kubeVersion: 1.30.1, apiVersions: [example.org/v1]}]",
        "helmCharts: [{name: good, releaseName: rel, valuesInline: {nested: {a: null, c: 2}, replicas: 5}}]",
        "helmCharts: [{name: good, releaseName: rel, valuesMerge: merge, valuesInline: {nested: {a: 7, c: 2}, x: 1}}]",
        "helmCharts: [{name: good, releaseName: rel, valuesMerge: replace, valuesInline: {replicas: 9}}]",
        "helmCharts: [{name: good, releaseName: rel, valuesFile: one.yaml, additionalValuesFiles: [two.yaml]}]",
        "helmCharts: [{name: good, nameTemplate: 'x-{{ upper \"a\" | lower }}'}]",
        "helmChartInflationGenerator: [{chartName: good, chartHome: ., releaseName: rel, values: one.yaml}]",
    ] {
        let folder = workspace();
        let home = if text.contains("chartHome") { "" } else { "helmGlobals: {chartHome: .}\n" };
        let kustomization = format!("{home}{text}\n");
        std::fs::write(folder.path().join("kustomization.yaml"), &kustomization).unwrap();
        let arguments = ["build", "--enable-helm", &helm, "."];
        let mut own = vec!["kustomize"];
        own.extend(arguments);
        let ours = shown(&run(&weir, folder.path(), &own), folder.path());
        let theirs = shown(&run(&kustomize, folder.path(), &arguments), folder.path());
        assert_eq!(ours, theirs, "{kustomization}");
        assert!(ours.ends_with("exit: 0\n"), "{ours}");
    }
}

/// An environment for charts that need none.
pub(crate) struct Nothing;

impl helm::Environment for Nothing {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

#[test]
fn kustomize_changes_what_the_strategy_lets_it_see() {
    let folder = workspace();
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: both\n";
    let hook = format!("{account}  annotations:\n    helm.sh/hook: pre-install\n");
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  template:\n    spec:\n      containers:\n      - name: app\n        image: example.org/app:1\n";
    for (name, text) in [("account.yaml", account), ("early.yaml", &hook), ("app.yaml", deployment)]
    {
        std::fs::write(folder.path().join("good/templates").join(name), text).unwrap();
    }
    let chart = Chart::load_dir(&folder.path().join("good"), Path::new("/")).unwrap();
    let patch = "- op: add\n  path: /metadata/labels\n  value: {patched: \"yes\"}\n";
    let target =
        kustomize::flux::Selector { kind: "ServiceAccount".to_owned(), ..Default::default() };
    let patches = [Patch { patch: patch.to_owned(), target: Some(target) }];
    let images =
        [Image { name: "example.org/app".to_owned(), new_tag: "2".to_owned(), ..Image::default() }];
    let renderer = |manifests: &str| {
        post_render(manifests, &patches, &images).map_err(|error| Error::new(error.chain()))
    };
    let rendered = |strategy| {
        let options = Options {
            post_renderer: Some((&renderer, strategy)),
            ..Options::new("rel", "ns", &Nothing)
        };
        helm::render(&chart, &Values::new(), &options)
    };
    // The same object as a hook and as a manifest cannot stand in one stream.
    let error = rendered(Strategy::Combined).unwrap_err().to_string();
    assert!(error.starts_with("error while running post render on files: "), "{error}");
    assert!(error.contains("may not add resource with an already registered id"), "{error}");
    for (strategy, patched) in [(Strategy::Separate, true), (Strategy::NoHooks, false)] {
        let out = rendered(strategy).unwrap();
        let hook = out.hooks.iter().find(|hook| hook.path.ends_with("early.yaml")).unwrap();
        assert_eq!(hook.manifest.contains("patched"), patched, "{strategy:?}: {}", hook.manifest);
        let manifest = out.manifest(false);
        assert!(manifest.contains("# Source: good/templates/account.yaml\n"), "{manifest}");
        assert!(manifest.contains("image: example.org/app:2\n"), "{manifest}");
        assert!(manifest.contains("patched: \"yes\""), "{manifest}");
        assert!(!out.text().contains("postrenderer.helm.sh"), "{}", out.text());
    }
}

/// A plugin that gives back what it gets: what is left is what Helm itself does to the documents.
#[test]
fn documents_come_back_from_a_post_renderer_as_in_helm() {
    let Some(helm) = tool("helm") else { return };
    let folder = workspace();
    let plugin = folder.path().join("plugins/same");
    std::fs::create_dir_all(&plugin).unwrap();
    let text = "apiVersion: v1\ntype: postrenderer/v1\nname: same\nversion: 0.1.0\nruntime: subprocess\nruntimeConfig:\n  platformCommand:\n  - command: cat\n";
    std::fs::write(plugin.join("plugin.yaml"), text).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test is about the program")]
    let mut command = Command::new(helm);
    command.env("HELM_PLUGINS", folder.path().join("plugins")).env("HOME", folder.path());
    command.args(["template", "rel", "good", "-n", "ns", "--post-renderer", "same"]);
    let output = command.current_dir(folder.path()).output().unwrap();
    let theirs = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let chart = Chart::load_dir(&folder.path().join("good"), Path::new("/")).unwrap();
    let same = |manifests: &str| Ok(manifests.to_owned());
    let options = Options {
        post_renderer: Some((&same, Strategy::Combined)),
        ..Options::new("rel", "ns", &Nothing)
    };
    let ours = helm::render(&chart, &Values::new(), &options).unwrap().text();
    assert_eq!(ours, theirs);
}
