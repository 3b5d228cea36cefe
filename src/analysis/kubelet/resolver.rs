//! A kubelet that hands out another resolver file than the node itself uses.

use crate::analysis::node_dns::NodeDns;
use crate::analysis::node_dns::pod_file::PodFileState;
use crate::analysis::views::kubelet::OtherResolver;
use crate::source::Located;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The two files, where somebody chose another one and their nameservers differ.
///
/// A node whose own file names a resolver of its own (127.0.0.53) has the upstreams in the other file: nothing to say.
pub fn other(dns: &NodeDns) -> Option<Located<OtherResolver>> {
    let setting = dns.pod_file.setting.clone();
    let PodFileState::Read(host) = &dns.host_file else { return None };
    let pods = dns.pod_file.read()?;
    let (nameservers, host_nameservers) = (servers(&pods.host)?, servers(&host.host)?);
    let plain = |list: &[Located<String>]| list.iter().map(|ip| ip.value.clone()).collect::<BTreeSet<_>>();
    let local = |ip: &Located<String>| ip.value.parse::<IpAddr>().is_ok_and(super::addresses::is_local);
    let nothing_to_compare = nameservers.is_empty() || host_nameservers.is_empty() || setting.is_empty();
    if nothing_to_compare || host_nameservers.iter().any(local) || plain(&nameservers) == plain(&host_nameservers) {
        return None;
    }
    let view = OtherResolver { path: dns.pod_file.path.clone(), nameservers, host_nameservers };
    Some(Located::from_origins(view, setting))
}

fn servers(file: &crate::analysis::effective::pod_dns::HostFile) -> Option<Vec<Located<String>>> {
    match file {
        crate::analysis::effective::pod_dns::HostFile::Read(dns) => Some(dns.nameservers.clone()),
        _ => None,
    }
}
