//! What CoreDNS's `kubernetes` plugin answers for a name, from the objects of the snapshot (`plugin/kubernetes`).

use super::endpoints::{Endpoint, endpoints_of, service_endpoints};
use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::analysis::servers::chain::is_reverse;
use crate::diagnostic::nearest;
use crate::model::Cluster;
use crate::model::object::selects;
use crate::model::service::Service;
use crate::model::workload::Workload;
use crate::source::Location;
use crate::syntax::corefile::Directive;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Pods that are named one by one where their addresses are unknown.
const MAX_ORDINALS: i64 = 16;

/// An answer, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Answer {
    /// Records: addresses, names of a PTR, targets of an SRV.
    Records {
        /// Their data as text.
        records: Vec<String>,
        /// What they stand for.
        what: String,
    },
    /// An alias to a name that is asked for next.
    Alias {
        /// The name, fully qualified.
        target: String,
        /// What it stands for.
        what: String,
    },
    /// The name does not exist.
    Nxdomain {
        /// Why, as a clause.
        reason: String,
    },
    /// The name exists without such records.
    Nodata {
        /// Why, as a clause.
        reason: String,
    },
    /// The server answers with an error.
    Error {
        /// `REFUSED` or `SERVFAIL`.
        code: String,
        /// Why, as a clause.
        reason: String,
    },
    /// A server outside the snapshot decides.
    Outside {
        /// Its address.
        server: String,
        /// The name that it is asked for, which a `rewrite` may have changed.
        name: String,
        /// The record types that it is asked for.
        types: Vec<String>,
    },
    /// The query ends where nothing answers.
    DeadEnd {
        /// Why, as a clause.
        reason: String,
    },
    /// Data that the snapshot lacks decide.
    Unknown {
        /// Which, as a clause.
        reason: String,
    },
}

impl Answer {
    pub(super) fn no(reason: impl Into<String>) -> Self {
        Self::Nxdomain { reason: reason.into() }
    }

    /// Whether the name certainly has records.
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        matches!(self, Self::Records { .. })
    }

    /// Whether nobody can tell from the snapshot.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Outside { .. } | Self::Unknown { .. })
    }
}

/// An answer with the places of the objects that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// The objects.
    pub at: Vec<Location>,
}

fn answered(answer: Answer, at: impl IntoIterator<Item = Location>) -> Answered {
    Answered { answer, at: at.into_iter().collect() }
}

fn nothing(reason: impl Into<String>) -> Answered {
    answered(Answer::no(reason), [])
}

/// The plugin's settings that decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pods {
    /// No `pod` names.
    Disabled,
    /// An address for every name that spells one.
    Insecure,
    /// Only for addresses that a pod has.
    Verified,
}

/// The plugin as a block sets it up.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// `pods`.
    pub pods: Pods,
    /// `endpoint_pod_names`.
    pub pod_names: bool,
    /// `namespaces`; empty means all.
    pub namespaces: Vec<String>,
}

impl Plugin {
    /// Reads the properties of the directive.
    #[must_use]
    pub fn read(directive: &Directive) -> Self {
        let pods = match directive.property("pods").and_then(|p| p.arg_texts().next()) {
            Some("insecure") => Pods::Insecure,
            Some("verified") => Pods::Verified,
            _ => Pods::Disabled,
        };
        let namespaces =
            directive.properties_named("namespaces").flat_map(|p| p.arg_texts()).map(str::to_owned).collect();
        Self { pods, pod_names: directive.property("endpoint_pod_names").is_some(), namespaces }
    }

    /// kube-dns, which answers every name of a pod's address (`generateRecordsForPod` in pkg/dns of kubernetes/dns).
    #[must_use]
    pub const fn of_kube_dns() -> Self {
        Self { pods: Pods::Insecure, pod_names: false, namespaces: Vec::new() }
    }

    fn exposes(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|n| n == namespace)
    }
}

/// The parts of a name below a zone (`parseRequest`).
struct Request<'n> {
    service: &'n str,
    namespace: &'n str,
    endpoint: Option<&'n str>,
    port: Option<(&'n str, &'n str)>,
}

