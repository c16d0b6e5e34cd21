//! A long session with the real `kubectl`, on both API servers. What it prints is one file, made on the real server; the
//! embedded one must make it print the same.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::expect_file;
use regex::Regex;
use serde_json::json;
use tests::World;

/// The program that `cargo xtask tools` builds: what it prints depends on its version.
pub(crate) fn program() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test runner names the programs' folder by an environment variable"
    )]
    let (folder, required) =
        (std::env::var("WEIR_TOOLS"), std::env::var("WEIR_REQUIRE_REAL").is_ok());
    let built = folder.ok().map(|folder| Path::new(&folder).join("kubectl"));
    let found = built.filter(|path| path.is_file());
    assert!(found.is_some() || !required, "WEIR_REQUIRE_REAL is set, but there is no kubectl");
    if found.is_none() {
        println!("skipped: there is no kubectl of ours; cargo xtask tools kubectl builds it");
    }
    found
}

/// Files that the session applies.
const FILES: &[(&str, &str)] = &[
    ("web.yaml", include_str!("kubectl/web.yaml")),
    ("changed.yaml", include_str!("kubectl/changed.yaml")),
    ("invalid.yaml", include_str!("kubectl/invalid.yaml")),
    ("unknown-field.yaml", include_str!("kubectl/unknown-field.yaml")),
    ("unknown-kind.yaml", include_str!("kubectl/unknown-kind.yaml")),
    ("refused.yaml", include_str!("kubectl/refused.yaml")),
    ("job.yaml", include_str!("kubectl/job.yaml")),
];

/// What is typed, in order; `#` begins a remark for the reader of the transcript.
const SESSION: &str = include_str!("kubectl/session.txt");

pub(crate) struct Kubectl {
    program: PathBuf,
    folder: tempfile::TempDir,
    namespace: String,
}

impl Kubectl {
    pub(crate) fn new(program: PathBuf, kubeconfig: &str, namespace: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
        for (name, content) in FILES {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        Self { program, folder, namespace: namespace.to_owned() }
    }

    fn command(&self, arguments: &str) -> Command {
        #[expect(clippy::disallowed_methods, reason = "the point is the foreign program")]
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.folder.path())
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .env("HOME", self.folder.path())
            .arg("--namespace")
            .arg(&self.namespace)
            .args(arguments.split(' '));
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// The command, what it printed, and how it ended, without what differs from run to run.
    fn transcript(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let mut text = format!("$ kubectl {arguments}\n");
        text += &String::from_utf8_lossy(&output.stdout);
        let mut errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if errors.starts_with("The Kustomization ") {
            // A real server goes through the fields of a definition in no order.
            errors = sorted(&errors);
        }
        for line in errors.lines() {
            let _infallible = writeln!(text, "! {line}");
        }
        if !output.status.success() {
            let _infallible = writeln!(text, "! exit code {}", output.status.code().unwrap_or(-1));
        }
        text
    }

    /// What a watch shows while an object is made, changed and deleted.
    fn watched(&self) -> String {
        let arguments = "get configmaps -l watched --watch --output-watch-events --no-headers";
        self.run("create configmap watched-first --from-literal=a=b");
        self.run("label configmap watched-first watched=yes");
        let mut child =
            self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut text = format!("$ kubectl {arguments}\n");
        let mut next = |text: &mut String| {
            text.push_str(&lines.next().unwrap().unwrap());
            text.push('\n');
        };
        next(&mut text);
        self.run("create configmap watched-second --from-literal=a=b");
        self.run("label configmap watched-second watched=yes");
        next(&mut text);
        self.run("patch configmap watched-first -p {\"data\":{\"c\":\"d\"}}");
        next(&mut text);
        self.run("label configmap watched-second watched-");
        next(&mut text);
        self.run("delete configmap watched-first watched-second");
        next(&mut text);
        let _gone_already = child.kill();
        let _gone_already = child.wait();
        text
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Puts words in the place of what differs from run to run.
struct Mask(Vec<(Regex, &'static str)>);

impl Mask {
    fn new(namespace: &str) -> Self {
        let rules = [
            (regex::escape(namespace), "NAMESPACE"),
            ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".to_owned(), "UID"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z".to_owned(), "TIME"),
            (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}".to_owned(), "TIME"),
            (r#"(resourceVersion"?: )"?\d+"?"#.to_owned(), "${1}N"),
            (r"((Resource Version|Total Reconciliations): +)\d+".to_owned(), "${1}N"),
            ("sha256:[0-9a-f]{64}".to_owned(), "DIGEST"),
            (r"\bweb-[a-z0-9]{8,10}-[a-z0-9]{5}\b".to_owned(), "web-HASH-ID"),
            (r"\bweb-[a-z0-9]{8,10}\b".to_owned(), "web-HASH"),
            (r"(pod-template-hash[=:] ?)\w+".to_owned(), "${1}HASH"),
            (r"\b10\.\d+\.\d+\.\d+\b".to_owned(), "IP"),
            (r"127\.0\.0\.1:\d+".to_owned(), "SERVER"),
            (r"\b[0-9a-f]{40}\b".to_owned(), "COMMIT"),
            (r"\b\d+(\.\d+)?(ms|s|m\d+s|m)\b".to_owned(), "AGE"),
            // Columns are as wide as what was masked.
            (r"(\S) {2,}".to_owned(), "$1  "),
            (r"(?m) +$".to_owned(), ""),
        ];
        Self(rules.into_iter().map(|(rule, word)| (Regex::new(&rule).unwrap(), word)).collect())
    }

    fn apply(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (rule, word)| rule.replace_all(&text, *word).into_owned())
    }
}

/// The session up to the events at a description's end, which depend on who runs the Pods.
fn without_events(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in text.lines() {
        inside = line.starts_with("Events:") || (inside && line.starts_with(' '));
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

pub(crate) async fn kubectl_does_not_notice(world: World) {
    let Some(program) = program() else { return };
    let one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {key: first}\n";
    let revision = world.commit(&[("app/one.yaml", one)]);
    world.source().await;
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &revision).await;

    let kubectl = Kubectl::new(program, &world.cluster.kubeconfig, &world.namespace);
    let mask = Mask::new(&world.namespace);
    #[expect(
        clippy::disallowed_methods,
        reason = "waits for a program beside the server it talks to"
    )]
    let session = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        for line in SESSION.lines().filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                let _infallible = writeln!(text, "\n{line}");
            } else if line == "(watch)" {
                text += &kubectl.watched();
            } else {
                text += &without_events(&kubectl.transcript(line));
            }
        }
        mask.apply(&text)
    });
    expect_file!["kubectl/transcript.txt"].assert_eq(&session.await.unwrap());
}
