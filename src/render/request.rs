//! What the user asks `render` for, checked before anything is read.

use super::distribution::Distribution;
use super::plan::Part;
use crate::analysis::facts::ProxyMode;
use crate::analysis::servers::read::split_address;
use std::net::IpAddr;

/// The program that will answer on the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolver {
    /// NodeLocal DNSCache, as a DaemonSet.
    #[default]
    NodeCache,
    /// A plain CoreDNS that runs on the node.
    CoreDns,
    /// hickory-dns that runs on the node.
    HickoryDns,
}

/// How the pods of the cache are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Update {
    /// A few nodes at a time; each has no cache while its pod restarts.
    #[default]
    Rolling,
    /// When somebody deletes the pod.
    OnDelete,
    /// OpenKruise's Advanced DaemonSet: the container is replaced in its pod, which takes a second instead of many.
    InPlace,
}

/// Manifests beside the cache's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Companion {
    /// A PodMonitor for the Prometheus operator.
    PodMonitor,
    /// A NetworkPolicy that lets pods ask the cache.
    NetworkPolicy,
}

/// Where the node's settings go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeForm {
    /// A drop-in of the agent's own configuration.
    #[default]
    Config,
    /// A drop-in of the systemd unit.
    Unit,
    /// A variable in the unit's environment file.
    Environment,
    /// Variables of the Ansible role that installs the cluster.
    Ansible,
}

/// What is asked for; `None` and empty lists leave a value to the snapshot, then to the distribution.
#[derive(Clone, Debug)]
pub struct Request {
    /// The distribution.
    pub distribution: Distribution,
    /// The resolver binary.
    pub resolver: Resolver,
    /// Cluster domain.
    pub cluster_domain: Option<String>,
    /// Addresses of the DNS Service.
    pub cluster_dns: Vec<IpAddr>,
    /// Addresses that the cache answers on.
    pub local_ips: Vec<IpAddr>,
    /// How Services are translated.
    pub proxy: Option<ProxyMode>,
    /// Upstreams for names outside the cluster: addresses, or one path of a resolver file.
    pub upstreams: Vec<String>,
    /// The resolver file that kubelets should hand to pods.
    pub resolv_conf: Option<String>,
    /// Image of the node cache.
    pub image: Option<String>,
    /// Port of the health check.
    pub health_port: Option<u16>,
    /// Port of the metrics.
    pub metrics_port: Option<u16>,
    /// Entries of the cache for the cluster's names: positive, negative.
    pub cache_entries: Option<u32>,
    /// Ask CoreDNS over UDP as clients do, rather than over TCP.
    pub udp: bool,
    /// How pods are replaced.
    pub update: Update,
    /// Further manifests, sorted.
    pub companions: Vec<Companion>,
    /// Where node settings go.
    pub node_form: NodeForm,
    /// What is rendered; empty for everything.
    pub parts: Vec<Part>,
    /// The shown directory of the cluster, or of the one node that was given; empty where nothing was.
    pub base: String,
    /// The directory before the paths of files in steps; empty for the current one.
    pub directory: String,
    /// Manifests go to standard output, not into files.
    pub stream: bool,
}

impl Request {
    /// A request that leaves everything to the snapshot.
    #[must_use]
    pub const fn of(distribution: Distribution) -> Self {
        Self {
            distribution,
            resolver: Resolver::NodeCache,
            cluster_domain: None,
            cluster_dns: Vec::new(),
            local_ips: Vec::new(),
            proxy: None,
            upstreams: Vec::new(),
            resolv_conf: None,
            image: None,
            health_port: None,
            metrics_port: None,
            cache_entries: None,
            udp: false,
            update: Update::Rolling,
            companions: Vec::new(),
            node_form: NodeForm::Config,
            parts: Vec::new(),
            base: String::new(),
            directory: String::new(),
            stream: false,
        }
    }

    /// Whether a part is asked for.
    #[must_use]
    pub fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// Whether the node cache is asked for whose manifests the distribution brings itself.
    #[must_use]
    pub fn takes_settings_alone(&self) -> bool {
        self.resolver == Resolver::NodeCache && self.distribution.has_own_manifests()
    }

    /// The part that configures the resolver.
    #[must_use]
    pub const fn resolver_part(&self) -> Part {
        match (self.resolver, self.distribution) {
            (Resolver::NodeCache, Distribution::Kubespray) => Part::Node,
            (Resolver::NodeCache, _) => Part::Manifests,
            (Resolver::CoreDns | Resolver::HickoryDns, _) => Part::Resolver,
        }
    }

    /// What of it could not stand in a generated file, or would change nothing.
    ///
    /// # Errors
    /// A sentence that names the flag.
    pub fn check(&self) -> Result<(), String> {
        if let Some(domain) = self.cluster_domain.as_ref().filter(|d| !is_domain(d)) {
            return Err(format!("--cluster-domain: `{domain}` is no domain name"));
        }
        let bad = self.upstreams.iter().find(|u| !is_upstream(u));
        if let Some(bad) = bad {
            return Err(format!("--upstream: `{bad}` is neither an address (with a port, if you like) nor a path"));
        }
        if self.upstreams.iter().any(|u| u.starts_with('/')) && self.upstreams.len() > 1 {
            return Err("--upstream takes addresses, or one resolver file".to_owned());
        }
        if let Some(path) = self.resolv_conf.as_ref().filter(|p| !is_path(p)) {
            return Err(format!("--resolv-conf: `{path}` is no absolute path"));
        }
        if let Some(image) = self.image.as_ref().filter(|i| !is_image(i)) {
            return Err(format!("--image: `{image}` is no image name"));
        }
        if self.local_ips.len() > 1 {
            return Err("--local-ip: one address, since one node cache serves IPv4 or IPv6".to_owned());
        }
        if self.health_port == Some(0) || self.metrics_port == Some(0) {
            return Err("a port is between 1 and 65535".to_owned());
        }
        super::unused::check(self)
    }
}

/// A domain name of letters, digits, `-` and `_`, with or without its last dot.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
}

/// An absolute path of harmless characters.
#[must_use]
pub fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-'))
}

fn is_upstream(text: &str) -> bool {
    let bare = text.strip_prefix("tls://").unwrap_or(text);
    is_path(text) || split_address(bare).is_some_and(|(_, port)| port != Some(0))
}

/// A reference of an image, of harmless characters.
#[must_use]
pub fn is_image(text: &str) -> bool {
    let part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b':' | b'@');
    !text.is_empty() && text.len() <= 512 && text.bytes().all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_names_addresses_and_paths_reaches_a_template() {
        for good in ["cluster.local", "k8s.example.net.", "a", "x_y.z"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in ["", ".", "a..b", "-a", "a b", "a\nb", "a{b", "ä.b"] {
            assert!(!is_domain(bad), "{bad}");
        }
        for good in
            ["10.0.0.2", "10.0.0.2:5353", "[fd00::1]:53", "fd00::1", "/run/dnsmasq/resolv.conf", "tls://9.9.9.9"]
        {
            assert!(is_upstream(good), "{good}");
        }
        for bad in ["", "dns.example.com", "10.0.0.2:0", "10.0.0.2 8.8.8.8", "/etc/x\ny", "10.0.0.2 {"] {
            assert!(!is_upstream(bad), "{bad}");
        }
    }
}
