//! The host names that a pod's environment, command and arguments mention.

use crate::model::pod::{Container, PodSpec};
use crate::source::{Located, Location};
use std::collections::BTreeSet;

/// At most this many names of one pod are kept.
const MAX_NAMES: usize = 64;

/// What a name stands for in this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// Ends in the cluster domain, or in `.svc`.
    Cluster,
    /// `service` or `service.namespace` of a Service of the snapshot.
    Service,
    /// Anything else with a dot.
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
    /// Cluster domains without dots at the ends.
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
        for (text, within) in texts(container) {
            let is_host_variable = within.strip_prefix("env ").is_some_and(names_a_host);
            for (name, offset) in hosts_in(&text.value, is_host_variable) {
                let Some(kind) = known.classify(&name, namespace) else { continue };
                if found.len() < MAX_NAMES && !found.iter().any(|f| f.value.name == name) {
                    let location = text.location().map(|at| narrow(at, &text.value, offset, &name));
                    let mention = MentionedName { name, kind, within: within.clone() };
                    found.push(Located::from_origins(mention, location.into_iter().collect()));
                }
            }
        }
    }
    found
}

/// The part of a scalar's place that holds the name, where the scalar is written without escapes.
fn narrow(at: Location, text: &str, offset: usize, name: &str) -> Location {
    let extra = at.span.len().saturating_sub(text.len());
    // a plain scalar is as long as its text, a quoted one two bytes longer; anything else is not byte for byte
    let shift = match extra {
        0 => 0,
        2 => 1,
        _ => return at,
    };
    let start = at.span.start + shift + offset;
    Location::new(at.file, crate::source::Span::new(start, start + name.len()))
}

fn texts(container: &Container) -> Vec<(&Located<String>, String)> {
    let env = container.env.iter().map(|e| (&e.value, format!("env {}", e.name.value)));
    let command = container.command.iter().map(|word| (word, "command".to_owned()));
    let args = container.args.iter().map(|word| (word, "args".to_owned()));
    env.chain(command).chain(args).collect()
}

/// Whether a variable's name says that its value is a host.
fn names_a_host(variable: &str) -> bool {
    let upper = variable.to_ascii_uppercase();
    ["HOST", "HOSTNAME", "SERVER", "SERVERS", "ADDR", "ADDRESS", "ENDPOINT", "ENDPOINTS", "BROKER", "BROKERS", "HOSTS"]
        .iter()
        .any(|end| upper == *end || upper.ends_with(&format!("_{end}")))
}

/// Host names in a text with their byte offsets: the authority of URLs, `host:port`, and bare names where expected.
fn hosts_in(text: &str, bare_names: bool) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("://")) {
        let start = from + at + 3;
        let end = text
            .get(start..)
            .and_then(|r| r.find(['/', '?', '#', ' ', '"', '\'', '\n', ')']))
            .map_or(text.len(), |e| start + e);
        for (host, offset) in authority_hosts(text, start, end) {
            found.push((host, offset));
        }
        from = end.max(start);
    }
    if found.is_empty() && !text.contains(char::is_whitespace) && !text.contains('/') && text.len() <= 512 {
        let value = text.split_once('=').map_or(0, |(key, _)| if key.starts_with('-') { key.len() + 1 } else { 0 });
        for (host, offset) in authority_hosts(text, value, text.len()) {
            let with_port = text.get(offset + host.len()..).is_some_and(|rest| {
                rest.strip_prefix(':').is_some_and(|port| port.chars().next().is_some_and(|c| c.is_ascii_digit()))
            });
            if (bare_names || (with_port && host.contains('.'))) && is_host_name(&host) {
                found.push((host, offset));
            }
        }
    }
    found.retain(|(host, _)| is_host_name(host));
    found
}

/// Splits `user@a:1,b:2` into its hosts.
fn authority_hosts(text: &str, start: usize, end: usize) -> Vec<(String, usize)> {
    let Some(authority) = text.get(start..end) else { return Vec::new() };
    let (authority, start) = match authority.rfind('@') {
        Some(at) => (authority.get(at + 1..).unwrap_or(""), start + at + 1),
        None => (authority, start),
    };
    let mut hosts = Vec::new();
    let mut offset = start;
    for part in authority.split(',') {
        let host = part.split(':').next().unwrap_or("");
        hosts.push((host.to_owned(), offset));
        offset += part.len() + 1;
    }
    hosts
}

