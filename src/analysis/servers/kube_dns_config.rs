//! The kube-dns ConfigMap; as node-cache reads it: stub domains become server blocks, upstream nameservers a forward.

use super::read::{ASSUMED, Block, Forward, Upstream, split_address, zone_of};
use super::select::Socket;
use crate::model::Cluster;
use crate::model::config_map::EmbeddedText;
use crate::model::dns_server::{DnsServer, ServerKind};
use crate::model::read::{At, Place};
use crate::source::{Located, Location};
use crate::syntax::corefile::{self, Corefile};
use crate::syntax::yaml;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

/// What node-cache appends for a stub domain, with an address in place of the real ones: no `loop`, no `reload`.
static STUB: LazyLock<Corefile> = LazyLock::new(|| {
    let text = "stub.:53 {\n    errors\n    cache 30\n    forward . 192.0.2.1\n}\n";
    let options = corefile::Options {
        main_file_name: "Corefile",
        directory: "/",
        env: &|_| None,
        valid_directives: None,
        imports: &corefile::NoImports,
    };
    corefile::parse(text, &options)
});
/// Upstream nameservers that it takes at most; with more the whole ConfigMap is ignored.
const MAX_UPSTREAMS: usize = 3;

/// The settings of the ConfigMap; empty where the server does not read one.
#[derive(Clone, Debug, Default)]
pub struct KubeDnsConfig {
    /// `upstreamNameservers`: they take the place of /etc/resolv.conf.
    pub upstreams: Vec<Located<String>>,
    /// `stubDomains`: (domain, servers).
    pub stubs: Vec<(Located<String>, Vec<Located<String>>)>,
}

impl KubeDnsConfig {
    /// What a server takes from the ConfigMap; nothing where one value is refused, as node-cache ignores all of it then.
    ///
    /// (`pkg/dns/config` and `cmd/node-cache/app/configmap.go` of kubernetes/dns.)
    #[must_use]
    pub fn of(cluster: &Cluster, server: &DnsServer) -> Self {
        Self::written(cluster, server).filter(Self::is_accepted).unwrap_or_default()
    }

    /// The ConfigMap as it stands, where the server reads it.
    fn written(cluster: &Cluster, server: &DnsServer) -> Option<Self> {
        if server.kind != ServerKind::NodeCache || !mounts(cluster, server) {
            return None;
        }
        Self::in_namespace(cluster, &server.namespace)
    }

    /// The ConfigMap of a namespace; `None` where there is none, or where its values are no JSON.
    #[must_use]
    pub fn in_namespace(cluster: &Cluster, namespace: &str) -> Option<Self> {
        let map = cluster.objects.config_maps_named(namespace, "kube-dns").next()?;
        let text = |key: &str| map.get(key).map(|entry| &entry.text);
        let upstreams_read = text("upstreamNameservers").is_none_or(|text| is_json::<JsonList>(&text.text));
        let stubs_read = text("stubDomains").is_none_or(|text| is_json::<BTreeMap<String, JsonList>>(&text.text));
        if !upstreams_read || !stubs_read {
            return None;
        }
        Some(Self {
            upstreams: text("upstreamNameservers").map(list).unwrap_or_default(),
            stubs: text("stubDomains").map(stubs).unwrap_or_default(),
        })
    }

    /// Servers of stub domains that are names: kube-dns looks them up, node-cache takes addresses alone and ignores the
    /// whole ConfigMap for one (earlier releases wrote it into their Corefile and did not start).
    #[must_use]
    pub fn refused(cluster: &Cluster, server: &DnsServer) -> Vec<Located<String>> {
        let names = |text: &Located<String>| {
            let dotted = text.value.contains('.') && !text.value.contains(['/', ':', ' ', '$', '{', '<']);
            dotted && matches!(Upstream::parse(&text.value), Upstream::Other(_)) && is_name(&text.value)
        };
        let stubs = Self::written(cluster, server).map(|config| config.stubs).unwrap_or_default();
        stubs.into_iter().flat_map(|(_, servers)| servers).filter(names).collect()
    }

    /// `Validate` and `ValidateNodeLocalCacheConfig` of pkg/dns/config.
    fn is_accepted(&self) -> bool {
        self.upstreams.len() <= MAX_UPSTREAMS
            && self.upstreams.iter().all(|server| is_server(&server.value, Port::Real))
            && self.stubs.iter().all(|(domain, servers)| {
                is_subdomain(&domain.value) && servers.iter().all(|server| is_server(&server.value, Port::Any))
            })
    }

