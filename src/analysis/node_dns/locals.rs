//! Resolvers that run on a node: dnsmasq and systemd-resolved, what they listen on and whom they ask.

use crate::analysis::node_cache::NodeListener;
use crate::analysis::servers::read::zone_of;
use crate::analysis::servers::routing::LocalResolver;
use crate::model::node::Node;
use crate::source::{FileId, FileKind, Located, Location, Lookup, NodeRoot, Snapshot, Span, Spanned};
use crate::syntax::dnsmasq::{self, DnsmasqConf, DomainMatch, ListenMode, Settings, Target};
use crate::syntax::resolv_conf::{ResolvConf, dnsmasq_resolv_file};
use crate::syntax::resolved::{self, ResolvedConf};
use std::net::{IpAddr, Ipv4Addr};

/// The resolvers of a node, as the routing graph takes them.
#[must_use]
pub fn resolvers(snapshot: &Snapshot, root: &NodeRoot, node: &Node) -> Vec<LocalResolver> {
    let dnsmasq = Dnsmasq::read(snapshot, root, node).and_then(|d| d.resolver(snapshot, root));
    dnsmasq.into_iter().chain(systemd_resolved(snapshot, root)).collect()
}

/// What listens on port 53 of a node's own addresses, for conflicts with a node cache.
#[must_use]
pub fn listeners(snapshot: &Snapshot, root: &NodeRoot, node: &Node) -> Vec<NodeListener> {
    let Some(found) = Dnsmasq::read(snapshot, root, node) else { return Vec::new() };
    let listening = found.listening();
    let addresses = match listening.mode {
        ListenMode::Off => return Vec::new(),
        ListenMode::Wildcard => Vec::new(),
        // with an interface list it stays away from the cache's; without one, bind-dynamic takes its address too
        ListenMode::BindInterfaces | ListenMode::BindDynamic | ListenMode::Loopback => return Vec::new(),
    };
    if listening.port != 53 {
        return Vec::new();
    }
    vec![NodeListener { node: node.name.clone(), program: "dnsmasq".to_owned(), addresses, location: found.location }]
}

/// dnsmasq on a node: its command line and every configuration file that it reads.
struct Dnsmasq {
    sources: Vec<(FileId, DnsmasqConf)>,
    location: Location,
}

impl Dnsmasq {
    /// Finds dnsmasq by its unit, or by a configuration file where no unit was collected.
    fn read(snapshot: &Snapshot, root: &NodeRoot, node: &Node) -> Option<Self> {
        let process = node.services.values().find(|service| service.program() == "dnsmasq" && !service.masked);
        let mut sources = Vec::new();
        let mut location = None;
        if let Some(process) = process {
            let file = process.file.or_else(|| process.location().map(|l| l.file))?;
            let words: Vec<Spanned<String>> = process
                .arguments()
                .iter()
                .filter_map(|word| Some(Spanned::new(word.text.as_str().to_owned(), word.text.location()?.span)))
                .collect();
            sources.push((file, DnsmasqConf::parse_args(&words)));
            location = process.location();
        }
        let files: Vec<FileId> = snapshot
            .files
            .iter()
            .filter(|f| f.kind == FileKind::Dnsmasq && f.node == Some(root.index))
            .filter(|f| f.node_path.as_deref().is_some_and(|path| !path.contains("NetworkManager")))
            .map(|f| f.id)
            .collect();
        if let Some(first) = files.first() {
            let text = &snapshot.file(*first).text;
            location = Some(Location::new(*first, Span::new(0, text.find('\n').unwrap_or(text.len()))));
        }
        sources.extend(files.into_iter().map(|file| (file, DnsmasqConf::parse(&snapshot.file(file).text))));
        Some(Self { location: location?, sources })
    }

    fn settings(&self) -> Vec<&Settings> {
        self.sources.iter().map(|(_, conf)| &conf.settings).collect()
    }

    fn listening(&self) -> dnsmasq::Listening {
        dnsmasq::listening(&self.settings())
    }