/// Letters, digits, hyphens and dots, with a letter in the last label: neither an address nor a version number.
fn is_host_name(text: &str) -> bool {
    let bare = text.strip_suffix('.').unwrap_or(text);
    let labels_fine = bare.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    let last = bare.rsplit('.').next().unwrap_or("");
    labels_fine && bare.len() <= 253 && last.chars().any(|c| c.is_ascii_alphabetic()) && !looks_like_a_file(bare)
}

/// `config.yaml` in an argument is a file, not a host.
fn looks_like_a_file(name: &str) -> bool {
    const ENDINGS: [&str; 26] = [
        "yaml",
        "yml",
        "json",
        "conf",
        "cfg",
        "toml",
        "xml",
        "sh",
        "py",
        "js",
        "jar",
        "crt",
        "pem",
        "key",
        "txt",
        "log",
        "sock",
        "ini",
        "properties",
        "html",
        "css",
        "gz",
        "tar",
        "so",
        "db",
        "sql",
    ];
    name.split('.').count() == 2 && name.rsplit('.').next().is_some_and(|end| ENDINGS.contains(&end))
}

impl KnownNames {
    /// What `name` stands for when a pod of `namespace` asks for it; `None` where that cannot be told.
    #[must_use]
    pub fn classify(&self, name: &str, namespace: &str) -> Option<NameKind> {
        let bare = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if bare == "localhost" || bare.ends_with(".localhost") || bare.ends_with(".local") && !self.in_domain(&bare) {
            return None;
        }
        if self.in_domain(&bare) || bare.ends_with(".svc") {
            return Some(NameKind::Cluster);
        }
        let mut labels = bare.split('.');
        let (first, second, third) = (labels.next()?, labels.next(), labels.next());
        match (second, third) {
            (None, _) => self.services.contains(&format!("{first}.{namespace}")).then_some(NameKind::Service),
            (Some(ns), None) if self.services.contains(&format!("{first}.{ns}")) => Some(NameKind::Service),
            (Some(ns), None) if self.namespaces.contains(ns) => None,
            (Some(_), None) | (Some(_), Some(_)) => Some(NameKind::External),
        }
    }

    fn in_domain(&self, bare: &str) -> bool {
        self.domains.iter().any(|d| bare.strip_suffix(d.as_str()).is_some_and(|rest| rest.ends_with('.')))
            || bare.ends_with(".svc.cluster.local")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str, bare: bool) -> Vec<String> {
        hosts_in(text, bare).into_iter().map(|(host, _)| host).collect()
    }

    #[test]
    fn finds_hosts_where_a_reader_would_see_them() {
        assert_eq!(hosts("https://api.example.com/v1?x=1", false), ["api.example.com"]);
        assert_eq!(hosts("postgres://u:p@db.data.svc.cluster.local:5432/app", false), ["db.data.svc.cluster.local"]);
        assert_eq!(hosts("kafka-0.kafka:9092,kafka-1.kafka:9092", true), ["kafka-0.kafka", "kafka-1.kafka"]);
        assert_eq!(hosts("redis-master", true), ["redis-master"]);
        assert_eq!(hosts("--config-url=https://config.iot.example.com/v1", false), ["config.iot.example.com"]);
        assert_eq!(hosts("10.0.0.1:53", true), Vec::<String>::new());
        assert_eq!(hosts("config.yaml", true), Vec::<String>::new());
        assert_eq!(hosts("1.2.3", true), Vec::<String>::new());
        assert_eq!(hosts("info", false), Vec::<String>::new());
        let text = "https://a.example.com/";
        assert_eq!(hosts_in(text, false), [("a.example.com".to_owned(), 8)]);
    }

    #[test]
    fn tells_services_from_external_names() {
        let known = KnownNames {
            domains: ["cluster.local".to_owned()].into(),
            services: ["redis.cache".to_owned()].into(),
            namespaces: ["cache".to_owned(), "web".to_owned()].into(),
        };
        assert_eq!(known.classify("redis.cache", "web"), Some(NameKind::Service));
        assert_eq!(known.classify("redis", "cache"), Some(NameKind::Service));
        assert_eq!(known.classify("redis", "web"), None);
        assert_eq!(known.classify("other.cache", "web"), None);
        assert_eq!(known.classify("redis.cache.svc", "web"), Some(NameKind::Cluster));
        assert_eq!(known.classify("x.svc.cluster.local.", "web"), Some(NameKind::Cluster));
        assert_eq!(known.classify("example.com", "web"), Some(NameKind::External));
        assert_eq!(known.classify("printer.local", "web"), None);
    }
}
