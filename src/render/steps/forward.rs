//! The steps in order: nobody is sent to a cache before it answers, and none goes away before nobody asks it.

use super::words::{delete, directory, list, on, shown};
use super::{Work, daemon_set, deployment, nodes};
use crate::render::distribution::Distribution;
use crate::render::inventory::kubespray_upstreams;
use crate::render::parameters::{Mode, REDIRECT};
use crate::render::plan::{File, Part};
use crate::render::request::{Resolver, Update};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The interface that carries the address of a resolver outside Kubernetes; node-cache makes its own.
pub const INTERFACE: &str = "nodedns";

/// The steps.
#[must_use]
pub fn forward(work: &Work<'_>) -> Vec<String> {
    let scene = work.scene;
    let mut steps = Vec::new();
    let by_role =
        scene.request.resolver == Resolver::NodeCache && scene.request.distribution == Distribution::Kubespray;
    let on_nodes = if by_role { Vec::new() } else { nodes::forward(work) };
    if work.is_taken_back() {
        steps.extend(on_nodes.clone());
        steps.push(
            "restart the workloads that name the old address, one after the other: the cache that comes does not answer there"
                .to_owned(),
        );
    }
    if work.has_resolver() {
        steps.extend(install(work));
    }
    steps.extend(asked(work));
    if !work.is_taken_back() {
        steps.extend(on_nodes);
    }
    if work.changes_resolv_conf() {
        steps.push(format!(
            "restart CoreDNS, which keeps the resolver file that it started with: `kubectl -n kube-system rollout restart \
             deployment/{}`",
            deployment(scene.request.distribution)
        ));
    }
    if work.is_named() {
        steps.push("pods that run already keep their old nameserver until they are made anew: restart workloads one after the other".to_owned());
    }
    steps.extend(left_over(work));
    steps
}

/// How to see that the resolver answers.
fn asked(work: &Work<'_>) -> Option<String> {
    let parameters = work.scene.parameters;
    if work.mode() == Mode::Redirect {
        return work.has_resolver().then(|| {
            "see that Cilium sends the DNS Service to the cache: `kubectl -n kube-system exec ds/cilium -- cilium-dbg lrp list`"
                .to_owned()
        });
    }
    let address = parameters.local_ips.value.first().filter(|_| work.has_resolver() || work.is_named())?;
    Some(format!(
        "ask it on a node: `dig +short kubernetes.default.svc.{} @{address}`",
        parameters.cluster_domain.value
    ))
}

/// What brings the cache, or another resolver, onto the nodes.
fn install(work: &Work<'_>) -> Vec<String> {
    let request = work.scene.request;
    match (request.resolver, request.distribution) {
        (Resolver::NodeCache, Distribution::Kubespray) => {
            vec![format!("put {} into the inventory and run {}", list(&nodes::kubespray(work)), playbook(work))]
        }
        (Resolver::NodeCache, _) => {
            let mut steps = replaced(work);
            steps.extend(applied(work));
            steps.push(wait(work));
            steps
        }
        (Resolver::CoreDns | Resolver::HickoryDns, _) => on_every_node(work),
    }
}

/// kubespray's playbook for what the variables change.
pub fn playbook(work: &Work<'_>) -> String {
    // the upstreams also go into CoreDNS and the nodes' resolv.conf
    let upstreams = kubespray_upstreams(work.scene.parameters);
    let more = if upstreams.is_empty() { "" } else { ",coredns,resolvconf" };
    format!(
        "`ansible-playbook cluster.yml --tags nodelocaldns,kubelet{more}`, which restarts the kubelets; `kubectl get node` \
         until all are Ready"
    )
}

