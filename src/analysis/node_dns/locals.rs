//! Resolvers that run on a node: dnsmasq and systemd-resolved, what they listen on and whom they ask.

use super::resolved;
use crate::analysis::node_cache::NodeListener;
use crate::analysis::servers::dnsmasq_upstreams::{self, Source};
use crate::analysis::servers::routing::LocalResolver;
use crate::model::node::Node;
use crate::source::{FileId, FileKind, Located, Location, Lookup, NodeRoot, Snapshot, Span, Spanned};
use crate::syntax::dnsmasq::{self, DnsmasqConf, ListenMode, Settings};
use crate::syntax::resolv_conf::{ResolvConf, dnsmasq_resolv_file};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The resolvers of a node, as the routing graph takes them.
#[must_use]
pub fn resolvers(snapshot: &Snapshot, root: &NodeRoot, node: &Node) -> Vec<LocalResolver> {
    let dnsmasq = Dnsmasq::read(snapshot, root, node).and_then(|d| d.resolver(snapshot, root));
    dnsmasq.into_iter().chain(resolved::resolver(snapshot, root, node)).collect()
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
    let has_file = snapshot.file(found.location.file).kind == FileKind::Dnsmasq;
    let (node, program) = (node.name.clone(), "dnsmasq".to_owned());
    vec![NodeListener { node, program, addresses, location: found.location, has_file }]
}

/// dnsmasq on a node: its command line and every configuration file that it reads.
struct Dnsmasq {
    sources: Vec<(FileId, DnsmasqConf)>,
    location: Location,
}

impl Dnsmasq {
    /// Finds dnsmasq by its unit, or by a configuration file where no unit was collected.
    fn read(snapshot: &Snapshot, root: &NodeRoot, node: &Node) -> Option<Self> {
        let of_dnsmasq = || node.services.values().filter(|service| service.program() == "dnsmasq");
        let process = of_dnsmasq().find(|service| !service.masked);
        if process.is_none() && of_dnsmasq().next().is_some() {
            return None;
        }
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
            .of_node(root.index)
            .filter(|f| f.kind == FileKind::Dnsmasq)
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
        let loopback = || vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let only_loopback = listening.interfaces.iter().all(|name| name == "lo") && !listening.interfaces.is_empty();
        let mut resolver = LocalResolver::new("dnsmasq", self.location);
        resolver.port = listening.port;
        resolver.listens = match listening.mode {
            ListenMode::Off => return None,
            ListenMode::Loopback => loopback(),
            _ if only_loopback => loopback().into_iter().chain(listening.addresses.clone()).collect(),
            _ if !listening.interfaces.is_empty() => Vec::new(),
            _ => listening.addresses.clone(),
        };
        let source = |(file, conf): &(FileId, DnsmasqConf)| {
            let file = *file;
            Source { conf: conf.clone(), locate: Box::new(move |span| Some(Location::new(file, span))) }
        };
        let sources: Vec<Source<'_>> = self.sources.iter().map(source).collect();
        dnsmasq_upstreams::add(&sources, &mut resolver);
        if !self.settings().iter().any(|s| s.no_resolv.is_some()) {
            resolver.upstreams.extend(self.resolv_file(snapshot, root));
        }
        Some(resolver)
    }

    fn resolv_file(&self, snapshot: &Snapshot, root: &NodeRoot) -> Vec<Located<String>> {
        let named = self.settings().into_iter().flat_map(|s| &s.resolv_files).map(|f| f.value.clone()).next_back();
        let path = named.unwrap_or_else(|| "/etc/resolv.conf".to_owned());
        let Lookup::File { file, .. } = root.lookup(&path) else { return Vec::new() };
        let read = dnsmasq_resolv_file::read(&ResolvConf::parse(&snapshot.file(file).text));
        read.servers.into_iter().map(|n| n.map(|server| server.address.to_string()).located(file)).collect()
    }
}
