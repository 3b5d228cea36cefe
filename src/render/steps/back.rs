//! The way back: nodes first, so that no pod asks a cache that is gone, then everything that was applied.

use super::forward::{INTERFACE, is_picked_up, playbook};
use super::words::{delete, list, on};
use super::{Work, nodes};
use crate::render::changes::naming;
use crate::render::distribution::Distribution;
use crate::render::parameters::{Mode, REDIRECT};
use crate::render::plan::File;
use crate::render::request::Resolver;
use std::collections::BTreeMap;

/// The steps of the way back.
#[must_use]
pub fn back(work: &Work<'_>) -> Vec<String> {
    let request = work.scene.request;
    if request.resolver == Resolver::NodeCache && request.distribution == Distribution::Kubespray {
        return of_kubespray(work);
    }
    let mut steps = nodes::back(work);
    let named = work.is_named() || work.has_resolver() && !work.is_taken_back() && !naming(work.scene).is_empty();
    if named {
        steps.push("restart the workloads whose pods name the cache, one after the other".to_owned());
    }
    if !work.has_resolver() {
        return steps;
    }
    match (request.resolver, request.distribution) {
        (Resolver::NodeCache, Distribution::Rke2) => steps.push(
            "set `nodelocal.enabled: false` in the values of the HelmChartConfig and apply it again; RKE2 warns that DNS may stop \
             on nodes where the cache's interface and rules stay behind: see to each node, or replace it"
                .to_owned(),
        ),
        (Resolver::NodeCache, _) => steps.extend(deleted(work)),
        (Resolver::CoreDns | Resolver::HickoryDns, _) => steps.push(format!(
            "stop the resolver on every node, take its start and its address out of the boot, `ip link delete {INTERFACE}`"
        )),
    }
    steps
}

/// Everything that the manifests made; k3s would apply a file again that stays.
fn deleted(work: &Work<'_>) -> Vec<String> {
    let mut steps = Vec::new();
    let mut by_path: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in work.manifests.files.iter().filter(|file| is_picked_up(&file.path)) {
        by_path.entry(&file.path).or_default().push(file);
    }
    for (path, files) in by_path {
        let nodes: Vec<String> = files.iter().filter_map(|file| file.node.clone()).collect();
        let place = if nodes.is_empty() { "on every server".to_owned() } else { on(&nodes) };
        steps.push(format!(
            "{place}: remove /{path}, which {} would apply again at its next start",
            work.scene.request.distribution.name()
        ));
    }
    if work.mode() == Mode::Redirect {
        let other = work.scene.parameters.redirect.as_ref().map(|other| other.name.clone());
        let policy = other.unwrap_or_else(|| REDIRECT.to_owned());
        steps.extend(
            delete([&policy]).into_iter().map(|command| format!("{command}, so that queries reach CoreDNS again")),
        );
    }
    let note = if work.mode() == Mode::Intercept {
        "; it takes its rules and addresses away when it ends, and queries reach CoreDNS again"
    } else {
        ""
    };
    steps.push(format!("`kubectl -n kube-system delete {}`{note}", work.daemon_set()));
    let rest =
        work.manifests.objects.iter().filter(|name| name.as_str() != REDIRECT && !name.starts_with("DaemonSet/"));
    steps.extend(delete(rest).into_iter().map(|command| format!("the rest of what was applied: {command}")));
    steps
}

/// The role never removes its cache.
fn of_kubespray(work: &Work<'_>) -> Vec<String> {
    let files = list(&nodes::kubespray(work));
    let playbook = playbook(work);
    if !work.scene.parameters.caches.is_empty() {
        return vec![format!("take {files} out of the inventory again and run {playbook}")];
    }
    vec![
        format!("put `enable_nodelocaldns: false` in place of {files} and run {playbook}: they name CoreDNS again"),
        "restart the workloads whose pods name the cache, one after the other".to_owned(),
        "the playbook does not remove the cache: `kubectl -n kube-system delete --ignore-not-found daemonset/nodelocaldns \
         configmap/nodelocaldns serviceaccount/nodelocaldns`"
            .to_owned(),
    ]
}
