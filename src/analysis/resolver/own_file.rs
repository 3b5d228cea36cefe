//! The resolver file that pods could be given instead of the node's: with the servers that they can use, and no others.

use super::{Around, MAX_NAMESERVERS};
use crate::analysis::effective::address::{is_cloud_resolver, is_container_bridge, is_magic_dns};
use crate::analysis::effective::pod_dns::{HostDns, HostFile};
use crate::analysis::node_dns::locals;
use crate::analysis::node_dns::pod_file::PodFileState;
use crate::analysis::views::resolv_conf::{OwnFile, ResolvConfView, UpstreamFile};
use crate::source::{Located, Lookup};
use crate::syntax::resolv_conf::address::strict;
use crate::syntax::resolv_conf::is_known_option;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Where the file belongs; `None` where there is one already, other than the one that pods inherit.
pub fn path(around: &Around<'_>) -> Option<String> {
    let directory = match super::states::distribution(around) {
        Some(name) => format!("/etc/rancher/{name}"),
        None => "/etc/kubernetes".to_owned(),
    };
    let path = format!("{directory}/resolv.conf");
    let free = matches!(around.root.lookup(&path), Lookup::Absent { .. }) || around.dns.pod_file.path == path;
    free.then_some(path)
}

/// The file, where the snapshot shows servers for it. They are those of the node's file that pods can use, else those
/// of another file, else those that a resolver on the node asks in general.
pub fn find(around: &Around<'_>, view: &ResolvConfView) -> Option<OwnFile> {
    let path = path(around)?;
    let file = node_file(around);
    let (nameservers, source) = servers(around, file.as_ref(), &view.upstream_files)?;
    let nameserver_lines: Vec<String> = nameservers.iter().map(|ip| format!("nameserver {ip}")).collect();
    let nameserver_lines = nameserver_lines.join("\n");
    let mut text = String::new();
    if let Some(HostDns { searches, options, .. }) = &file {
        let harmful = view.searches.iter().filter(|search| HARMFUL.contains(&search.value.class.as_str()));
        let left_out: Vec<&str> = harmful.map(|search| search.value.domain.as_str()).chain(["."]).collect();
        add_line(&mut text, "search", searches, &|domain| !left_out.contains(&domain));
        let _ = writeln!(text, "{nameserver_lines}");
        add_line(&mut text, "options", options, &is_for_pods);
    } else {
        let _ = writeln!(text, "{nameserver_lines}");
    }
    Some(OwnFile { path, text, nameserver_lines, source })
}

/// Classes of search domains of which pods get wrong answers.
const HARMFUL: [&str; 3] = ["wildcard", "public-suffix", "tailnet"];

/// Options that some library knows, without `trust-ad`: whether answers were validated says the resolver that is left out.
fn is_for_pods(option: &str) -> bool {
    is_known_option(option) && option != "trust-ad"
}

fn add_line(text: &mut String, keyword: &str, words: &[Located<String>], keep: &dyn Fn(&str) -> bool) {
    let kept: Vec<&str> = words.iter().map(|word| word.value.as_str()).filter(|word| keep(word)).collect();
    if !kept.is_empty() {
        let _ = writeln!(text, "{keyword} {}", kept.join(" "));
    }
}

/// What the node's file says: the one that pods inherit, else the node's own.
fn node_file(around: &Around<'_>) -> Option<HostDns> {
    let read = |state: &PodFileState| match state {
        PodFileState::Read(file) => match &file.host {
            HostFile::Read(dns) => Some(dns.clone()),
            _ => None,
        },
        _ => None,
    };
    read(&around.dns.pod_file.state).or_else(|| read(&around.dns.host_file))
}

fn servers(
    around: &Around<'_>,
    file: Option<&HostDns>,
    upstream: &[Located<UpstreamFile>],
) -> Option<(Vec<IpAddr>, String)> {
    let usable = |words: &mut dyn Iterator<Item = &str>| {
        let mut list: Vec<IpAddr> = Vec::new();
        for ip in words.filter_map(strict) {
            let plain = ip.to_canonical();
            let of_cluster = around.of_cluster.contains(plain);
            let of_node = plain.is_loopback() || plain.is_unspecified() || is_link_local(plain);
            if !of_cluster && !of_node && !is_magic_dns(ip) && !is_container_bridge(ip) && !list.contains(&ip) {
                list.push(ip);
            }
        }
        list.truncate(MAX_NAMESERVERS);
        (!list.is_empty()).then_some(list)
    };
    let own = file.and_then(|file| usable(&mut file.nameservers.iter().map(|word| word.value.as_str())));
    if let Some(list) = own {
        return Some((list, "the servers of the node's file that pods can use".to_owned()));
    }
    for other in upstream {
        if let Some(list) = usable(&mut other.value.nameservers.iter().map(String::as_str)) {
            return Some((list, format!("the servers of {}", other.value.path)));
        }
    }
    let resolvers = locals::resolvers(around.snapshot, around.root, around.node);
    resolvers.iter().find_map(|resolver| {
        let list = usable(&mut resolver.upstreams.iter().map(|upstream| upstream.value.as_str()))?;
        Some((list, format!("the servers that {} asks", resolver.program)))
    })
}

/// An address that only a link of the node gives a meaning to; resolvers of clouds are reached from pods, too.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local() && !is_cloud_resolver(ip),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
