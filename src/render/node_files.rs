//! Files on nodes and in inventories: what sends pods to the cache, and what gives CoreDNS a resolver that works.

use super::chosen::Chosen;
use super::context::{blocks, texts};
use super::distribution::Distribution;
use super::parameters::{Mode, Parameters};
use super::plan::{File, Part};
use super::request::{NodeForm, Request, is_path};
use super::templates::render;
use crate::analysis::facts::Facts;
use crate::analysis::node_dns::NodeDns;
use crate::analysis::resolver;
use crate::analysis::views::resolv_conf::ResolvConfView;
use crate::model::Cluster;
use crate::source::{Located, NodeRoot, Snapshot};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a node's kubelet must be told that it is not told yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeChange {
    /// The node's name; empty for every node that the snapshot does not have.
    pub node: String,
    /// The resolver file for pods.
    pub resolv_conf: Option<Chosen<String>>,
    /// Addresses of the cache.
    pub cluster_dns: Vec<String>,
    /// The node runs a server of k3s or RKE2, as far as the snapshot tells.
    pub server: bool,
}

impl NodeChange {
    /// Whether anything is to be changed.
    #[must_use]
    pub const fn is_needed(&self) -> bool {
        self.resolv_conf.is_some() || !self.cluster_dns.is_empty()
    }
}

/// The changes of every node of the snapshot; of one nameless node where it has none.
#[must_use]
pub fn changes(request: &Request, snapshot: &Snapshot, cluster: &Cluster, parameters: &Parameters) -> Vec<NodeChange> {
    let better = better_files(snapshot, cluster, parameters);
    let wanted = if parameters.mode == Mode::LocalOnly { texts(&parameters.local_ips.value) } else { Vec::new() };
    let asked = request.resolv_conf.as_ref().map(|path| Chosen::flag(path.clone(), "--resolv-conf"));
    let of = |node: &NodeDns| {
        let told: Vec<&str> = node.kubelet.cluster_dns.iter().map(|ip| ip.value.as_str()).collect();
        let resolv_conf = match &asked {
            Some(path) => Some(path.clone()).filter(|path| path.value != node.pod_file.path),
            None => better.get(&node.name).cloned(),
        };
        let cluster_dns = if told == wanted { Vec::new() } else { wanted.clone() };
        let server = node.k3s.as_ref().is_some_and(|k3s| k3s.server != Some(false));
        NodeChange { node: node.name.clone(), resolv_conf, cluster_dns, server }
    };
    let mut all: Vec<NodeChange> = parameters.nodes.iter().map(of).collect();
    if all.is_empty() {
        all.push(NodeChange { resolv_conf: asked, cluster_dns: wanted, server: true, ..NodeChange::default() });
    }
    all.retain(NodeChange::is_needed);
    all
}

/// By node: a file with nameservers that pods can reach, where the one they inherit has none.
fn better_files(snapshot: &Snapshot, cluster: &Cluster, parameters: &Parameters) -> BTreeMap<String, Chosen<String>> {
    let facts = Facts::of(cluster);
    let views = resolver::views(snapshot, cluster, &facts, &parameters.nodes);
    let useless = views.into_iter().filter(|(view, _)| {
        let view = &view.value;
        view.used_by_pods
            && (view.k3s_fallback.is_some() || (!view.loopback.is_empty() && !view.loopback_beside_others))
    });
    let file = |(view, object): (Located<ResolvConfView>, Option<String>)| {
        let node = object?.strip_prefix("Node/")?.to_owned();
        let better = view.value.upstream_files.into_iter().find(|file| is_path(&file.value.path))?;
        let at = better.location();
        Some((node, Chosen::shown(better.value.path, at, "its nameservers can be reached from pods")))
    };
    useless.filter_map(file).collect()
}

/// The files that make these changes.
///
/// # Errors
/// A sentence: the asked form cannot express a change.
pub fn files(
    request: &Request,
    snapshot: &Snapshot,
    parameters: &Parameters,
    changes: &[NodeChange],
) -> Result<Vec<File>, String> {
    match request.distribution {
        Distribution::K3s | Distribution::Rke2 => rancher(request, snapshot, changes),
        Distribution::Kubeadm => super::kubeadm::files(snapshot, parameters, changes),
        Distribution::Kubespray => kubespray(request, parameters, changes).map(|file| vec![file]),
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn rancher(request: &Request, snapshot: &Snapshot, changes: &[NodeChange]) -> Result<Vec<File>, String> {
    let k3s = request.distribution == Distribution::K3s;
    let program = if k3s { "k3s" } else { "rke2" };
    if request.node_form == NodeForm::Ansible {
        return ansible(k3s, changes);
    }
    let mut files = Vec::new();
    for change in changes {
        let resolv_conf = change.resolv_conf.as_ref().map(|path| path.value.clone());
        let (path, text) = match request.node_form {
            NodeForm::Unit | NodeForm::Environment if !change.cluster_dns.is_empty() => {
                return Err(
                    "kubelet arguments have no environment variable; `--node-form config` writes a drop-in of \
                            config.yaml for them"
                        .to_owned(),
                );
            }
            NodeForm::Unit => {
                let unit = unit_of(program, change);
                let context =
                    json!({"version": VERSION, "prefix": program.to_uppercase() + "_", "resolv_conf": resolv_conf});
                let path = format!("etc/systemd/system/{unit}.service.d/50-dnslint.conf");
                (path, render("node/rancher-unit.conf.j2", &context)?)
            }
            NodeForm::Environment => {
                let path = if k3s {
                    format!("etc/systemd/system/{}.service.env", unit_of(program, change))
                } else {
                    format!("etc/default/{}", unit_of(program, change))
                };
                let line = format!("{}_RESOLV_CONF={}", program.to_uppercase(), resolv_conf.unwrap_or_default());
                let text = with_line(existing(snapshot, &change.node, &path), &line);
                (path, text)
            }
            NodeForm::Config | NodeForm::Ansible => {
                let cluster_dns = change.cluster_dns.join(",");
                let context = json!({"version": VERSION, "program": program, "resolv_conf": resolv_conf, "cluster_dns": cluster_dns});
                let path = format!("etc/rancher/{program}/config.yaml.d/50-dnslint.yaml");
                (path, render("node/rancher-config.yaml.j2", &context)?)
            }
        };
        files.push(File { path, text, part: Part::Node, node: Some(change.node.clone()) });
    }
    Ok(files)
}

fn unit_of(program: &str, change: &NodeChange) -> String {
    match (program, change.server) {
        ("k3s", true) => "k3s".to_owned(),
        ("k3s", false) => "k3s-agent".to_owned(),
        (other, true) => format!("{other}-server"),
        (other, false) => format!("{other}-agent"),
    }
}

/// The text of a file of a node of the snapshot.
fn existing<'s>(snapshot: &'s Snapshot, node: &str, path: &str) -> &'s str {
    let root: Option<&NodeRoot> = snapshot.nodes.iter().find(|root| root.name == node);
    let found = root.and_then(|root| crate::model::node::text_of(snapshot, root, &format!("/{path}")));
    found.map_or("", |(_, text)| text)
}

