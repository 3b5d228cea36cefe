//! Typed readings of directives for later analyses; what a set-up refuses is read as its default.

use std::net::IpAddr;

use super::golang::{Nanoseconds, duration, parse_ip, strip_zone};
use crate::syntax::corefile::{Directive, Place, Property, Token, Version, origins_from_args};

/// Whether and for which names a plugin passes on what it does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallthrough {
    /// The zones, normalised; `.` when none is written.
    pub zones: Vec<String>,
    /// The line.
    pub place: Place,
}

impl Fallthrough {
    fn read(directive: &Directive, version: Version) -> Option<Self> {
        let property = directive.property("fallthrough")?;
        let args: Vec<&str> = property.arg_texts().collect();
        let zones = if args.is_empty() { vec![".".to_owned()] } else { origins_from_args(&args, &[], version).0 };
        Some(Self { zones, place: property.place() })
    }
}

fn zones(args: &[Token], block: &[String], version: Version) -> Vec<String> {
    let texts: Vec<&str> = args.iter().map(|arg| arg.text.as_str()).collect();
    origins_from_args(&texts, block, version).0
}

fn first_arg(directive: &Directive, name: &str) -> Option<String> {
    directive.property(name).and_then(|property| property.args.first()).map(|arg| arg.text.clone())
}

/// `kubernetes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSpec {
    /// Zones it answers for, normalised.
    pub zones: Vec<String>,
    /// `pods`: `disabled`, `insecure` or `verified`.
    pub pods: String,
    /// Names passed on instead of NXDOMAIN.
    pub fallthrough: Option<Fallthrough>,
    /// TTL of answers in seconds.
    pub ttl: u32,
    /// API server, when it is not the one of the pod.
    pub endpoint: Option<String>,
    /// Whether headless services are not answered.
    pub noendpoints: bool,
    /// The directive.
    pub place: Place,
}

impl KubernetesSpec {
    /// Reads a directive of a block with these zones.
    #[must_use]
    pub fn read(directive: &Directive, block: &[String], version: Version) -> Self {
        Self {
            zones: zones(&directive.args, block, version),
            pods: first_arg(directive, "pods").unwrap_or_else(|| "disabled".to_owned()),
            fallthrough: Fallthrough::read(directive, version),
            ttl: first_arg(directive, "ttl").and_then(|ttl| ttl.parse().ok()).unwrap_or(5),
            endpoint: first_arg(directive, "endpoint"),
            noendpoints: directive.property("noendpoints").is_some(),
            place: directive.place(),
        }
    }
}

/// An inline entry of `hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostsEntry {
    /// The address; `None` makes CoreDNS ignore the line.
    pub address: Option<IpAddr>,
    /// Its names as written.
    pub names: Vec<String>,
    /// The line.
    pub place: Place,
}

/// `hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostsSpec {
    /// The file, `/etc/hosts` unless written.
    pub file: String,
    /// Where the file is named.
    pub file_place: Option<Place>,
    /// Zones it answers for, normalised.
    pub zones: Vec<String>,
    /// Inline entries.
    pub entries: Vec<HostsEntry>,
    /// Names passed on; without it unknown names are SERVFAIL.
    pub fallthrough: Option<Fallthrough>,
    /// The directive.
    pub place: Place,
}

impl HostsSpec {
    /// Reads a directive of a block with these zones.
    #[must_use]
    pub fn read(directive: &Directive, block: &[String], version: Version) -> Self {
        let known = ["fallthrough", "no_reverse", "ttl", "reload", "fallthrough_unsupported"];
        let entries = directive.properties.iter().filter(|property| !known.contains(&property.name.as_str()));
        Self {
            file: directive.args.first().map_or_else(|| "/etc/hosts".to_owned(), |file| file.text.clone()),
            file_place: directive.args.first().map(Place::of),
            zones: zones(directive.args.get(1..).unwrap_or_default(), block, version),
            entries: entries.map(hosts_entry).collect(),
            fallthrough: Fallthrough::read(directive, version),
            place: directive.place(),
        }
    }
}

fn hosts_entry(property: &Property) -> HostsEntry {
    HostsEntry {
        address: parse_ip(strip_zone(&property.name)),
        names: property.arg_texts().filter(|name| *name != "}").map(str::to_owned).collect(),
        place: property.place(),
    }
}

/// `bind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindSpec {
    /// Addresses and interface names with their places.
    pub addresses: Vec<(String, Place)>,
    /// Addresses and interfaces taken out again.
    pub except: Vec<(String, Place)>,
    /// The directive.
    pub place: Place,
}

impl BindSpec {
    /// Reads a directive.
    #[must_use]
    pub fn read(directive: &Directive) -> Self {
        let list = |args: &[Token]| args.iter().map(|arg| (arg.text.clone(), Place::of(arg))).collect();
        let except = directive.property("except").map_or(&[][..], |property| property.args.as_slice());
        Self { addresses: list(&directive.args), except: list(except), place: directive.place() }
    }
}

