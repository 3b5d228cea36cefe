//! k3s and RKE2: DNS settings without effect, and packaged manifests that somebody edited.

use super::settings::losing_view;
use crate::analysis::effective::losing::{Losing, LosingReason};
use crate::analysis::node_dns::k3s::K3sDns;
use crate::analysis::views::kubelet::{EditedManifest, LosingView};
use crate::diagnostic::{edits, nearest};
use crate::model::node::text_of;
use crate::source::{Located, Location, NodeRoot, Snapshot, Span};
use crate::syntax::kubelet_flags::k3s::{agent_knows, is_told_by_servers, names, server_knows};
use std::net::IpAddr;

/// The packaged manifest of CoreDNS, which k3s writes anew at every start.
pub const COREDNS_MANIFEST: &str = "/var/lib/rancher/k3s/server/manifests/coredns.yaml";
/// Flags that bear on DNS.
const DNS_FLAGS: [&str; 6] =
    ["cluster-dns", "cluster-domain", "service-cidr", "cluster-cidr", "resolv-conf", "data-dir"];
/// Names that other interfaces have for flags about DNS: kubelet, kubeadm, resolv.conf's usual name.
const OTHER_NAMES: [(&str, &str); 9] = [
    ("clusterdns", "cluster-dns"),
    ("clusterdomain", "cluster-domain"),
    ("dns-domain", "cluster-domain"),
    ("resolv.conf", "resolv-conf"),
    ("resolvconf", "resolv-conf"),
    ("resolver-config", "resolv-conf"),
    ("resolverconfig", "resolv-conf"),
    ("kubelet-extra-args", "kubelet-arg"),
    ("servicesubnet", "service-cidr"),
];
/// Edits that make a typing error of a flag about DNS; with more, `cluster-name` would be one of `cluster-cidr`.
const MOST_EDITS: usize = 2;
/// Words of a value that bear on DNS.
const DNS_WORDS: [&str; 3] = ["cluster-dns", "cluster-domain", "resolv-conf"];
/// Corefile lines that the packages have had, blanks folded and the cluster domain as `DOMAIN`.
const STOCK_LINES: [&str; 4] =
    ["forward . /etc/resolv.conf", "forward . /etc/resolv.conf {", "proxy . /etc/resolv.conf", ".:53 {"];
/// Directives by which an edit of the Corefile changes answers.
const TELLING: [&str; 11] =
    ["forward", "proxy", "rewrite", "template", "file", "log", "acl", "dns64", "alternate", "route53", "etcd"];

/// The settings without effect that bear on DNS.
pub fn losing(dns: &K3sDns) -> impl Iterator<Item = Located<LosingView>> + '_ {
    dns.losing.iter().filter(|loss| concerns_dns(loss)).map(|loss| told(loss, dns.server))
}

/// The view of such a setting; a key that servers know is meant for them, and is no other spelling.
fn told(loss: &Losing, server: Option<bool>) -> Located<LosingView> {
    let for_servers = is_unknown(loss) && server == Some(false) && server_knows(&loss.name);
    let of_server = for_servers && is_told_by_servers(&loss.name);
    let meant = if is_unknown(loss) && !for_servers { meant(&loss.name, server) } else { None };
    losing_view(loss).map(|view| LosingView { meant, of_server, ..view })
}

const fn is_unknown(loss: &Losing) -> bool {
    matches!(loss.reason, LosingReason::UnknownKeyFatal | LosingReason::UnknownKeySkipped)
}

/// A key as flags are spelt.
fn folded(key: &str) -> String {
    key.to_ascii_lowercase().replace('_', "-")
}

/// The flag that other interfaces call so.
fn by_other_name(folded: &str) -> Option<&'static str> {
    OTHER_NAMES.iter().find(|(other, _)| *other == folded).map(|(_, flag)| *flag)
}

/// The flag that a key was meant to be, if the command knows it: another spelling, or one that is near.
fn meant(key: &str, server: Option<bool>) -> Option<String> {
    let knows = |name: &str| if server == Some(false) { agent_knows(name) } else { server_knows(name) };
    let folded = folded(key);
    let candidates = names().filter(|name| knows(name));
    by_other_name(&folded).filter(|name| knows(name)).or_else(|| nearest(&folded, candidates)).map(str::to_owned)
}