/// An environment file with one variable set anew; everything else stays.
fn with_line(text: &str, line: &str) -> String {
    let name = line.split('=').next().unwrap_or_default();
    let mut out = String::new();
    let mut done = false;
    for old in text.split_inclusive('\n') {
        if old.split('=').next().is_some_and(|key| key.trim() == name) {
            if !done {
                out.push_str(line);
                out.push('\n');
            }
            done = true;
        } else {
            out.push_str(old);
        }
    }
    if !done {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// k3s-ansible: arguments of servers and agents.
fn ansible(k3s: bool, changes: &[NodeChange]) -> Result<Vec<File>, String> {
    if !k3s {
        return Err("`--node-form ansible` writes variables of k3s-ansible".to_owned());
    }
    let Some(first) = changes.first() else { return Ok(Vec::new()) };
    if changes
        .iter()
        .any(|change| (&change.resolv_conf, &change.cluster_dns) != (&first.resolv_conf, &first.cluster_dns))
    {
        return Err("the nodes need different settings; `--node-form config` writes a file for each".to_owned());
    }
    let mut arguments = Vec::new();
    arguments.extend(first.resolv_conf.as_ref().map(|path| format!("--resolv-conf {}", path.value)));
    if !first.cluster_dns.is_empty() {
        arguments.push(format!("--kubelet-arg=cluster-dns={}", first.cluster_dns.join(",")));
    }
    let context = json!({"version": VERSION, "arguments": arguments.join(" ")});
    let text = render("node/k3s-ansible.yaml.j2", &context)?;
    Ok(vec![File { path: "group_vars/k3s_cluster/dnslint.yml".to_owned(), text, part: Part::Node, node: None }])
}

#[derive(Serialize)]
struct KubesprayContext {
    version: &'static str,
    local_ip: String,
    health_port: u16,
    metrics_port: Option<u16>,
    resolv_conf: Option<String>,
    upstreams: Vec<String>,
    stub_zones: Vec<super::context::Block>,
}

fn kubespray(request: &Request, parameters: &Parameters, changes: &[NodeChange]) -> Result<File, String> {
    let mut paths: Vec<&str> =
        changes.iter().filter_map(|c| c.resolv_conf.as_ref()).map(|c| c.value.as_str()).collect();
    paths.dedup();
    if paths.len() > 1 {
        return Err(format!(
            "the nodes need different resolver files ({}): set `kube_resolv_conf` in host_vars",
            paths.join(", ")
        ));
    }
    let stub_zones = blocks(request, parameters, &texts(&parameters.cluster_dns.value));
    let fixed = ["in-addr.arpa", "ip6.arpa", ".", parameters.cluster_domain.value.as_str()];
    let context = KubesprayContext {
        version: VERSION,
        local_ip: texts(&parameters.local_ips.value).join(","),
        // the role's own default, unless somebody asks for another
        health_port: request.health_port.unwrap_or(9254),
        metrics_port: request.metrics_port,
        resolv_conf: paths.first().map(|path| (*path).to_owned()),
        upstreams: kubespray_upstreams(parameters),
        stub_zones: stub_zones.into_iter().filter(|block| !fixed.contains(&block.zone.as_str())).collect(),
    };
    let text = render("node/kubespray-vars.yaml.j2", &context)?;
    Ok(File { path: "group_vars/k8s_cluster/dnslint.yml".to_owned(), text, part: Part::Node, node: None })
}

/// Upstreams that kubespray can be told: it writes them into the nodes' resolv.conf, too, which takes plain addresses.
#[must_use]
pub fn kubespray_upstreams(parameters: &Parameters) -> Vec<String> {
    let list = &parameters.upstreams.value;
    let plain = list.iter().all(|upstream| upstream.parse::<IpAddr>().is_ok());
    if plain { list.clone() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_set_once_and_the_rest_stays() {
        assert_eq!(with_line("", "A=1"), "A=1\n");
        assert_eq!(with_line("# c\nB=2", "A=1"), "# c\nB=2\nA=1\n");
        assert_eq!(with_line("A=0\nB=2\nA=3\n", "A=1"), "A=1\nB=2\n");
    }
}
