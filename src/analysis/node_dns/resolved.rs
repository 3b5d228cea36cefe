//! systemd-resolved on a node: its stub listeners, and which servers it asks for which names, link by link.

use crate::analysis::servers::read::{split_address, zone_of};
use crate::analysis::servers::routing::LocalResolver;
use crate::model::node::Node;
use crate::source::{FileId, FileKind, Located, Location, Lookup, NodeRoot, Snapshot, Span};
use crate::syntax::resolv_conf::{ResolvConf, dnsmasq_resolv_file};
use crate::syntax::resolved::{Assignment, Effective, ResolvedConf, STUB_ADDRESSES, SearchDomain, merge};
use std::net::{IpAddr, SocketAddr};

/// The servers of a link, or of the global settings, and the domains that lead to them.
#[derive(Default)]
struct Scope {
    servers: Vec<Located<String>>,
    domains: Vec<SearchDomain>,
    /// `DNSDefaultRoute=`.
    default_route: Option<bool>,
}

impl Scope {
    /// Whether names that no domain claims come here: not to a link with routing domains only
    /// (`link_get_default_route` in src/resolve/resolved-link.c of systemd).
    fn takes_the_rest(&self) -> bool {
        let root = self.domains.iter().any(|domain| domain.name == ".");
        root || self.default_route.unwrap_or_else(|| !self.domains.iter().any(|domain| domain.route_only))
    }
}

/// Directories of units that an administrator masks with a link to /dev/null (systemctl(1)).
const UNITS: [&str; 2] = ["/etc/systemd/system", "/run/systemd/system"];

/// Whether nothing can start systemd-resolved on a node.
pub(super) fn is_masked(root: &NodeRoot, node: &Node) -> bool {
    let by_link = |directory: &str| {
        let unit = root.lookup(&format!("{directory}/systemd-resolved.service"));
        matches!(unit, Lookup::Dangling { chain, .. } if chain.last().is_some_and(|target| target == "/dev/null"))
    };
    // where the unit itself was collected, too, it is among the services
    let by_unit = || node.services.iter().any(|(name, process)| name.starts_with("systemd-resolved") && process.masked);
    UNITS.iter().any(|directory| by_link(directory)) || by_unit()
}

/// systemd-resolved, where its configuration or its files show that it runs.
pub(super) fn resolver(snapshot: &Snapshot, root: &NodeRoot, node: &Node) -> Option<LocalResolver> {
    if is_masked(root, node) {
        return None;
    }
    let files = files(snapshot, root, FileKind::ResolvedConf);
    let parsed: Vec<ResolvedConf> = files.iter().map(|id| ResolvedConf::parse(&snapshot.file(*id).text)).collect();
    let effective = merge(&parsed.iter().collect::<Vec<_>>());
    let global = Scope {
        servers: global_servers(&effective, &files),
        domains: effective.domains.iter().map(|domain| domain.value.clone()).collect(),
        default_route: Some(true),
    };
    let uplink = uplink(snapshot, root);
    let extra = effective.stub_listener_extra.first().and_then(|e| Some(Location::new(*files.get(e.file)?, e.span)));
    let first = extra.or_else(|| global.servers.first().and_then(Located::location));
    let in_file = || {
        uplink.as_ref().map(|(file, servers)| {
            let start = Location::new(*file, Span::new(0, 0));
            servers.first().and_then(Located::location).unwrap_or(start)
        })
    };
    let mut resolver = LocalResolver::new("systemd-resolved", first.or_else(in_file)?);
    resolver.listens = listens(&effective);
    if resolver.listens.is_empty() {
        return None;
    }
    let links = links(snapshot, root);
    let narrow: Vec<&str> = links.iter().filter(|l| !l.takes_the_rest()).flat_map(words).collect();
    let scopes: Vec<&Scope> = std::iter::once(&global).chain(&links).collect();
    for scope in &scopes {
        for domain in scope.domains.iter().filter(|domain| domain.name != ".") {
            let zone = zone_of(&domain.name);
            resolver.conditional.extend(scope.servers.iter().map(|server| (zone.clone(), server.clone())));
        }
    }
    // a link with `~.` takes every name that no other domain claims, and then nobody else does
    let root_scopes: Vec<&&Scope> = scopes.iter().filter(|s| s.domains.iter().any(|d| d.name == ".")).collect();
    let general: Vec<&&Scope> =
        if root_scopes.is_empty() { scopes.iter().filter(|s| s.takes_the_rest()).collect() } else { root_scopes };
    for server in general.iter().flat_map(|scope| &scope.servers) {
        push(&mut resolver.upstreams, server.clone());
    }
    let closed = scopes.iter().any(|s| s.domains.iter().any(|d| d.name == "."));
    for server in uplink.into_iter().flat_map(|(_, servers)| servers).filter(|_| !closed) {
        if !narrow.contains(&server.value.as_str()) {
            push(&mut resolver.upstreams, server);
        }
    }
    Some(resolver)
}