/// The answer for `name` (fully qualified, lower case) below `zone` and these types, as the plugin's `ServeDNS` and
/// `Services` give it (plugin/kubernetes of CoreDNS): a type that a name does not have is NODATA, but for names of
/// addresses, which exist for PTR alone.
#[must_use]
pub fn answer(cluster: &Cluster, plugin: &Plugin, name: &str, zone: &str, types: &[String]) -> Answered {
    let asks = |kind: &str| types.iter().any(|asked| asked == kind);
    let records = |records: Vec<String>, what: &str| answered(Answer::Records { records, what: what.to_owned() }, []);
    if name == zone && (asks("NS") || asks("SOA")) {
        return records(Vec::new(), "the zone's own");
    }
    if asks("TXT") && name.strip_suffix(zone) == Some("dns-version.") {
        return records(vec!["1.1.0".to_owned()], "the version of the names' schema");
    }
    if is_reverse(zone) {
        return if asks("PTR") {
            of_name(cluster, plugin, name, zone)
        } else {
            nothing("addresses have PTR records alone")
        };
    }
    let is_port = name.starts_with('_');
    if is_port && asks("SRV") {
        return of_name(cluster, plugin, name, zone);
    }
    // the addresses behind a port are those of the Service
    let bare = if is_port { name.splitn(3, '.').nth(2).unwrap_or(name) } else { name };
    let found = of_name(cluster, plugin, bare, zone);
    Answered { answer: of_types(found.answer, types), at: found.at }
}

/// What is left of an answer about addresses for these types.
fn of_types(answer: Answer, types: &[String]) -> Answer {
    let asks = |kind: &str| types.iter().any(|asked| asked == kind);
    let nodata =
        || Answer::Nodata { reason: format!("names of Services and pods have no {} records", types.join(" or ")) };
    match answer {
        Answer::Alias { target, what } if asks("CNAME") => Answer::Records { records: vec![target], what },
        Answer::Alias { target, what } if asks("A") || asks("AAAA") => Answer::Alias { target, what },
        Answer::Records { records, what } if asks("A") && asks("AAAA") => Answer::Records { records, what },
        Answer::Records { records, what } if asks("A") || asks("AAAA") => {
            let is_wanted = |record: &String| record.contains(':') == asks("AAAA");
            let of_family: Vec<String> = records.iter().filter(|record| is_wanted(record)).cloned().collect();
            if of_family.is_empty() && !records.is_empty() {
                return Answer::Nodata { reason: format!("only of the other IP family: {what}") };
            }
            Answer::Records { records: of_family, what }
        }
        Answer::Records { what, .. } if asks("SRV") => {
            Answer::Records { records: Vec::new(), what: format!("one for each port behind the {what}") }
        }
        Answer::Alias { .. } | Answer::Records { .. } => nodata(),
        other => other,
    }
}

fn of_name(cluster: &Cluster, plugin: &Plugin, name: &str, zone: &str) -> Answered {
    if is_reverse(zone) {
        return reverse(cluster, plugin, name);
    }
    let base = if zone == "." { name } else { name.strip_suffix(zone).unwrap_or("") }.trim_matches('.');
    let apex = |reason: &str| answered(Answer::Nodata { reason: reason.to_owned() }, []);
    let mut labels: Vec<&str> = base.split('.').filter(|l| !l.is_empty()).collect();
    match labels.pop() {
        None => return apex("the name is the zone itself"),
        Some("svc") => {}
        Some("pod") => return pod(cluster, plugin, &labels),
        Some("dns") if labels == ["ns"] => {
            return answered(Answer::Records { records: Vec::new(), what: "the DNS Service itself".to_owned() }, []);
        }
        Some(other) => {
            return nothing(format!(
                "names of Services end in svc.{zone}, of pods in pod.{zone}; this one has `{other}` there"
            ));
        }
    }
    let Some(namespace) = labels.pop() else { return apex("no namespace is named") };
    if !plugin.exposes(namespace) {
        return nothing(format!("the server's `namespaces` leaves out {namespace}"));
    }
    let Some(service) = labels.pop() else {
        let known = namespaces(cluster).contains(namespace);
        return if known { apex("a namespace has no address") } else { nothing(unknown_namespace(cluster, namespace)) };
    };
    let request = match labels.as_slice() {
        [] => Request { service, namespace, endpoint: None, port: None },
        [endpoint] => Request { service, namespace, endpoint: Some(endpoint), port: None },
        [port, protocol] => {
            let port = Some((port.trim_start_matches('_'), protocol.trim_start_matches('_')));
            Request { service, namespace, endpoint: None, port }
        }
        _ => return nothing(format!("there are too many labels before svc.{zone}")),
    };
    of_service(cluster, plugin, &request, zone)
}

