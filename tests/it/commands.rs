//! The program `weir` as people run it: a repository brought up, looked at, changed, broken and mended.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use expect_test::{expect, expect_file};
use regex::Regex;
use testkit::GitRepository;

use crate::processes::binary;

/// How long a line of output may take; generous, for a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Copies a folder with everything below it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// `weir up` in a folder of its own.
struct Up {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    folder: tempfile::TempDir,
    weir: PathBuf,
}

impl Up {
    fn start(weir: &Path, folder: tempfile::TempDir, arguments: &[&str]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the scenario is about the program")]
        let mut command = Command::new(weir);
        command.current_dir(folder.path()).arg("up").args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new(), folder, weir: weir.to_owned() }
    }

    /// Reads on to a line that holds this, and returns it.
    fn until(&mut self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no line with {part:?} after:\n{}", self.seen.join("\n"))
                }
            }
        }
    }

    fn run(&self, arguments: &str) -> Output {
        #[expect(clippy::disallowed_methods, reason = "the scenario is about the program")]
        let mut command = Command::new(&self.weir);
        let kubeconfig = self.folder.path().join(".weir/kubeconfig");
        command.current_dir(self.folder.path()).arg("--kubeconfig").arg(kubeconfig);
        command.args(arguments.split(' ')).stdin(Stdio::null()).output().unwrap()
    }

    /// What `kubectl` prints about the namespace `web`.
    fn kubectl(&self, program: &Path, arguments: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "the point is the foreign program")]
        let mut command = Command::new(program);
        command.env("KUBECONFIG", self.path(".weir/kubeconfig")).env("HOME", self.folder.path());
        let output = command.args(["--namespace", "web"]).args(arguments.split(' ')).output();
        let output = output.unwrap();
        assert!(
            output.status.success(),
            "kubectl {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What another `weir` prints about it, with its exit code unless that is 0.
    fn says(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text += &String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let _infallible = writeln!(text, "exit code {}", output.status.code().unwrap_or(-1));
        }
        masked(&text)
    }

    fn transcript(&self, commands: &[&str]) -> String {
        let said = |command: &&str| format!("$ weir {command}\n{}\n", self.says(command));
        commands.iter().map(said).collect()
    }

    /// Runs a command again and again until its output is as wanted.
    fn becomes(&self, arguments: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.says(arguments);
            if wanted(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "weir {arguments} still prints:\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let path = self.path(path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{} has no {from:?}", path.display());
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

fn masked(text: &str) -> String {
    Regex::new(r"\b[0-9a-f]{8,40}\b").unwrap().replace_all(text, "COMMIT").into_owned()
}

/// What a newcomer may type into a second terminal.
const TOUR: &[&str] = &[
    "get kustomizations -A",
    "get sources git -n flux-system",
    "tree kustomization flux-system",
    "tree ks infrastructure -o yaml",
    "get kustomizations no-such-one",
    "reconcile kustomization apps --with-source",
    "suspend kustomization apps",
    "reconcile kustomization apps",
    "get ks apps --no-header",
    "resume kustomization apps",
];

/// The README's tour: what it says is what happens.
#[test]
fn tour_of_the_readme() {
    let Some(weir) = binary("weir") else { return };
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("docs/examples/fleet"), &folder.path().join("fleet"));
    let mut up = Up::start(&weir, folder, &["fleet", "--path", "clusters/staging"]);
    up.until("everything is ready");
    let failures: Vec<&String> = up.seen.iter().filter(|line| line.starts_with('✗')).collect();
    assert!(failures.is_empty(), "nothing fails on the way: {failures:?}");

    expect_file!["commands/tour.txt"].assert_eq(&up.transcript(TOUR));

    // A change is followed at once.
    up.edit("fleet/apps/staging/kustomization.yaml", "count: 1", "count: 2");
    up.until("Deployment/web/web configured");

    // What is deleted by hand comes back.
    if let Some(kubectl) = crate::kubectl::program() {
        up.kubectl(&kubectl, "delete service web");
        let deadline = Instant::now() + PATIENCE;
        while up.kubectl(&kubectl, "get service web --ignore-not-found --output name").is_empty() {
            assert!(Instant::now() < deadline, "the Service does not come back");
        }
    }

    // A mistake is named with its file and field, prunes nothing, and its fix is followed.
    let file = "fleet/apps/staging/kustomization.yaml";
    let good = std::fs::read_to_string(up.path(file)).unwrap();
    std::fs::write(up.path(file), format!("{good}resorces: []\n")).unwrap();
    let broken = up.becomes("get ks apps --no-header", |text| text.contains("resorces"));
    expect![[r#"
        apps  main@sha1:COMMIT  False  False  kustomize build failed: cannot read '/apps/staging/kustomization.yaml': json: unknown field "resorces"
    "#]].assert_eq(&broken);
    std::fs::write(up.path(file), good).unwrap();
    up.becomes("get ks apps --no-header", |text| text.contains("True"));
}

/// With `--once` the exit code says how it went.
#[test]
fn once_ends_by_itself() {
    let Some(weir) = binary("weir") else { return };
    let run = |arguments: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the scenario is about the program")]
        let mut command = Command::new(&weir);
        command.current_dir(folder.path()).arg("up").args(arguments).args(["--once"]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
    };
    let fleet = root().join("docs/examples/fleet").canonicalize().unwrap();
    for cluster in ["clusters/staging", "clusters/production"] {
        let (code, text) = run(&[fleet.to_str().unwrap(), "--path", cluster]);
        assert_eq!(code, Some(0), "{text}");
    }
    let (code, text) = run(&[fleet.to_str().unwrap(), "--path", "clusters/nowhere"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("clusters/nowhere"), "{text}");

    let broken = GitRepository::init().unwrap();
    broken
        .write(
            "cluster/one.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: nowhere}\n",
        )
        .unwrap();
    broken.commit("one").unwrap();
    let (code, text) =
        run(&[broken.path().to_str().unwrap(), "--path", "cluster", "--timeout", "20s"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("ConfigMap/nowhere/one") && text.contains("namespaces \"nowhere\" not found"),
        "{text}"
    );
}

/// The sync objects of a bootstrap, as it writes them.
const SYNC: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 1m0s
  ref: {branch: main}
  secretRef: {name: flux-system}
  url: ssh://git@git.example.com/company/fleet
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 10m0s
  path: ./clusters/prod
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
";

/// Another repository, and what of it is applied.
const SHARED: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shared, namespace: flux-system}
spec: {interval: 1m, url: 'https://git.example.com/company/shared.git', ref: {tag: v1}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shared, namespace: flux-system}
spec: {interval: 10m, path: ./, prune: true, targetNamespace: default, sourceRef: {kind: GitRepository, name: shared}}
";

fn config(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\ndata: {{key: {value}}}\n"
    )
}

/// A repository that was bootstrapped for a real cluster: its own SSH URL and the secret for it are in its manifests, the
/// controllers' installation too. It is read where it lies.
#[test]
fn bootstrapped_repository_is_read_in_place() {
    let Some(weir) = binary("weir") else { return };
    #[expect(clippy::disallowed_methods, reason = "the scenario is about the program")]
    let installation = Command::new(&weir)
        .args(["kustomize", "build", "--load-restrictor=LoadRestrictionsNone"])
        .arg(root().join("manifests"))
        .output()
        .unwrap();
    assert!(installation.status.success(), "{}", String::from_utf8_lossy(&installation.stderr));
    let (fleet, shared) = (GitRepository::init().unwrap(), GitRepository::init().unwrap());
    shared.write("shared.yaml", &config("shared", "first")).unwrap();
    shared.commit("first").unwrap();
    shared.git(&["tag", "v1"]).unwrap();
    fleet.git(&["remote", "add", "origin", "git@git.example.com:company/fleet.git"]).unwrap();
    let components = String::from_utf8(installation.stdout).unwrap();
    for (path, content) in [
        ("clusters/prod/flux-system/gotk-components.yaml", components.as_str()),
        ("clusters/prod/flux-system/gotk-sync.yaml", SYNC),
        (
            "clusters/prod/flux-system/kustomization.yaml",
            "resources:\n  - gotk-components.yaml\n  - gotk-sync.yaml\n",
        ),
        ("clusters/prod/shared.yaml", SHARED),
        ("clusters/prod/one.yaml", &config("one", "first")),
    ] {
        fleet.write(path, content).unwrap();
    }
    fleet.commit("bootstrap").unwrap();
    let map = format!("https://git.example.com/company/shared={}", shared.path().display());
    let arguments =
        [fleet.path().to_str().unwrap(), "--path", "clusters/prod", "--map", map.as_str()];

    let mut up = Up::start(&weir, tempfile::tempdir().unwrap(), &arguments);
    up.until("everything is ready");
    assert!(up.seen.iter().any(|line| line.contains("ConfigMap/default/shared created")));
    fleet.write("clusters/prod/one.yaml", &config("one", "second")).unwrap();
    fleet.commit("second").unwrap();
    up.until("ConfigMap/default/one configured");
    drop(up);

    let worktree: Vec<&str> = arguments.iter().copied().chain(["--worktree"]).collect();
    let mut up = Up::start(&weir, tempfile::tempdir().unwrap(), &worktree);
    up.until("everything is ready");
    fleet.write("clusters/prod/one.yaml", &config("one", "not committed")).unwrap();
    up.until("ConfigMap/default/one configured");
}

/// Real repositories of an optional corpus folder: what is in the repository becomes ready, and what would need the
/// network says so and holds nobody else up.
#[test]
fn real_repositories() {
    let Some(weir) = binary("weir") else { return };
    let corpus = root().join("../shared/corpus/open/repos");
    if !corpus.is_dir() {
        println!("skipped: the optional corpus folder is not there");
        return;
    }
    let up = |repository: &str, path: &str, timeout: &str| {
        let folder = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the scenario is about the program")]
        let mut command = Command::new(&weir);
        command.current_dir(folder.path()).arg("up").arg(corpus.join(repository).join("src"));
        command.args(["--path", path, "--once", "--timeout", timeout]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
    };
    for overlay in ["dev", "staging", "production"] {
        let (code, text) = up("podinfo", &format!("deploy/overlays/{overlay}"), "60s");
        assert_eq!(code, Some(0), "podinfo {overlay}: {text}");
    }
    for repository in ["flux2-kustomize-helm-example-2023", "flux2-kustomize-helm-example-2024"] {
        let started = Instant::now();
        let (code, text) = up(repository, "clusters/staging", "60s");
        assert_eq!(code, Some(1), "{repository}: {text}");
        assert!(
            started.elapsed() < Duration::from_secs(50),
            "nothing is waited for in vain: {text}"
        );
        for line in [
            "✔ Kustomization flux-system/flux-system at main@",
            "◎ Kustomization flux-system/infra-controllers: waits for HelmRelease ",
            "◎ Kustomization flux-system/infra-configs: dependency 'flux-system/infra-controllers' ",
            "◎ Kustomization flux-system/apps: dependency 'flux-system/infra-configs' ",
            "⏸ HelmRelease cert-manager/cert-manager: nothing here reconciles objects of this kind",
        ] {
            assert!(text.contains(line), "{repository}: no line {line:?} in {text}");
        }
    }
    for (repository, line) in [
        (
            "flux2-multi-tenancy",
            "◎ Kustomization flux-system/kyverno: waits for OCIRepository flux-system/kyverno-controller, which nothing here reconciles",
        ),
        (
            "flux2-kustomize-helm-example",
            "◎ Kustomization flux-system/apps: Source 'ExternalArtifact/flux-system/apps' not found",
        ),
    ] {
        let (code, text) = up(repository, "clusters/staging", "60s");
        assert_eq!(code, Some(1), "{repository}: {text}");
        assert!(text.contains(line), "{repository}: no line {line:?} in {text}");
    }
}
