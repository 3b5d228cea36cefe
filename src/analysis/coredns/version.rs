//! Which CoreDNS runs: from image tags, also for the node cache, which embeds one.

use crate::syntax::corefile::Version;

/// Newest release that the knowledge in this module covers; assumed when the version of a binary is unknown.
pub const NEWEST: Version = Version::new(1, 15, 0);

/// CoreDNS inside the newest node cache known.
const NEWEST_IN_NODE_CACHE: Version = Version::new(1, 13, 2);

/// CoreDNS inside each node cache, by the first tag with it (`go.mod` of kubernetes/dns).
const EMBEDDED: [(Version, Version); 6] = [
    (Version::new(1, 21, 1), Version::new(1, 7, 0)),
    (Version::new(1, 22, 20), Version::new(1, 10, 0)),
    (Version::new(1, 24, 0), Version::new(1, 11, 3)),
    (Version::new(1, 26, 5), Version::new(1, 12, 2)),
    (Version::new(1, 26, 6), Version::new(1, 13, 1)),
    (Version::new(1, 26, 8), NEWEST_IN_NODE_CACHE),
];

/// A program that reads a Corefile, with its own version if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    /// CoreDNS in its default build.
    CoreDns(Option<Version>),
    /// `node-cache` of kubernetes/dns (NodeLocal DNSCache), by its own tag.
    NodeCache(Option<Version>),
}

impl Binary {
    /// The binary that an image holds: `registry/name:tag[@digest]`; `None` for an image that is neither.
    #[must_use]
    pub fn from_image(image: &str) -> Option<Self> {
        let image = image.split('@').next().unwrap_or(image);
        let last = image.rsplit('/').next().unwrap_or(image);
        let (name, tag) = last.split_once(':').unwrap_or((last, ""));
        let version = Version::parse(tag);
        if name.contains("node-cache") {
            Some(Self::NodeCache(version))
        } else if name.contains("coredns") {
            Some(Self::CoreDns(version))
        } else {
            None
        }
    }

    /// The CoreDNS release in the binary, if it can be told.
    #[must_use]
    pub fn coredns_version(&self) -> Option<Version> {
        match self {
            Self::CoreDns(version) => *version,
            Self::NodeCache(tag) => {
                let tag = (*tag)?;
                EMBEDDED.iter().rev().find(|(first, _)| *first <= tag).map(|(_, coredns)| *coredns)
            }
        }
    }

    /// The CoreDNS release to judge by: the known one, else the newest.
    #[must_use]
    pub fn assumed_version(&self) -> Version {
        self.coredns_version().unwrap_or(match self {
            Self::CoreDns(_) => NEWEST,
            Self::NodeCache(_) => NEWEST_IN_NODE_CACHE,
        })
    }

    /// Whether this is the node cache.
    #[must_use]
    pub const fn is_node_cache(&self) -> bool {
        matches!(self, Self::NodeCache(_))
    }

    /// Name and version for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match (self, self.coredns_version()) {
            (Self::CoreDns(_), Some(version)) => format!("CoreDNS {version}"),
            (Self::CoreDns(_), None) => "CoreDNS".to_owned(),
            (Self::NodeCache(Some(tag)), Some(version)) => format!("node-cache {tag} (CoreDNS {version})"),
            (Self::NodeCache(Some(tag)), None) => format!("node-cache {tag}"),
            (Self::NodeCache(None), _) => "node-cache".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_image_names() {
        let v = |major, minor, patch| Some(Version::new(major, minor, patch));
        for (image, want) in [
            ("registry.k8s.io/coredns/coredns:v1.11.3", Some(Binary::CoreDns(v(1, 11, 3)))),
            ("x.amazonaws.com/eks/coredns:v1.11.3-eksbuild.1", Some(Binary::CoreDns(v(1, 11, 3)))),
            ("rancher/hardened-coredns:v1.12.0-build2024", Some(Binary::CoreDns(v(1, 12, 0)))),
            ("localhost:5000/coredns", Some(Binary::CoreDns(None))),
            ("registry.k8s.io/dns/k8s-dns-node-cache:1.26.4", Some(Binary::NodeCache(v(1, 26, 4)))),
            ("rancher/hardened-dns-node-cache:1.26.8-build1@sha256:00", Some(Binary::NodeCache(v(1, 26, 8)))),
            ("nginx:1.27", None),
        ] {
            assert_eq!(Binary::from_image(image), want, "{image}");
        }
        assert_eq!(Binary::NodeCache(v(1, 26, 4)).coredns_version(), v(1, 11, 3));
        assert_eq!(Binary::NodeCache(v(1, 15, 14)).coredns_version(), None);
        assert_eq!(Binary::NodeCache(None).assumed_version(), Version::new(1, 13, 2));
    }
}