fn unknown_namespace(cluster: &Cluster, namespace: &str) -> String {
    format!("the snapshot has no namespace {namespace}{}", meant(namespace, namespaces(cluster)))
}

/// ` (did you mean …?)` where one of the names is near.
fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

/// Every namespace that an object of the snapshot stands in.
fn namespaces(cluster: &Cluster) -> BTreeSet<&str> {
    let objects = &cluster.objects;
    let metas = objects.services.iter().map(|s| &s.meta).chain(objects.workloads.iter().map(|w| &w.meta));
    let metas = metas.chain(objects.config_maps.iter().map(|m| &m.meta));
    let own = objects.of_kind("Namespace").iter().map(|n| n.meta.name.value.as_str());
    metas.map(|m| m.namespace.value.as_str()).chain(own).chain(["default", "kube-system"]).collect()
}

fn of_service(cluster: &Cluster, plugin: &Plugin, request: &Request<'_>, zone: &str) -> Answered {
    let found: Vec<&Service> = cluster.objects.services_named(request.namespace, request.service).collect();
    let Some(service) = found.first() else {
        if (request.namespace, request.service) == ("default", "kubernetes") && request.endpoint.is_none() {
            let what = "the API server's Service, which every cluster has".to_owned();
            return answered(Answer::Records { records: Vec::new(), what }, []);
        }
        return no_service(cluster, request, zone);
    };
    let at = [service.meta.name_location()];
    if let Some(external) = &service.external_name
        && service.is_type("ExternalName")
    {
        let what = format!("ExternalName of Service {}", service.meta.name.value);
        return answered(Answer::Alias { target: format!("{}.", external.value.trim_end_matches('.')), what }, at);
    }
    if let Some((port, protocol)) = request.port
        && !has_port(service, port, protocol)
    {
        let names: Vec<String> = service
            .ports
            .iter()
            .filter_map(|p| {
                p.value.name.as_ref().map(|n| format!("_{}._{}", n.value, p.value.protocol.value.to_ascii_lowercase()))
            })
            .collect();
        let list = if names.is_empty() { "has no named port".to_owned() } else { format!("has {}", names.join(", ")) };
        return answered(Answer::no(format!("Service {} {list}", service.meta.name.value)), at);
    }
    if service.headless || request.endpoint.is_some() {
        return headless(cluster, plugin, service, request, zone);
    }
    let mut records: Vec<String> = service.cluster_ips.iter().map(|ip| ip.value.clone()).collect();
    if request.port.is_some() {
        records = vec![format!("{}.{}.svc.{zone}", request.service, request.namespace)];
    }
    let what = if records.is_empty() {
        format!("ClusterIP of Service {}, which the API server chooses", service.meta.name.value)
    } else {
        format!("ClusterIP of Service {}", service.meta.name.value)
    };
    answered(Answer::Records { records, what }, at)
}

fn has_port(service: &Service, name: &str, protocol: &str) -> bool {
    service.ports.iter().any(|port| {
        port.value.name.as_ref().is_some_and(|n| n.value.eq_ignore_ascii_case(name))
            && port.value.protocol.value.eq_ignore_ascii_case(protocol)
    })
}

fn headless(cluster: &Cluster, plugin: &Plugin, service: &Service, request: &Request<'_>, zone: &str) -> Answered {
    let name = &service.meta.name.value;
    let mut at = vec![service.meta.name_location()];
    let Some(endpoints) = service_endpoints(cluster, service) else {
        return without_endpoints(cluster, service, request);
    };
    let label = |e: &Endpoint| e.label(plugin.pod_names);
    let matching: Vec<&Endpoint> =
        endpoints.iter().filter(|e| request.endpoint.is_none_or(|want| label(e) == want)).collect();
    if matching.is_empty() {
        let labels: Vec<String> = endpoints.iter().map(label).collect();
        let reason = match request.endpoint {
            Some(want) if !labels.is_empty() => {
                format!("no endpoint of Service {name} is called {want}; there are {}", labels.join(", "))
            }
            _ => format!("Service {name} is headless and has no ready endpoint"),
        };
        return answered(Answer::no(reason), at);
    }
    at.extend(matching.iter().map(|e| e.location));
    at.dedup();
    let records = matching.iter().map(|e| match request.port {
        Some(_) => format!("{}.{name}.{}.svc.{zone}", label(e), request.namespace),
        None => e.address.to_string(),
    });
    let kind = if service.headless { "headless Service" } else { "Service" };
    let what = format!("endpoints of the {kind} {name}");
    answered(Answer::Records { records: records.collect(), what }, at)
}

