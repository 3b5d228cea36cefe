//! Parts of the pod specification without which a node cache cannot do its work.

use super::cache::Cache;
use crate::analysis::servers::read::Upstream;
use crate::analysis::views::node_cache::PodProblemView;
use crate::model::pillar::{CLUSTER_DNS, UPSTREAM_SERVERS};
use crate::model::pod::{PodSpec, Toleration};
use crate::source::{Located, Location};

/// Every problem of the pod specification.
pub fn problems(cache: &Cache<'_>) -> Vec<Located<PodProblemView>> {
    let Some(workload) = cache.workload else { return Vec::new() };
    let pod = &workload.pod;
    let mut found = Vec::new();
    found.extend(host_network(cache, pod));
    found.extend(dns_policy(cache, pod));
    found.extend(capability(cache));
    found.extend(tolerations(cache, pod));
    found.extend(service_links(cache, pod));
    found.extend(liveness(cache));
    found
}

fn problem(kind: &str, reason: &str, consequence: &str, setting: &str, place: Location) -> Located<PodProblemView> {
    let view = PodProblemView {
        kind: kind.to_owned(),
        reason: reason.to_owned(),
        consequence: consequence.to_owned(),
        setting: setting.to_owned(),
        related: Vec::new(),
    };
    Located::at(view, place)
}

fn host_network(cache: &Cache<'_>, pod: &PodSpec) -> Option<Located<PodProblemView>> {
    if pod.uses_host_network() || !cache.makes_interface() || cache.local_ip.is_none() {
        return None;
    }
    let place = pod.host_network.as_ref().and_then(Located::location).unwrap_or(pod.anchor);
    let consequence = "it puts its addresses into the pod's own network, where no other pod reaches them";
    let mut found = problem("host-network", "the pod has no hostNetwork", consequence, "hostNetwork: true", place);
    found.value.related.extend(cache.local_ip.clone());
    Some(found)
}

/// A policy that writes the cluster DNS into the pod's own resolv.conf, which the cache forwards to.
fn dns_policy(cache: &Cache<'_>, pod: &PodSpec) -> Option<Located<PodProblemView>> {
    let reads =
        cache.forwards().flat_map(|(_, forward)| &forward.upstreams).find(|upstream| match &upstream.value {
            Upstream::File(path) => path == "/etc/resolv.conf",
            Upstream::Placeholder(text) => text == UPSTREAM_SERVERS,
            _ => false,
        })?;
    if !pod.asks_cluster_dns() {
        return None;
    }
    let place = pod.dns_policy.as_ref().and_then(Located::location).unwrap_or(pod.anchor);
    let reason = format!("dnsPolicy {} puts the cluster DNS into the cache's own resolv.conf", pod.policy());
    let consequence = "it forwards external names to the nameservers of that file, which lead back to itself";
    let mut found = problem("dns-policy", &reason, consequence, "dnsPolicy: Default", place);
    found.value.related.extend(reads.location().map(|at| Located::at("forwards to that file".to_owned(), at)));
    Some(found)
}

fn capability(cache: &Cache<'_>) -> Option<Located<PodProblemView>> {
    let container = cache.container?;
    let needs = match (cache.makes_interface(), cache.makes_iptables()) {
        (true, true) => "interface and iptables rules",
        (true, false) => "interface",
        (false, true) => "iptables rules",
        (false, false) => return None,
    };
    let enough = |name: &str| {
        let name = name.to_ascii_uppercase();
        matches!(name.strip_prefix("CAP_").unwrap_or(&name), "NET_ADMIN" | "ALL")
    };
    if container.privileged || container.capabilities.iter().any(|c| enough(&c.value)) || cache.local_ip.is_none() {
        return None;
    }
    let place = container.capabilities.first().and_then(Located::location).or_else(|| container.name.location());
    let consequence = format!("it may not set up its {needs}, and then cannot bind its addresses");
    let setting = "securityContext.capabilities.add: [NET_ADMIN]";
    Some(problem(
        "capability",
        "the container lacks NET_ADMIN",
        &consequence,
        setting,
        place.unwrap_or(container.location),
    ))
}