    /// The server blocks that node-cache appends, bound to its addresses; a zone that the template has is left out.
    #[must_use]
    pub fn blocks(&self, existing: &[Block<'_>], local_ips: &[Located<IpAddr>]) -> Vec<Block<'static>> {
        let Some(syntax) = STUB.blocks.first() else { return Vec::new() };
        let Some(directive) = syntax.directives_named("forward").next() else { return Vec::new() };
        let bind: Vec<Located<String>> = local_ips.iter().map(|ip| ip.with(ip.value.to_string())).collect();
        let block = |(domain, servers): &(Located<String>, Vec<Located<String>>)| {
            let zone = zone_of(&domain.value);
            let taken = existing.iter().flat_map(|b| &b.zones).any(|known| known.value == zone);
            let location = domain.location().filter(|_| !taken)?;
            let upstreams = servers.iter().map(|text| text.with(Upstream::parse(&text.value))).collect();
            let forward = Forward {
                syntax: directive,
                from: ".".to_owned(),
                upstreams,
                except: Vec::new(),
                force_tcp: None,
                sequential: false,
                location: whole(location, servers),
            };
            let zones = vec![domain.with(zone)];
            Some(Block {
                syntax,
                zones,
                sockets: vec![Socket { port: 53, encrypted: false }],
                bind: bind.clone(),
                forwards: vec![forward],
                version: ASSUMED,
                location,
            })
        };
        self.stubs.iter().filter_map(block).collect()
    }
}

/// A list of texts, where `null` stands for an empty one.
type JsonList = Option<Vec<String>>;

/// Whether Go reads the text as JSON of this form; the tree that carries the places is YAML, which takes more.
fn is_json<T: serde::de::DeserializeOwned>(text: &str) -> bool {
    serde_json::from_str::<Option<T>>(text).is_ok()
}

/// Which ports are taken behind an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    /// Also 0 and none behind the colon (stub domains).
    Any,
    /// From 1 on (`ValidateNameserverIpAndPort`).
    Real,
}

/// An address, with a port or without; no zone, no scheme, no file, brackets only with a port.
fn is_server(text: &str, ports: Port) -> bool {
    let with_empty_port = || text.strip_suffix(':').is_some_and(|host| host.parse::<Ipv4Addr>().is_ok());
    match split_address(text) {
        _ if text.contains('%') || text.ends_with(']') => false,
        Some((_, port)) => ports == Port::Any || port != Some(0),
        None => ports == Port::Any && with_empty_port(),
    }
}

/// A name of the API (RFC 1123, lower case): labels of letters, digits and inner hyphens.
fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// A host name, which has a letter in its last label.
fn is_name(text: &str) -> bool {
    text.trim_end_matches('.').rsplit('.').next().is_some_and(|last| last.chars().any(|c| c.is_ascii_alphabetic()))
}

/// From the domain to its last server.
fn whole(domain: Location, servers: &[Located<String>]) -> Location {
    let last = servers.iter().filter_map(Located::location).rfind(|last| last.file == domain.file);
    last.map_or(domain, |last| Location::new(domain.file, domain.span.join(last.span)))
}

/// Whether the pod mounts the ConfigMap; a Corefile without its workload is taken to be the packaged installation's.
fn mounts(cluster: &Cluster, server: &DnsServer) -> bool {
    let workload = server.workload.and_then(|index| cluster.objects.workloads.get(index));
    let named = |workload: &crate::model::workload::Workload| {
        let mut sources = workload.pod.volumes.iter().filter_map(|volume| volume.config_map.as_ref());
        sources.any(|source| source.name.value == "kube-dns")
    };
    workload.is_none_or(named)
}

fn list(text: &EmbeddedText) -> Vec<Located<String>> {
    let tree = yaml::parse(&text.text);
    let place = Place::inside(text.file, text.map.clone());
    let Some(document) = tree.documents.first() else { return Vec::new() };
    At::new(document.root(), &place).items().filter_map(At::text).collect()
}

fn stubs(text: &EmbeddedText) -> Vec<(Located<String>, Vec<Located<String>>)> {
    let tree = yaml::parse(&text.text);
    let place = Place::inside(text.file, text.map.clone());
    let Some(document) = tree.documents.first() else { return Vec::new() };
    let entry = |(key, value): (At<'_>, At<'_>)| Some((key.text()?, value.items().filter_map(At::text).collect()));
    At::new(document.root(), &place).entries().filter_map(entry).collect()
}