/// A headless Service whose endpoints the snapshot lacks: its pods are known, their addresses are not.
fn without_endpoints(cluster: &Cluster, service: &Service, request: &Request<'_>) -> Answered {
    let name = &service.meta.name.value;
    let at = [service.meta.name_location()];
    let makers = selected(cluster, service);
    if service.selector.is_empty() {
        let reason = format!("Service {name} has no selector, and the snapshot no Endpoints of it");
        return answered(Answer::Unknown { reason }, at);
    }
    if makers.is_empty() {
        return answered(Answer::no(format!("no pod of the snapshot has the labels that Service {name} selects")), at);
    }
    let governed =
        |w: &&&Workload| w.is_kind("StatefulSet") && w.service_name.as_ref().is_some_and(|s| s.value == *name);
    let hosts: Vec<String> = makers.iter().filter(governed).flat_map(|w| ordinals(w)).collect();
    let own_host = makers.iter().filter_map(|w| {
        let in_service = w.pod.subdomain.as_ref().is_some_and(|s| s.value == *name);
        w.pod.hostname.as_ref().filter(|_| in_service).map(|h| h.value.clone())
    });
    let hosts: Vec<String> = hosts.into_iter().chain(own_host).collect();
    let names: Vec<String> = makers.iter().map(|w| format!("{} {}", w.meta.kind.value, w.meta.name.value)).collect();
    match request.endpoint {
        Some(want) if hosts.iter().any(|h| h == want) => {
            let what = format!("address of pod {want}, once it is ready");
            answered(Answer::Records { records: Vec::new(), what }, at)
        }
        Some(want) => {
            let list = if hosts.is_empty() {
                "its pods have no host names".to_owned()
            } else {
                format!("its pods are {}", hosts.join(", "))
            };
            answered(Answer::no(format!("no pod behind Service {name} is called {want}: {list}")), at)
        }
        None => {
            let what = format!("addresses of the ready pods of {}", names.join(", "));
            answered(Answer::Records { records: Vec::new(), what }, at)
        }
    }
}

fn selected<'a>(cluster: &'a Cluster, service: &Service) -> Vec<&'a Workload> {
    let all = cluster.objects.workloads.iter();
    all.filter(|w| {
        let labels = if w.is_kind("Pod") { &w.meta.labels } else { &w.pod_labels };
        w.meta.namespace.value == service.meta.namespace.value && selects(&service.selector, labels)
    })
    .collect()
}

fn ordinals(workload: &Workload) -> Vec<String> {
    let count = workload.replicas.as_ref().map_or(1, |r| r.value).clamp(0, MAX_ORDINALS);
    (0..count).map(|n| format!("{}-{n}", workload.meta.name.value)).collect()
}

/// Why a Service does not exist, and which name was meant.
fn no_service(cluster: &Cluster, request: &Request<'_>, zone: &str) -> Answered {
    let Request { service, namespace, .. } = request;
    if !namespaces(cluster).contains(namespace) {
        return nothing(unknown_namespace(cluster, namespace));
    }
    let base = format!("namespace {namespace} has no Service {service}");
    for set in
        cluster.objects.workloads.iter().filter(|w| w.is_kind("StatefulSet") && w.meta.namespace.value == *namespace)
    {
        let ordinal = service.strip_prefix(set.meta.name.value.as_str()).and_then(|rest| rest.strip_prefix('-'));
        if ordinal.is_none_or(|o| o.parse::<u32>().is_err()) {
            continue;
        }
        let governing = set.service_name.as_ref().filter(|s| !s.value.is_empty());
        let reason = match governing {
            Some(governing) => format!(
                "{base}: it is a pod of StatefulSet {}, whose name stands before its Service: \
                 {service}.{}.{namespace}.svc.{zone}",
                set.meta.name.value, governing.value
            ),
            None => format!("{base}: it is a pod of StatefulSet {}, which has no serviceName", set.meta.name.value),
        };
        return answered(Answer::no(reason), [set.meta.name_location()]);
    }
    let elsewhere: Vec<&Service> = cluster.objects.services.iter().filter(|s| s.meta.name.value == *service).collect();
    match elsewhere.first() {
        Some(other) => {
            let reason = format!("{base}; namespace {} has one", other.meta.namespace.value);
            answered(Answer::no(reason), [other.meta.name_location()])
        }
        None => {
            let here = cluster.objects.services.iter().filter(|s| s.meta.namespace.value == *namespace);
            nothing(format!("{base}{}", meant(service, here.map(|s| s.meta.name.value.as_str()))))
        }
    }
}

