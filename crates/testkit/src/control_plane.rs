//! A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok,
//! which makes Pods run on a node that does not exist (how, says `stages.yaml`).
//!
//! The programs are those that `cargo xtask tools` builds; a test that needs them and has none says so and passes.

use std::fs::File;
use std::io::{Error, Result};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAMS: [&str; 5] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"];
/// Whoever holds it is `system:masters`; the server listens on loopback only and lives as long as a test.
const TOKEN: &str = "weir-test";
/// How long a program may take to answer before the start counts as failed. A busy two-core machine needs a few seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running control plane; its programs end when it is dropped.
#[derive(Debug)]
pub struct ControlPlane {
    tools: PathBuf,
    folder: TempDir,
    port: u16,
    etcd_port: u16,
    etcd: Option<Child>,
    apiserver: Option<Child>,
    others: Vec<Child>,
}

impl ControlPlane {
    /// The folder of the real programs, if all are there: `$WEIR_TOOLS`.
    ///
    /// # Panics
    /// When `$WEIR_REQUIRE_REAL` is set and a program is missing: then the caller asked for a failure, not for a skip.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test runner names the programs' folder by an environment variable"
    )]
    pub fn tools() -> Option<PathBuf> {
        let folder = std::env::var("WEIR_TOOLS").ok().map(PathBuf::from);
        let found = folder.filter(|folder| PROGRAMS.iter().all(|name| folder.join(name).is_file()));
        let required = std::env::var("WEIR_REQUIRE_REAL").is_ok();
        assert!(
            found.is_some() || !required,
            "WEIR_REQUIRE_REAL is set, but $WEIR_TOOLS lacks the real programs"
        );
        found
    }

    /// Starts everything and waits until the API server says it is ready.
    ///
    /// # Errors
    /// When a program does not start, or does not answer in time; the error holds the end of its log.
    pub fn start(tools: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-control-plane-").tempdir()?;
        let mut plane = Self {
            tools: tools.to_path_buf(),
            folder,
            port: free_port()?,
            etcd_port: free_port()?,
            etcd: None,
            apiserver: None,
            others: Vec::new(),
        };
        plane.write_files()?;
        plane.start_etcd()?;
        plane.start_apiserver()?;
        plane.start_others()?;
        Ok(plane)
    }

    /// A kubeconfig for the cluster's administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: real\nclusters:\n- name: real\n  cluster:\n    server: \
             https://127.0.0.1:{}\n    insecure-skip-tls-verify: true\ncontexts:\n- name: real\n  context:\n    cluster: real\n    \
             user: admin\nusers:\n- name: admin\n  user:\n    token: {TOKEN}\n",
            self.port
        )
    }

    /// Where the kubeconfig stands as a file.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Ends kube-apiserver, as a crash or an upgrade would. Its data stays in etcd.
    ///
    /// # Errors
    /// When the process cannot be ended.
    pub fn stop_apiserver(&mut self) -> Result<()> {
        end(self.apiserver.take())
    }

    /// Starts kube-apiserver again at the same address.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub fn start_apiserver(&mut self) -> Result<()> {
        let arguments = [
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            format!("--cert-dir={}", self.path("certs")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.path("service-account.pub")),
            format!("--service-account-signing-key-file={}", self.path("service-account.key")),
            format!("--token-auth-file={}", self.path("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
        ];
        self.apiserver = Some(self.spawn("kube-apiserver", &arguments)?);
        let answered = wait_for(|| ready(self.port));
        answered.map_err(|error| self.explain("kube-apiserver", &error))
    }

    /// Resident memory and CPU seconds of kube-apiserver so far, where the system tells.
    #[must_use]
    pub fn apiserver_pid(&self) -> Option<u32> {
        self.apiserver.as_ref().map(Child::id)
    }

    fn write_files(&self) -> Result<()> {
        let key = rcgen::KeyPair::generate().map_err(Error::other)?;
        std::fs::write(self.path("service-account.key"), key.serialize_pem())?;
        std::fs::write(self.path("service-account.pub"), key.public_key_pem())?;
        std::fs::write(self.path("stages.yaml"), include_str!("stages.yaml"))?;
        std::fs::write(self.path("tokens.csv"), format!("{TOKEN},admin,admin,system:masters\n"))?;
        std::fs::write(self.kubeconfig_path(), self.kubeconfig())
    }

    fn start_etcd(&mut self) -> Result<()> {
        let (client, peer) = (
            format!("http://127.0.0.1:{}", self.etcd_port),
            format!("http://127.0.0.1:{}", free_port()?),
        );
        let arguments = [
            format!("--data-dir={}", self.path("etcd")),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--unsafe-no-fsync".to_owned(),
        ];
        self.etcd = Some(self.spawn("etcd", &arguments)?);
        let port = self.etcd_port;
        let answered = wait_for(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        answered.map_err(|error| self.explain("etcd", &error))
    }

    fn start_others(&mut self) -> Result<()> {
        let kubeconfig = format!("--kubeconfig={}", self.kubeconfig_path().display());
        let controllers = [
            kubeconfig.clone(),
            format!("--service-account-private-key-file={}", self.path("service-account.key")),
            "--leader-elect=false".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            "--secure-port=0".to_owned(),
            "--kube-api-qps=200".to_owned(),
            "--kube-api-burst=400".to_owned(),
        ];
        let scheduler = [
            kubeconfig.clone(),
            "--leader-elect=false".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        let kubelet = [
            kubeconfig,
            "--manage-all-nodes=true".to_owned(),
            "--server-address=".to_owned(),
            format!("--config={}", self.path("stages.yaml")),
        ];
        self.others.push(self.spawn("kube-controller-manager", &controllers)?);
        self.others.push(self.spawn("kube-scheduler", &scheduler)?);
        self.others.push(self.spawn("kwok", &kubelet)?);
        let port = self.port;
        wait_for(|| request(port, Some(NODE)))
            .map_err(|error| self.explain("kube-apiserver", &error))
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    #[expect(clippy::disallowed_methods, reason = "tests run the real programs")]
    fn spawn(&self, name: &str, arguments: &[String]) -> Result<Child> {
        let log = File::create(self.path(&format!("{name}.log")))?;
        let mut command = Command::new(self.tools.join(name));
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.spawn()
    }

    fn explain(&self, name: &str, error: &Error) -> Error {
        let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n");
        Error::other(format!("{name} did not become ready: {error}\n{end}"))
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let all = self.others.drain(..).map(Some).chain([self.apiserver.take(), self.etcd.take()]);
        for child in all {
            let _already_gone = end(child);
        }
    }
}

fn end(child: Option<Child>) -> Result<()> {
    let Some(mut child) = child else { return Ok(()) };
    child.kill()?;
    child.wait().map(|_| ())
}

/// A port that was free a moment ago, chosen by the kernel.
fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr().map(|address| address.port())
}

fn wait_for(answered: impl Fn() -> bool) -> Result<()> {
    let started = Instant::now();
    while !answered() {
        if started.elapsed() > PATIENCE {
            return Err(Error::other(format!("no answer in {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The node on which all Pods run.
const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-0"}}"#;

fn ready(port: u16) -> bool {
    request(port, None)
}

/// Asks `/readyz`, or creates a node, on a thread of its own: the blocking client may not run inside an async runtime.
fn request(port: u16, node: Option<&'static str>) -> bool {
    let asked = std::thread::spawn(move || {
        let client = reqwest::blocking::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .build()?;
        let request = match node {
            None => client.get(format!("https://127.0.0.1:{port}/readyz")),
            Some(node) => client
                .post(format!("https://127.0.0.1:{port}/api/v1/nodes"))
                .header("content-type", "application/json")
                .body(node),
        };
        request.bearer_auth(TOKEN).timeout(Duration::from_secs(5)).send()?.error_for_status()
    });
    matches!(asked.join(), Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::ControlPlane;

    #[test]
    fn a_real_control_plane_starts_and_stops() {
        let Some(tools) = ControlPlane::tools() else {
            println!("skipped: no real programs ($WEIR_TOOLS)");
            return;
        };
        let mut plane = ControlPlane::start(&tools).unwrap();
        assert!(super::ready(plane.port));
        plane.stop_apiserver().unwrap();
        assert!(!super::ready(plane.port));
        plane.start_apiserver().unwrap();
        assert!(super::ready(plane.port));
    }
}
