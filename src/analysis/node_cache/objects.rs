//! Objects that a node cache needs and the snapshot does not define, although it shows their neighbours.

use super::cache::Cache;
use crate::analysis::servers::read::Upstream;
use crate::analysis::views::node_cache::MissingObjectView;
use crate::model::dns_server::{DnsServer, ServerKind};
use crate::model::object::selects;
use crate::model::pillar::CLUSTER_DNS;
use crate::model::service::Service;
use crate::model::workload::Workload;
use crate::source::Located;

/// Every missing object, at the reference to it.
pub fn missing(cache: &Cache<'_>) -> Vec<Located<MissingObjectView>> {
    let Some(workload) = cache.workload else { return Vec::new() };
    let mut found = Vec::new();
    if !cache.is_live_export() {
        found.extend(service_account(cache, workload));
        found.extend(config_map(cache, workload));
    }
    found.extend(upstream_service(cache));
    found
}

fn missing_view(kind: &str, name: &str, cache: &Cache<'_>, consequence: &str) -> MissingObjectView {
    MissingObjectView {
        kind: kind.to_owned(),
        name: name.to_owned(),
        namespace: cache.server.namespace.clone(),
        consequence: consequence.to_owned(),
        certain: true,
        related: Vec::new(),
    }
}

/// The ServiceAccount, where both the DaemonSet and its ConfigMap are in the snapshot.
fn service_account(cache: &Cache<'_>, workload: &Workload) -> Option<Located<MissingObjectView>> {
    let name = workload.pod.service_account.as_ref().filter(|name| name.value != "default")?;
    let complete = cache.server.config.as_ref().is_some_and(|config| config.config_map.is_some());
    let accounts = cache.cluster.objects.of_kind("ServiceAccount");
    let defined = accounts.iter().any(|account| account.meta.is(&cache.server.namespace, &name.value));
    let consequence = "the API server refuses its pods, so that no cache runs";
    (complete && !defined).then(|| name.with(missing_view("ServiceAccount", &name.value, cache, consequence)))
}

/// The ConfigMap of the Corefile, where the namespace's ConfigMaps are in the snapshot.
fn config_map(cache: &Cache<'_>, workload: &Workload) -> Option<Located<MissingObjectView>> {
    if cache.server.config.is_some() {
        return None;
    }
    let namespace = &cache.server.namespace;
    let maps = &cache.cluster.objects.config_maps;
    let sources = workload.pod.volumes.iter().filter_map(|v| v.config_map.as_ref()).filter(|map| !map.optional);
    let absent = |name: &str| !maps.iter().any(|map| map.meta.is(namespace, name));
    let source = sources.into_iter().find(|source| absent(&source.name.value))?;
    let neighbours = maps.iter().any(|map| map.meta.namespace.value == *namespace);
    // a Corefile of a node cache that no workload mounts is the one that was meant
    let meant = |server: &&DnsServer| {
        server.kind == ServerKind::NodeCache && server.workload.is_none() && server.namespace == *namespace
    };
    let stray = cache.cluster.dns_servers.iter().find(meant);
    let stray = stray.and_then(|s| s.config.as_ref()?.config_map).and_then(|index| maps.get(index));
    if !neighbours {
        return None;
    }
    let consequence = "the pods wait for the volume and never start";
    let mut view = missing_view("ConfigMap", &source.name.value, cache, consequence);
    view.certain = stray.is_some();
    view.related = stray.map(|map| map.meta.name.clone()).into_iter().collect();
    Some(source.name.with(view))
}

/// The Service behind `__PILLAR__CLUSTER__DNS__`: absent, without an address, or without pods.
fn upstream_service(cache: &Cache<'_>) -> Option<Located<MissingObjectView>> {
    let mut upstreams = cache.forwards().flat_map(|(_, forward)| &forward.upstreams);
    let used = upstreams.find(|u| matches!(&u.value, Upstream::Placeholder(text) if text == CLUSTER_DNS))?;
    let name = cache.upstream_service();
    let flag = cache.flag("upstreamsvc");
    let place = flag.clone().unwrap_or_else(|| used.with(CLUSTER_DNS.to_owned()));
    let user = used.with(CLUSTER_DNS.to_owned());
    let objects = &cache.cluster.objects;
    let Some(service) = objects.services_named(&cache.server.namespace, &name).next() else {
        return absent_service(cache, &name, flag.is_some()).map(|mut view| {
            view.related.extend(flag.is_some().then_some(user));
            place.with(view)
        });
    };
    if service.headless {
        let consequence = "it is headless and has no address: CoreDNS gets `<nil>` as upstream and exits";
        let mut view = missing_view("address", &name, cache, consequence);
        view.related = vec![service.meta.name.clone()];
        return Some(place.with(view));
    }
    without_pods(cache, service)
}

fn absent_service(cache: &Cache<'_>, name: &str, named: bool) -> Option<MissingObjectView> {
    let here = |service: &&Service| service.meta.namespace.value == cache.server.namespace;
    let services: Vec<&Service> = cache.cluster.objects.services.iter().filter(here).collect();
    let dns = cache.facts.dns_services.iter().filter_map(|index| cache.cluster.objects.services.get(*index)).find(here);
    if services.is_empty() || cache.is_live_export() {
        return None;
    }
    let consequence = "the process finds no address for it: CoreDNS gets `<nil>` as upstream and exits";
    let mut view = missing_view("Service", name, cache, consequence);
    // a name that was given on purpose may belong to an object that just was not collected
    view.certain = !named && dns.is_some();
    view.related = dns.map(|service| service.meta.name.clone()).into_iter().collect();
    Some(view)
}

/// The upstream Service selects none of the DNS pods that the snapshot has.
fn without_pods(cache: &Cache<'_>, service: &Service) -> Option<Located<MissingObjectView>> {
    let workloads = &cache.cluster.objects.workloads;
    let namespace = &service.meta.namespace.value;
    let servers = cache.cluster.dns_servers.iter().filter(|s| s.kind != ServerKind::NodeCache);
    let mut dns = servers.filter_map(|s| workloads.get(s.workload?)).filter(|w| w.meta.namespace.value == *namespace);
    let first = dns.next()?;
    let selected =
        workloads.iter().any(|w| w.meta.namespace.value == *namespace && selects(&service.selector, &w.pod_labels));
    if selected || service.selector.is_empty() {
        return None;
    }
    let place = service.selector_location?;
    let consequence = "its selector matches no DNS pod, so that queries to it are rejected";
    let mut view = missing_view("pods", &service.meta.name.value, cache, consequence);
    view.related = vec![first.meta.name.clone()];
    Some(Located::at(view, place))
}
