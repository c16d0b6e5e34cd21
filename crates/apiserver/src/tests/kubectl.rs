//! The real `kubectl` on a socket. Where there is none, the test says so and checks nothing.

use std::path::Path;
use std::process::Output;

use super::*;

struct Kubectl<'a> {
    config: &'a Path,
}

impl Kubectl<'_> {
    fn run(&self, arguments: &str) -> Output {
        #[expect(
            clippy::disallowed_methods,
            reason = "the point of this test is the foreign program"
        )]
        let mut command = std::process::Command::new("kubectl");
        command.env("KUBECONFIG", self.config).args(arguments.split(' ')).output().unwrap()
    }

    /// What it prints; it must succeed.
    fn says(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "kubectl {arguments}: {out}{err}");
        out.into_owned()
    }
}

#[expect(clippy::disallowed_methods, reason = "asks whether the foreign program is there")]
fn have_kubectl() -> bool {
    std::process::Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .is_ok_and(|o| o.status.success())
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits for the foreign program beside the server it talks to"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_does_not_notice() {
    if !have_kubectl() {
        let required = std::env::var_os("WEIR_REQUIRE_REAL").is_some();
        assert!(!required, "WEIR_REQUIRE_REAL is set, but there is no kubectl");
        eprintln!("skipped: there is no kubectl; cargo xtask tools kubectl builds it");
        return;
    }
    let server = ApiServer::default();
    let listening = server.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, server.kubeconfig(listening.address())).unwrap();
    let manifest = folder.path().join("web.json");
    std::fs::write(&manifest, deployment("web", 2).to_string()).unwrap();
    let file = manifest.display().to_string();
    tokio::task::spawn_blocking(move || session(&Kubectl { config: &config }, &file))
        .await
        .unwrap();
    listening.shutdown().await;
}

fn session(kubectl: &Kubectl<'_>, file: &str) {
    assert_eq!(
        kubectl.says(&format!("apply --server-side -f {file}")),
        "deployment.apps/web serverside-applied\n"
    );
    assert_eq!(kubectl.says(&format!("diff --server-side -f {file}")), "");
    kubectl.says("rollout status deployment/web --timeout=20s");
    let line = kubectl.says("get deployment web --no-headers");
    assert!(line.starts_with("web   2/2   2     2     "), "{line}");
    kubectl.says("scale deployment web --replicas=3");
    kubectl.says("wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=20s");
    assert!(
        kubectl
            .says("describe deployment web")
            .contains("3 desired | 3 updated | 3 total | 3 available")
    );
    assert!(kubectl.says("explain deployment.spec.replicas").contains("FIELD: replicas <integer>"));
    let kinds = kubectl.says("api-resources --no-headers");
    assert!(kinds.lines().any(|l| l.split_whitespace().eq([
        "deployments",
        "deploy",
        "apps/v1",
        "true",
        "Deployment"
    ])));
    kubectl.says("create secret generic s --from-literal=a=b");
    assert_eq!(kubectl.says("get secret s -o jsonpath={.data.a}"), "Yg==");
    assert_eq!(kubectl.says("auth can-i delete nodes"), "yes\n");
    kubectl.says("annotate deployment web note=x");
    kubectl.says("patch deployment web -p {\"spec\":{\"paused\":true}}");
    // Newer versions also name the namespace.
    let deleted = kubectl.says("delete deployment web --timeout=20s");
    assert!(deleted.starts_with("deployment.apps \"web\" deleted"), "{deleted}");
    kubectl.says("create namespace team");
    kubectl.says("delete namespace team --timeout=20s");
    let missing = kubectl.run("get deployment web");
    assert!(!missing.status.success());
    let words = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(words, "Error from server (NotFound): deployments.apps \"web\" not found\n");
}
