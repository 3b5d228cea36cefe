//! What node-cache fills into its template, as far as it changes where queries go (`cmd/node-cache/app/configmap.go` of
//! kubernetes/dns).

use super::read::{Block, Forward, Upstream};
use super::routing::Vertex;
use crate::model::dns_server::ServerConfig;
use crate::model::pillar::{CLUSTER_DNS, DNS_SERVER, LOCAL_DNS, UPSTREAM_SERVERS};
use crate::source::Located;
use std::net::IpAddr;

/// How a forward begins and ends that loses its `force_tcp` to `upstreamNameservers`: the text, blanks included, is what
/// node-cache looks for.
const TCP_FORWARD: (&str, &str) =
    ("\n    ", "forward . __PILLAR__UPSTREAM__SERVERS__ {\n            force_tcp\n    }\n");

/// Fills the addresses of the cache into `bind`.
pub fn fill_binds(blocks: &mut [Block<'_>], local_ips: &[Located<IpAddr>]) {
    for block in blocks {
        let words = std::mem::take(&mut block.bind);
        for word in words {
            match word.value.as_str() {
                DNS_SERVER => {}
                LOCAL_DNS if !local_ips.is_empty() => {
                    block.bind.extend(local_ips.iter().map(|ip| word.with(ip.value.to_string())));
                }
                _ => block.bind.push(word),
            }
        }
    }
}

/// Takes `force_tcp` from forwards to the nameservers of the ConfigMap where the template is written as the upstream
/// manifest is: node-cache replaces the whole text by one without it, and changes no other spelling.
pub fn drop_force_tcp(blocks: &mut [Block<'_>], config: &ServerConfig) {
    let Some(text) = config.texts.first().map(|text| text.text.as_str()) else { return };
    let is_replaced = |forward: &Forward<'_>| {
        let start = forward.syntax.span.start;
        let before = text.get(..start).unwrap_or("");
        let behind = text.get(start..).unwrap_or("");
        forward.syntax.file.index() == 0 && before.ends_with(TCP_FORWARD.0) && behind.starts_with(TCP_FORWARD.1)
    };
    for forward in blocks.iter_mut().flat_map(|block| &mut block.forwards) {
        if forward.force_tcp.is_some() && is_replaced(forward) {
            forward.force_tcp = None;
        }
    }
}

impl Upstream {
    /// Whether it stands for the nameservers of external names.
    #[must_use]
    pub fn is_placeholder_of_upstreams(&self) -> bool {
        matches!(self, Self::Placeholder(text) if text == UPSTREAM_SERVERS)
    }

    /// Whether it stands for the cluster DNS behind node-cache.
    #[must_use]
    pub fn is_placeholder_of_cluster_dns(&self) -> bool {
        matches!(self, Self::Placeholder(text) if text == CLUSTER_DNS)
    }
}

impl Vertex<'_> {
    /// The upstreams that node-cache puts in the place of a placeholder; anything else stands for itself.
    ///
    /// A cluster DNS that the snapshot does not know stays a placeholder: it is one of the ways.
    #[must_use]
    pub fn filled(&self, upstream: &Located<Upstream>) -> Vec<Located<Upstream>> {
        match &upstream.value {
            Upstream::Placeholder(text) if text == UPSTREAM_SERVERS => match self.upstream_nameservers.as_slice() {
                [] => vec![upstream.with(Upstream::File("/etc/resolv.conf".to_owned()))],
                servers => servers.iter().map(|server| server.with(Upstream::parse(&server.value))).collect(),
            },
            Upstream::Placeholder(text) if text == CLUSTER_DNS => {
                let known = self.cluster_dns_pillar.as_ref();
                let address = |ip: &Located<IpAddr>| Upstream::Address { ip: ip.value, port: 53, encrypted: false };
                vec![known.map_or_else(|| upstream.clone(), |ip| upstream.with(address(ip)))]
            }
            _ => vec![upstream.clone()],
        }
    }
}
