//! The two clusters that scenarios run on.

use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use apiserver::ApiServer;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Config};
use testkit::ControlPlane;

use crate::expect::eventually;

/// Which cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Ours, in memory.
    Embedded,
    /// kube-apiserver, with etcd and the controllers of Kubernetes.
    Real,
}

/// A cluster with the definitions of all kinds. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    /// For tests and controllers.
    pub client: Client,
    /// The kubeconfig of its administrator, for programs.
    pub kubeconfig: String,
    inner: Arc<Inner>,
}

enum Inner {
    Embedded { server: ApiServer, _handle: apiserver::Handle },
    Real(Mutex<ControlPlane>),
}

impl Cluster {
    /// An API server of its own in memory.
    ///
    /// # Errors
    /// When it cannot listen on loopback.
    pub async fn embedded() -> Result<Self> {
        let server = ApiServer::new(apiserver::Options::default());
        let crds = common::api::crd::all().into_iter().map(|crd| crd.object);
        server.install_crd_values(crds).map_err(std::io::Error::other)?;
        let handle = server.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let kubeconfig = server.kubeconfig(handle.address());
        let client = Client::new(server.service(), "default");
        Ok(Self {
            client,
            kubeconfig,
            inner: Arc::new(Inner::Embedded { server, _handle: handle }),
        })
    }

    /// A real control plane.
    ///
    /// # Errors
    /// When a program does not start, or the definitions are refused.
    pub async fn real(tools: &Path) -> Result<Self> {
        let plane = ControlPlane::start(tools)?;
        let kubeconfig = plane.kubeconfig();
        let client = client(&kubeconfig).await?;
        install(&client).await?;
        Ok(Self { client, kubeconfig, inner: Arc::new(Inner::Real(Mutex::new(plane))) })
    }

    /// Which of the two it is.
    #[must_use]
    pub fn tier(&self) -> Tier {
        match *self.inner {
            Inner::Embedded { .. } => Tier::Embedded,
            Inner::Real(_) => Tier::Real,
        }
    }

    /// Ends the API server and starts it again; its objects stay.
    ///
    /// # Errors
    /// When a real one does not come back.
    pub fn restart(&self) -> Result<()> {
        match &*self.inner {
            Inner::Embedded { server, .. } => server.restart(),
            Inner::Real(plane) => {
                let mut plane = plane.lock().unwrap_or_else(PoisonError::into_inner);
                plane.stop_apiserver()?;
                plane.start_apiserver()?;
            }
        }
        Ok(())
    }

    /// The embedded server, for its counters.
    #[must_use]
    pub fn server(&self) -> Option<&ApiServer> {
        match &*self.inner {
            Inner::Embedded { server, .. } => Some(server),
            Inner::Real(_) => None,
        }
    }

    /// The process id of a real kube-apiserver.
    #[must_use]
    pub fn apiserver_pid(&self) -> Option<u32> {
        match &*self.inner {
            Inner::Embedded { .. } => None,
            Inner::Real(plane) => {
                plane.lock().unwrap_or_else(PoisonError::into_inner).apiserver_pid()
            }
        }
    }
}

async fn client(kubeconfig: &str) -> Result<Client> {
    // A second call finds the provider chosen already, which is as good.
    let _already_chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).map_err(std::io::Error::other)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.map_err(std::io::Error::other)?).map_err(std::io::Error::other)
}

async fn install(client: &Client) -> Result<()> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&kind));
    let crds = common::api::crd::all();
    for crd in &crds {
        let name = format!("{}.{}", crd.plural, crd.group);
        let applied =
            api.patch(&name, &PatchParams::apply("tests"), &Patch::Apply(&crd.object)).await;
        applied.map_err(|error| std::io::Error::other(format!("{name}: {error}")))?;
    }
    for crd in &crds {
        let name = format!("{}.{}", crd.plural, crd.group);
        eventually(&format!("{name} is served"), async || {
            let object = api.get(&name).await.map_err(|error| error.to_string())?;
            crate::condition(&object, "Established")
                .filter(|c| c.0 == "True")
                .map(|_| ())
                .ok_or_else(|| "not established".to_owned())
        })
        .await;
    }
    Ok(())
}
