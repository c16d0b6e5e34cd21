//! `cargo xtask bench skeleton`: the two controllers as processes, release build, on a real kube-apiserver.
//!
//! Prints: commit to applied, first apply of 200 objects, what a visit with nothing changed asks of the API server, and
//! resident memory at idle.

#![expect(clippy::print_stdout, reason = "a benchmark prints figures")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use kube::runtime::watcher::watch_object;
use serde_json::{Value, json};
use testkit::{ControlPlane, GitRepository, GitServer, HttpOptions};
use tests::{Cluster, World, eventually, text};

/// Objects of the large Kustomization.
const OBJECTS: usize = 200;
/// Commits that are timed.
const COMMITS: usize = 30;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Result<()> {
    let Some(tools) = ControlPlane::tools() else {
        bail!("no real control plane; run cargo xtask bench skeleton")
    };
    let cluster = Cluster::real(&tools).await?;
    let world = World::without_controllers(&cluster).await;
    let bench = Bench::start(&cluster, &world)?;

    let first = bench.commit("v0", OBJECTS)?;
    bench.source(&world).await;
    bench.ready("GitRepository", &world).await;
    let started = Instant::now();
    world.kustomization("app", json!({ "targetNamespace": world.namespace })).await;
    world.applied("app", &first).await;
    println!("first apply of {OBJECTS} objects: {:.2} s", started.elapsed().as_secs_f64());

    world.kustomization("one", json!({ "targetNamespace": world.namespace })).await;
    world.applied("one", &first).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    bench.memory("idle");

    let mut times = Vec::new();
    for number in 0..COMMITS {
        times.push(bench.one_change(&world, number).await?);
    }
    times.sort();
    let at = |share: usize| {
        times.get(times.len() * share / 100).map_or(0.0, Duration::as_secs_f64) * 1e3
    };
    println!(
        "commit to applied, one object, by request: median {:.0} ms, 90 % under {:.0} ms",
        at(50),
        at(90)
    );

    unchanged(&bench, &world).await?;
    bench.memory("after all that");
    Ok(())
}

/// What one requested visit of the large Kustomization sends when nothing changed.
async fn unchanged(bench: &Bench, world: &World) -> Result<()> {
    let revision = bench.revision()?;
    world.applied("app", &revision).await;
    let before = requests(world).await?;
    let token = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "unchanged" } } });
    world.edit("Kustomization", "app", token).await;
    let started = Instant::now();
    world
        .sees("Kustomization", "app", |it| {
            (text(it, "/status/lastHandledReconcileAt") == "unchanged").then_some(())
        })
        .await;
    let took = started.elapsed();
    let after = requests(world).await?;
    println!(
        "nothing changed in {OBJECTS} objects: {:.0} ms; requests on ConfigMaps:",
        took.as_secs_f64() * 1e3
    );
    for (verb, count) in &after {
        let more = count - before.get(verb).copied().unwrap_or_default();
        if more > 0.0 {
            println!("  {verb} {more}");
        }
    }
    Ok(())
}

/// Requests on ConfigMaps that the API server has counted, by verb. Watches count when they end, so they are left out.
async fn requests(world: &World) -> Result<BTreeMap<String, f64>> {
    let request = http::Request::get("/metrics").body(Vec::new())?;
    let metrics = world.client().request_text(request).await?;
    let mut counts = BTreeMap::new();
    for line in metrics.lines().filter(|line| {
        line.starts_with("apiserver_request_total{") && line.contains("resource=\"configmaps\"")
    }) {
        let verb = line
            .split("verb=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default();
        let value =
            line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).unwrap_or_default();
        if verb != "WATCH" {
            *counts.entry(verb.to_owned()).or_default() += value;
        }
    }
    Ok(counts)
}

