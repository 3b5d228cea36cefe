//! The host names that a pod's environment, command and arguments mention.

use super::hosts::{self, Context};
use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::model::pod::{Container, PodSpec};
use crate::source::{Located, Location, Span};
use std::collections::BTreeSet;

/// At most this many names of one pod are kept.
const MAX_NAMES: usize = 64;

/// What a name stands for in this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// Ends in the cluster domain, or in `.svc`.
    Cluster,
    /// `service`, `service.namespace` or `pod-0.service` of a Service of the snapshot.
    Service,
    /// Has the form of a cluster name, but ends in a domain that is not this cluster's.
    Foreign,
    /// Ends in a public or customary private top-level domain.
    External,
}

/// A host name in the text of a pod specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MentionedName {
    /// The name as written, without port; a trailing dot is kept.
    pub name: String,
    /// What it stands for.
    pub kind: NameKind,
    /// Where it was found: `env DATABASE_URL`, `args`.
    pub within: String,
}

/// What the classification of names needs to know of the cluster.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    /// Cluster domains without dots at the ends; empty where nothing tells, which means `cluster.local`.
    pub domains: BTreeSet<String>,
    /// `service.namespace` of every Service.
    pub services: BTreeSet<String>,
    /// Every namespace that holds an object of the snapshot.
    pub namespaces: BTreeSet<String>,
}

/// The names that a pod of `namespace` mentions, in the order of the manifest, each once.
#[must_use]
pub fn mentioned(pod: &PodSpec, namespace: &str, known: &KnownNames) -> Vec<Located<MentionedName>> {
    let mut found: Vec<Located<MentionedName>> = Vec::new();
    for container in pod.all_containers() {
        each_text(container, &mut |text, variable, flag, place| {
            let context = Context { variable, flag };
            for host in hosts::hosts_in(&text.value, context) {
                let Some(kind) = known.classify(host.name, namespace) else { continue };
                let wanted = !host.anywhere
                    || matches!(kind, NameKind::Cluster | NameKind::Foreign)
                    || (kind == NameKind::Service && host.name.contains('.'));
                if !wanted || found.len() >= MAX_NAMES || found.iter().any(|f| f.value.name == host.name) {
                    continue;
                }
                let location = text.location().map(|at| narrow(at, &text.value, host.offset, host.name));
                let within = variable.map_or_else(|| place.to_owned(), |variable| format!("env {variable}"));
                let mention = MentionedName { name: host.name.to_owned(), kind, within };
                found.push(Located::from_origins(mention, location.into_iter().collect()));
            }
        });
    }
    found
}

/// The part of a scalar's place that holds the name, where the scalar is written without escapes.
fn narrow(at: Location, text: &str, offset: usize, name: &str) -> Location {
    let extra = at.span.len().saturating_sub(text.len());
    // a plain scalar is as long as its text, a quoted one two bytes longer; anything else is not byte for byte
    let shift = match extra {
        _ if text.contains('\n') => return at,
        0 => 0,
        2 => 1,
        _ => return at,
    };
    let start = at.span.start + shift + offset;
    Location::new(at.file, Span::new(start, start + name.len()))
}

/// Calls `see` with every text of a container: the text, the variable that holds it, the flag before it, the place.
fn each_text<'a>(
    container: &'a Container,
    see: &mut impl FnMut(&'a Located<String>, Option<&'a str>, Option<&'a str>, &'static str),
) {
    for variable in &container.env {
        see(&variable.value, Some(&variable.name.value), None, "env");
    }
    for (words, place) in [(&container.command, "command"), (&container.args, "args")] {
        let mut before: Option<&'a str> = None;
        for word in words {
            see(word, None, before, place);
            let is_flag = word.value.starts_with('-') && !word.value.contains('=');
            before = is_flag.then_some(word.value.as_str());
        }
    }
}