fn words(scope: &Scope) -> impl Iterator<Item = &str> {
    scope.servers.iter().map(|server| server.value.as_str())
}

fn push(list: &mut Vec<Located<String>>, server: Located<String>) {
    if !list.iter().any(|known| known.value == server.value) {
        list.push(server);
    }
}

fn files(snapshot: &Snapshot, root: &NodeRoot, kind: FileKind) -> Vec<FileId> {
    snapshot.of_node(root.index).filter(|file| file.kind == kind).map(|file| file.id).collect()
}

/// 127.0.0.53 and 127.0.0.54 unless the stub is off, and the extra listeners on port 53.
fn listens(effective: &Effective) -> Vec<IpAddr> {
    let on = effective.stub_protocols() != (false, false);
    let stub = STUB_ADDRESSES.iter().filter(|_| on).map(|ip| IpAddr::V4(*ip));
    let extra = effective.stub_listener_extra.iter().filter(|extra| extra.value.port == 53);
    stub.chain(extra.map(|extra| extra.value.address)).collect()
}

fn global_servers(effective: &Effective, files: &[FileId]) -> Vec<Located<String>> {
    let located = |server: &crate::syntax::resolved::Sourced<crate::syntax::resolved::DnsServer>| {
        let file = files.get(server.file).copied()?;
        let text = address(server.value.address, server.value.effective_port());
        Some(Located::at(text, Location::new(file, server.span)))
    };
    effective.upstreams().filter(|server| !server.value.is_dropped()).filter_map(located).collect()
}

fn address(ip: IpAddr, port: u16) -> String {
    if port == 53 { ip.to_string() } else { SocketAddr::new(ip, port).to_string() }
}

/// The servers of every link and of the global settings, as resolved writes them down.
fn uplink(snapshot: &Snapshot, root: &NodeRoot) -> Option<(FileId, Vec<Located<String>>)> {
    let Lookup::File { file, .. } = root.lookup("/run/systemd/resolve/resolv.conf") else { return None };
    let read = dnsmasq_resolv_file::read(&ResolvConf::parse(&snapshot.file(file).text));
    let servers = read.servers.into_iter().map(|n| n.map(|server| server.address.to_string()).located(file));
    Some((file, servers.collect()))
}

/// The links that systemd.network(5) files and keyfile connections of NetworkManager configure.
fn links(snapshot: &Snapshot, root: &NodeRoot) -> Vec<Scope> {
    let networkd = files(snapshot, root, FileKind::Networkd).into_iter().map(|file| link(snapshot, file, "Network"));
    let manager = files(snapshot, root, FileKind::NetworkManager);
    let manager = manager.into_iter().map(|file| connection(snapshot, file));
    networkd.chain(manager).filter(|scope| !scope.servers.is_empty()).collect()
}

fn link(snapshot: &Snapshot, file: FileId, section: &str) -> Scope {
    let conf = ResolvedConf::parse(&snapshot.file(file).text);
    let mut scope = Scope::default();
    for assignment in conf.assignments.iter().filter(|a| a.section.as_deref() == Some(section)) {
        match assignment.key.value.as_str() {
            "DNS" => {
                let words = assignment.words().filter_map(|word| Some((server(word.value)?, word.span)));
                scope.servers.extend(words.map(|(text, span)| Located::at(text, Location::new(file, span))));
            }
            "Domains" => scope.domains.extend(assignment.words().filter_map(|word| SearchDomain::parse(word.value))),
            "DNSDefaultRoute" => scope.default_route = yes(&assignment.value.value),
            _ => {}
        }
    }
    scope
}

/// `dns=` and `dns-search=` of the sections `ipv4` and `ipv6` (nm-settings-keyfile(5)): lists with `;`.
fn connection(snapshot: &Snapshot, file: FileId) -> Scope {
    let conf = ResolvedConf::parse(&snapshot.file(file).text);
    let mut scope = Scope::default();
    let of_ip = |a: &&Assignment| matches!(a.section.as_deref(), Some("ipv4" | "ipv6"));
    for assignment in conf.assignments.iter().filter(of_ip) {
        let items = assignment.value.value.split([';', ',']).map(str::trim).filter(|item| !item.is_empty());
        match assignment.key.value.as_str() {
            "dns" => {
                let place = Location::new(file, assignment.value.span);
                scope.servers.extend(items.filter_map(server).map(|text| Located::at(text, place)));
            }
            "dns-search" => scope.domains.extend(items.filter_map(SearchDomain::parse)),
            _ => {}
        }
    }
    scope
}

/// `IP`, `IP:port`, with an interface after `%` and a name after `#` left out.
fn server(word: &str) -> Option<String> {
    let bare = word.split('#').next().unwrap_or(word);
    let (ip, port) = split_address(bare)?;
    Some(address(ip, port.unwrap_or(53)))
}

fn yes(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}
