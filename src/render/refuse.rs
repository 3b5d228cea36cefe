//! What no choice of files could make right.

use super::distribution::Distribution;
use super::parameters::{Mode, OldCache, Parameters};
use super::plan::Refusal;
use super::request::{Request, Resolver};
use super::unused;
use crate::analysis::collect::Assumptions;
use crate::model::node::Distribution as Rancher;

/// Port of the metrics that node-cache keeps of itself (`-metrics-listen-address` in `cmd/node-cache/main.go`).
const OWN_METRICS: u16 = 9353;

/// Refuses what cannot be right, with the reason.
///
/// # Errors
/// The first reason.
pub fn check(request: &Request, parameters: &Parameters, assume: &Assumptions) -> Result<(), Refusal> {
    unused::check_mode(request, parameters)?;
    unused::check_release(parameters, assume)?;
    programs(request, parameters)?;
    addresses(request, parameters)?;
    ports(request, parameters)?;
    moved(parameters)?;
    redirects(parameters)?;
    resolver(request, parameters)?;
    parameters.caches.iter().try_for_each(|cache| second(request, parameters, cache))
}

fn no(reason: String, help: &str) -> Result<(), Refusal> {
    Err(Refusal { reason, at: None, help: Some(help.to_owned()) })
}

/// The nodes of the snapshot run what the flag says.
fn programs(request: &Request, parameters: &Parameters) -> Result<(), Refusal> {
    let asked = match request.distribution {
        Distribution::K3s => Some(Rancher::K3s),
        Distribution::Rke2 => Some(Rancher::Rke2),
        Distribution::Kubeadm | Distribution::Kubespray => None,
    };
    let mut known = parameters.nodes.iter().filter(|node| node.configured);
    let Some(node) = known.find(|node| node.distribution() != asked) else { return Ok(()) };
    let runs = match node.distribution() {
        Some(Rancher::K3s) => "k3s",
        Some(Rancher::Rke2) => "RKE2",
        None => "a kubelet of its own",
    };
    let name = request.distribution.name();
    no(format!("{} runs {runs}, not the kubelet of {name}", node.name), "say how this cluster was installed")
}

fn addresses(request: &Request, parameters: &Parameters) -> Result<(), Refusal> {
    let (local, cluster) = (&parameters.local_ips.value, &parameters.cluster_dns.value);
    if let Some(both) = local.iter().find(|ip| cluster.contains(ip)) {
        return no(
            format!("the cache's own address {both} is the address of the DNS Service"),
            "choose another --local-ip",
        );
    }
    if let Some(other) = local.iter().find(|ip| !cluster.iter().any(|dns| dns.is_ipv4() == ip.is_ipv4())) {
        let reason = format!("the DNS Service has no address of the family of {other}");
        return no(reason, "name its addresses with --cluster-dns, or leave that --local-ip out");
    }
    let on_rke2 = request.distribution == Distribution::Rke2 && request.takes_settings_alone();
    if let Some(v6) = local.iter().find(|ip| on_rke2 && ip.is_ipv6()) {
        let reason =
            format!("RKE2's chart writes `health {v6}:…` without brackets, with which its node cache does not start");
        return no(reason, "its node cache needs an IPv4 address of the DNS Service");
    }
    Ok(())
}

/// Every port of the resolver has one use.
fn ports(request: &Request, parameters: &Parameters) -> Result<(), Refusal> {
    let chart = request.takes_settings_alone() && request.distribution == Distribution::Rke2;
    if chart || request.resolver == Resolver::HickoryDns {
        return Ok(());
    }
    let own = (request.resolver == Resolver::NodeCache).then_some((OWN_METRICS, "the metrics of node-cache itself"));
    let held = [(53, "DNS")].into_iter().chain(own);
    let asked = [(parameters.health_port.value, "--health-port"), (parameters.metrics_port.value, "--metrics-port")];
    for (port, flag) in asked {
        if let Some((_, other)) = held.clone().find(|(held, _)| *held == port) {
            return no(format!("{flag} is {port}, which is the port of {other}"), "choose another one");
        }
    }
    let [(health, _), (metrics, _)] = asked;
    if health == metrics {
        return no(format!("--health-port and --metrics-port are both {health}"), "choose another one of the two");
    }
    Ok(())
}

