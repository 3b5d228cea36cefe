//! Variables for what installs the nodes: k3s-ansible and kubespray.

use super::changes::NodeChange;
use super::context::{Block, blocks, texts};
use super::parameters::Parameters;
use super::plan::{File, Part};
use super::request::Request;
use super::scene::Scene;
use super::templates::render;
use serde::Serialize;
use serde_json::json;
use std::net::IpAddr;

/// A file of variables with the nodes that it is for; none where it is for all.
type ForNodes = (Vec<String>, File);

/// The changes as they are where every node needs the same: then they are the group's, else each is its node's.
fn of_all<'c>(scene: &Scene<'_>, changes: &'c [NodeChange]) -> Option<&'c NodeChange> {
    let first = changes.first()?;
    let all = scene.node_count() == 0 || changes.len() == scene.node_count();
    (all && changes.iter().all(|change| change.same(first))).then_some(first)
}

fn file(group: &str, node: Option<&str>, text: String) -> File {
    let path = match node {
        Some(name) => format!("host_vars/{name}/dnslint.yml"),
        None => format!("group_vars/{group}/dnslint.yml"),
    };
    File { path, text, part: Part::Node, node: None }
}

/// k3s-ansible: arguments of servers and agents.
///
/// # Errors
/// A fault of the template.
pub fn k3s_ansible(scene: &Scene<'_>, changes: &[NodeChange]) -> Result<Vec<ForNodes>, String> {
    let of = |change: &NodeChange, roles: &[&str]| {
        let mut arguments = Vec::new();
        arguments.extend(change.resolv_conf.as_ref().map(|path| format!("--resolv-conf {}", path.value)));
        if !change.cluster_dns.is_empty() {
            arguments.push(format!("--kubelet-arg=cluster-dns={}", change.cluster_dns.join(",")));
        }
        let context = json!({
            "roles": roles,
            "arguments": arguments.join(" "),
        });
        render("node/k3s-ansible.yaml.j2", &context)
    };
    if let Some(change) = of_all(scene, changes) {
        return Ok(vec![(Vec::new(), file("k3s_cluster", None, of(change, &["server", "agent"])?))]);
    }
    let own = |change: &NodeChange| {
        let text = of(change, if change.server { &["server"] } else { &["agent"] })?;
        Ok((vec![change.node.clone()], file("k3s_cluster", Some(&change.node), text)))
    };
    changes.iter().map(own).collect()
}

#[derive(Serialize)]
struct KubesprayContext {
    local_ip: String,
    health_port: u16,
    metrics_port: Option<u16>,
    resolv_conf: Option<String>,
    upstreams: Vec<String>,
    stub_zones: Vec<Block>,
}

/// kubespray: its own cache, and the resolver file of kubelets.
///
/// # Errors
/// A fault of a template.
pub fn kubespray(scene: &Scene<'_>, changes: &[NodeChange]) -> Result<Vec<ForNodes>, String> {
    // the role itself has kubelets name its cache
    let files: Vec<NodeChange> = changes
        .iter()
        .filter(|change| change.resolv_conf.is_some())
        .map(|change| NodeChange { cluster_dns: Vec::new(), ..change.clone() })
        .collect();
    let of_all = of_all(scene, &files).and_then(|change| change.resolv_conf.as_ref());
    let mut made =
        vec![(Vec::new(), variables(scene.request, scene.parameters, of_all.map(|path| path.value.clone()))?)];
    for change in files.iter().filter(|_| of_all.is_none()) {
        let path = change.resolv_conf.as_ref().map(|path| &path.value);
        let text = render("node/kubespray-host.yaml.j2", &json!({"resolv_conf": path}))?;
        made.push((vec![change.node.clone()], file("k8s_cluster", Some(&change.node), text)));
    }
    Ok(made)
}

fn variables(request: &Request, parameters: &Parameters, resolv_conf: Option<String>) -> Result<File, String> {
    let stub_zones = blocks(request, parameters, &texts(&parameters.cluster_dns.value));
    let fixed = ["in-addr.arpa", "ip6.arpa", ".", parameters.cluster_domain.value.as_str()];
    let context = KubesprayContext {
        local_ip: texts(&parameters.local_ips.value).join(","),
        health_port: parameters.health_port.value,
        metrics_port: request.metrics_port,
        resolv_conf,
        upstreams: kubespray_upstreams(parameters),
        stub_zones: stub_zones.into_iter().filter(|block| !fixed.contains(&block.zone.as_str())).collect(),
    };
    Ok(file("k8s_cluster", None, render("node/kubespray-vars.yaml.j2", &context)?))
}

/// Upstreams that kubespray can be told: it writes them into the nodes' resolv.conf, too, which takes plain addresses.
#[must_use]
pub fn kubespray_upstreams(parameters: &Parameters) -> Vec<String> {
    let list = &parameters.upstreams.value;
    let plain = list.iter().all(|upstream| upstream.parse::<IpAddr>().is_ok());
    if plain { list.clone() } else { Vec::new() }
}