/// Tainted nodes on which the cache does not run, although pods there may be sent to it.
fn tolerations(cache: &Cache<'_>, pod: &PodSpec) -> Option<Located<PodProblemView>> {
    // where it also binds the Service address, queries go on to CoreDNS on nodes without a cache
    let intercepts = cache.own.iter().any(|own| cache.facts.dns_addresses.iter().any(|dns| dns.value == own.value));
    if intercepts || cache.own.is_empty() || !cache.workload?.is_kind("DaemonSet") {
        return None;
    }
    let nodes = cache.cluster.objects.of_kind("Node");
    let mut taints = nodes.iter().filter_map(|node| node.value.path(&["spec", "taints"])).flat_map(|t| t.items());
    let untolerated = taints.find(|taint| {
        let text = |key: &str| taint.text_at(key).map(|t| t.value).unwrap_or_default();
        let effect = text("effect");
        // the node controller's own taints come and go; DaemonSet pods tolerate them
        let passing = text("key").starts_with("node.kubernetes.io/");
        effect != "PreferNoSchedule" && !passing && !pod.tolerations.iter().any(|t| tolerates(t, &text("key"), &effect))
    });
    let none_known = nodes.is_empty() && pod.tolerations.is_empty();
    if untolerated.is_none() && !none_known {
        return None;
    }
    let place = pod.tolerations.first().map_or(pod.anchor, |t| t.location);
    let reason = match untolerated {
        Some(taint) => {
            let key = taint.text_at("key").map(|k| k.value).unwrap_or_default();
            format!("its tolerations leave out the taint {key} of a node")
        }
        None => "the pod has no tolerations".to_owned(),
    };
    let consequence = "pods of tainted nodes have no cache, and the address that they ask exists nowhere else";
    let mut found = problem("tolerations", &reason, consequence, "tolerations: [{operator: Exists}]", place);
    found.value.related.extend(untolerated.map(|taint| taint.with("the taint".to_owned())));
    Some(found)
}

fn tolerates(toleration: &Toleration, key: &str, effect: &str) -> bool {
    let by_key = toleration.key.as_deref().is_none_or(|own| own.is_empty() || own == key);
    let by_effect = toleration.effect.as_deref().is_none_or(|own| own.is_empty() || own == effect);
    by_key && by_effect
}

/// Without service links the address of the upstream Service is not in the environment.
fn service_links(cache: &Cache<'_>, pod: &PodSpec) -> Option<Located<PodProblemView>> {
    let off = pod.enable_service_links.as_ref().filter(|links| !links.value)?;
    let mut upstreams = cache.forwards().flat_map(|(_, forward)| &forward.upstreams);
    let used = upstreams.find(|u| matches!(&u.value, Upstream::Placeholder(text) if text == CLUSTER_DNS))?;
    let reason = "enableServiceLinks: false keeps the address of the upstream Service out of the environment";
    let consequence = "CoreDNS gets `<nil>` as upstream and exits";
    let mut found = problem("service-links", reason, consequence, "enableServiceLinks: true", off.location()?);
    found.value.related.push(used.with("is filled from the environment".to_owned()));
    Some(found)
}

fn liveness(cache: &Cache<'_>) -> Option<Located<PodProblemView>> {
    let container = cache.container?;
    let place = container.name.location().unwrap_or(container.location);
    if cache.local_ip.is_none() || container.probes.iter().any(|probe| probe.kind == "livenessProbe") {
        return None;
    }
    let consequence = "a cache that hangs is not restarted, and takes the node's DNS with it";
    let setting = "a livenessProbe on /health, with `health` in the Corefile";
    Some(problem("liveness", "the container has no HTTP livenessProbe", consequence, setting, place))
}
