//! What each plugin is to a query: whether it sees it, changes it, answers it or sends it on.

/// The part of a plugin in the chain of a server block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It sets the server up and handles no query: a block with such plugins alone refuses every name.
    SetUp,
    /// It watches or changes queries and answers, and has none of its own for names in general.
    Passes,
    /// It answers the names that it knows.
    Answers,
    /// It is authoritative for its zones: what it does not know does not exist, unless it falls through.
    Authoritative,
    /// It sends queries to other servers.
    Forwards,
}

const SET_UP: [&str; 18] = [
    "bind",
    "debug",
    "grpc_server",
    "health",
    "https",
    "https3",
    "multisocket",
    "on",
    "pprof",
    "proxyproto",
    "quic",
    "ready",
    "reload",
    "root",
    "shutdown",
    "startup",
    "timeouts",
    "tls",
];
const PASSES: [&str; 28] = [
    "acl",
    "autopath",
    "bufsize",
    "cache",
    "cancel",
    "dns64",
    "dnssec",
    "dnstap",
    "errors",
    "geoip",
    "header",
    "import",
    "loadbalance",
    "local",
    "log",
    "loop",
    "metadata",
    "minimal",
    "nsid",
    "prometheus",
    "rewrite",
    "shed",
    "sign",
    "siit",
    "trace",
    "transfer",
    "tsig",
    "view",
];
const AUTHORITATIVE: [&str; 12] = [
    "auto",
    "azure",
    "clouddns",
    "dynupdate",
    "etcd",
    "file",
    "k8s_external",
    "kubernetes",
    "multicluster",
    "nomad",
    "route53",
    "secondary",
];
const FORWARDS: [&str; 7] = ["alternate", "fanout", "forward", "grpc", "proxy", "recursor", "unbound"];

impl Role {
    /// The role of a plugin; one of another project counts as answering, as nobody knows what it does.
    #[must_use]
    pub fn of(plugin: &str) -> Self {
        let lists: [(&[&str], Self); 4] = [
            (&SET_UP, Self::SetUp),
            (&PASSES, Self::Passes),
            (&AUTHORITATIVE, Self::Authoritative),
            (&FORWARDS, Self::Forwards),
        ];
        lists.iter().find(|(names, _)| names.contains(&plugin)).map_or(Self::Answers, |(_, role)| *role)
    }

    /// Whether it may answer a query or send it on.
    #[must_use]
    pub const fn may_handle(self) -> bool {
        !matches!(self, Self::SetUp | Self::Passes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::coredns::{NEWEST, plugin_order};

    /// Plugins of the default build that answer: a new one has to be put into a list, or here.
    #[test]
    fn every_plugin_has_its_role() {
        let answering: Vec<&str> =
            plugin_order(NEWEST).iter().copied().filter(|plugin| Role::of(plugin) == Role::Answers).collect();
        assert_eq!(answering, ["any", "chaos", "template", "hosts", "erratic", "whoami"]);
    }
}