    fn resolver(&self, snapshot: &Snapshot, root: &NodeRoot) -> Option<LocalResolver> {
        let listening = self.listening();
        let listens = match listening.mode {
            ListenMode::Off => return None,
            ListenMode::Loopback => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            _ => listening.addresses.clone(),
        };
        let (upstreams, conditional) = self.upstreams(snapshot, root);
        Some(LocalResolver { program: "dnsmasq".to_owned(), listens, upstreams, conditional, location: self.location })
    }

    /// Every `server=` and, unless `no-resolv`, the nameservers of the resolv-file.
    fn upstreams(
        &self,
        snapshot: &Snapshot,
        root: &NodeRoot,
    ) -> (Vec<Located<String>>, Vec<(String, Located<String>)>) {
        let (mut general, mut conditional) = (Vec::new(), Vec::new());
        for (file, conf) in &self.sources {
            for server in &conf.settings.servers {
                let Target::Address { address, port, .. } = &server.value.target else { continue };
                let text = match port {
                    Some(port) if *port != 53 => std::net::SocketAddr::new(*address, *port).to_string(),
                    _ => address.to_string(),
                };
                let located = Located::at(text, Location::new(*file, server.span));
                let domains = server.value.domains.iter().filter_map(|domain| match domain {
                    DomainMatch::Domain(name) | DomainMatch::Suffix(name) => Some(zone_of(name)),
                    _ => None,
                });
                if server.value.domains.is_empty() {
                    general.push(located);
                } else {
                    conditional.extend(domains.map(|zone| (zone, located.clone())));
                }
            }
        }
        if !self.settings().iter().any(|s| s.no_resolv.is_some()) {
            general.extend(self.resolv_file(snapshot, root));
        }
        (general, conditional)
    }

    fn resolv_file(&self, snapshot: &Snapshot, root: &NodeRoot) -> Vec<Located<String>> {
        let named = self.settings().into_iter().flat_map(|s| &s.resolv_files).map(|f| f.value.clone()).next_back();
        let path = named.unwrap_or_else(|| "/etc/resolv.conf".to_owned());
        let Lookup::File { file, .. } = root.lookup(&path) else { return Vec::new() };
        let read = dnsmasq_resolv_file::read(&ResolvConf::parse(&snapshot.file(file).text));
        read.servers.into_iter().map(|n| n.map(|server| server.address.to_string()).located(file)).collect()
    }
}

/// systemd-resolved, where its configuration or its files show that it runs.
fn systemd_resolved(snapshot: &Snapshot, root: &NodeRoot) -> Option<LocalResolver> {
    let uplink = root.lookup("/run/systemd/resolve/resolv.conf");
    let files: Vec<FileId> = snapshot
        .files
        .iter()
        .filter(|f| f.kind == FileKind::ResolvedConf && f.node == Some(root.index))
        .map(|f| f.id)
        .collect();
    let parsed: Vec<ResolvedConf> = files.iter().map(|id| ResolvedConf::parse(&snapshot.file(*id).text)).collect();
    let effective = resolved::merge(&parsed.iter().collect::<Vec<_>>());
    let mut upstreams: Vec<Located<String>> = Vec::new();
    for server in effective.upstreams() {
        let file = files.get(server.file).copied()?;
        upstreams.push(Located::at(server.value.address.to_string(), Location::new(file, server.span)));
    }
    let mut location = upstreams.first().and_then(Located::location);
    if let Lookup::File { file, .. } = uplink {
        let conf = ResolvConf::parse(&snapshot.file(file).text);
        for nameserver in dnsmasq_resolv_file::read(&conf).servers {
            let located = nameserver.map(|server| server.address.to_string()).located(file);
            location = location.or_else(|| located.location());
            if !upstreams.iter().any(|known| known.value == located.value) {
                upstreams.push(located);
            }
        }
        location = location.or(Some(Location::new(file, Span::new(0, 0))));
    }
    let listens = vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54))];
    Some(LocalResolver {
        program: "systemd-resolved".to_owned(),
        listens,
        upstreams,
        conditional: Vec::new(),
        location: location?,
    })
}
