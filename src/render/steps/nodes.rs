//! Steps on nodes: files in their places, restarts, and the same backwards.

use super::Work;
use super::words::{copied, list, made, on, ready};
use crate::render::context::texts;
use crate::render::distribution::Distribution;
use crate::render::kubeadm::{ON_NODE, PATCH};
use crate::render::node_files::{Delivery, Way};
use crate::render::plan::File;
use std::collections::BTreeSet;

/// One step for each way in which settings reach nodes.
pub fn forward(work: &Work<'_>) -> Vec<String> {
    let request = work.scene.request;
    let mut steps = Vec::new();
    for Delivery { nodes, way } in work.deliveries {
        let (on, ready) = (on(nodes), ready(nodes));
        match way {
            Way::Own { new, old, unit } => {
                let paths: Vec<String> = new.iter().chain(old).cloned().collect();
                // the way back needs what is replaced
                let kept = |path: &String| if old.contains(path) { " (keep the old one)" } else { "" };
                let placed: Vec<String> =
                    paths.iter().map(|path| format!("{}{}", copied(work, nodes, path), kept(path))).collect();
                let restart = restart(request.distribution, unit.as_deref());
                steps.push(format!("{on}: {}, {}{restart}, then {ready}", list(&placed), reload(&paths)));
            }
            Way::Patch(folder) => steps.push(format!(
                "{on}: copy {} to {ON_NODE}/{PATCH}, `kubeadm upgrade node phase kubelet-config --patches {ON_NODE}`, {}, \
                 then {ready}",
                made_at(work, &format!("{folder}/{PATCH}")),
                restart(request.distribution, None)
            )),
            Way::Variables(_) => {}
        }
    }
    let variables: Vec<String> = variables(work).map(|file| made(work, file)).collect();
    if !variables.is_empty() {
        steps.push(format!(
            "put the arguments in {} into the variables of the inventory and run the playbook of k3s-ansible, which restarts \
             k3s; {}",
            list(&variables),
            ready(&[])
        ));
    }
    steps
}

/// A file that is for several nodes, by its path among the files.
fn made_at(work: &Work<'_>, path: &str) -> String {
    let file = work.files.iter().find(|file| file.path == path);
    file.map_or_else(|| path.to_owned(), |file| made(work, file))
}

/// The files with variables of an inventory.
pub fn variables<'w>(work: &'w Work<'_>) -> impl Iterator<Item = &'w File> {
    let paths: BTreeSet<&str> = work
        .deliveries
        .iter()
        .filter_map(|delivery| match &delivery.way {
            Way::Variables(path) => Some(path.as_str()),
            _ => None,
        })
        .collect();
    work.files.iter().filter(move |file| paths.contains(file.path.as_str()))
}

/// The same as they are called in the inventory.
pub fn in_inventory(work: &Work<'_>) -> String {
    list(&variables(work).map(|file| file.path.clone()).collect::<Vec<_>>())
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
    let mut by_variables = false;
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
                "{on}: put the old values back into /var/lib/kubelet/config.yaml{kept}, remove \
                 {ON_NODE}/{PATCH}, {}, then {ready}",
                restart(request.distribution, None)
            )),
            Way::Variables(_) => by_variables = true,
        }
    }
    if by_variables {
        steps.push(format!(
            "take the arguments in {} out of the variables{kept} and run the playbook again; {}",
            in_inventory(work),
            ready(&[])
        ));
    }
    steps.extend(named_before(work));
    steps
}

/// Kubelets that name the cache already, and are told nothing by this rendering.
fn named_before(work: &Work<'_>) -> Option<String> {
    let scene = work.scene;
    if !work.has_resolver() {
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
