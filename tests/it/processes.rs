//! Controllers as processes of their own: killed at any moment, and two of a kind.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;
use serde_json::json;
use testkit::{GitServer, HttpOptions};
use tests::{Cluster, World, eventually, text};

/// Objects in the sync that is interrupted.
const OBJECTS: usize = 200;
/// How often the controller is killed in it.
const KILLS: usize = 20;

/// The binary of a controller, where cargo put it beside this test.
pub(crate) fn binary(name: &str) -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    let path = here.parent()?.parent()?.join(name);
    #[expect(
        clippy::disallowed_methods,
        reason = "the test runner says what it requires by the environment"
    )]
    let required = std::env::var("WEIR_REQUIRE_REAL").is_ok();
    assert!(path.is_file() || !required, "{} is not built", path.display());
    if !path.is_file() {
        println!("skipped: {} is not built; cargo build --bins builds it", path.display());
    }
    Some(path).filter(|path| path.is_file())
}

/// A real program, from the folder of the real programs or the search path.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test runner names the programs' folder by an environment variable"
    )]
    let (folder, required, path) = (
        std::env::var("WEIR_TOOLS").ok().map(PathBuf::from),
        std::env::var("WEIR_REQUIRE_REAL").is_ok(),
        std::env::var_os("PATH").unwrap_or_default(),
    );
    let folders = folder.into_iter().chain(std::env::split_paths(&path));
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    assert!(found.is_some() || !required, "WEIR_REQUIRE_REAL is set, but there is no {name}");
    if found.is_none() {
        println!("skipped: there is no {name}; cargo xtask tools {name} builds it");
    }
    found
}

/// A process that ends with the value.
struct Process(Child);

impl Process {
    fn start(program: &Path, kubeconfig: &Path, namespace: &str, more: &[&str]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the scenario is about processes")]
        let mut command = Command::new(program);
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(kubeconfig.with_extension("log"))
            .unwrap();
        command
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .env("RUNTIME_NAMESPACE", namespace);
        command
            .args(["--watch-all-namespaces=false", "--health-addr=", "--metrics-addr="])
            .args(more);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _gone_already = self.0.wait();
    }
}

fn config(number: usize, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: item-{number:03}}}\ndata: {{key: {value}}}\n---\n"
    )
}

/// Kills kustomize-controller again and again while it applies, prunes and applies again; in the end the cluster and the
/// inventory hold exactly what the last commit says.
pub(crate) async fn killed_controllers_lose_nothing(cluster: &Cluster) {
    let (Some(source), Some(kustomize)) =
        (binary("source-controller"), binary("kustomize-controller"))
    else {
        return;
    };
    let world = World::without_controllers(cluster).await;
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, &cluster.kubeconfig).unwrap();
    let server = GitServer::http(HttpOptions::default()).unwrap();
    let repository = server.create("fleet").unwrap();
    let commit = |value: &str, numbers: &mut dyn Iterator<Item = usize>| {
        let text: String = numbers.map(|number| config(number, value)).collect();
        repository.write("app/all.yaml", &text).unwrap();
        format!("main@sha1:{}", repository.commit("change").unwrap())
    };
    commit("first", &mut (0..OBJECTS));
    let storage = format!("--storage-path={}", folder.path().join("storage").display());
    let _source = Process::start(
        &source,
        &kubeconfig,
        &world.namespace,
        &[&storage, "--storage-addr=127.0.0.1:0"],
    );
    let spec = json!({ "interval": "1s", "url": server.url("fleet"), "ref": { "branch": "main" } });
    let object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": { "name": "repo", "namespace": world.namespace }, "spec": spec,
    });
    world.apply(&object).await;
    world
        .kustomization("app", json!({ "targetNamespace": world.namespace, "interval": "10s" }))
        .await;

    // Moments spread over a sync by a fixed pseudo-random walk, so that a failure can be looked at again.
    let mut seed = 7_u64;
    for round in 0..KILLS {
        let mut running =
            Process::start(&kustomize, &kubeconfig, &world.namespace, &["--concurrent-ssa=4"]);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis(100 + (seed >> 33) % 900)).await;
        running.kill();
        if round == KILLS / 2 {
            // Half of the objects go, the others change, in the middle of it all.
            commit("second", &mut (0..OBJECTS).step_by(2));
        }
    }
    let last = commit("third", &mut (0..OBJECTS).filter(|number| number % 3 == 0));
    let _running = Process::start(&kustomize, &kubeconfig, &world.namespace, &[]);
    world.applied("app", &last).await;
    let expected: Vec<usize> = (0..OBJECTS).filter(|number| number % 3 == 0).collect();
    let names: Vec<String> = expected.iter().map(|number| format!("item-{number:03}")).collect();
    let items = world.api("ConfigMap").list(&kube::api::ListParams::default()).await.unwrap().items;
    let there = items
        .iter()
        .filter(|it| it.metadata.name.as_deref().is_some_and(|name| name.starts_with("item-")));
    let there: Vec<(&str, &str)> =
        there.map(|it| (it.metadata.name.as_deref().unwrap(), text(it, "/data/key"))).collect();
    assert_eq!(there, names.iter().map(|name| (name.as_str(), "third")).collect::<Vec<_>>());
    let ids: Vec<String> =
        names.iter().map(|name| format!("{}_{name}__ConfigMap", world.namespace)).collect();
    assert_eq!(world.inventory("app").await, ids);
}

/// Of two instances one leads; when it dies the other takes over.
pub(crate) async fn one_of_two_leads(cluster: &Cluster) {
    let Some(program) = binary("kustomize-controller") else { return };
    let world = World::without_controllers(cluster).await;
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, &cluster.kubeconfig).unwrap();
    let flags = [
        "--enable-leader-election",
        "--leader-election-lease-duration=3s",
        "--leader-election-renew-deadline=2s",
        "--leader-election-retry-period=200ms",
    ];
    let leases: Api<Lease> = Api::namespaced(world.client().clone(), &world.namespace);
    let holder = async |other_than: Option<&str>| {
        eventually("an instance leads", async || {
            let lease = leases
                .get_opt("kustomize-controller-leader-election")
                .await
                .map_err(|error| error.to_string())?;
            let holder = lease
                .and_then(|lease| lease.spec?.holder_identity)
                .filter(|holder| !holder.is_empty());
            holder
                .filter(|holder| other_than != Some(holder))
                .ok_or_else(|| "nobody else leads".to_owned())
        })
        .await
    };
    let mut first = Process::start(&program, &kubeconfig, &world.namespace, &flags);
    let leader = holder(None).await;
    let _second = Process::start(&program, &kubeconfig, &world.namespace, &flags);
    // The second one only watches while the first renews.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(holder(None).await, leader);
    first.kill();
    holder(Some(&leader)).await;
}
