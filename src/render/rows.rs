//! The parameters that decide the rendered files, as they are shown.

use super::changes::NodeChange;
use super::chosen::Chosen;
use super::context::texts;
use super::distribution::Distribution;
use super::parameters::{Mode, Parameters};
use super::plan::Row;
use super::request::{Request, Resolver};
use std::net::IpAddr;

/// What the rendered parts depend on.
#[must_use]
pub fn of(request: &Request, parameters: &Parameters, changes: &[NodeChange]) -> Vec<Row> {
    let mut rows = if request.wants(request.resolver_part()) {
        of_resolver(request, parameters)
    } else {
        of_nodes_alone(parameters, changes)
    };
    for path in changes.iter().filter_map(|change| change.resolv_conf.as_ref()) {
        let row = row("resolver file for pods", path, Clone::clone);
        // nodes with the same file are told once
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

fn row<T>(name: &'static str, chosen: &Chosen<T>, text: impl Fn(&T) -> String) -> Row {
    Row { name, value: text(&chosen.value), source: chosen.source.clone() }
}

fn addresses(list: &[IpAddr]) -> String {
    texts(list).join(" ")
}

fn service_addresses(parameters: &Parameters) -> Row {
    row("Service addresses", &parameters.cluster_dns, |list| addresses(list))
}

fn of_nodes_alone(parameters: &Parameters, changes: &[NodeChange]) -> Vec<Row> {
    if changes.iter().all(|change| change.cluster_dns.is_empty()) {
        return Vec::new();
    }
    let named = match parameters.mode {
        Mode::LocalOnly => row("cache address", &parameters.local_ips, |list| addresses(list)),
        Mode::Intercept | Mode::Redirect => service_addresses(parameters),
    };
    vec![row("kube-proxy", &parameters.proxy, |mode| mode.as_str().to_owned()), named]
}

fn of_resolver(request: &Request, parameters: &Parameters) -> Vec<Row> {
    let chart = request.takes_settings_alone() && request.distribution == Distribution::Rke2;
    let mut rows = vec![
        row("cluster domain", &parameters.cluster_domain, Clone::clone),
        row("DNS Service", &parameters.dns_service, |s| format!("{}/{}", s.namespace, s.name)),
        service_addresses(parameters),
        row("kube-proxy", &parameters.proxy, |mode| mode.as_str().to_owned()),
    ];
    if parameters.mode != Mode::Redirect {
        rows.push(row("cache address", &parameters.local_ips, |list| addresses(list)));
    }
    if !chart {
        rows.push(row("other names go to", &parameters.upstreams, |list| list.join(" ")));
    }
    rows.extend(parameters.stub_zones.iter().map(|stub| {
        row("stub zone", stub, |s| {
            let to = if s.servers.is_empty() || chart { "CoreDNS".to_owned() } else { s.servers.join(" ") };
            format!("{} to {to}", s.zone)
        })
    }));
    if !request.takes_settings_alone() {
        if request.resolver == Resolver::NodeCache {
            rows.push(row("image", &parameters.image, Clone::clone));
        }
        rows.push(row("cached answers", &parameters.cache_entries, ToString::to_string));
    }
    if !chart && request.resolver != Resolver::HickoryDns {
        rows.push(row("health port", &parameters.health_port, ToString::to_string));
        rows.push(row("metrics port", &parameters.metrics_port, ToString::to_string));
    }
    rows
}
