//! What decides a pod's resolv.conf, and what comes out: the types of [`predict`](super::pod_resolv_conf::predict).

use super::runtime::Runtime;
use super::versions::{KubeVersion, Version};
use crate::source::{Located, Origins};
use std::fmt;

/// The kubelet's `resolvConf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolvConfSetting {
    /// The file that the kubelet reads for every pod.
    File(Located<String>),
    /// An explicit empty string: the kubelet reads no file and puts loopback addresses in its place.
    Empty(Origins),
}

impl ResolvConfSetting {
    /// The setting from its text.
    #[must_use]
    pub fn from_text(text: Located<String>) -> Self {
        if text.value.is_empty() { Self::Empty(text.origins) } else { Self::File(text) }
    }

    /// The path, unless the setting is empty.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(path) => Some(&path.value),
            Self::Empty(_) => None,
        }
    }
}

impl Default for ResolvConfSetting {
    /// `/etc/resolv.conf` (`pkg/kubelet/apis/config/v1beta1/defaults.go`).
    fn default() -> Self {
        Self::File(Located::default_value("/etc/resolv.conf".to_owned()))
    }
}

/// The DNS settings of a kubelet, after all precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeletDns {
    /// `clusterDNS`, as written.
    pub cluster_dns: Vec<Located<String>>,
    /// `clusterDomain`; absent and empty mean the same.
    pub cluster_domain: Option<Located<String>>,
    /// `resolvConf`.
    pub resolv_conf: ResolvConfSetting,
    /// Addresses of the node, used only if `resolvConf` is empty.
    pub node_ips: Vec<Located<String>>,
    /// The feature gate `ExpandedDNSConfig`, if set.
    pub expanded_dns_config: Option<bool>,
}

/// What the kubelet took from the node's file, before any limit; words unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostDns {
    /// Values of the `nameserver` lines.
    pub nameservers: Vec<Located<String>>,
    /// Words of the last `search` line, normalised as the release does it.
    pub searches: Vec<Located<String>>,
    /// Words of the `options` lines that count.
    pub options: Vec<Located<String>>,
}

/// The file that the kubelet's `resolvConf` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostFile {
    /// It was read.
    Read(HostDns),
    /// There is no such file, or the link dangles.
    Missing,
    /// It cannot be read, or has 10 MiB or more.
    Unreadable,
    /// A `nameserver` line without a value, which fails the whole file.
    BareNameserver(Located<String>),
}

/// `spec.dnsConfig` of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsConfig {
    /// `nameservers`.
    pub nameservers: Vec<Located<String>>,
    /// `searches`.
    pub searches: Vec<Located<String>>,
    /// `options`.
    pub options: Vec<DnsConfigOption>,
}

/// One entry of `dnsConfig.options`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfigOption {
    /// `name`.
    pub name: Located<String>,
    /// `value`; absent and empty mean the same.
    pub value: Option<Located<String>>,
}

/// The DNS part of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDnsSpec {
    /// `metadata.namespace`.
    pub namespace: Located<String>,
    /// `spec.dnsPolicy`; the API's default is `ClusterFirst`.
    pub policy: Located<String>,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// `spec.dnsConfig`; present but empty is not the same as absent.
    pub dns_config: Option<DnsConfig>,
}

/// Everything that decides a pod's file.
#[derive(Clone, Copy, Debug)]
pub struct PodDnsInput<'a> {
    /// Release of the kubelet.
    pub version: KubeVersion,
    /// The container runtime of the node.
    pub runtime: Runtime,
    /// The kubelet's settings.
    pub kubelet: &'a KubeletDns,
    /// The file that `resolvConf` names.
    pub host: &'a HostFile,
    /// Text of the node's `/etc/resolv.conf`, for runtimes that copy it.
    pub node_etc_resolv_conf: Option<&'a str>,
    /// The pod.
    pub pod: &'a PodDnsSpec,
}

/// Which of the three ways the kubelet builds the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DnsMode {
    /// Cluster DNS, with the node's search list behind the cluster's.
    Cluster,
    /// What the node's file says.
    Host,
    /// Nothing but `dnsConfig`.
    None,
}

/// Where a word of a pod's file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WordSource {
    /// The cluster: `clusterDNS`, `clusterDomain` and the namespace, or the kubelet's own `ndots:5`.
    Cluster,
    /// The node's file.
    HostFile,
    /// The pod's `dnsConfig`.
    DnsConfig,
    /// The kubelet's substitute for an empty `resolvConf`.
    EmptyResolvConf,
}

/// A word of a pod's file with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcedWord {
    /// The word as written to the file, with its origins; none for the kubelet's own words.
    pub word: Located<String>,
    /// Who put it there.
    pub source: WordSource,
}

impl SourcedWord {
    /// The text alone.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.word.value
    }
}

/// The limit that removed a search entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SearchLimit {
    /// More than this number of entries.
    Paths(usize),
    /// The entry is longer than this number of bytes.
    EntryLength(usize),
    /// The whole line is longer than this number of bytes.
    LineLength(usize),
}

/// A search entry that the pod does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedSearch {
    /// The entry.
    pub entry: SourcedWord,
    /// Why it is missing.
    pub limit: SearchLimit,
}

