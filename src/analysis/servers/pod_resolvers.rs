//! Resolvers in pods that are not CoreDNS: Pi-hole, AdGuard Home, unbound, dnsmasq, and the parts of kube-dns. Whom they ask is known only where
//! the environment, the arguments or a ConfigMap of the snapshot say it.

mod kube_dns;
mod unbound;

use super::dnsmasq_upstreams::{self, Source};
use super::entrances::{of_workload, placement};
use super::local_resolver::LocalResolver;
use super::read::{Upstream, split_address, zone_of};
use super::routing::{OwnDns, PodResolver};
use crate::model::Cluster;
use crate::model::config_map::{ConfigEntry, EmbeddedText};
use crate::model::dns_server::{ServerKind, kind_of_image};
use crate::model::pod::Container;
use crate::model::read::{At, Place};
use crate::model::workload::Workload;
use crate::source::{Located, Location, Span};
use crate::syntax::dnsmasq::DnsmasqConf;
use crate::syntax::yaml;

/// The programs, by a word in the last part of the image's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    PiHole,
    AdGuard,
    Unbound,
    Dnsmasq,
    /// dnsmasq in front of kubedns, run by `dnsmasq-nanny`.
    KubeDnsmasq,
    /// The container of kube-dns that answers cluster names.
    KubeDns,
}

impl Program {
    fn of_image(image: &str) -> Option<Self> {
        let path = image.split(['@']).next().unwrap_or(image);
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.split(':').next().unwrap_or(name);
        match name {
            _ if name.contains("exporter") || name.contains("sidecar") => None,
            _ if name.starts_with("k8s-dns-dnsmasq") => Some(Self::KubeDnsmasq),
            _ if kind_of_image(image) == Some(ServerKind::KubeDns) => Some(Self::KubeDns),
            "pihole" | "docker-pi-hole" => Some(Self::PiHole),
            "adguardhome" => Some(Self::AdGuard),
            _ if name.contains("unbound") => Some(Self::Unbound),
            "dnsmasq" | "docker-dnsmasq" => Some(Self::Dnsmasq),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::PiHole => "Pi-hole",
            Self::AdGuard => "AdGuard Home",
            Self::Unbound => "unbound",
            Self::Dnsmasq | Self::KubeDnsmasq => "dnsmasq",
            Self::KubeDns => "kubedns",
        }
    }
}

/// The resolvers of a cluster with a known upstream, in the order of their workloads.
#[must_use]
pub fn find(cluster: &Cluster, servicelb: bool) -> Vec<PodResolver> {
    let mut found = Vec::new();
    for (index, workload) in cluster.objects.workloads.iter().enumerate() {
        for container in &workload.pod.containers {
            let program = container.image.as_ref().and_then(|image| Program::of_image(&image.value));
            let Some(resolver) = program.and_then(|program| read(cluster, workload, container, program)) else {
                continue;
            };
            found.push(PodResolver {
                name: format!("{}/{}", workload.meta.namespace.value, workload.meta.name.value),
                workload: index,
                dns: OwnDns::of(&workload.pod),
                resolver,
                entrances: of_workload(cluster, workload, servicelb),
                placement: placement(workload),
            });
        }
    }
    found
}

fn read(cluster: &Cluster, workload: &Workload, container: &Container, program: Program) -> Option<LocalResolver> {
    let location = container.image.as_ref().and_then(Located::location).unwrap_or(container.location);
    let mut resolver = LocalResolver::new(program.name(), location);
    let entries = mounted(cluster, workload);
    match program {
        Program::PiHole => {
            pi_hole(container, &mut resolver);
            dnsmasq(&entries, container, false, &mut resolver);
        }
        Program::Dnsmasq => dnsmasq(&entries, container, true, &mut resolver),
        Program::KubeDnsmasq => kube_dns::dnsmasq(cluster, workload, container, &mut resolver),
        Program::KubeDns => kube_dns::kubedns(container, &mut resolver),
        Program::AdGuard => {
            let configuration = entries.iter().find(|e| e.key.value.eq_ignore_ascii_case("AdGuardHome.yaml"))?;
            adguard(&configuration.text, &mut resolver);
        }
        Program::Unbound => {
            for entry in entries.iter().filter(|e| e.key.value.ends_with(".conf")) {
                unbound::read(&entry.text, &mut resolver);
            }
        }
    }
    let known = !resolver.upstreams.is_empty() || !resolver.conditional.is_empty() || resolver.reads_own_file;
    known.then_some(resolver)
}

/// Every text that a ConfigMap volume of the pod holds.
fn mounted<'c>(cluster: &'c Cluster, workload: &'c Workload) -> Vec<&'c ConfigEntry> {
    let sources = workload.pod.volumes.iter().filter_map(|volume| volume.config_map.as_ref());
    let maps = sources.filter_map(|source| {
        cluster.objects.config_maps_named(&workload.meta.namespace.value, &source.name.value).next()
    });
    maps.flat_map(|map| &map.data).collect()
}

