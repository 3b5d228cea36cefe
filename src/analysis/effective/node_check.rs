//! The kubelet's check of its resolver file at start (`CheckLimitsForResolvConf`): one Warning event on the Node.

use super::pod_dns::{HostDns, HostFile, KubeletDns, ResolvConfSetting, SearchLimit};
use super::versions::{KubeVersion, search_limits_with_gate};
use crate::source::Located;

/// Entries that a cluster pod puts before the node's own.
const CLUSTER_SEARCHES: usize = 3;

/// What the check complains about; the first of these that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeWarning {
    /// The file cannot be opened or read.
    Unreadable(Located<String>),
    /// A `nameserver` line has no value.
    BareNameserver(Located<String>),
    /// A limit on the node's search list. The number of entries must leave room for the cluster's three, so 30 to 32
    /// entries warn although a pod with policy `Default` would get them all.
    Search {
        /// The first entry over the limit.
        entry: Located<String>,
        /// The limit.
        limit: SearchLimit,
    },
}

/// The warning that the kubelet records for its resolver file, if any.
#[must_use]
pub fn check_limits(version: KubeVersion, kubelet: &KubeletDns, host: &HostFile) -> Option<NodeWarning> {
    let ResolvConfSetting::File(path) = &kubelet.resolv_conf else { return None };
    match host {
        HostFile::Missing | HostFile::Unreadable => Some(NodeWarning::Unreadable(path.clone())),
        HostFile::BareNameserver(word) => Some(NodeWarning::BareNameserver(word.clone())),
        HostFile::Read(dns) => check_searches(version, kubelet, dns),
    }
}

fn check_searches(version: KubeVersion, kubelet: &KubeletDns, host: &HostDns) -> Option<NodeWarning> {
    let limits = search_limits_with_gate(version, kubelet.expanded_dns_config);
    let has_domain = kubelet.cluster_domain.as_ref().is_some_and(|domain| !domain.value.is_empty());
    let paths = if has_domain { limits.paths.saturating_sub(CLUSTER_SEARCHES) } else { limits.paths };
    let warning = |entry: &Located<String>, limit| NodeWarning::Search { entry: entry.clone(), limit };
    if let Some(entry) = host.searches.get(paths) {
        return Some(warning(entry, SearchLimit::Paths(paths)));
    }
    if let Some(max) = limits.entry
        && let Some(entry) = host.searches.iter().find(|entry| entry.value.len() > max)
    {
        return Some(warning(entry, SearchLimit::EntryLength(max)));
    }
    let mut line = 0;
    let over = host.searches.iter().enumerate().find(|(index, entry)| {
        line += entry.value.len() + usize::from(*index > 0);
        line > limits.chars
    });
    over.map(|(_, entry)| warning(entry, SearchLimit::LineLength(limits.chars)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(count: usize, length: usize, domain: &str) -> Option<SearchLimit> {
        let kubelet =
            KubeletDns { cluster_domain: Some(Located::default_value(domain.to_owned())), ..KubeletDns::default() };
        let searches = vec![Located::default_value("x".repeat(length)); count];
        let host = HostFile::Read(HostDns { searches, ..HostDns::default() });
        match check_limits(KubeVersion::new(1, 30, 0), &kubelet, &host)? {
            NodeWarning::Search { limit, .. } => Some(limit),
            _ => None,
        }
    }

    #[test]
    fn the_first_limit_wins() {
        assert_eq!(check(29, 3, "cluster.local"), None);
        assert_eq!(check(30, 3, "cluster.local"), Some(SearchLimit::Paths(29)));
        assert_eq!(check(32, 3, ""), None);
        assert_eq!(check(33, 3, ""), Some(SearchLimit::Paths(32)));
        assert_eq!(check(2, 254, "c"), Some(SearchLimit::EntryLength(253)));
        assert_eq!(check(10, 250, "c"), Some(SearchLimit::LineLength(2048)));
    }

    #[test]
    fn no_file_no_check() {
        let empty = KubeletDns {
            resolv_conf: ResolvConfSetting::Empty(crate::source::Origins::none()),
            ..KubeletDns::default()
        };
        assert_eq!(check_limits(KubeVersion::new(1, 30, 0), &empty, &HostFile::Missing), None);
        let warning = check_limits(KubeVersion::new(1, 30, 0), &KubeletDns::default(), &HostFile::Missing);
        assert!(matches!(warning, Some(NodeWarning::Unreadable(_))));
    }
}