impl KnownNames {
    /// What `name` stands for when a pod of `namespace` asks for it; `None` where that cannot be told.
    ///
    /// An unknown name counts as external only below a top-level domain of the public or a customary private name
    /// space: `redis.cache` may be a Service that the snapshot lacks.
    #[must_use]
    pub fn classify(&self, name: &str, namespace: &str) -> Option<NameKind> {
        let bare = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if bare.ends_with(".svc") || self.in_domain(&bare) {
            return Some(NameKind::Cluster);
        }
        if has_cluster_form(&bare) {
            return (!bare.ends_with(".clusterset.local")).then_some(NameKind::Foreign);
        }
        if bare == "localhost" || bare.ends_with(".localhost") || bare.ends_with(".local") {
            return None;
        }
        if self.is_service(&bare, namespace) {
            return Some(NameKind::Service);
        }
        let (head, last) = bare.rsplit_once('.')?;
        let taken = !head.contains('.') && self.namespaces.contains(last);
        (!taken && hosts::is_customary_top_level(last)).then_some(NameKind::External)
    }

    /// `service`, `service.namespace`, and a pod of a StatefulSet before either.
    fn is_service(&self, bare: &str, namespace: &str) -> bool {
        let exists = |service: &str, namespace: &str| {
            (service == "kubernetes" && namespace == "default")
                || self.services.contains(&format!("{service}.{namespace}"))
        };
        let labels: Vec<&str> = bare.splitn(4, '.').collect();
        match labels.as_slice() {
            [service] => exists(service, namespace),
            [first, second] => exists(first, second) || (has_ordinal(first) && exists(second, namespace)),
            [pod, service, namespace] => has_ordinal(pod) && exists(service, namespace),
            _ => false,
        }
    }

    /// Whether a name ends in one of the cluster's own domains.
    #[must_use]
    pub fn in_domain(&self, bare: &str) -> bool {
        let below = |domain: &str| bare.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        if self.domains.is_empty() { below(CLUSTER_DOMAIN) } else { self.domains.iter().any(|d| below(d)) }
    }
}

/// The name of a pod of a StatefulSet: `db-0`.
fn has_ordinal(label: &str) -> bool {
    label.rsplit_once('-').is_some_and(|(set, ordinal)| {
        !set.is_empty() && !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit())
    })
}

/// `service.namespace.svc.domain` or `pod.service.namespace.svc.domain`.
fn has_cluster_form(bare: &str) -> bool {
    bare.split_once(".svc.").is_some_and(|(head, domain)| {
        (2..=3).contains(&head.split('.').count())
            && !domain.is_empty()
            && head.split('.').all(|label| !label.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownNames {
        KnownNames {
            domains: ["cluster.local".to_owned()].into(),
            services: ["redis.cache".to_owned(), "db.data".to_owned()].into(),
            namespaces: ["cache".to_owned(), "web".to_owned(), "data".to_owned()].into(),
        }
    }

    #[test]
    fn tells_services_from_external_names() {
        for (name, namespace, kind) in [
            ("redis.cache", "web", Some(NameKind::Service)),
            ("redis", "cache", Some(NameKind::Service)),
            ("redis", "web", None),
            ("other.cache", "web", None),
            ("db-0.db", "data", Some(NameKind::Service)),
            ("db-0.db.data", "web", Some(NameKind::Service)),
            ("db-x.db.data", "web", None),
            ("kubernetes.default", "web", Some(NameKind::Service)),
            ("redis.cache.svc", "web", Some(NameKind::Cluster)),
            ("x.svc.cluster.local.", "web", Some(NameKind::Cluster)),
            ("a.b.svc.other.example", "web", Some(NameKind::Foreign)),
            ("a.b.svc.clusterset.local", "web", None),
            ("api.svc.example.com", "web", Some(NameKind::External)),
            ("example.com", "web", Some(NameKind::External)),
            ("printer.local", "web", None),
            ("mysql.production", "web", None),
        ] {
            assert_eq!(known().classify(name, namespace), kind, "{name}");
        }
    }

    #[test]
    fn another_domain_than_the_clusters_is_foreign() {
        let mut known = known();
        known.domains = ["corp.example".to_owned()].into();
        assert_eq!(known.classify("redis.cache.svc.cluster.local", "web"), Some(NameKind::Foreign));
        assert_eq!(known.classify("redis.cache.svc.corp.example", "web"), Some(NameKind::Cluster));
        known.domains.clear();
        assert_eq!(known.classify("redis.cache.svc.cluster.local", "web"), Some(NameKind::Cluster));
    }
}