/// An upstream in dnsmasq's notation (`IP#port`) or CoreDNS's, as the graph writes it.
fn upstream(text: &str) -> Option<String> {
    let (address, port) = text.split_once('#').map_or((text, None), |(ip, port)| (ip, Some(port)));
    let (ip, own) = split_address(address.trim())?;
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => own.unwrap_or(53),
    };
    Some(if port == 53 { ip.to_string() } else { std::net::SocketAddr::new(ip, port).to_string() })
}

/// `PIHOLE_DNS_`, the older `DNS1` and `DNS2`, and `FTLCONF_dns_upstreams` of release 6; conditional forwarding by
/// `REV_SERVER…` and `FTLCONF_dns_revServers`. (docs.pi-hole.net and the image's README.)
fn pi_hole(container: &Container, resolver: &mut LocalResolver) {
    let env = |name: &str| container.env.iter().find(|var| var.name.value == name).map(|var| &var.value);
    for name in ["FTLCONF_dns_upstreams", "PIHOLE_DNS_", "DNS1", "DNS2"] {
        let Some(value) = env(name) else { continue };
        let words = value.value.split([';', ',']).filter_map(|word| upstream(word.trim()));
        resolver.upstreams.extend(words.map(|word| value.with(word)));
    }
    if env("REV_SERVER").is_some_and(|on| on.value.eq_ignore_ascii_case("true"))
        && let (Some(domain), Some(target)) = (env("REV_SERVER_DOMAIN"), env("REV_SERVER_TARGET"))
        && let Some(to) = upstream(&target.value)
    {
        resolver.conditional.push((zone_of(&domain.value), target.with(to)));
    }
    if let Some(servers) = env("FTLCONF_dns_revServers") {
        for rule in servers.value.split(';') {
            if let ["true", _, target, domain] = rule.split(',').map(str::trim).collect::<Vec<_>>().as_slice()
                && let Some(to) = upstream(target)
            {
                resolver.conditional.push((zone_of(domain), servers.with(to)));
            }
        }
    }
}

/// Options of dnsmasq in mounted files, and on the command line where the container runs dnsmasq itself.
fn dnsmasq(entries: &[&ConfigEntry], container: &Container, own: bool, resolver: &mut LocalResolver) {
    let mut sources: Vec<Source<'_>> = Vec::new();
    let is_file = |entry: &&&ConfigEntry| {
        entry.key.value.ends_with(".conf") && (own || DnsmasqConf::parse(&entry.text.text).problems.is_empty())
    };
    for entry in entries.iter().filter(is_file) {
        let text = &entry.text;
        sources.push(Source {
            conf: DnsmasqConf::parse(&text.text),
            locate: Box::new(move |span: Span| Some(text.locate(span))),
        });
    }
    if own {
        let words: Vec<_> = container.command.iter().chain(&container.args).collect();
        let start = usize::from(words.first().is_some_and(|word| !word.value.starts_with('-')));
        sources.push(of_words(words.get(start..).unwrap_or_default()));
    }
    dnsmasq_upstreams::add(&sources, resolver);
}

/// A command line of dnsmasq.
fn of_words(words: &[&Located<String>]) -> Source<'static> {
    let mut texts = Vec::new();
    let mut places: Vec<(Span, Option<Location>)> = Vec::new();
    let mut end = 0;
    for word in words {
        // one behind the other, so that a part of a word leads back to the word
        let span = Span::new(end, end + word.value.len());
        end = span.end + 1;
        texts.push(crate::source::Spanned::new(word.value.clone(), span));
        places.push((span, word.location()));
    }
    let locate = move |part: Span| places.iter().find(|(word, _)| part.start <= word.end).and_then(|(_, at)| *at);
    Source { conf: DnsmasqConf::parse_args(&texts), locate: Box::new(locate) }
}

/// `dns.upstream_dns` of AdGuardHome.yaml: addresses, `udp://`, `tcp://`, `tls://`, and `[/zone/]address`.
fn adguard(text: &EmbeddedText, resolver: &mut LocalResolver) {
    let tree = yaml::parse(&text.text);
    let place = Place::inside(text.file, text.map.clone());
    let Some(document) = tree.documents.first() else { return };
    let root = At::new(document.root(), &place);
    if let Some(port) = root.path(&["dns", "port"]).and_then(At::text).and_then(|port| port.value.parse().ok()) {
        resolver.port = port;
    }
    for word in root.path(&["dns", "upstream_dns"]).into_iter().flat_map(At::items).filter_map(At::text) {
        let (zones, address) = match word.value.strip_prefix("[/").and_then(|rest| rest.split_once("/]")) {
            Some((zones, address)) => (zones.split('/').map(zone_of).collect(), address),
            None => (Vec::new(), word.value.as_str()),
        };
        for address in address.split_whitespace() {
            let plain = address.strip_prefix("udp://").or_else(|| address.strip_prefix("tcp://")).unwrap_or(address);
            if address == "#" {
                resolver.general.extend(zones.iter().cloned());
                continue;
            }
            if plain.starts_with("#") || !matches!(Upstream::parse(plain), Upstream::Address { .. }) {
                continue;
            }
            let to = word.with(plain.to_owned());
            if zones.is_empty() {
                resolver.upstreams.push(to.clone());
            }
            resolver.conditional.extend(zones.iter().map(|zone| (zone.clone(), to.clone())));
        }
    }
}
