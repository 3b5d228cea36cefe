//! The parts of kube-dns: dnsmasq on port 53, which its nanny configures, and kubedns behind it (cmd/dnsmasq-nanny and
//! pkg/dnsmasq, cmd/kube-dns of kubernetes/dns).

use super::of_words;
use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::analysis::servers::dnsmasq_upstreams;
use crate::analysis::servers::kube_dns_config::KubeDnsConfig;
use crate::analysis::servers::local_resolver::LocalResolver;
use crate::analysis::servers::read::zone_of;
use crate::model::Cluster;
use crate::model::pod::Container;
use crate::model::workload::Workload;
use crate::source::Located;

/// dnsmasq: its own options stand behind `--`, those of the kube-dns ConfigMap come on top.
///
/// `stubDomains` become rules for their zones; `upstreamNameservers` take the place of /etc/resolv.conf.
pub(super) fn dnsmasq(cluster: &Cluster, workload: &Workload, container: &Container, resolver: &mut LocalResolver) {
    let words: Vec<&Located<String>> = container.command.iter().chain(&container.args).collect();
    let behind = words.iter().position(|word| word.value == "--").map(|at| at + 1);
    let start = behind.unwrap_or_else(|| usize::from(words.first().is_some_and(|word| !word.value.starts_with('-'))));
    let source = of_words(words.get(start..).unwrap_or_default());
    let own_list = source.conf.settings.no_resolv.is_some();
    dnsmasq_upstreams::add(&[source], resolver);
    let config = KubeDnsConfig::in_namespace(cluster, &workload.meta.namespace.value).unwrap_or_default();
    for (domain, servers) in &config.stubs {
        let zone = zone_of(&domain.value);
        resolver.conditional.extend(servers.iter().map(|server| (zone.clone(), server.clone())));
    }
    resolver.reads_own_file = !own_list && config.upstreams.is_empty();
    resolver.upstreams.extend(config.upstreams);
}

/// kubedns: it answers names of its domain from the API and sends the others to the nameservers of its own file.
pub(super) fn kubedns(container: &Container, resolver: &mut LocalResolver) {
    let flag = |name: &str| container.flag(name).map(|(value, _)| value.value);
    let domain = zone_of(&flag("domain").unwrap_or_else(|| CLUSTER_DOMAIN.to_owned()));
    resolver.answered.push(domain.clone());
    resolver.cluster_domain = Some(domain);
    resolver.port = flag("dns-port").and_then(|port| port.parse().ok()).unwrap_or(resolver.port);
    resolver.reads_own_file = true;
}
