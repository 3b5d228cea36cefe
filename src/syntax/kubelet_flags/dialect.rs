//! What each program knows of its flags: dashes, aliases, which ones are boolean.

/// How a program reads the dashes in front of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dashes {
    /// Two for a name, one for a single letter (pflag).
    TwoOrShort,
    /// One or two, all the same (Go's flag package, which urfave/cli uses).
    OneOrTwo,
}

/// Whether a flag consumes the next word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Always, whatever the word looks like.
    Value,
    /// Never: a boolean.
    Nothing,
    /// Not in the tables.
    Unknown,
}

/// A program's flag syntax.
pub(super) struct Dialect {
    pub dashes: Dashes,
    /// Whether `_` equals `-` in names.
    pub folds_underscores: bool,
    /// Other names of flags.
    pub aliases: &'static [(&'static str, &'static str)],
    pub takes: fn(&str) -> Takes,
}

impl Dialect {
    /// The canonical form of a name without dashes.
    pub(super) fn canonical(&self, name: &str) -> String {
        let folded = if self.folds_underscores { name.replace('_', "-") } else { name.to_owned() };
        self.alias(&folded).map_or(folded, str::to_owned)
    }

    fn alias(&self, name: &str) -> Option<&'static str> {
        self.aliases.iter().find(|(alias, _)| *alias == name).map(|(_, name)| *name)
    }

    /// The flag behind a single letter.
    pub(super) fn short_name(&self, letter: char) -> Option<&'static str> {
        self.alias(letter.encode_utf8(&mut [0; 4]))
    }
}

/// The kubelet (`cmd/kubelet/app`, word separators normalised by `k8s.io/component-base`).
pub(super) const KUBELET: Dialect = Dialect {
    dashes: Dashes::TwoOrShort,
    folds_underscores: true,
    aliases: &[("v", "v"), ("h", "help")],
    takes: super::kubelet::takes,
};

/// `k3s server|agent` and `rke2 server|agent` (`pkg/cli/cmds` of k3s).
pub(super) const K3S: Dialect = Dialect {
    dashes: Dashes::OneOrTwo,
    folds_underscores: false,
    aliases: super::k3s::ALIASES,
    takes: super::k3s::takes,
};

/// CoreDNS and the node cache built on it (`cmd/node-cache` of kubernetes/dns).
pub(super) const COREDNS: Dialect =
    Dialect { dashes: Dashes::OneOrTwo, folds_underscores: false, aliases: &[("p", "dns.port")], takes: coredns_takes };

/// Looks a name up in the tables of one program; both are sorted.
pub(super) fn lookup(name: &str, booleans: &[&str], values: &[&str]) -> Takes {
    if booleans.binary_search(&name).is_ok() {
        Takes::Nothing
    } else if values.binary_search(&name).is_ok() {
        Takes::Value
    } else {
        Takes::Unknown
    }
}

fn coredns_takes(name: &str) -> Takes {
    lookup(name, COREDNS_BOOLEANS, COREDNS_VALUES)
}

const COREDNS_BOOLEANS: &[&str] = &[
    "alsologtostderr",
    "logtostderr",
    "plugins",
    "quiet",
    "setupinterface",
    "setupiptables",
    "skipteardown",
    "version",
];

const COREDNS_VALUES: &[&str] = &[
    "basecorefile",
    "conf",
    "corefile",
    "dns.port",
    "health-port",
    "interfacename",
    "kubednscm",
    "localip",
    "metrics-listen-address",
    "pidfile",
    "syncinterval",
    "upstreamsvc",
    "v",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_disjoint() {
        assert!(COREDNS_BOOLEANS.is_sorted() && COREDNS_VALUES.is_sorted());
        assert_eq!(COREDNS_BOOLEANS.iter().find(|name| COREDNS_VALUES.contains(name)), None);
    }
}
