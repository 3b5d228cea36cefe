//! The flags and feature gates that the kubelet knows, by release.

use super::versions::KubeVersion;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The minor releases of Kubernetes 1 from whose sources the tables are made.
const FIRST: u32 = 29;
/// The last one.
const LAST: u32 = 37;

/// Whether a release has a flag or feature gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has it, or nothing is known against it.
    Known,
    /// No release has it.
    Unknown,
    /// Later releases have it, from this minor one on.
    NotYet(u32),
    /// It has gone; the first minor release without it, where that is known.
    Gone(Option<u32>),
}

/// The minor releases that have a name.
#[derive(Clone, Copy, Debug)]
struct Releases {
    first: Option<u32>,
    last: Option<u32>,
    /// The last one that has it may be an earlier one.
    at_most: bool,
}

type Table = BTreeMap<&'static str, Releases>;

static FLAGS: LazyLock<Table> = LazyLock::new(|| table(include_str!("kubelet_flags.txt")));
static GATES: LazyLock<Table> = LazyLock::new(|| table(include_str!("feature_gates.txt")));

fn table(text: &'static str) -> Table {
    let line = |line: &'static str| {
        let (name, span) = line.split_once(' ').unwrap_or((line, "-"));
        let (first, last) = span.split_once('-').unwrap_or_default();
        let (last, at_most) = (last.trim_end_matches('?'), last.ends_with('?'));
        (name, Releases { first: first.parse().ok(), last: last.parse().ok(), at_most })
    };
    text.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

impl Releases {
    /// How a name stands in one release.
    fn standing_in(self, version: KubeVersion) -> Standing {
        match (self.first, self.last) {
            (_, Some(last)) if version.minor > last => Standing::Gone(Some(last + 1).filter(|_| !self.at_most)),
            (Some(first), _) if version.minor < first => Standing::NotYet(first),
            _ => Standing::Known,
        }
    }
}

/// Whether any release of the kubelet has a flag, `_` as `-`.
#[must_use]
pub fn is_flag(name: &str) -> bool {
    FLAGS.contains_key(name)
}

/// The flags of a release, `_` as `-`.
pub fn flags(version: KubeVersion) -> impl Iterator<Item = &'static str> {
    of(&FLAGS, version)
}

/// The feature gates of a release.
pub fn gates(version: KubeVersion) -> impl Iterator<Item = &'static str> {
    of(&GATES, version)
}

fn of(table: &'static Table, version: KubeVersion) -> impl Iterator<Item = &'static str> {
    let has = move |releases: &Releases| releases.standing_in(version) == Standing::Known;
    table.iter().filter(move |(_, releases)| has(releases)).map(|(name, _)| *name)
}

/// Whether the kubelet has a flag; it does not start with one that it does not have.
#[must_use]
pub fn flag(name: &str, version: KubeVersion) -> Standing {
    match FLAGS.get(name) {
        Some(releases) => releases.standing_in(version),
        None if version.minor > LAST => Standing::Known,
        None => Standing::Unknown,
    }
}

/// Whether the kubelet has a feature gate (`featuregate.Set` of component-base refuses others).
///
/// Gates that came and went before the table are known to no release of it.
#[must_use]
pub fn gate(name: &str, version: KubeVersion) -> Standing {
    match GATES.get(name) {
        _ if matches!(name, "AllAlpha" | "AllBeta") => Standing::Known,
        Some(releases) => releases.standing_in(version),
        None if (FIRST..=LAST).contains(&version.minor) => Standing::Unknown,
        None => Standing::Known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::kubelet_flags::kubelet::names;
    use std::collections::BTreeSet;

    const fn release(minor: u32) -> KubeVersion {
        KubeVersion::new(1, minor, 0)
    }

    #[test]
    fn by_release() {
        assert_eq!(flag("resolv-conf", release(37)), Standing::Known);
        assert_eq!(flag("resolv-config", release(37)), Standing::Unknown);
        assert_eq!(flag("resolv-config", release(38)), Standing::Known);
        assert_eq!(flag("containerd", release(36)), Standing::Known);
        assert_eq!(flag("containerd", release(37)), Standing::Gone(Some(37)));
        assert_eq!(flag("network-plugin", release(21)), Standing::Known);
        assert_eq!(flag("network-plugin", release(24)), Standing::Gone(Some(24)));
        assert_eq!(flag("docker-only", release(25)), Standing::Known);
        assert_eq!(flag("docker-only", release(31)), Standing::Gone(None));
        assert_eq!(flag("config-dir", release(27)), Standing::NotYet(28));
        assert_eq!(gate("ExpandedDNSConfig", release(29)), Standing::Known);
        assert_eq!(gate("ExpandedDNSConfig", release(30)), Standing::Gone(Some(30)));
        assert_eq!(gate("IPv6DualStack", release(21)), Standing::Known);
        assert_eq!(gate("IPv6DualStack", release(30)), Standing::Unknown);
        assert_eq!(gate("AllAlpha", release(30)), Standing::Known);
    }

    #[test]
    fn the_command_line_and_the_table_know_the_same_flags() {
        let read: BTreeSet<&str> = names().collect();
        assert_eq!(read, FLAGS.keys().copied().collect());
    }
}
