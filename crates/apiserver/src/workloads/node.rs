//! The one node that everything runs on.

use serde_json::{Value, json};

use super::{NODE, children};
use crate::core::Core;
use crate::object;
use crate::store::Key;
use crate::write::{UpdateMode, Write};

/// Makes the node, ready.
pub(super) fn make(core: &Core) {
    let Some(nodes) = core.builtin("v1", "nodes") else { return };
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": NODE, "labels": { "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64", "node-role.kubernetes.io/control-plane": "" } },
        "spec": { "podCIDR": "10.244.0.0/16" },
    });
    if children::create(core, &nodes, node).is_none() {
        return;
    }
    let status = status(core);
    let mut write = Write::controller(core, &nodes, "status", "kubelet");
    let done = write.update(&Key::new("", NODE), UpdateMode::default(), &mut |live| {
        let mut node = live.cloned().unwrap_or_default();
        object::set_field(&mut node, "status", Some(status.clone()));
        Ok(node)
    });
    if let Err(why) = done {
        tracing::warn!(error = %why, "cannot write the node's status");
    }
}

fn status(core: &Core) -> Value {
    let now = core.now_text();
    let size =
        json!({ "cpu": "8", "memory": "32Gi", "pods": "1000", "ephemeral-storage": "100Gi" });
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": now,
            "lastTransitionTime": now })
    };
    json!({
        "capacity": size,
        "allocatable": size,
        "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }, { "type": "Hostname", "address": NODE }],
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "nodeInfo": { "kubeletVersion": core.options.kubernetes_version, "operatingSystem": "linux",
            "architecture": "amd64", "osImage": "simulated", "kernelVersion": "simulated",
            "containerRuntimeVersion": "simulated://0", "kubeProxyVersion": "", "machineID": "", "systemUUID": "",
            "bootID": "" },
    })
}
