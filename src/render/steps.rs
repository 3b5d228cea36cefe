//! What to do with rendered files: the order of restarts, how to see that each step worked, and the way back.

use super::context::texts;
use super::distribution::Distribution;
use super::flags::{self, Flag};
use super::kubeadm::PATCHES;
use super::node_files::{NodeChange, kubespray_upstreams};
use super::parameters::{Mode, Parameters, REDIRECT};
use super::plan::{File, Part};
use super::request::{NodeForm, Request, Resolver, Update};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The interface that carries the address of a resolver outside Kubernetes; node-cache makes its own.
const INTERFACE: &str = "nodedns";

/// The steps in order. The cache comes before the nodes that are sent to it.
#[must_use]
pub fn forward(
    request: &Request,
    parameters: &Parameters,
    files: &[File],
    changes: &[NodeChange],
    flags: &[Flag],
) -> Vec<String> {
    let mut steps = Vec::new();
    let kubespray = request.takes_settings_alone() && request.distribution == Distribution::Kubespray;
    let own = match request.resolver {
        Resolver::NodeCache if kubespray => request.wants(Part::Node),
        Resolver::NodeCache => request.wants(Part::Manifests),
        Resolver::CoreDns | Resolver::HickoryDns => request.wants(Part::Resolver),
    };
    let named = changes.iter().any(|change| !change.cluster_dns.is_empty());
    if own {
        steps.extend(install(request, parameters, files));
    }
    if (own && parameters.mode != Mode::Redirect) || named {
        steps.push(format!(
            "ask it on a node: `dig +short kubernetes.default.svc.{} @{}`",
            parameters.cluster_domain.value,
            texts(&parameters.local_ips.value).first().map_or("", String::as_str)
        ));
    }
    if !changes.is_empty() {
        steps.extend(node_steps(request, files, flags));
    }
    if changes.iter().any(|change| change.resolv_conf.is_some()) {
        steps.push("restart CoreDNS, which keeps the resolver file that it started with: `kubectl -n kube-system rollout restart deployment/".to_owned() + deployment(request.distribution) + "`");
    }
    if named {
        steps.push("pods that run already keep their old nameserver until they are made anew: restart workloads one after the other".to_owned());
    }
    steps
}

/// What brings the cache, or another resolver, onto the nodes.
fn install(request: &Request, parameters: &Parameters, files: &[File]) -> Vec<String> {
    match (request.resolver, request.distribution) {
        (Resolver::NodeCache, Distribution::Kubespray) => {
            let file = files.iter().find(|file| file.part == Part::Node).map_or("", |file| file.path.as_str());
            // the upstreams also go into CoreDNS and the nodes' resolv.conf
            let more = if kubespray_upstreams(parameters).is_empty() { "" } else { ",coredns,resolvconf" };
            vec![format!(
                "put {} into the inventory and run `ansible-playbook cluster.yml --tags nodelocaldns,kubelet{more}`",
                shown(request, file)
            )]
        }
        (Resolver::NodeCache, _) => {
            let manifests = files.iter().filter(|file| file.part == Part::Manifests);
            let mut steps: Vec<String> = manifests.map(|file| apply(request, &file.path)).collect();
            if request.update == Update::InPlace {
                let first = "the DaemonSet of apps/v1 would stay beside OpenKruise's and hold its ports: `kubectl -n \
                             kube-system delete daemonsets.apps/node-local-dns --ignore-not-found`";
                steps.insert(0, first.to_owned());
            }
            steps.push(wait(request));
            steps
        }
        (Resolver::CoreDns | Resolver::HickoryDns, _) => {
            let address =
                |ip: &IpAddr| format!("`ip addr add {ip}/{} dev {INTERFACE}`", if ip.is_ipv4() { 32 } else { 128 });
            let addresses: Vec<String> = parameters.local_ips.value.iter().map(address).collect();
            let file = files.iter().find(|file| file.part == Part::Resolver).map_or("", |file| file.path.as_str());
            vec![
                format!(
                    "on every node, and at each of its boots: `ip link add {INTERFACE} type dummy`, {}, `ip link set {INTERFACE} up`",
                    addresses.join(", ")
                ),
                format!("put {} at /{file} there and start the resolver", shown(request, file)),
            ]
        }
    }
}

