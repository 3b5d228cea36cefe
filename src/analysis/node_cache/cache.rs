//! A node cache with what all passes over it need.

use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::analysis::facts::{self, Facts, container_flag};
use crate::analysis::servers::graph::Routes;
use crate::analysis::servers::read::{Block, Forward, Upstream, in_zone, zone_of};
use crate::analysis::servers::routing::Vertex;
use crate::analysis::servers::served::served_domains;
use crate::model::Cluster;
use crate::model::dns_server::DnsServer;
use crate::model::pillar::PILLAR;
use crate::model::pod::Container;
use crate::model::service::Service;
use crate::model::workload::Workload;
use crate::source::{Located, Origins};
use crate::syntax::corefile::Place;
use std::net::IpAddr;

/// A node cache.
pub struct Cache<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Facts about it.
    pub facts: &'a Facts,
    /// All servers and their blocks.
    pub routes: &'a Routes<'a>,
    /// The server.
    pub server: &'a DnsServer,
    /// Its blocks.
    pub vertex: &'a Vertex<'a>,
    /// Its workload, where the snapshot has it.
    pub workload: Option<&'a Workload>,
    /// Its container.
    pub container: Option<&'a Container>,
    /// `-localip` as written.
    pub local_ip: Option<Located<String>>,
    /// What stands before its value in the same word: `-localip=`, or nothing.
    pub local_ip_lead: String,
    /// The addresses that it answers on: `-localip`, or what the blocks bind where there is no workload.
    pub own: Vec<Located<IpAddr>>,
    /// Cluster domains, fully qualified.
    pub domains: Vec<String>,
}

impl<'a> Cache<'a> {
    /// Collects what belongs to a server.
    pub fn new(
        cluster: &'a Cluster,
        facts: &'a Facts,
        routes: &'a Routes<'a>,
        server: &'a DnsServer,
        vertex: &'a Vertex<'a>,
    ) -> Self {
        let (local_ip, local_ip_lead) = facts::container_flag_word(cluster, server, "localip").unzip();
        let workload = server.workload.and_then(|index| cluster.objects.workloads.get(index));
        Self {
            cluster,
            facts,
            routes,
            server,
            vertex,
            workload,
            container: facts::container(cluster, server),
            local_ip,
            local_ip_lead: local_ip_lead.unwrap_or_default(),
            own: facts::node_cache_listeners(cluster, server),
            domains: domains(cluster, facts),
        }
    }

    /// `Kind/namespace/name` of the workload, else of the ConfigMap.
    pub fn object(&self) -> String {
        let map = || {
            let index = self.server.config.as_ref()?.config_map?;
            self.cluster.objects.config_maps.get(index).map(|map| map.meta.display())
        };
        self.workload.map(|w| w.meta.display()).or_else(map).unwrap_or_else(|| self.server.name.clone())
    }

    /// The value of a flag.
    pub fn flag(&self, name: &str) -> Option<Located<String>> {
        container_flag(self.cluster, self.server, name)
    }

    /// Whether a boolean flag is set to false; both of these default to true.
    fn switched_off(&self, name: &str) -> bool {
        // the `flag` package reads a boolean only in the form `-name=value`
        let off = [format!("-{name}="), format!("--{name}=")];
        let words = self.container.into_iter().flat_map(|c| c.command.iter().chain(&c.args));
        let last = words.filter_map(|w| off.iter().find_map(|flag| w.value.strip_prefix(flag.as_str()))).next_back();
        last.is_some_and(|value| matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False"))
    }

    /// The process makes its addresses itself (`-setupinterface`).
    pub fn makes_interface(&self) -> bool {
        !self.switched_off("setupinterface")
    }

    /// The process sets iptables rules (`-setupiptables`).
    pub fn makes_iptables(&self) -> bool {
        !self.switched_off("setupiptables")
    }

    /// The pods share the node's network; taken for granted where there is no workload.
    pub fn on_host(&self) -> bool {
        self.workload.is_none_or(|w| w.pod.uses_host_network())
    }

    /// `-localip` holds a placeholder, so that its addresses are not known.
    pub fn has_open_local_ip(&self) -> bool {
        self.local_ip.as_ref().is_some_and(|value| value.value.contains(PILLAR) || is_variable(&value.value))
    }

    /// Whether the process answers on an address.
    pub fn owns(&self, ip: IpAddr) -> Option<&Located<IpAddr>> {
        self.own.iter().find(|own| own.value == ip)
    }

    /// The blocks that plain queries on port 53 reach.
    pub fn blocks(&self) -> impl Iterator<Item = &'a Block<'a>> {
        self.vertex.blocks.iter().filter(|block| block.sockets.iter().any(|s| s.port == 53 && !s.encrypted))
    }

    /// All forwards with their blocks.
    pub fn forwards(&self) -> impl Iterator<Item = (&'a Block<'a>, &'a Forward<'a>)> {
        self.blocks().flat_map(|block| block.forwards.iter().map(move |forward| (block, forward)))
    }

    /// Whether the Corefile could be read to its end.
    pub fn is_readable(&self) -> bool {
        self.server.config.as_ref().is_some_and(|config| config.corefile.first_error().is_none())
    }

    /// A place of the Corefile in the snapshot.
    pub fn locate(&self, place: Place) -> Origins {
        self.server.config.as_ref().and_then(|config| config.locate(place)).into_iter().collect()
    }

    /// Whether a zone, fully qualified, is or lies below a cluster domain.
    pub fn is_cluster_zone(&self, zone: &str) -> bool {
        self.domains.iter().any(|domain| in_zone(zone, domain))
    }

    /// Whether an address is that of the cluster DNS.
    pub fn is_cluster_dns(&self, ip: IpAddr) -> bool {
        let server = |v: &Vertex<'_>| v.service_addresses.iter().any(|a| a.value == ip);
        self.facts.dns_addresses.iter().any(|dns| dns.value == ip)
            || self.routes.graph.servers.iter().any(server)
            || self.service_with(ip).is_some_and(|s| s.has_port(53, "UDP") || s.has_port(53, "TCP"))
            || self.facts.service_cidrs.iter().any(|cidr| cidr.value.contains(&ip))
            || self.cluster_targets().any(|target| target == ip)
    }

    /// Addresses to which the cache sends the cluster's own names.
    pub fn cluster_targets(&self) -> impl Iterator<Item = IpAddr> {
        self.forwards()
            .filter(|(block, forward)| forward_zones(block, forward).iter().any(|zone| self.is_cluster_zone(zone)))
            .flat_map(|(_, forward)| &forward.upstreams)
            .filter_map(|upstream| match &upstream.value {
                Upstream::Address { ip, .. } => Some(*ip),
                _ => None,
            })
    }

    /// The Service that has an address.
    pub fn service_with(&self, ip: IpAddr) -> Option<&'a Service> {
        self.cluster.objects.services.iter().find(|service| service.addresses().any(|own| own == ip))
    }