/// `health`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSpec {
    /// `HOST:PORT`, `:8080` unless written.
    pub address: String,
    /// Where the address stands.
    pub address_place: Option<Place>,
    /// Time between the stop signal and the end, in nanoseconds; 0 unless written.
    pub lameduck: Nanoseconds,
    /// The directive.
    pub place: Place,
}

impl HealthSpec {
    /// Reads a directive.
    #[must_use]
    pub fn read(directive: &Directive) -> Self {
        let address = directive.args.first();
        Self {
            address: address.map_or_else(|| ":8080".to_owned(), |address| address.text.clone()),
            address_place: address.map(Place::of),
            lameduck: first_arg(directive, "lameduck").and_then(|time| duration(&time).ok()).unwrap_or(0),
            place: directive.place(),
        }
    }
}

/// `ready`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadySpec {
    /// `HOST:PORT`, `:8181` unless written.
    pub address: String,
    /// Whether readiness is checked for ever.
    pub continuously: bool,
    /// The directive.
    pub place: Place,
}

impl ReadySpec {
    /// Reads a directive.
    #[must_use]
    pub fn read(directive: &Directive) -> Self {
        Self {
            address: directive.args.first().map_or_else(|| ":8181".to_owned(), |address| address.text.clone()),
            continuously: first_arg(directive, "monitor").is_some_and(|mode| mode == "continuously"),
            place: directive.place(),
        }
    }
}

/// `cache`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSpec {
    /// Upper bound of TTLs in seconds, if written.
    pub ttl: Option<u32>,
    /// Zones whose answers are kept, normalised.
    pub zones: Vec<String>,
    /// Capacity of positive answers.
    pub success: usize,
    /// Capacity of negative answers.
    pub denial: usize,
    /// Whether stale answers are served.
    pub serve_stale: bool,
    /// Zones whose positive answers are not kept.
    pub success_disabled: Vec<String>,
    /// Zones whose negative answers are not kept.
    pub denial_disabled: Vec<String>,
    /// The directive.
    pub place: Place,
}

impl CacheSpec {
    /// Reads a directive of a block with these zones.
    #[must_use]
    pub fn read(directive: &Directive, block: &[String], version: Version) -> Self {
        let ttl = directive.args.first().and_then(|first| first.text.parse::<u32>().ok());
        let names = directive.args.get(usize::from(ttl.is_some())..).unwrap_or_default();
        let capacity = |name: &str| first_arg(directive, name).and_then(|text| text.parse().ok()).unwrap_or(9984);
        Self {
            ttl,
            zones: zones(names, block, version),
            success: capacity("success"),
            denial: capacity("denial"),
            serve_stale: directive.property("serve_stale").is_some(),
            success_disabled: disabled(directive, "success"),
            denial_disabled: disabled(directive, "denial"),
            place: directive.place(),
        }
    }
}

/// `disable success|denial [ZONES...]`: all zones without arguments, the last line wins.
fn disabled(directive: &Directive, which: &str) -> Vec<String> {
    let lines = directive.properties_named("disable");
    let line = lines.filter(|line| line.args.first().is_some_and(|kind| kind.text == which)).last();
    let Some(line) = line else { return Vec::new() };
    let zones: Vec<String> = line.arg_texts().skip(1).map(crate::syntax::corefile::normalize_name).collect();
    if zones.is_empty() { vec![".".to_owned()] } else { zones }
}

/// `template`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSpec {
    /// Query class, `ANY` for all.
    pub class: String,
    /// Query type, `ANY` for all.
    pub qtype: String,
    /// Zones it answers for, normalised.
    pub zones: Vec<String>,
    /// Regular expressions that the name must match, one of them; none means all names.
    pub matches: Vec<String>,
    /// Answer templates.
    pub answers: Vec<String>,
    /// Response code.
    pub rcode: String,
    /// Names passed on when no expression matches; without it they are SERVFAIL.
    pub fallthrough: Option<Fallthrough>,
    /// The directive.
    pub place: Place,
}

impl TemplateSpec {
    /// Reads a directive of a block with these zones.
    #[must_use]
    pub fn read(directive: &Directive, block: &[String], version: Version) -> Self {
        let arg = |at: usize| directive.args.get(at).map(|arg| arg.text.clone()).unwrap_or_default();
        let words = |name: &str| -> Vec<String> {
            directive.properties_named(name).flat_map(|line| line.arg_texts().map(str::to_owned)).collect()
        };
        Self {
            class: arg(0),
            qtype: arg(1),
            zones: zones(directive.args.get(2..).unwrap_or_default(), block, version),
            matches: words("match"),
            answers: words("answer"),
            rcode: first_arg(directive, "rcode").unwrap_or_else(|| "NOERROR".to_owned()),
            fallthrough: Fallthrough::read(directive, version),
            place: directive.place(),
        }
    }
}

