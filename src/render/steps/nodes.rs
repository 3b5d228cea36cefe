//! Steps on nodes: files in their places, restarts, and the same backwards.

use super::Work;
use super::words::{directory, list, on, ready};
use crate::render::context::texts;
use crate::render::distribution::Distribution;
use crate::render::kubeadm::{PATCH, PATCHES};
use crate::render::node_files::{Delivery, Way};
use crate::render::request::Resolver;
use std::collections::BTreeSet;

/// One step for each way in which settings reach nodes.
pub fn forward(work: &Work<'_>) -> Vec<String> {
    let request = work.scene.request;
    let mut steps = Vec::new();
    let mut variables: Vec<String> = Vec::new();
    for Delivery { nodes, way } in work.deliveries {
        let (on, ready) = (on(nodes), ready(nodes));
        match way {
            Way::Own { new, old, unit } => {
                let paths: Vec<String> = new.iter().chain(old).cloned().collect();
                let restart = restart(request.distribution, unit.as_deref());
                let placed = match (nodes.as_slice(), paths.as_slice()) {
                    // below the node's own directory it is clear where from
                    ([], [path]) => format!("copy {} to {path}", directory(request, path.trim_start_matches('/'))),
                    _ => format!("put {} in place", list(&paths)),
                };
                steps.push(format!("{on}: {placed}, {}{restart}, then {ready}", reload(&paths)));
            }
            Way::Patch(folder) => steps.push(format!(
                "{on}: copy {} to /etc/kubernetes/{PATCHES}, `kubeadm upgrade node phase kubelet-config --patches \
                 /etc/kubernetes/{PATCHES}`, {}, then {ready}",
                directory(request, &format!("{folder}/{PATCH}")),
                restart(request.distribution, None)
            )),
            Way::Variables(file) => variables.push(directory(request, file)),
        }
    }
    if !variables.is_empty() && request.distribution != Distribution::Kubespray {
        steps.push(format!(
            "put the arguments in {} into the variables of the inventory and run the playbook of k3s-ansible, which restarts \
             k3s; {}",
            list(&variables),
            ready(&[])
        ));
    }
    steps
}

/// The inventory of kubespray.
pub fn kubespray(work: &Work<'_>) -> Vec<String> {
    let files = work.deliveries.iter().filter_map(|delivery| match &delivery.way {
        Way::Variables(file) => Some(directory(work.scene.request, file)),
        _ => None,
    });
    files.collect()
}

/// The restart that makes node settings count.
fn restart(distribution: Distribution, unit: Option<&str>) -> String {
    match (distribution, unit) {
        (_, Some(unit)) => format!("`systemctl restart {unit}`"),
        (Distribution::K3s, None) => "`systemctl restart k3s` (servers) or `systemctl restart k3s-agent`".to_owned(),
        (Distribution::Rke2, None) => {
            "`systemctl restart rke2-server` (servers) or `systemctl restart rke2-agent`".to_owned()
        }
        (Distribution::Kubeadm | Distribution::Kubespray, None) => "`systemctl restart kubelet`".to_owned(),
    }
}

/// systemd reads units anew when it is told to.
fn reload(paths: &[String]) -> &'static str {
    let unit =
        |path: &String| path.contains("/systemd/system/") && (path.ends_with(".service") || path.ends_with(".conf"));
    if paths.iter().any(unit) { "`systemctl daemon-reload`, " } else { "" }
}

/// The settings as they were, and kubelets that named the cache before on the Service's address.
pub fn back(work: &Work<'_>) -> Vec<String> {
    let request = work.scene.request;
    let mut steps = Vec::new();
    let mut variables: Vec<String> = Vec::new();
    // a kubelet that was taken back from an address that goes away must not return to it
    let kept = if work.is_taken_back() {
        format!(" (kubelets keep {})", texts(&work.scene.parameters.cluster_dns.value).join(", "))
    } else {
        String::new()
    };
    for Delivery { nodes, way } in work.deliveries {
        if work.is_taken_back() && !work.changes_resolv_conf() {
            break;
        }
        let (on, ready) = (on(nodes), ready(nodes));
        match way {
            Way::Own { new, old, unit } => {
                let mut parts = Vec::new();
                parts.extend((!new.is_empty()).then(|| format!("remove {}", list(new))));
                parts.extend((!old.is_empty()).then(|| format!("put the old {} back", list(old))));
                let paths: Vec<String> = new.iter().chain(old).cloned().collect();
                let restart = restart(request.distribution, unit.as_deref());
                steps.push(format!("{on}: {}{kept}, {}{restart}, then {ready}", parts.join(", "), reload(&paths)));
            }
            Way::Patch(_) => steps.push(format!(
                "{on}: put the old values back into /var/lib/kubelet/config.yaml{kept}, remove {PATCH} from \
                 /etc/kubernetes/{PATCHES}, {}, then {ready}",
                restart(request.distribution, None)
            )),
            Way::Variables(file) => variables.push(directory(request, file)),
        }
    }
    if !variables.is_empty() && request.distribution != Distribution::Kubespray {
        steps.push(format!(
            "take the arguments in {} out of the variables{kept} and run the playbook again; {}",
            list(&variables),
            ready(&[])
        ));
    }
    steps.extend(named_before(work));
    steps
}

/// Kubelets that name the cache already, and are told nothing by this rendering.
fn named_before(work: &Work<'_>) -> Option<String> {
    let scene = work.scene;
    let role = scene.request.distribution == Distribution::Kubespray;
    if !work.has_resolver() || role && scene.request.resolver == Resolver::NodeCache {
        return None;
    }
    let changed = work.changes.iter().filter(|change| !change.cluster_dns.is_empty());
    let changed: BTreeSet<&str> = changed.map(|change| change.node.as_str()).collect();
    let nodes: Vec<String> = crate::render::changes::naming(scene)
        .into_iter()
        .filter(|name| !changed.contains(name))
        .map(str::to_owned)
        .collect();
    let first = nodes.first()?;
    let unit = match scene.site(first).and_then(|site| site.node.k3s()) {
        Some(_) => restart(scene.request.distribution, None),
        None => restart(Distribution::Kubeadm, None),
    };
    Some(format!(
        "{}: let the kubelet name {} instead of the cache, {unit}, then {}",
        on(&nodes),
        texts(&scene.parameters.cluster_dns.value).join(", "),
        ready(&nodes)
    ))
}