    /// Where a Service has its address, as text for a label.
    pub fn service_label(&self, ip: IpAddr) -> Option<Located<String>> {
        let service = self.service_with(ip)?;
        let place = service.cluster_ips.iter().find(|own| own.value.parse() == Ok(ip))?;
        Some(place.with(service.meta.display()))
    }

    /// The name of the upstream Service (`-upstreamsvc`).
    pub fn upstream_service(&self) -> String {
        self.flag("upstreamsvc").map_or_else(|| "kube-dns".to_owned(), |name| name.value)
    }

    /// Whether the Corefile is a template that the process fills: it lies where `-basecorefile` points.
    pub fn is_template(&self) -> bool {
        let (Some(workload), Some(container)) = (self.workload, self.container) else { return true };
        let path = self.flag("basecorefile").map_or_else(|| "/etc/coredns/Corefile.base".to_owned(), |f| f.value);
        let Some((directory, file)) = path.rsplit_once('/') else { return true };
        let mounts: Vec<_> = container
            .mounts
            .iter()
            .filter(|m| m.mount_path.value.trim_end_matches('/') == directory || m.mount_path.value == path)
            .collect();
        let holds = |mount: &&&crate::model::pod::VolumeMount| {
            let volume = workload.pod.volumes.iter().find(|v| v.name.value == mount.name.value);
            volume.and_then(|v| v.config_map.as_ref()).is_none_or(|map| {
                mount.sub_path.is_some()
                    || map.items.iter().any(|(_, path)| path.value == file)
                    || (map.items.is_empty() && self.map_has_key(&map.name.value, file))
            })
        };
        mounts.is_empty() || mounts.iter().any(|m| holds(&m))
    }

    fn map_has_key(&self, name: &str, key: &str) -> bool {
        let mut maps = self.cluster.objects.config_maps_named(&self.server.namespace, name).peekable();
        maps.peek().is_none() || maps.any(|map| map.get(key).is_some())
    }

    /// Whether the workload was read from a running cluster, so that objects it needs may just not have been exported.
    pub fn is_live_export(&self) -> bool {
        const GENERATION: &str = "deprecated.daemonset.template.generation";
        self.workload.is_some_and(|w| w.meta.annotations.contains_key(GENERATION))
    }
}

/// The zones whose names a forward takes: its own, or the block's where it is the root.
pub fn forward_zones(block: &Block<'_>, forward: &Forward<'_>) -> Vec<String> {
    let inside = block.zones.iter().map(|zone| zone.value.clone()).filter(|zone| in_zone(zone, &forward.from));
    let narrower = block.zones.iter().any(|zone| in_zone(&forward.from, &zone.value) && zone.value != forward.from);
    inside.chain(narrower.then(|| forward.from.clone())).collect()
}

/// A text that the container's environment completes (`$(HOST_IP)`, `{$HOST_IP}`).
pub fn is_variable(text: &str) -> bool {
    text.contains("$(") || text.contains("{$") || text.contains("{{")
}

/// The words of an upstream as written.
pub fn upstream_text(upstream: &Upstream) -> String {
    match upstream {
        Upstream::Address { ip, port: 53, .. } => ip.to_string(),
        Upstream::Address { ip, port, .. } => std::net::SocketAddr::new(*ip, *port).to_string(),
        Upstream::File(text) | Upstream::Placeholder(text) | Upstream::Other(text) => text.clone(),
    }
}

/// The cluster's domains: what configurations state and the DNS servers serve, else `cluster.local`.
fn domains(cluster: &Cluster, facts: &Facts) -> Vec<String> {
    let served = served_domains(cluster);
    let mut all: Vec<String> = facts.domains.iter().chain(&served).map(|domain| zone_of(&domain.value)).collect();
    all.sort();
    all.dedup();
    if all.is_empty() {
        all.push(zone_of(CLUSTER_DOMAIN));
    }
    all
}
