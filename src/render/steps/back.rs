//! The way back: nodes first, so that no pod asks a cache that is gone, then everything that was applied.

use super::forward::{INTERFACE, playbook};
use super::words::{delete, on_servers, shown};
use super::{Work, nodes};
use crate::render::changes::naming;
use crate::render::distribution::Distribution;
use crate::render::parameters::{Mode, REDIRECT};
use crate::render::plan::File;
use crate::render::request::Resolver;

/// The steps of the way back.
#[must_use]
pub fn back(work: &Work<'_>) -> Vec<String> {
    let request = work.scene.request;
    if request.resolver == Resolver::NodeCache && request.distribution == Distribution::Kubespray {
        return of_kubespray(work);
    }
    let mut steps = nodes::back(work);
    steps.extend(work.restart_coredns());
    let named = work.is_named() || work.has_resolver() && !work.is_taken_back() && !naming(work.scene).is_empty();
    if named {
        steps.push("restart the workloads whose pods name the cache, one after the other".to_owned());
    }
    if !work.has_resolver() {
        return steps;
    }
    match (request.resolver, request.distribution) {
        (Resolver::NodeCache, Distribution::Rke2) => steps.extend(turned_off(work)),
        (Resolver::NodeCache, _) => steps.extend(deleted(work)),
        (Resolver::CoreDns | Resolver::HickoryDns, _) => steps.push(format!(
            "stop the resolver on every node, take its start and its address out of the boot, `ip link delete {INTERFACE}`"
        )),
    }
    steps
}

/// The values of RKE2's chart without the cache, where they stand by then.
fn turned_off(work: &Work<'_>) -> Vec<String> {
    let off = "set `nodelocal.enabled: false`";
    // outside a pod of its own the cache leaves something on its node
    let warning = if work.mode() == Mode::Redirect {
        ""
    } else {
        "; RKE2 warns that DNS may stop on nodes where the cache's interface and rules stay behind: see to each node, or \
         replace it"
    };
    let picked_up = work.picked_up();
    if !picked_up.is_empty() {
        let step = |(path, nodes): (&str, Vec<String>)| {
            format!("{}: {off} in the values of /{path}, which RKE2 applies by itself{warning}", on_servers(&nodes))
        };
        return picked_up.into_iter().map(step).collect();
    }
    if work.scene.request.stream {
        return vec![format!(
            "{off} in the values: `kubectl -n kube-system edit helmchartconfig rke2-coredns`{warning}"
        )];
    }
    let step = |file: &File| {
        let shown = shown(work.scene, file);
        format!("{off} in the values of {shown} and `kubectl apply -f {shown}`{warning}")
    };
    work.manifests.files.iter().map(step).collect()
}

/// Everything that the manifests made; k3s would apply a file again that stays.
fn deleted(work: &Work<'_>) -> Vec<String> {
    let program = work.scene.request.distribution.name();
    let removed = |(path, nodes): (&str, Vec<String>)| {
        format!("{}: remove /{path}, which {program} would apply again at its next start", on_servers(&nodes))
    };
    let mut steps: Vec<String> = work.picked_up().into_iter().map(removed).collect();
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
    let (files, playbook) = (nodes::in_inventory(work), playbook(work));
    if !work.scene.parameters.caches.is_empty() {
        let mut steps = vec![format!("take {files} out of the inventory again and run {playbook}")];
        steps.extend(work.restart_coredns());
        return steps;
    }
    let mut steps = vec![format!(
        "put `enable_nodelocaldns: false` in place of {files} and run {playbook}: they name CoreDNS again"
    )];
    steps.extend(work.restart_coredns());
    steps.extend([
        "restart the workloads whose pods name the cache, one after the other".to_owned(),
        "the playbook does not remove the cache: `kubectl -n kube-system delete --ignore-not-found daemonset/nodelocaldns \
         configmap/nodelocaldns serviceaccount/nodelocaldns`"
            .to_owned(),
    ]);
    steps
}
