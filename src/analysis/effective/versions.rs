//! Release numbers, and which release of Kubernetes, k3s or RKE2 changed what.

use std::fmt;
use std::str::FromStr;

/// A release number: of Kubernetes (k3s and RKE2 carry the same one) or of a container runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Patch number; 0 where the text does not name one.
    pub patch: u32,
}

/// A release of Kubernetes, or the one inside a release of k3s or RKE2.
pub type KubeVersion = Version;

impl Version {
    /// A release by its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `v1.21.7+k3s1`, `v1.33.4+rke2r1`, `1.30.0-rc.1` or `1.30`; what follows the numbers is ignored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let numbers = text.split(['+', '-', ' ', '~']).next()?;
        let mut parts = numbers.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let patch = parts.next().map_or(Some(0), |patch| patch.parse().ok())?;
        Some(Self::new(major, minor, patch))
    }

    /// Whether this release has a change that went into `firsts` of the maintained minor releases (oldest first) and
    /// into every minor release after the last of them.
    #[must_use]
    pub fn has_backport(self, firsts: &[Self]) -> bool {
        let line = (self.major, self.minor);
        firsts.iter().find(|first| (first.major, first.minor) == line).map_or_else(
            || firsts.last().is_some_and(|last| line > (last.major, last.minor)),
            |first| self.patch >= first.patch,
        )
    }
}

impl FromStr for Version {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::parse(text).ok_or(())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What a pod's search list may hold; the kubelet cuts the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SearchLimits {
    /// Number of entries (`MaxDNSSearchPaths`).
    pub paths: usize,
    /// Bytes of all entries joined by single blanks (`MaxDNSSearchListChars`).
    pub chars: usize,
    /// Bytes of one entry, where the kubelet checks it.
    pub entry: Option<usize>,
}

/// Search limits with the feature gate at its default; see [`search_limits_with_gate`].
#[must_use]
pub fn search_limits(version: KubeVersion) -> SearchLimits {
    search_limits_with_gate(version, None)
}

/// Search limits of the kubelet (`formDNSSearchFitsLimits` in `pkg/kubelet/network/dns/dns.go`).
///
/// `gate` is the feature gate `ExpandedDNSConfig` if it is set: alpha and off from 1.22, on from 1.26, locked on from
/// 1.28 (release notes: Kubernetes pull requests 100651, 112824, 116741).
#[must_use]
pub fn search_limits_with_gate(version: KubeVersion, gate: Option<bool>) -> SearchLimits {
    let expanded = match (version.major, version.minor) {
        (0, _) | (1, ..=21) => false,
        (1, 22..=25) => gate.unwrap_or(false),
        (1, 26 | 27) => gate.unwrap_or(true),
        _ => true,
    };
    let entry = (version >= Version::new(1, 22, 0)).then_some(253);
    if expanded { SearchLimits { paths: 32, chars: 2048, entry } } else { SearchLimits { paths: 6, chars: 256, entry } }
}

/// Nameservers that a pod keeps (`MaxDNSNameservers` in `pkg/apis/core/validation`), in every release.
pub const MAX_NAMESERVERS: usize = 3;

/// How the kubelet treats several `options` lines of the node's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptionsReading {
    /// The last line replaces the earlier ones.
    LastLine,
    /// All lines add up, one word a key, in random order.
    MergedInRandomOrder,
}

/// Reading of `options` lines: merged since 1.26 (`parseResolvConf`; Kubernetes pull request 112414).
#[must_use]
pub fn options_merge(version: KubeVersion) -> OptionsReading {
    if version >= Version::new(1, 26, 0) { OptionsReading::MergedInRandomOrder } else { OptionsReading::LastLine }
}

/// What the kubelet makes of search entries that end in a dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RootSearch {
    /// Nothing is normalised: `.` and `lan.` stay as they are.
    Verbatim,
    /// `lan.` loses its dot, and so does `.`, which leaves an empty entry.
    EmptyEntry,
    /// `lan.` loses its dot, `.` stays.
    Kept,
    /// `lan.` loses its dot, `.` is dropped.
    Dropped,
}

