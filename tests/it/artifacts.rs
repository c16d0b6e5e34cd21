//! Artifacts that are not what they should be: the producer here is the test, an ExternalArtifact with a server of its own.

use std::net::Ipv4Addr;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};
use tests::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {key: first}\n";

/// Serves one body to whoever asks, until it is dropped.
struct Server {
    url: String,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn new(body: Vec<u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/artifact.tar.gz", listener.local_addr().unwrap());
        let body = Arc::new(body);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _whole = stream.read(&mut request).await;
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _gone = stream.write_all(head.as_bytes()).await;
                let _gone = stream.write_all(&body).await;
            }
        });
        Self { url, _tasks: tasks }
    }
}

/// Publishes `body` as an ExternalArtifact `made` whose digest is that of `claimed`, and a Kustomization of it.
async fn publish(world: &World, name: &str, body: Vec<u8>, claimed: &[u8]) -> Server {
    let digest = Sha256::digest(claimed)
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let server = Server::new(body).await;
    let artifact = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "ExternalArtifact",
        "metadata": { "name": name, "namespace": world.namespace },
        "spec": {},
    });
    world.apply(&artifact).await;
    let status = json!({ "status": {
        "artifact": {
            "digest": format!("sha256:{digest}"),
            "lastUpdateTime": "2026-01-01T00:00:00Z",
            "path": format!("externalartifact/{}/{name}/{digest}.tar.gz", world.namespace),
            "url": server.url,
            "revision": format!("latest@sha256:{digest}"),
        },
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Succeeded", "message": "made",
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
        }],
    } });
    let api = kube::api::Api::<kube::api::DynamicObject>::namespaced_with(
        world.client().clone(),
        &world.namespace,
        &kube::core::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
            "source.toolkit.fluxcd.io",
            "v1",
            "ExternalArtifact",
        )),
    );
    api.patch_status(name, &kube::api::PatchParams::default(), &kube::api::Patch::Merge(&status))
        .await
        .unwrap();
    let spec = json!({ "path": "./", "targetNamespace": world.namespace, "sourceRef": { "kind": "ExternalArtifact", "name": name } });
    world.kustomization(name, spec).await;
    server
}

fn archive(fill: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    fill(&mut builder);
    builder.into_inner().unwrap().finish().unwrap()
}

/// Adds an entry whose name is not checked, as an attacker would.
fn raw(
    builder: &mut tar::Builder<GzEncoder<Vec<u8>>>,
    name: &str,
    kind: EntryType,
    size: u64,
    content: impl std::io::Read,
) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    let place = header.as_gnu_mut().unwrap();
    place.name[..name.len()].copy_from_slice(name.as_bytes());
    if kind == EntryType::Symlink {
        place.linkname[..11].copy_from_slice(b"/etc/passwd");
    }
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

fn good() -> Vec<u8> {
    archive(|tar| raw(tar, "one.yaml", EntryType::Regular, CONFIG.len() as u64, CONFIG.as_bytes()))
}

pub(crate) async fn tampered_artifact_is_refused(world: World) {
    let whole = good();
    let mut tampered = whole.clone();
    tampered.extend_from_slice(b"more");
    let _server = publish(&world, "tampered", tampered, &whole).await;
    world.fails_with("Kustomization", "tampered", "ArtifactFailed", &["digest"]).await;
    assert!(world.get("ConfigMap", "one").await.is_none());

    // The same bytes untouched are taken: it was the digest that was wrong, not the way of serving.
    let _server = publish(&world, "whole", whole.clone(), &whole).await;
    world.sees("ConfigMap", "one", |it| it.data.pointer("/data/key").map(|_| ())).await;
}

pub(crate) async fn hostile_archives_are_refused(world: World) {
    let climbing = archive(|tar| {
        raw(tar, "../../climbed.yaml", EntryType::Regular, CONFIG.len() as u64, CONFIG.as_bytes());
    });
    let absolute = archive(|tar| {
        raw(tar, "/tmp/absolute.yaml", EntryType::Regular, CONFIG.len() as u64, CONFIG.as_bytes());
    });
    let device = archive(|tar| raw(tar, "device", EntryType::Char, 0, std::io::empty()));
    for (name, body, part) in [
        ("climbing", climbing, "climbed.yaml"),
        ("absolute", absolute, "absolute.yaml"),
        ("device", device, "device"),
    ] {
        let _server = publish(&world, name, body.clone(), &body).await;
        world.fails_with("Kustomization", name, "ArtifactFailed", &[part]).await;
    }

    // Symbolic links are left out, as the original does: what they point at is never read.
    let linked = archive(|tar| {
        raw(tar, "passwd.yaml", EntryType::Symlink, 0, std::io::empty());
        raw(tar, "one.yaml", EntryType::Regular, CONFIG.len() as u64, CONFIG.as_bytes());
    });
    let _server = publish(&world, "linked", linked.clone(), &linked).await;
    world.sees("ConfigMap", "one", |it| it.data.pointer("/data/key").map(|_| ())).await;

    // More than four gigabytes of zeros in four megabytes.
    let bomb = archive(|tar| {
        raw(
            tar,
            "zeros",
            EntryType::Regular,
            9 << 29,
            std::io::Read::take(std::io::repeat(0), 9 << 29),
        );
    });
    let _server = publish(&world, "bomb", bomb.clone(), &bomb).await;
    world.fails_with("Kustomization", "bomb", "ArtifactFailed", &["zeros", "bytes"]).await;
}