/// `1-2-3-4.namespace.pod`.
fn pod(cluster: &Cluster, plugin: &Plugin, labels: &[&str]) -> Answered {
    let [name, namespace] = labels else { return nothing("names of pods are ADDRESS.NAMESPACE.pod") };
    if plugin.pods == Pods::Disabled {
        return nothing("the server answers no names of pods (`pods disabled`)");
    }
    if !namespaces(cluster).contains(namespace) {
        return nothing(unknown_namespace(cluster, namespace));
    }
    let v4: Option<IpAddr> = name.replace('-', ".").parse::<Ipv4Addr>().ok().map(Into::into);
    let v6: Option<IpAddr> = name.replace('-', ":").parse::<Ipv6Addr>().ok().map(Into::into);
    let Some(ip) = v4.or(v6) else { return nothing(format!("`{name}` spells no address (1-2-3-4)")) };
    let what = match plugin.pods {
        Pods::Insecure => "the address in the name itself (`pods insecure`)",
        _ => "the address in the name, if a pod of the namespace has it (`pods verified`)",
    };
    answered(Answer::Records { records: vec![ip.to_string()], what: what.to_owned() }, [])
}

/// The address that a reverse name spells.
#[must_use]
pub fn reverse_address(name: &str) -> Option<IpAddr> {
    if let Some(rest) = name.strip_suffix(".in-addr.arpa.") {
        let parts: Vec<&str> = rest.split('.').rev().collect();
        return parts.join(".").parse::<Ipv4Addr>().ok().map(Into::into);
    }
    let rest = name.strip_suffix(".ip6.arpa.")?;
    let digits: Vec<&str> = rest.split('.').rev().collect();
    if digits.len() != 32 || digits.iter().any(|d| d.len() != 1) {
        return None;
    }
    let groups: Vec<String> = digits.chunks(4).map(<[&str]>::concat).collect();
    groups.join(":").parse::<Ipv6Addr>().ok().map(Into::into)
}

/// The reverse name of an address.
#[must_use]
pub fn reverse_name(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(ip) => {
            let digits = ip.octets().iter().rev().map(|o| format!("{:x}.{:x}.", o & 15, o >> 4)).collect::<String>();
            format!("{digits}ip6.arpa.")
        }
    }
}

/// PTR: a ClusterIP gives its Service, a pod address every endpoint that has it.
fn reverse(cluster: &Cluster, plugin: &Plugin, name: &str) -> Answered {
    let Some(ip) = reverse_address(name) else { return nothing("the name spells no whole address") };
    let domain = crate::analysis::facts::Facts::of(cluster)
        .domains
        .first()
        .map_or_else(|| CLUSTER_DOMAIN.to_owned(), |d| d.value.clone());
    let services = cluster.objects.services.iter();
    if let Some(service) = services.clone().find(|s| s.addresses().any(|own| own == ip)) {
        let record = format!("{}.{}.svc.{domain}.", service.meta.name.value, service.meta.namespace.value);
        let what = format!("ClusterIP of Service {}", service.meta.name.value);
        return answered(Answer::Records { records: vec![record], what }, [service.meta.name_location()]);
    }
    let mut records = Vec::new();
    let mut at = Vec::new();
    for endpoint in endpoints_of(cluster).into_iter().filter(|e| e.address == ip) {
        let label = endpoint.label(plugin.pod_names);
        records.push(format!("{label}.{}.{}.svc.{domain}.", endpoint.service, endpoint.namespace));
        at.push(endpoint.location);
    }
    if records.is_empty() {
        return nothing(format!("no Service and no endpoint of the snapshot has {ip}"));
    }
    answered(Answer::Records { records, what: format!("endpoints with {ip}") }, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_names() {
        for (ip, name) in [
            ("10.233.102.133", "133.102.233.10.in-addr.arpa."),
            ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."),
        ] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(reverse_name(ip), name);
            assert_eq!(reverse_address(name), Some(ip));
        }
        assert_eq!(reverse_address("233.10.in-addr.arpa."), None);
        assert_eq!(reverse_address("x.ip6.arpa."), None);
    }
}