/// Treatment of `search .` (`parseResolvConf`; Kubernetes pull requests 83069, 109441 in 1.25.0, 112157 in 1.25.1).
///
/// That normalisation starts with 1.19 is inferred: it is absent from 1.18 sources and present in 1.21.
#[must_use]
pub fn root_search(version: KubeVersion) -> RootSearch {
    if version < Version::new(1, 19, 0) {
        RootSearch::Verbatim
    } else if version < Version::new(1, 25, 0) {
        RootSearch::EmptyEntry
    } else if version < Version::new(1, 25, 1) {
        RootSearch::Kept
    } else {
        RootSearch::Dropped
    }
}

/// Whether `spec.dnsConfig.searches` may hold `_` and the single `.` (`RelaxedDNSSearchValidation`, on since 1.33;
/// Kubernetes pull request 130128).
#[must_use]
pub fn admits_relaxed_searches(version: KubeVersion) -> bool {
    version >= Version::new(1, 33, 0)
}

/// What `--config-dir` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropInSupport {
    /// The flag does not exist: the kubelet does not start.
    UnknownFlag,
    /// Alpha: refused unless the environment has `KUBELET_CONFIG_DROPIN_DIR_ALPHA`.
    NeedsAlphaVariable,
    /// Usable.
    Usable,
}

/// Support of kubelet drop-ins: alpha in 1.28, usable since 1.30 (Kubernetes pull requests 119390, 122907).
#[must_use]
pub fn kubelet_dropins(version: KubeVersion) -> DropInSupport {
    if version < Version::new(1, 28, 0) {
        DropInSupport::UnknownFlag
    } else if version < Version::new(1, 30, 0) {
        DropInSupport::NeedsAlphaVariable
    } else {
        DropInSupport::Usable
    }
}

/// Whether kubelet drop-ins merge the versioned object (`cmd/kubelet/app/server.go`; Kubernetes pull request 127421).
///
/// Since 1.32 each must say `apiVersion` and `kind`, and `resolvConf` works; before, `resolvConf` in a drop-in was
/// silently ignored.
#[must_use]
pub fn kubelet_dropins_are_versioned(version: KubeVersion) -> bool {
    version >= Version::new(1, 32, 0)
}

/// Whether the kubelet judges the feature gates of the `--config` file before it merges drop-ins: since 1.32, whose
/// defaults depend on them (`SetDefaults_KubeletConfiguration` in `pkg/kubelet/apis/config/v1beta1/defaults.go`).
#[must_use]
pub fn kubelet_judges_gates_of_file(version: KubeVersion) -> bool {
    version >= KubeVersion::new(1, 32, 0)
}

/// Whether kubeadm passes the resolver file as the flag `--resolv-conf` in `kubeadm-flags.env` instead of writing
/// `resolvConf` (before 1.19; Kubernetes pull request 90394). A flag left over from then still beats the file.
#[must_use]
pub fn kubeadm_uses_resolv_conf_flag(version: KubeVersion) -> bool {
    version < Version::new(1, 19, 0)
}

/// Whether k3s and RKE2 reject a candidate file without any `nameserver` line (`pkg/agent/config/config.go`; k3s pull
/// request 9948, June 2024). The patch numbers of 1.27 and 1.28 are inferred from the dates of the backports.
#[must_use]
pub fn k3s_requires_a_nameserver(version: KubeVersion) -> bool {
    version.has_backport(&[
        Version::new(1, 27, 15),
        Version::new(1, 28, 11),
        Version::new(1, 29, 6),
        Version::new(1, 30, 2),
    ])
}

/// Whether k3s and RKE2 accept the cloud metadata address 169.254.169.254 as nameserver (k3s pull request 12692).
#[must_use]
pub fn k3s_accepts_metadata_address(version: KubeVersion) -> bool {
    version.has_backport(&[Version::new(1, 31, 12), Version::new(1, 32, 8), Version::new(1, 33, 4)])
}