/// The DaemonSet of the cache as kubectl names it.
fn daemon_set(request: &Request) -> &'static str {
    if request.update == Update::InPlace {
        "daemonsets.apps.kruise.io/node-local-dns"
    } else {
        "daemonset/node-local-dns"
    }
}

/// `kubectl rollout status` knows the rolling update of apps/v1 alone.
fn wait(request: &Request) -> String {
    let set = daemon_set(request);
    match request.update {
        Update::Rolling => format!("wait: `kubectl -n kube-system rollout status {set}`"),
        Update::InPlace => format!("wait: `kubectl -n kube-system get {set}` until all of its pods are ready"),
        Update::OnDelete => format!(
            "wait: `kubectl -n kube-system get {set}` until all of its pods are ready; those that run already change when \
             you delete them, node by node"
        ),
    }
}

fn apply(request: &Request, path: &str) -> String {
    if request.stream {
        return "give this output to `kubectl apply -f -`".to_owned();
    }
    if path.starts_with("var/lib/rancher/") {
        return format!(
            "copy {} to /{path} on every server: {} applies it by itself",
            shown(request, path),
            request.distribution.name()
        );
    }
    format!("`kubectl apply -f {}`", shown(request, path))
}

/// The command that deletes an object shown as kind, namespace and name.
fn delete(object: &str) -> String {
    let mut parts = object.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    let (kind, namespace, name) = (next().to_lowercase(), next(), next());
    format!("`kubectl -n {namespace} delete {kind}/{name}`")
}

/// A path with the directory before it.
fn shown(request: &Request, path: &str) -> String {
    match request.directory.trim_end_matches('/') {
        "" | "." => path.to_owned(),
        directory => format!("{directory}/{path}"),
    }
}

/// The restarts that make node settings count.
fn restart(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::K3s => {
            "`systemctl restart k3s` (servers) or `systemctl restart k3s-agent`, then `kubectl get node` until it is Ready"
        }
        Distribution::Rke2 => {
            "`systemctl restart rke2-server` or `rke2-agent`, then `kubectl get node` until it is Ready"
        }
        Distribution::Kubeadm => "`systemctl restart kubelet`, then `kubectl get node` until it is Ready",
        Distribution::Kubespray => "the playbook restarts the kubelets; `kubectl get node` until all are Ready",
    }
}

fn node_steps(request: &Request, files: &[File], flags: &[Flag]) -> Vec<String> {
    let restart = restart(request.distribution);
    let reload = if flags::in_units(flags) { "`systemctl daemon-reload`, " } else { "" };
    match request.distribution {
        Distribution::Kubespray => vec![restart.to_owned()],
        Distribution::K3s | Distribution::Rke2 if request.node_form == NodeForm::Ansible => {
            vec!["merge the variables into the inventory and run the playbook, which restarts k3s".to_owned()]
        }
        Distribution::K3s | Distribution::Rke2 => {
            let reload = if request.node_form == NodeForm::Unit { "`systemctl daemon-reload`, " } else { reload };
            vec![format!("node by node: put {} in place, {reload}{restart}", own_paths(files))]
        }
        Distribution::Kubeadm => {
            let own = kubelet_files(files)
                .next()
                .map(|_| format!("node by node: put {} in place, {reload}{restart}", own_paths(files)));
            let patch = files.iter().filter(|file| file.path.starts_with(PATCHES));
            let patch = patch.filter_map(|file| file.path.rsplit_once('/')).map(|(directory, _)| {
                let node = match directory.strip_prefix(PATCHES).and_then(|rest| rest.strip_prefix('/')) {
                    Some(name) => format!("on {name}"),
                    None => "node by node".to_owned(),
                };
                let here = shown(request, directory);
                format!(
                    "{node}: copy {here} to /etc/kubernetes/{PATCHES}, `kubeadm upgrade node phase kubelet-config \
                     --patches /etc/kubernetes/{PATCHES}`, {restart}"
                )
            });
            own.into_iter().chain(patch).collect()
        }
    }
}

