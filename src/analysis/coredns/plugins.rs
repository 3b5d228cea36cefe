//! The plugins of each release and the order in which they handle a query (`plugin.cfg` of CoreDNS).

use crate::diagnostic::edits;
use std::sync::LazyLock;

use super::version::Binary;
use crate::syntax::corefile::Version;

/// Plugin names in chain order, by the first release with that list.
static ORDERS: LazyLock<Vec<(Version, Vec<&'static str>)>> = LazyLock::new(|| {
    let lines = include_str!("plugin_order.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(':')).filter_map(release_line).collect()
});

fn release_line((version, names): (&'static str, &'static str)) -> Option<(Version, Vec<&'static str>)> {
    Some((Version::parse(version)?, names.split_whitespace().collect()))
}

/// Handlers compiled into the node cache, by the first tag with them (`cmd/node-cache/main.go` of kubernetes/dns).
const NODE_CACHE: [(Version, &[&str]); 5] = [
    (
        Version::new(1, 15, 14),
        &[
            "bind",
            "cache",
            "debug",
            "errors",
            "forward",
            "health",
            "loadbalance",
            "log",
            "loop",
            "prometheus",
            "pprof",
            "reload",
            "template",
            "whoami",
        ],
    ),
    (Version::new(1, 21, 1), &["hosts", "rewrite", "trace"]),
    (Version::new(1, 22, 0), &["bufsize"]),
    (Version::new(1, 22, 10), &["dns64"]),
    (Version::new(1, 26, 8), &["timeouts"]),
];

/// Plugins of other projects, which need a build of one's own (coredns.io/explugins).
const EXTERNAL: [&str; 34] = [
    "ads",
    "alias",
    "alternate",
    "amazondns",
    "bansystem",
    "blocker",
    "demo",
    "ddns",
    "dnsredir",
    "dump",
    "ens",
    "fanout",
    "finalize",
    "gateway",
    "gslb",
    "gravwell",
    "ipecho",
    "ipset",
    "k8s_crd",
    "k8s_gateway",
    "kubernetai",
    "mdns",
    "meship",
    "meshname",
    "multicluster",
    "mysql",
    "netbox",
    "nats",
    "pdsql",
    "records",
    "redis",
    "redisc",
    "unbound",
    "wgsd",
];

/// Plugins that the default build lost, and what takes their place.
const REPLACEMENTS: [(&str, &str); 5] =
    [("proxy", "forward"), ("reverse", "template"), ("federation", "rewrite"), ("startup", "on"), ("shutdown", "on")];

/// What a binary makes of a directive name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// It has the plugin.
    Known,
    /// The name is in its list and the plugin is not compiled in (node cache).
    NotCompiledIn,
    /// The plugin came with a later release.
    NeedsNewer(Version),
    /// The plugin was dropped from this release on; the plugin that took its place.
    Removed(Version, Option<&'static str>),
    /// A plugin of another project.
    External,
    /// No such plugin.
    Unknown,
}

/// The plugins of a release in the order in which they handle a query; it is also the order of their set-up.
#[must_use]
pub fn plugin_order(version: Version) -> &'static [&'static str] {
    let list = ORDERS.iter().rev().find(|(first, _)| *first <= version).or_else(|| ORDERS.first());
    list.map_or(&[], |(_, names)| names.as_slice())
}

/// Position in the chain; names that are not in the list come last.
#[must_use]
pub fn position(name: &str, version: Version) -> usize {
    plugin_order(version).iter().position(|known| *known == name).unwrap_or(usize::MAX)
}

/// Whether the parser of the binary accepts the name as a directive.
#[must_use]
pub fn directive_known(name: &str, binary: &Binary) -> bool {
    plugin_order(binary.assumed_version()).contains(&name)
}

/// Whether the newest default build of CoreDNS has the plugin.
#[must_use]
pub fn default_build_has(name: &str) -> bool {
    plugin_order(super::version::NEWEST).contains(&name)
}

/// Whether the name belongs to a plugin that exists outside the default build.
#[must_use]
pub fn external_plugin(name: &str) -> bool {
    EXTERNAL.contains(&name)
}

