//! The fields of `KubeletConfiguration` (`kubelet.config.k8s.io/v1beta1`) and the slips that people make with them.

use crate::diagnostic::edits;
use crate::model::value::Value;
use crate::source::Located;
use std::sync::LazyLock;

/// Dotted paths of all fields, generated from the Go types (`staging/src/k8s.io/kubelet/config/v1beta1/types.go`).
static PATHS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let lines = include_str!("fields.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(' ').next()).collect()
});

/// Fields that releases of v1beta1 had before those that the table is made from.
const FORMER: [&str; 1] = ["configTrialDuration"];

/// Dotted paths of all fields of `KubeletConfiguration`, of every release that is known.
pub fn paths() -> impl Iterator<Item = &'static str> {
    PATHS.iter().copied()
}

/// The fields at the top.
fn top() -> impl Iterator<Item = &'static str> {
    paths().filter(|path| !path.contains('.')).chain(FORMER)
}

/// The struct at the top that has a field of this name directly inside, if it is only one.
fn parent_of(name: &str) -> Option<&'static str> {
    let mut parents = paths().filter_map(|path| path.split_once('.').filter(|(_, inside)| *inside == name));
    let (parent, _) = parents.next()?;
    parents.next().is_none().then_some(parent)
}

/// The fields that concern DNS.
pub const DNS_FIELDS: [&str; 3] = ["clusterDNS", "clusterDomain", "resolvConf"];

/// Names that other interfaces have for the DNS fields: flags, internal Go fields, resolv.conf's usual name.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("resolverconfig", "resolvConf"),
    ("resolveconf", "resolvConf"),
    ("resolvconfig", "resolvConf"),
    ("resolvconffile", "resolvConf"),
    ("resolvconfpath", "resolvConf"),
    ("resolverconf", "resolvConf"),
    ("clusterdnsip", "clusterDNS"),
    ("clusterdnsservers", "clusterDNS"),
    ("dnsclusterip", "clusterDNS"),
    ("clusterdomainname", "clusterDomain"),
    ("dnsdomain", "clusterDomain"),
    ("clusterdnsdomain", "clusterDomain"),
];

/// A key that the kubelet does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// The key as written, located.
    pub key: Located<String>,
    /// The field that was meant, with its parents.
    pub meant: String,
    /// The key is one of the kubelet's and stands under the wrong parent.
    pub misplaced: bool,
    /// It concerns DNS.
    pub dns: bool,
}

/// The slips in a configuration: keys without a near field are somebody's extension or a newer release's, not a slip.
#[must_use]
pub fn slips(config: &Value) -> Vec<Slip> {
    let mut found = Vec::new();
    for (key, value) in config.entries() {
        if let Some(slip) = top_level(key, config) {
            found.push(slip);
        }
        found.extend(inside(key, value));
    }
    found
}

fn top_level(key: &Located<String>, config: &Value) -> Option<Slip> {
    let name = key.value.as_str();
    if top().any(|field| field == name) {
        return None;
    }
    if let Some(parent) = parent_of(name).filter(|_| !common_word(name)) {
        return Some(slip(key, format!("{parent}.{name}"), true, false));
    }
    let meant = meant(name)?;
    // beside the right spelling, the wrong one is a left-over that harms nobody
    (config.get(meant).is_none()).then(|| slip(key, meant.to_owned(), false, DNS_FIELDS.contains(&meant)))
}

/// DNS fields one level too deep, as happens with a wrong indentation or a copied `kubeletExtraArgs`.
fn inside(parent: &Located<String>, value: &Located<Value>) -> Vec<Slip> {
    let free = ["featureGates", "metadata"].contains(&parent.value.as_str());
    let keys = value.entries().iter().map(|(key, _)| key);
    keys.filter(|key| !free && DNS_FIELDS.contains(&key.value.as_str()))
        .map(|key| slip(key, key.value.clone(), true, true))
        .collect()
}

fn slip(key: &Located<String>, meant: String, misplaced: bool, dns: bool) -> Slip {
    Slip { key: key.clone(), meant, misplaced, dns }
}

/// Words that say nothing about which struct they belong to.
fn common_word(name: &str) -> bool {
    const COMMON: &str = "effect|endpoint|format|key|limits|mode|options|priority|value|verbosity|webhook";
    COMMON.split('|').any(|word| word == name)
}

/// The field that a key was meant to be.
fn meant(name: &str) -> Option<&'static str> {
    let folded = folded(name);
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == folded).map(|(_, field)| *field);
    let same = || top().find(|field| field.eq_ignore_ascii_case(&folded));
    other.or_else(same).or_else(|| nearest(&folded))
}

/// Lower case without the separators that flags and file formats put between words.
fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Shortest key of which one letter may be wrong.
const MIN_KEY: usize = 6;

/// A field that one letter (in a long name two) turns into `folded`.
fn nearest(folded: &str) -> Option<&'static str> {
    let length = folded.chars().count();
    if length < MIN_KEY {
        return None;
    }
    let limit = if length >= 12 { 2 } else { 1 };
    let scored = top().filter_map(|field| Some((edits(folded, field)?, field)));
    scored.filter(|(edits, _)| *edits <= limit).min().map(|(_, field)| field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::node::config_file;
    use crate::source::FileId;

    fn found(yaml: &str) -> Vec<(String, String, bool)> {
        let config = config_file(FileId(0), yaml);
        slips(&config.value.value).into_iter().map(|s| (s.key.value, s.meant, s.misplaced)).collect()
    }

    #[test]
    fn the_field_that_was_meant() {
        for (key, meant) in [
            ("ResolverConfig", "resolvConf"),
            ("resolverConfig", "resolvConf"),
            ("resolv-conf", "resolvConf"),
            ("resolvconf", "resolvConf"),
            ("resolveConf", "resolvConf"),
            ("clusterDns", "clusterDNS"),
            ("cluster_dns", "clusterDNS"),
            ("cluserDNS", "clusterDNS"),
            ("cluster-domain", "clusterDomain"),
            ("failSwapon", "failSwapOn"),
        ] {
            assert_eq!(super::meant(key), Some(meant), "{key}");
        }
        for key in ["dns", "x-site", "resolver", "somethingElse", "node", "enableFoo"] {
            assert_eq!(super::meant(key), None, "{key}");
        }
    }

    #[test]
    fn slips_of_a_file() {
        let own = |key: &str, meant: &str, misplaced| (key.to_owned(), meant.to_owned(), misplaced);
        assert_eq!(
            found(
                "authentication:\n  anonymous: {enabled: false}\n  clusterDNS: [10.96.0.10]\nclusterDns: [1.1.1.1]\n"
            ),
            [own("clusterDNS", "clusterDNS", true), own("clusterDns", "clusterDNS", false)]
        );
        assert_eq!(found("x509: {clientCAFile: /x}\n"), [own("x509", "authentication.x509", true)]);
        assert_eq!(found("resolvConf: /a\nresolverConfig: /b\nfeatureGates: {clusterDNS: true}\n"), []);
        assert_eq!(found("- a\n"), []);
    }
}