/// Kubelets that name the address of a cache cannot be sent to another one without a gap.
fn moved(parameters: &Parameters) -> Result<(), Refusal> {
    if parameters.mode != Mode::LocalOnly {
        return Ok(());
    }
    match parameters.nodes.iter().find_map(|node| Some((node, parameters.leaving(node)?))) {
        Some((node, ip)) => Err(Refusal {
            reason: format!(
                "pods of {} ask {}, on which this cache would not answer: they would have no DNS until they are made anew",
                node.name, ip.value
            ),
            at: ip.location(),
            help: Some(format!(
                "keep the address with `--local-ip {}`; or first take the old cache away by its way back",
                ip.value
            )),
        }),
        None => Ok(()),
    }
}

/// A redirect policy that stands already.
fn redirects(parameters: &Parameters) -> Result<(), Refusal> {
    let Some(other) = &parameters.redirect else { return Ok(()) };
    let (reason, help) = if parameters.mode != Mode::Redirect {
        (
            format!("{} takes the DNS Service away from a cache on the node's own network", other.name),
            "remove it first, or leave --proxy-mode out",
        )
    } else if other.to_cache {
        return Ok(());
    } else {
        (
            format!("{} already sends the DNS Service to other pods", other.name),
            "remove it first: Cilium takes one redirect policy for a Service",
        )
    };
    Err(Refusal { reason, at: Some(other.location), help: Some(help.to_owned()) })
}

fn resolver(request: &Request, parameters: &Parameters) -> Result<(), Refusal> {
    if request.resolver == Resolver::NodeCache {
        return Ok(());
    }
    if request.distribution == Distribution::Kubespray {
        return no(
            format!(
                "kubespray installs a node cache of its own, which holds {} on every node (`enable_nodelocaldns`)",
                parameters.local_ips.value.first().map_or_else(String::new, ToString::to_string)
            ),
            "leave --resolver out: its cache is rendered as variables",
        );
    }
    if parameters.mode == Mode::Redirect {
        return no(
            "Cilium's redirect needs the cache in a pod, and this resolver would run on the node".to_owned(),
            "render the node cache, or let kubelets name the resolver's address with `--proxy-mode ipvs`",
        );
    }
    Ok(())
}

/// A node cache of the snapshot that is not the one to be rendered would answer beside it.
fn second(request: &Request, parameters: &Parameters, cache: &OldCache) -> Result<(), Refusal> {
    let meta = &cache.meta;
    let refused =
        |reason: String, help: &str| Err(Refusal { reason, at: meta.name.location(), help: Some(help.to_owned()) });
    if request.resolver != Resolver::NodeCache {
        let shared = parameters.local_ips.value.iter().find(|ip| parameters.cache_addresses.contains(ip));
        return match shared {
            Some(ip) => refused(
                format!("{} answers on {ip} of every node already", meta.display()),
                "remove it first, or choose another --local-ip",
            ),
            None => Ok(()),
        };
    }
    let (kind, name) = (meta.kind.value.as_str(), meta.name.value.as_str());
    let role = request.distribution == Distribution::Kubespray;
    // kubespray may run a second one beside the first (`enable_nodelocaldns_secondary`)
    let named = if role { name.starts_with("nodelocaldns") } else { name == "node-local-dns" };
    if !(named && kind == "DaemonSet" && meta.namespace.value == "kube-system") {
        return refused(
            format!("{} is a node cache already: a second one would want the same ports of every node", meta.display()),
            "remove it first",
        );
    }
    let of_helm = || meta.annotations.get("meta.helm.sh/release-name").is_some();
    if request.distribution == Distribution::Rke2 && !of_helm() {
        return refused(
            format!("{} is not of RKE2's chart, and Helm takes over no object that it did not make", meta.display()),
            "remove it first",
        );
    }
    Ok(())
}