/// Paths of rendered files on their nodes.
fn own_paths(files: &[File]) -> String {
    let paths: BTreeSet<String> = kubelet_files(files).map(|file| format!("/{}", file.path)).collect();
    paths.into_iter().collect::<Vec<_>>().join(" and ")
}

/// Files of nodes that are rendered whole.
fn kubelet_files(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.part == Part::Node && file.node.is_some())
}

/// kubeadm writes a kubelet's configuration from a ConfigMap (`cmd/kubeadm/app/phases/kubelet/config.go`).
#[must_use]
pub fn kept_by_kubeadm(request: &Request, files: &[File]) -> Option<String> {
    let rendered = request.distribution == Distribution::Kubeadm && kubelet_files(files).next().is_some();
    rendered.then(|| {
        "`kubeadm upgrade` and `kubeadm join` write the kubelet's configuration from the ConfigMap \
         kube-system/kubelet-config, and its flags from `kubeletExtraArgs`: set the same values there, or they are lost at the \
         next upgrade"
            .to_owned()
    })
}

const fn deployment(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::Rke2 => "rke2-coredns-rke2-coredns",
        _ => "coredns",
    }
}

/// The way back: nodes first, so that no pod asks a cache that is gone.
#[must_use]
pub fn back(request: &Request, parameters: &Parameters, files: &[File], changes: &[NodeChange]) -> Vec<String> {
    let mut steps = Vec::new();
    let kubespray = request.distribution == Distribution::Kubespray;
    if !changes.is_empty() || kubespray {
        let restart = restart(request.distribution);
        steps.push(match request.distribution {
            Distribution::Kubeadm => {
                let patched = if files.iter().any(|file| file.path.starts_with(PATCHES)) {
                    format!(", remove /etc/kubernetes/{PATCHES}")
                } else {
                    String::new()
                };
                format!("node by node: put the old values back into the kubelet's files{patched}, {restart}")
            }
            Distribution::Kubespray => format!("take the variables back and run the playbook again; {restart}"),
            Distribution::K3s | Distribution::Rke2 => {
                format!("node by node: take the settings back, {restart}")
            }
        });
    }
    if changes.iter().any(|change| !change.cluster_dns.is_empty()) {
        steps.push("restart the workloads that were made meanwhile: they name the cache".to_owned());
    }
    let own = match request.resolver {
        Resolver::NodeCache if request.distribution == Distribution::Kubespray => Part::Node,
        Resolver::NodeCache => Part::Manifests,
        Resolver::CoreDns | Resolver::HickoryDns => Part::Resolver,
    };
    if !request.wants(own) {
        return steps;
    }
    match (request.resolver, request.distribution) {
        (Resolver::NodeCache, Distribution::Kubespray) => {
            steps.push(
                "where the cache is new: `enable_nodelocaldns: false`, with which the playbook sends kubelets back to CoreDNS; it \
                 does not remove the cache: `kubectl -n kube-system delete daemonset/nodelocaldns` when no pod names it any more"
                    .to_owned(),
            )
        }
        (Resolver::NodeCache, Distribution::Rke2) => {
            steps.push(
                "set `nodelocal.enabled: false` in the HelmChartConfig; RKE2 warns that DNS may stop on nodes where the cache's \
                 interface and rules stay behind: see to each node, or replace it"
                    .to_owned(),
            )
        }
        (Resolver::NodeCache, _) => {
            if parameters.mode == Mode::Redirect {
                let name = parameters.redirect.as_ref().map_or(REDIRECT, |other| other.name.as_str());
                steps.push(format!("{}, so that queries reach CoreDNS again", delete(name)));
            }
            let note = if parameters.mode == Mode::Intercept {
                "; it takes its rules and addresses away when it ends, and queries reach CoreDNS again"
            } else {
                ""
            };
            steps.push(format!("`kubectl -n kube-system delete {}`{note}", daemon_set(request)));
        }
        (Resolver::CoreDns | Resolver::HickoryDns, _) => {
            steps.push(format!("stop the resolver on every node, `ip link delete {INTERFACE}`"))
        }
    }
    steps
}
