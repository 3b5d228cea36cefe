//! The steps in order: nobody is sent to a cache before it answers, and none goes away before nobody asks it.

use super::words::{copied, delete, list, made, on_servers, shown};
use super::{Work, daemon_set, nodes};
use crate::render::distribution::Distribution;
use crate::render::inventory::kubespray_upstreams;
use crate::render::parameters::{Mode, REDIRECT};
use crate::render::plan::Part;
use crate::render::request::{Resolver, Update};
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
    steps.extend(work.restart_coredns());
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
            let files: Vec<String> = nodes::variables(work).map(|file| made(work, file)).collect();
            vec![format!("put {} into the inventory and run {}", list(&files), playbook(work))]
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
    let (scene, program) = (work.scene, work.scene.request.distribution.name());
    let picked_up = work.picked_up();
    if scene.request.stream {
        let again = |(path, nodes): (&str, Vec<String>)| {
            format!(
                "{}: put /{path} in place, as `--out DIR` writes it: {program} would apply the old one again at its next start",
                on_servers(&nodes)
            )
        };
        let output = "give this output to `kubectl apply -f -`".to_owned();
        return std::iter::once(output).chain(picked_up.into_iter().map(again)).collect();
    }
    let mut paths: Vec<&str> = Vec::new();
    let mut steps = Vec::new();
    for file in &work.manifests.files {
        // copies on several servers are one step
        if paths.contains(&file.path.as_str()) {
            continue;
        }
        paths.push(&file.path);
        let why = match &work.manifests.policies {
            Some(policies) if *policies == file.path => {
                ": pods whose egress is restricted may ask the cache before it comes"
            }
            _ => "",
        };
        steps.push(match picked_up.get(file.path.as_str()) {
            Some(nodes) => {
                let copied = copied(work, nodes, &format!("/{}", file.path));
                format!("{}: {copied}: {program} applies it by itself{why}", on_servers(nodes))
            }
            None => format!("`kubectl apply -f {}`{why}", shown(scene, file)),
        });
    }
    steps
}

/// `kubectl rollout status` knows the rolling update of apps/v1 alone, and only what is there.
fn wait(work: &Work<'_>) -> String {
    let set = work.daemon_set();
    let request = work.scene.request;
    let later = request.distribution == Distribution::Rke2 || !request.stream && !work.picked_up().is_empty();
    match request.update {
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
    steps.extend(files.map(|file| format!("put {} at /{} there and start the resolver", made(work, file), file.path)));
    steps
}

/// Objects of the earlier cache that nothing asks for any more.
fn left_over(work: &Work<'_>) -> Vec<String> {
    let commands = delete(work.manifests.gone.iter().filter(|object| object.as_str() != REDIRECT));
    commands.into_iter().map(|command| format!("what only the old cache needed: {command}")).collect()
}