fn concerns_dns(loss: &Losing) -> bool {
    let name = loss.name.trim_end_matches('+');
    let speaks = DNS_WORDS.iter().any(|word| loss.value.value.contains(word));
    let meant = match loss.reason {
        LosingReason::ReplacesDefault => false,
        LosingReason::MapItem | LosingReason::SwallowedByPredecessor => name == "kubelet-arg" || speaks,
        LosingReason::UnknownKeyFatal | LosingReason::UnknownKeySkipped => speaks || looks_like_dns(&folded(name)),
        _ => DNS_FLAGS.contains(&name) || (name == "kubelet-arg" && speaks),
    };
    meant && !loss.same_value && !loss.value.origins.is_empty()
}

/// Whether a key that no command knows was meant to be about DNS.
fn looks_like_dns(folded: &str) -> bool {
    let typo = |flag: &str| edits(folded, flag).is_some_and(|edits| edits <= MOST_EDITS);
    folded.contains("resolv")
        || folded.contains("dns")
        || by_other_name(folded).is_some_and(|flag| DNS_FLAGS.contains(&flag))
        || DNS_FLAGS.iter().any(|flag| typo(flag))
}

/// Lines of the packaged CoreDNS manifest that change what it answers and that no package has.
///
/// Only lines that are there count: what a release left out or reformatted is no edit.
pub fn edited_manifests(snapshot: &Snapshot, root: &NodeRoot) -> Vec<Located<EditedManifest>> {
    let Some((file, text)) = text_of(snapshot, root, COREDNS_MANIFEST) else { return Vec::new() };
    let mut found = Vec::new();
    let (mut offset, mut corefile) = (0, None);
    let mut in_hosts = false;
    for raw in text.split_inclusive('\n') {
        let indent = raw.len() - raw.trim_start().len();
        let line = raw.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.starts_with("Corefile:") {
            corefile = Some(indent);
        } else if !line.is_empty() && corefile.is_some_and(|outer| indent <= outer) {
            corefile = None;
        } else if corefile.is_some() {
            in_hosts = if line.starts_with("hosts ") { true } else { in_hosts && line != "}" };
            if is_edit(&line, in_hosts) {
                let start = offset + indent;
                let place = Location::new(file, Span::new(start, start + raw.trim().len()));
                found.push(Located::at(EditedManifest { path: COREDNS_MANIFEST.to_owned(), line }, place));
            }
        }
        offset += raw.len();
    }
    found
}

fn is_edit(line: &str, in_hosts: bool) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    let host_line = in_hosts && first.parse::<IpAddr>().is_ok();
    let block = line.ends_with('{') && (first.contains(":53") || first.ends_with('.')) && line != ".:53 {";
    !STOCK_LINES.contains(&line) && (TELLING.contains(&first) || host_line || block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn unknown(key: &str) -> Losing {
        let place = Location::new(FileId(0), Span::new(0, 1));
        Losing::alone(key, Located::at("x".to_owned(), place), LosingReason::UnknownKeyFatal)
    }

    #[test]
    fn keys_that_no_command_knows_and_keys_of_servers() {
        for key in ["clusterDomain", "servicesubnet", "cluster-domian", "resolv_conf", "my-dns", "dns-domain+"] {
            assert!(concerns_dns(&unknown(key)), "{key}");
        }
        for key in ["cluster-name", "cluster-init", "disable"] {
            assert!(!concerns_dns(&unknown(key)), "{key}");
        }
        let view = |key: &str, server| {
            let told = told(&unknown(key), server).value;
            (told.of_server, told.meant)
        };
        for key in ["cluster-dns", "cluster-domain", "service-cidr"] {
            assert_eq!(view(key, Some(false)), (true, None), "{key}");
        }
        assert_eq!(view("kube-apiserver-arg", Some(false)), (false, None), "no agent takes that from a server");
        assert_eq!(view("resolv_conf", Some(false)), (false, Some("resolv-conf".to_owned())));
        assert_eq!(view("clusterdomain", Some(false)), (false, None), "agents have no such flag");
        assert_eq!(view("clusterdomain", Some(true)), (false, Some("cluster-domain".to_owned())));
    }

    #[test]
    fn edits_and_stock_lines() {
        for line in ["forward . 1.1.1.1", "log", "lab.example:53 {", "rewrite name a b"] {
            assert!(is_edit(line, false), "{line}");
        }
        assert!(is_edit("192.168.1.5 nas", true));
        for line in ["forward . /etc/resolv.conf", ".:53 {", "cache 30", "192.168.1.5 nas", "ready", "}", ""] {
            assert!(!is_edit(line, false), "{line}");
        }
    }
}