/// What must go before the new objects come.
fn replaced(work: &Work<'_>) -> Vec<String> {
    let (scene, kruise) = (work.scene, work.scene.request.update == Update::InPlace);
    let chart = scene.request.distribution == Distribution::Rke2;
    let mut steps = Vec::new();
    let redirect = |object: &&String| object.as_str() == REDIRECT;
    steps.extend(
        delete(work.manifests.gone.iter().filter(redirect))
            .into_iter()
            .map(|command| format!("{command}: queries reach CoreDNS again")),
    );
    let old = work.old_cache();
    let old_kruise = old.map(|old| old.meta.api_version.starts_with("apps.kruise.io/"));
    let into_pods = old.is_some_and(|old| old.mode != Mode::Redirect) && work.mode() == Mode::Redirect;
    if into_pods && !chart {
        let set = daemon_set(old_kruise == Some(true));
        steps.push(format!(
            "`kubectl -n kube-system delete {set}`: the old pods' rules and addresses would catch what Cilium sends to the new \
             ones; until these run, queries reach CoreDNS"
        ));
    } else if !chart && old_kruise.map_or(kruise, |old| old != kruise) {
        let set = if kruise { "daemonsets.apps/node-local-dns" } else { daemon_set(true) };
        steps.push(format!(
            "the other kind of DaemonSet would hold the ports; its pods stay until the new one replaces them: `kubectl -n \
             kube-system delete {set} --cascade=orphan --ignore-not-found`"
        ));
    }
    steps
}

/// Manifests on their way to the API server.
fn applied(work: &Work<'_>) -> Vec<String> {
    let (scene, request) = (work.scene, work.scene.request);
    if request.stream {
        return vec!["give this output to `kubectl apply -f -`".to_owned()];
    }
    let mut by_path: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for file in work.files.iter().filter(|file| file.part == Part::Manifests) {
        let files = by_path.entry(&file.path).or_default();
        if files.is_empty() {
            order.push(&file.path);
        }
        files.push(file);
    }
    let step = |path: &str| {
        let files = by_path.get(path)?;
        let first = files.first()?;
        let why = match &work.manifests.policies {
            Some(policies) if policies == path => ": pods whose egress is restricted may ask the cache before it comes",
            _ => "",
        };
        if !is_picked_up(path) {
            return Some(format!("`kubectl apply -f {}`{why}", shown(scene, first)));
        }
        let nodes: Vec<String> = files.iter().filter_map(|file| file.node.clone()).collect();
        let what = if nodes.is_empty() {
            format!("copy {} to /{path} on every server", directory(request, path))
        } else {
            format!("{}: put /{path} in place", on(&nodes))
        };
        Some(format!("{what}: {} applies it by itself{why}", request.distribution.name()))
    };
    order.into_iter().filter_map(step).collect()
}

/// Whether k3s or RKE2 applies what stands there.
pub fn is_picked_up(path: &str) -> bool {
    path.starts_with("var/lib/rancher/") && path.contains("/server/manifests/")
}

/// `kubectl rollout status` knows the rolling update of apps/v1 alone, and only what is there.
fn wait(work: &Work<'_>) -> String {
    let set = work.daemon_set();
    let later = work.scene.request.distribution == Distribution::Rke2
        || work.manifests.files.iter().any(|file| is_picked_up(&file.path));
    match work.scene.request.update {
        Update::Rolling if later => format!(
            "wait until it is there (`kubectl -n kube-system get {set}`), then `kubectl -n kube-system rollout status {set}`"
        ),
        Update::Rolling => format!("wait: `kubectl -n kube-system rollout status {set}`"),
        Update::InPlace => format!("wait: `kubectl -n kube-system get {set}` until all of its pods are ready"),
        Update::OnDelete => format!(
            "wait: `kubectl -n kube-system get {set}` until all of its pods are ready; those that run already change when \
             you delete them, node by node"
        ),
    }
}

fn on_every_node(work: &Work<'_>) -> Vec<String> {
    let address = |ip: &IpAddr| format!("`ip addr add {ip}/{} dev {INTERFACE}`", if ip.is_ipv4() { 32 } else { 128 });
    let addresses: Vec<String> = work.scene.parameters.local_ips.value.iter().map(address).collect();
    let files = work.files.iter().filter(|file| file.part == Part::Resolver);
    let mut steps = vec![format!(
        "on every node, and at each of its boots: `ip link add {INTERFACE} type dummy`, {}, `ip link set {INTERFACE} up`",
        addresses.join(", ")
    )];
    steps.extend(
        files.map(|file| format!("put {} at /{} there and start the resolver", shown(work.scene, file), file.path)),
    );
    steps
}

/// Objects of the earlier cache that nothing asks for any more.
fn left_over(work: &Work<'_>) -> Vec<String> {
    let commands = delete(work.manifests.gone.iter().filter(|object| object.as_str() != REDIRECT));
    commands.into_iter().map(|command| format!("what only the old cache needed: {command}")).collect()
}
