//! Plugin properties by release: when they came, when they went, and which have no effect any more.

use super::problem::Cause;
use crate::syntax::corefile::Version;

/// The life of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionStatus {
    /// Accepted.
    Accepted,
    /// Accepted from this release on.
    NeedsNewer(Version),
    /// Refused from this release on; what to do instead.
    Removed(Version, Instead),
    /// Accepted without effect; what to do instead.
    Ignored(Instead),
}

/// What takes the place of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instead {
    /// Advice, as a clause.
    pub text: &'static str,
    /// Nothing does: its line can go.
    pub nothing: bool,
}

impl Instead {
    pub(super) const fn cause(self) -> Cause {
        if self.nothing { Cause::Superfluous } else { Cause::Other }
    }
}

struct Life {
    plugin: &'static str,
    property: &'static str,
    since: (u32, u32),
    ignored: Option<(u32, u32)>,
    removed: Option<(u32, u32)>,
    instead: Instead,
}

const NOTHING: Instead = Instead { text: "remove the line", nothing: true };
const BY_ITSELF: Instead = Instead { text: "remove the line, CoreDNS resolves such names itself", nothing: true };
const TRANSFER: Instead = Instead { text: "use the plugin transfer", nothing: false };
const RELOAD: Instead = Instead { text: "use `reload 0`", nothing: false };

const fn since(plugin: &'static str, property: &'static str, since: (u32, u32)) -> Life {
    Life { plugin, property, since, ignored: None, removed: None, instead: NOTHING }
}

const fn gone(
    plugin: &'static str,
    property: &'static str,
    ignored: Option<(u32, u32)>,
    removed: Option<(u32, u32)>,
    instead: Instead,
) -> Life {
    Life { plugin, property, since: (0, 0), ignored, removed, instead }
}

/// Release pairs are (minor, patch) of 1.x, from the set-up sources of every tag.
const LIVES: [Life; 54] = [
    since("forward", "policy", (0, 6)),
    since("forward", "prefer_udp", (2, 0)),
    since("forward", "max_concurrent", (6, 8)),
    since("forward", "next", (11, 4)),
    since("forward", "failfast_all_unhealthy_upstreams", (12, 1)),
    since("forward", "failover", (13, 0)),
    since("forward", "max_connect_attempts", (13, 2)),
    since("forward", "max_idle_conns", (14, 1)),
    since("forward", "max_age", (14, 3)),
    since("forward", "resolver", (14, 4)),
    since("forward", "next_on_nodata", (14, 4)),
    since("forward", "doh_method", (14, 5)),
    since("forward", "read_timeout", (14, 5)),
    since("forward", "source_address", (14, 6)),
    since("cache", "serve_stale", (6, 6)),
    since("cache", "disable", (9, 4)),
    since("cache", "servfail", (9, 4)),
    since("cache", "keepttl", (10, 1)),
    since("cache", "serve_stale_policy", (14, 7)),
    since("kubernetes", "noendpoints", (0, 6)),
    since("kubernetes", "ignore", (1, 3)),
    since("kubernetes", "kubeconfig", (2, 3)),
    since("kubernetes", "namespace_labels", (5, 0)),
    since("kubernetes", "multicluster", (12, 2)),
    since("kubernetes", "startup_timeout", (12, 3)),
    since("kubernetes", "apiserver_qps", (14, 0)),
    since("kubernetes", "apiserver_burst", (14, 0)),
    since("kubernetes", "apiserver_max_inflight", (14, 0)),
    since("kubernetes", "zonal", (14, 7)),
    gone("kubernetes", "upstream", Some((4, 0)), Some((7, 0)), BY_ITSELF),
    gone("kubernetes", "resyncperiod", Some((5, 0)), Some((7, 0)), NOTHING),
    gone("kubernetes", "transfer", None, Some((8, 0)), TRANSFER),
    since("hosts", "no_reverse", (4, 0)),
    since("hosts", "reload", (4, 0)),
    since("hosts", "ttl", (4, 0)),
    since("hosts", "fallthrough_unsupported", (14, 7)),
    since("file", "fallthrough", (12, 2)),
    since("file", "reload_by_mtime", (14, 4)),
    gone("file", "upstream", Some((0, 0)), None, NOTHING),
    gone("file", "no_reload", None, Some((5, 0)), RELOAD),
    gone("file", "transfer", None, Some((8, 0)), TRANSFER),
    gone("auto", "upstream", Some((0, 0)), None, NOTHING),
    gone("auto", "no_reload", None, Some((5, 0)), RELOAD),
    gone("auto", "transfer", None, Some((8, 0)), TRANSFER),
    gone("secondary", "upstream", None, Some((8, 0)), NOTHING),
    gone("template", "upstream", Some((0, 0)), None, NOTHING),
    since("template", "ederror", (10, 1)),
    since("template", "var", (15, 0)),
    since("template", "expr", (15, 0)),
    since("errors", "consolidate", (2, 6)),
    since("errors", "stacktrace", (9, 3)),
    since("health", "lameduck", (0, 5)),
    since("dns64", "allow_ipv4", (8, 7)),
    since("bind", "except", (8, 4)),
];

/// What a release makes of a property of a plugin; properties without history are accepted.
#[must_use]
pub fn status(plugin: &str, property: &str, version: Version) -> OptionStatus {
    let release = |(minor, patch): (u32, u32)| Version::new(1, minor, patch);
    let Some(life) = LIVES.iter().find(|life| life.plugin == plugin && life.property == property) else {
        return OptionStatus::Accepted;
    };
    if let Some(removed) = life.removed.map(release).filter(|removed| version >= *removed) {
        return OptionStatus::Removed(removed, life.instead);
    }
    if life.ignored.is_some_and(|ignored| version >= release(ignored)) {
        return OptionStatus::Ignored(life.instead);
    }
    if version < release(life.since) { OptionStatus::NeedsNewer(release(life.since)) } else { OptionStatus::Accepted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_come_and_go() {
        let v = |minor, patch| Version::new(1, minor, patch);
        assert_eq!(status("forward", "max_concurrent", v(6, 7)), OptionStatus::NeedsNewer(v(6, 8)));
        assert_eq!(status("forward", "max_concurrent", v(6, 8)), OptionStatus::Accepted);
        assert!(matches!(status("kubernetes", "upstream", v(6, 9)), OptionStatus::Ignored(_)));
        assert!(matches!(status("kubernetes", "upstream", v(7, 0)), OptionStatus::Removed(..)));
        assert!(matches!(status("template", "upstream", v(14, 7)), OptionStatus::Ignored(_)));
        assert_eq!(status("forward", "except", v(0, 6)), OptionStatus::Accepted);
    }
}