/// `rewrite`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewriteSpec {
    /// Whether later rules are tried as well.
    pub continues: bool,
    /// Rule type in lower case: `name`, `type`, `class`, `ttl`, `cname`, `rcode`, `edns0`.
    pub kind: String,
    /// For rules with one: `exact`, `prefix`, `suffix`, `substring`, `regex`.
    pub matching: String,
    /// What is matched.
    pub from: String,
    /// What replaces it.
    pub to: String,
    /// Whether answers are rewritten back.
    pub rewrites_answer: bool,
    /// The directive.
    pub place: Place,
}

impl RewriteSpec {
    /// Reads a directive; `None` when it has no rule type.
    #[must_use]
    pub fn read(directive: &Directive) -> Option<Self> {
        let mut words: Vec<&str> = directive.arg_texts().collect();
        if words.len() < 2 {
            let lines = directive.properties.iter();
            words.extend(lines.flat_map(|line| std::iter::once(line.name.as_str()).chain(line.arg_texts())));
        }
        let mode = words.first()?.to_lowercase();
        if mode == "continue" || mode == "stop" {
            words.remove(0);
        }
        let kind = words.first()?.to_lowercase();
        let rest = words.get(1..).unwrap_or_default();
        let matched = kind == "name" && rest.len() > 2 || kind == "cname" && rest.len() == 3;
        let (matching, rest) = match rest.split_first() {
            Some((matching, rest)) if matched => (matching.to_lowercase(), rest),
            _ => ("exact".to_owned(), rest),
        };
        let word = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
        let answers = matching == "exact" || rest.contains(&"answer");
        Some(Self {
            continues: mode == "continue",
            rewrites_answer: kind == "name" && answers,
            kind,
            matching,
            from: word(0),
            to: word(1),
            place: directive.place(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::corefile::{Corefile, NoImports, Options, parse};

    const V: Version = Version::new(1, 13, 2);

    fn directive(text: &str) -> Directive {
        let env = |_: &str| None;
        let options = Options {
            main_file_name: "Corefile",
            directory: "/",
            env: &env,
            valid_directives: None,
            imports: &NoImports,
        };
        let corefile: Corefile = parse(&format!(". {{\n{text}\n}}"), &options);
        corefile.blocks[0].directives[0].clone()
    }

    #[test]
    fn readers_follow_defaults() {
        let block = vec![".".to_owned()];
        let k8s = KubernetesSpec::read(
            &directive("kubernetes Cluster.local 10.0.0.0/8 {\npods insecure\nfallthrough in-addr.arpa\n}"),
            &block,
            V,
        );
        assert_eq!(k8s.zones, ["cluster.local.", "10.in-addr.arpa."]);
        assert_eq!((k8s.pods.as_str(), k8s.ttl), ("insecure", 5));
        assert_eq!(k8s.fallthrough.map(|f| f.zones), Some(vec!["in-addr.arpa.".to_owned()]));
        let hosts = HostsSpec::read(&directive("hosts {\n10.0.0.1 a b\nnonsense\nfallthrough\n}"), &block, V);
        let addresses: Vec<bool> = hosts.entries.iter().map(|entry| entry.address.is_some()).collect();
        assert_eq!((hosts.file.as_str(), addresses), ("/etc/hosts", vec![true, false]));
        let one_line = HostsSpec::read(&directive("hosts { fallthrough }"), &block, V);
        assert_eq!(one_line.fallthrough.map(|f| f.zones), Some(vec!["}.".to_owned()]), "as CoreDNS reads it");
        let cache = CacheSpec::read(&directive("cache 30 {\nsuccess 10\ndisable denial\n}"), &block, V);
        assert_eq!((cache.ttl, cache.success, cache.denial), (Some(30), 10, 9984));
        assert_eq!((cache.denial_disabled.len(), cache.success_disabled.len()), (1, 0));
        let health = HealthSpec::read(&directive("health {\nlameduck 5s\n}"));
        assert_eq!((health.address.as_str(), health.lameduck), (":8080", 5_000_000_000));
        let rewrite = RewriteSpec::read(&directive("rewrite continue name suffix .a .b answer auto")).unwrap();
        assert!(rewrite.continues && rewrite.rewrites_answer);
        assert_eq!((rewrite.matching.as_str(), rewrite.from.as_str(), rewrite.to.as_str()), ("suffix", ".a", ".b"));
        let bind = BindSpec::read(&directive("bind 127.0.0.1 lo {\nexcept ::1\n}"));
        assert_eq!((bind.addresses.len(), bind.except.len()), (2, 1));
    }
}
