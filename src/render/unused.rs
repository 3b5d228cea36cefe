//! Flags that would change nothing are refused, each with the reason.

use super::distribution::Distribution;
use super::parameters::{Mode, Parameters};
use super::plan::{Part, Refusal};
use super::request::{NodeForm, Request, Resolver, Update};
use crate::analysis::collect::Assumptions;
use crate::analysis::effective::KubeVersion;
use std::net::IpAddr;

/// What the request alone tells.
///
/// # Errors
/// A sentence that names the flag.
pub fn check(request: &Request) -> Result<(), String> {
    parts(request)?;
    node_form(request)?;
    manifests(request)?;
    if request.resolver == Resolver::HickoryDns && (request.health_port.is_some() || request.metrics_port.is_some()) {
        return Err("--health-port and --metrics-port: hickory-dns is rendered without either".to_owned());
    }
    left_out(request)?;
    if request.takes_settings_alone() { settings(request) } else { Ok(()) }
}

/// What follows from how queries reach the cache.
///
/// # Errors
/// A sentence that names the flag.
pub fn check_mode(request: &Request, parameters: &Parameters) -> Result<(), Refusal> {
    let refused = |reason: String| Err(Refusal::from(reason));
    if parameters.mode == Mode::Redirect && !request.local_ips.is_empty() {
        return refused(
            "--local-ip: behind Cilium's redirect the cache answers in a pod, and makes no address on the node"
                .to_owned(),
        );
    }
    let nodes_alone = !request.wants(request.resolver_part()) && parameters.mode != Mode::LocalOnly;
    // it decides which addresses go away, and so what kubelets that name one of them are told
    let local_ip = !request.local_ips.is_empty() && !parameters.nodes.iter().any(|n| parameters.leaving(n).is_some());
    let given = [("--local-ip", local_ip), ("--cluster-domain", request.cluster_domain.is_some())];
    match given.into_iter().find(|(_, given)| nodes_alone && *given) {
        Some((flag, _)) => refused(format!(
            "{flag}: kubelets keep the address of the DNS Service here (kube-proxy: {}), so that no setting of a node depends \
             on it",
            parameters.proxy.value.as_str()
        )),
        None => Ok(()),
    }
}

/// The release decides how the kubelets of nodes are started, and nothing else.
///
/// # Errors
/// A sentence that names the flag.
pub fn check_release(parameters: &Parameters, assume: &Assumptions) -> Result<(), Refusal> {
    let Some(text) = &assume.kubernetes else { return Ok(()) };
    let assumed = KubeVersion::parse(text);
    if parameters.nodes.iter().any(|node| Some(node.version) == assumed) {
        return Ok(());
    }
    Err(Refusal::from(
        "--k8s-version: no node is here whose release is unknown, and nothing else depends on it".to_owned(),
    ))
}

fn parts(request: &Request) -> Result<(), String> {
    let named = |part: Part| request.parts.contains(&part);
    if request.resolver == Resolver::NodeCache && named(Part::Resolver) {
        return Err("--only resolver: the node cache is rendered as manifests; see --resolver".to_owned());
    }
    if request.resolver != Resolver::NodeCache && named(Part::Manifests) {
        return Err("--only manifests: a resolver on the nodes has none".to_owned());
    }
    if request.takes_settings_alone() && request.distribution == Distribution::Kubespray && named(Part::Manifests) {
        return Err("--only manifests: kubespray installs its own node cache and takes variables alone".to_owned());
    }
    Ok(())
}

fn node_form(request: &Request) -> Result<(), String> {
    let name = request.distribution.name();
    match request.node_form {
        NodeForm::Config => Ok(()),
        _ if !request.distribution.is_rancher() => {
            Err(format!("--node-form: settings of {name}'s nodes have one form"))
        }
        NodeForm::Ansible if request.distribution != Distribution::K3s => {
            Err(format!("--node-form ansible writes variables of k3s-ansible, which does not install {name}"))
        }
        _ => Ok(()),
    }
}

/// Flags for objects that dnslint renders itself.
fn manifests(request: &Request) -> Result<(), String> {
    let flags = [
        ("--image", request.image.is_some()),
        ("--update", request.update != Update::Rolling),
        ("--with", !request.companions.is_empty()),
    ];
    let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    if request.resolver != Resolver::NodeCache {
        return Err(format!("{flag} is for the node cache's manifests, and this resolver runs on the node"));
    }
    if request.takes_settings_alone() {
        let name = request.distribution.name();
        return Err(format!("{flag} is for rendered manifests, and {name} installs its own node cache"));
    }
    if request.wants(Part::Manifests) {
        return Ok(());
    }
    Err(format!("{flag} is for rendered manifests, which --only leaves out"))
}

/// Flags for a part that `--only` leaves out.
fn left_out(request: &Request) -> Result<(), String> {
    let resolver = [
        ("--upstream", !request.upstreams.is_empty()),
        ("--health-port", request.health_port.is_some()),
        ("--metrics-port", request.metrics_port.is_some()),
        ("--cache-entries", request.cache_entries.is_some()),
        ("--udp", request.udp),
    ];
    let nodes =
        [("--resolv-conf", request.resolv_conf.is_some()), ("--node-form", request.node_form != NodeForm::Config)];
    let unused = |flags: &[(&'static str, bool)], part: Part| {
        flags.iter().find(|(_, given)| *given && !request.wants(part)).map(|(flag, _)| *flag)
    };
    if let Some(flag) = unused(&resolver, request.resolver_part()) {
        return Err(format!("{flag} is for the configuration of the resolver, which --only leaves out"));
    }
    match unused(&nodes, Part::Node) {
        Some(flag) => Err(format!("{flag} is for settings of nodes, which --only leaves out")),
        None => Ok(()),
    }
}

/// Flags for which a chart or a role has no setting.
fn settings(request: &Request) -> Result<(), String> {
    let name = request.distribution.name();
    let rke2 = request.distribution == Distribution::Rke2;
    let fixed = [
        ("--cache-entries", request.cache_entries.is_some(), true),
        ("--udp", request.udp, true),
        ("--health-port", request.health_port.is_some(), rke2),
        ("--metrics-port", request.metrics_port.is_some(), rke2),
        ("--upstream", !request.upstreams.is_empty(), rke2),
    ];
    if let Some((flag, ..)) = fixed.into_iter().find(|(_, given, fixed)| *given && *fixed) {
        return Err(format!("{flag}: {name} installs its own node cache and has no setting for that"));
    }
    if !rke2 && request.proxy.is_some() {
        return Err("--proxy-mode: kubespray's kubelets name its node cache, whatever translates Services".to_owned());
    }
    match request.upstreams.iter().find(|upstream| upstream.parse::<IpAddr>().is_err()) {
        Some(other) => Err(format!(
            "--upstream: `{other}` is no plain address, and kubespray writes its upstreams into resolv.conf of the nodes, too"
        )),
        None => Ok(()),
    }
}