/// What the binary makes of a directive name.
#[must_use]
pub fn classify(name: &str, binary: &Binary) -> Knowledge {
    if directive_known(name, binary) {
        return match binary {
            Binary::NodeCache(tag) if !node_cache_has(name, *tag) => Knowledge::NotCompiledIn,
            _ => Knowledge::Known,
        };
    }
    let version = binary.assumed_version();
    let has = |names: &[&str]| names.contains(&name);
    if ORDERS.iter().any(|(first, names)| *first <= version && has(names)) {
        let gone = ORDERS.iter().skip_while(|(_, names)| !has(names)).find(|(_, names)| !has(names));
        let replacement = REPLACEMENTS.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
        return Knowledge::Removed(gone.map_or(version, |(first, _)| *first), replacement);
    }
    if let Some((since, _)) = ORDERS.iter().find(|(first, names)| *first > version && has(names)) {
        return Knowledge::NeedsNewer(*since);
    }
    if external_plugin(name) { Knowledge::External } else { Knowledge::Unknown }
}

/// The first tag of the table stands for all earlier ones too: what they had was not looked up, and the binary has
/// been built around these plugins from the beginning.
fn node_cache_has(name: &str, tag: Option<Version>) -> bool {
    let earliest = NODE_CACHE.first().map(|(first, _)| *first);
    let since = |first: Version| tag.is_none_or(|tag| first <= tag) || earliest == Some(first);
    NODE_CACHE.iter().any(|(first, names)| since(*first) && names.contains(&name))
}

/// The plugin name that a misspelt directive most likely means.
#[must_use]
pub fn nearest(name: &str, binary: &Binary) -> Option<&'static str> {
    let known = plugin_order(binary.assumed_version()).iter().copied();
    nearest_of(name, known.filter(|candidate| classify(candidate, binary) == Knowledge::Known))
}

/// The candidate with the fewest edits to `name`, if these are few.
pub(super) fn nearest_of<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    if length < 3 {
        return None;
    }
    let allowed = if length < 6 { 1 } else { 2 };
    candidates
        .filter_map(|candidate| Some((edits(name, candidate)?, candidate)))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn coredns(minor: u32, patch: u32) -> Binary {
        Binary::CoreDns(Some(Version::new(1, minor, patch)))
    }

    #[test]
    fn follows_the_lists_of_each_release() {
        let v = Version::new;
        for (name, binary, want) in [
            ("forward", coredns(14, 7), Knowledge::Known),
            ("nomad", coredns(12, 4), Knowledge::NeedsNewer(v(1, 13, 0))),
            ("siit", coredns(14, 7), Knowledge::NeedsNewer(v(1, 15, 0))),
            ("dynupdate", coredns(15, 0), Knowledge::Known),
            ("proxy", coredns(4, 0), Knowledge::Known),
            ("proxy", coredns(11, 3), Knowledge::Removed(v(1, 5, 0), Some("forward"))),
            ("federation", coredns(7, 0), Knowledge::Removed(v(1, 7, 0), Some("rewrite"))),
            ("fanout", coredns(11, 3), Knowledge::External),
            ("erors", coredns(11, 3), Knowledge::Unknown),
            ("kubernetes", Binary::NodeCache(None), Knowledge::NotCompiledIn),
            ("hosts", Binary::NodeCache(Some(v(1, 15, 14))), Knowledge::NotCompiledIn),
            ("hosts", Binary::NodeCache(Some(v(1, 26, 4))), Knowledge::Known),
        ] {
            assert_eq!(classify(name, &binary), want, "{name} {binary:?}");
        }
    }

    #[test]
    fn rewrite_moves_before_cache() {
        let order = |minor, patch| {
            let version = Version::new(1, minor, patch);
            position("rewrite", version) < position("cache", version)
        };
        assert!(!order(14, 6) && order(14, 7));
        assert_eq!(plugin_order(Version::new(1, 14, 7)).len(), 60);
        assert_eq!(plugin_order(NEWEST_TESTED).len(), 62);
        assert_eq!(plugin_order(Version::new(1, 13, 2)).len(), 55);
    }

    const NEWEST_TESTED: Version = Version::new(1, 15, 0);

    #[test]
    fn suggests_close_names_only() {
        let binary = coredns(14, 7);
        for (name, want) in [
            ("erors", Some("errors")),
            ("fowrard", Some("forward")),
            ("chache", Some("cache")),
            ("xyzzy", None),
            ("lo", None),
        ] {
            assert_eq!(nearest(name, &binary), want, "{name}");
        }
    }
}