struct Bench {
    server: GitServer,
    repository: GitRepository,
    source: Child,
    kustomize: Child,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn start(cluster: &Cluster, world: &World) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, &cluster.kubeconfig)?;
        let server = GitServer::http(HttpOptions::default())?;
        let repository = server.create("fleet")?;
        let storage = format!("--storage-path={}", folder.path().join("storage").display());
        let start = |name: &str, more: &[&str]| start(name, &kubeconfig, &world.namespace, more);
        Ok(Self {
            source: start("source-controller", &[&storage, "--storage-addr=127.0.0.1:0"])?,
            kustomize: start("kustomize-controller", &[])?,
            server,
            repository,
            _folder: folder,
        })
    }

    fn commit(&self, value: &str, objects: usize) -> Result<String> {
        let many: String =
            (0..objects).map(|number| config(&format!("item-{number}"), "same")).collect();
        self.repository.write("app/all.yaml", &many)?;
        self.repository.write("one/one.yaml", &config("one", value))?;
        self.repository.commit(value)?;
        self.revision()
    }

    fn revision(&self) -> Result<String> {
        Ok(format!("main@sha1:{}", self.repository.git(&["rev-parse", "HEAD"])?))
    }

    async fn source(&self, world: &World) {
        let object = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": { "name": "repo", "namespace": world.namespace },
            "spec": { "interval": "10m", "url": self.server.url("fleet"), "ref": { "branch": "main" } },
        });
        world.apply(&object).await;
    }

    async fn ready(&self, kind: &str, world: &World) {
        eventually(&format!("{kind} is ready"), async || {
            let object = world.get(kind, "repo").await.ok_or("not there")?;
            tests::condition(&object, "Ready")
                .filter(|c| c.0 == "True")
                .map(|_| ())
                .ok_or_else(|| format!("{:?}", object.data))
        })
        .await;
    }

    /// Pushes a commit, asks for a visit of the source as a webhook does, and waits for the object to change.
    async fn one_change(&self, world: &World, number: usize) -> Result<Duration> {
        let value = format!("v{}", number + 1);
        let mut changes = std::pin::pin!(watch_object(world.api("ConfigMap"), "one"));
        changes.next().await.context("the watch begins")??;
        self.repository.write("one/one.yaml", &config("one", &value))?;
        self.repository.commit(&value)?;
        let started = Instant::now();
        let token =
            json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": value } } });
        world.edit("GitRepository", "repo", token).await;
        while let Some(change) = changes.next().await {
            let seen = change.ok().flatten().and_then(|it| it.data.pointer("/data/key").cloned());
            if seen.as_ref().and_then(Value::as_str) == Some(&value) {
                return Ok(started.elapsed());
            }
        }
        bail!("the watch ended")
    }

    fn memory(&self, when: &str) {
        for (name, child) in
            [("source-controller", &self.source), ("kustomize-controller", &self.kustomize)]
        {
            let status =
                std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let mib = |field: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(field));
                let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
                kib.unwrap_or_default() / 1024.0
            };
            println!(
                "{name}, {when}: {:.1} MiB resident, of which {:.1} its own and {:.1} pages of the program",
                mib("VmRSS:"),
                mib("RssAnon:"),
                mib("RssFile:")
            );
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for child in [&mut self.source, &mut self.kustomize] {
            let _gone_already = child.kill();
            let _gone_already = child.wait();
        }
    }
}

fn config(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value}}}\n---\n"
    )
}

fn start(name: &str, kubeconfig: &Path, namespace: &str, more: &[&str]) -> Result<Child> {
    let here = std::env::current_exe()?;
    let folder =
        here.parent().and_then(Path::parent).context("the benchmark runs from cargo's folder")?;
    let program: PathBuf = folder.join(name);
    #[expect(clippy::disallowed_methods, reason = "the benchmark is about processes")]
    let mut command = Command::new(&program);
    command
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .env("RUNTIME_NAMESPACE", namespace);
    command.args(["--watch-all-namespaces=false", "--health-addr=", "--metrics-addr="]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().with_context(|| {
        format!("cannot run {}; cargo build --release --bins builds it", program.display())
    })
}