/// The object that an event is recorded on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventTarget {
    /// The Node.
    Node,
    /// The Pod.
    Pod,
}

/// A Warning event of the kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// No valid `clusterDNS`: the pod falls back to the node's file.
    MissingClusterDns(EventTarget),
    /// Nameservers were cut; recorded on the Pod.
    NameserverLimit {
        /// The nameservers that stay, joined by blanks.
        applied: String,
    },
    /// Search entries were cut; recorded on the Pod.
    SearchLimit {
        /// The entries that stay, joined by blanks.
        applied: String,
    },
}

impl Event {
    /// The event's `reason`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::MissingClusterDns(_) => "MissingClusterDNS",
            Self::NameserverLimit { .. } | Self::SearchLimit { .. } => "DNSConfigForming",
        }
    }

    /// The object that carries it.
    #[must_use]
    pub const fn target(&self) -> EventTarget {
        match self {
            Self::MissingClusterDns(target) => *target,
            Self::NameserverLimit { .. } | Self::SearchLimit { .. } => EventTarget::Pod,
        }
    }

    /// The event's text, as `kubectl describe pod` shows it; `None` where it depends on the release.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        match self {
            Self::MissingClusterDns(_) => None,
            Self::NameserverLimit { applied } => Some(format!(
                "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: \
                 {applied}"
            )),
            Self::SearchLimit { applied } => Some(format!(
                "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: \
                 {applied}"
            )),
        }
    }
}

/// The pod's `/etc/resolv.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodFile {
    /// The runtime writes this text.
    Written(String),
    /// The runtime copies a file of the node.
    Copied {
        /// Its path on the node.
        path: &'static str,
        /// Its text, if the input has it.
        text: Option<String>,
    },
    /// Docker's own file stays.
    LeftToDocker,
}

impl PodFile {
    /// The text, byte for byte, if it is known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Written(text) => Some(text),
            Self::Copied { text, .. } => text.as_deref(),
            Self::LeftToDocker => None,
        }
    }

    /// The path on the node that the runtime copies.
    #[must_use]
    pub const fn copied_from(&self) -> Option<&'static str> {
        match self {
            Self::Copied { path, .. } => Some(path),
            Self::Written(_) | Self::LeftToDocker => None,
        }
    }
}

/// A pod's resolver configuration, and what was lost on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDns {
    /// How the lists were built; [`DnsMode::Host`] where a cluster pod fell back.
    pub mode: DnsMode,
    /// Whether the policy asks for cluster DNS and the kubelet has none.
    pub fell_back_to_host: bool,
    /// Nameservers, in order.
    pub nameservers: Vec<SourcedWord>,
    /// Search list, in order.
    pub searches: Vec<SourcedWord>,
    /// Options; see [`options_order_random`](Self::options_order_random).
    pub options: Vec<SourcedWord>,
    /// Whether the options come out in another order each time.
    pub options_order_random: bool,
    /// Nameservers behind the limit of three.
    pub dropped_nameservers: Vec<SourcedWord>,
    /// Search entries over a limit.
    pub dropped_searches: Vec<DroppedSearch>,
    /// Nameservers and search entries that repeat an earlier one and were written once.
    pub duplicates: Vec<SourcedWord>,
    /// Options that a later one of the same name replaced.
    pub replaced_options: Vec<SourcedWord>,
    /// `clusterDNS` entries that are no IP address; the kubelet skips them with a line in its log.
    pub ignored_cluster_dns: Vec<Located<String>>,
    /// Nameservers, search entries and options of the node's file that this pod does not get because of its policy.
    pub unused_host_words: Vec<Located<String>>,
    /// Events that the kubelet records.
    pub events: Vec<Event>,
    /// The file.
    pub file: PodFile,
}

impl PodDns {
    /// The text of the file, byte for byte, if it is known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.file.text()
    }

    /// The path on the node that the runtime copies because it was given nothing to write.
    #[must_use]
    pub const fn copied_from(&self) -> Option<&'static str> {
        self.file.copied_from()
    }
}

/// Why a pod does not start: the kubelet or the runtime refuses to make its sandbox, again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodDnsError {
    /// The file that `resolvConf` names does not exist. Pods of every policy are hit.
    HostFileMissing(Located<String>),
    /// The file cannot be read, or has 10 MiB or more.
    HostFileUnreadable(Located<String>),
    /// A `nameserver` line of the file has no value; the location is that line's word.
    BareNameserver(Located<String>),
    /// containerd before 1.5.6 refuses more than six search entries.
    TooManySearches {
        /// Entries of the pod.
        searches: Vec<SourcedWord>,
        /// Entries that the runtime takes.
        limit: usize,
        /// Its release.
        runtime: Option<Version>,
    },
}

impl fmt::Display for PodDnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostFileMissing(path) => write!(f, "{} does not exist", path.value),
            Self::HostFileUnreadable(path) => write!(f, "{} cannot be read", path.value),
            Self::BareNameserver(_) => f.write_str("a nameserver line without a value fails the whole file"),
            Self::TooManySearches { searches, limit, .. } => {
                write!(f, "the container runtime takes {limit} search domains, the pod has {}", searches.len())
            }
        }
    }
}

impl std::error::Error for PodDnsError {}