/// The file that k3s and RKE2 write when no candidate is viable; with an IPv6 server since the change of
/// [`k3s_accepts_metadata_address`] (k3s issues 12702 to 12704, RKE2 documentation).
#[must_use]
pub fn k3s_fallback_text(version: KubeVersion) -> &'static str {
    if k3s_accepts_metadata_address(version) {
        "nameserver 8.8.8.8\nnameserver 2001:4860:4860::8888\n"
    } else {
        "nameserver 8.8.8.8\n"
    }
}

/// Whether the server of k3s skips keys of its configuration that it does not know, instead of not starting
/// (`stripInvalidFlags` in `pkg/configfilearg/parser.go`; k3s pull requests 4464, 4475, 4482). Its agent never does.
#[must_use]
pub fn k3s_server_skips_unknown_keys(version: KubeVersion) -> bool {
    version.has_backport(&[Version::new(1, 21, 7), Version::new(1, 22, 4)])
}

/// Whether k3s reads its data directory from `K3S_DATA_DIR` (`pkg/cli/cmds/server.go`, July 2024). The patch numbers of
/// 1.28 and 1.30 are inferred from that of 1.29.
#[must_use]
pub fn k3s_reads_data_dir_variable(version: KubeVersion) -> bool {
    version.has_backport(&[Version::new(1, 28, 13), Version::new(1, 29, 8), Version::new(1, 30, 4)])
}

/// Whether k3s and RKE2 write their kubelet settings to the drop-in `00-k3s-defaults.conf` (`00-rke2-defaults.conf`)
/// instead of passing flags (`pkg/daemons/agent/agent.go`; since 1.32).
#[must_use]
pub fn k3s_writes_kubelet_dropin(version: KubeVersion) -> bool {
    version >= Version::new(1, 32, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_texts() {
        let cases = [
            ("v1.21.7+k3s1", Some((1, 21, 7))),
            ("v1.33.4+rke2r1", Some((1, 33, 4))),
            ("1.30", Some((1, 30, 0))),
            ("v1.30.0-rc.1", Some((1, 30, 0))),
            (" v1.29.3-gke.1 ", Some((1, 29, 3))),
            ("1", None),
            ("v1.x", None),
            ("1.30.4294967296", None),
            ("", None),
        ];
        for (text, want) in cases {
            let got = Version::parse(text).map(|v| (v.major, v.minor, v.patch));
            assert_eq!(got, want, "{text:?}");
        }
    }

    #[test]
    fn backports() {
        let has = |text| k3s_requires_a_nameserver(Version::parse(text).unwrap());
        for (text, want) in [
            ("1.26.99", false),
            ("1.27.14", false),
            ("1.27.15", true),
            ("1.28.10", false),
            ("1.29.6", true),
            ("1.30.1", false),
            ("1.30.2", true),
            ("1.31.0", true),
            ("2.0.0", true),
        ] {
            assert_eq!(has(text), want, "{text}");
        }
        assert!(!k3s_accepts_metadata_address(Version::new(1, 33, 3)));
        assert!(!k3s_accepts_metadata_address(Version::new(1, 30, 14)));
        assert!(k3s_accepts_metadata_address(Version::new(1, 34, 0)));
    }

    #[test]
    fn the_gate_matters_from_1_22_to_1_27_only() {
        let paths = |minor, gate| search_limits_with_gate(Version::new(1, minor, 0), gate).paths;
        assert_eq!([paths(21, Some(true)), paths(22, None), paths(22, Some(true))], [6, 6, 32]);
        assert_eq!([paths(26, None), paths(27, Some(false)), paths(28, Some(false))], [32, 6, 32]);
        assert_eq!(search_limits(Version::new(1, 21, 0)).entry, None);
        assert_eq!(search_limits(Version::new(1, 22, 0)).entry, Some(253));
    }
}
