//! What the plugins of a server block do with a class of names: end the query, change its name, or leave it to a forward.

use super::read::{Block, falls_through, in_zone};
use super::rewriting::{Effect, Rule};
use crate::analysis::coredns::{Role, default_build_has, plugin_order, position};
use crate::syntax::corefile::{Directive, Property, Version};

/// First release in which a block may have several `forward` directives; before, the second one stops the start.
const SEVERAL_FORWARDS: Version = Version::new(1, 9, 4);

/// Which queries are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Clients' queries for a name that no zone data has, of any type that gets through.
    Clients,
    /// The probe of the `loop` plugin, of type HINFO.
    Probe,
}

/// What becomes of a name in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// A plugin ends it before any forward: the plugin's name.
    Ends(String),
    /// The files do not tell.
    Unknown,
    /// No plugin takes it.
    Nowhere,
    /// A forward takes it.
    Forward {
        /// The name behind `rewrite`.
        name: String,
        /// Indexes of [`Block::forwards`]: the first that takes the name, and those that follow it by `next`.
        forwards: Vec<usize>,
    },
}

/// The way of a name through a block.
#[must_use]
pub fn pass(block: &Block<'_>, name: &str, asked: Asked) -> Passage {
    if block.syntax.has("view") {
        return Passage::Unknown;
    }
    let Some(name) = rewritten(block, name) else { return Passage::Unknown };
    let forward_at = position("forward", block.version).min(position("proxy", block.version));
    let before = block.syntax.directives.iter().filter(|d| is_before(d, forward_at, block.version));
    for directive in before {
        match directive_ends(block, directive, &name, asked) {
            Some(true) => return Passage::Ends(directive.name.clone()),
            None => return Passage::Unknown,
            Some(false) => {}
        }
    }
    let forwards = forwards(block, &name);
    if forwards.is_empty() { Passage::Nowhere } else { Passage::Forward { name, forwards } }
}

/// Plugins of other projects may stand anywhere in a build's order: they count as being before.
fn is_before(directive: &Directive, forward_at: usize, version: Version) -> bool {
    !plugin_order(version).contains(&directive.name.as_str()) || position(&directive.name, version) < forward_at
}

/// Whether a plugin ends the query; `None` where the files do not tell.
fn directive_ends(block: &Block<'_>, directive: &Directive, name: &str, asked: Asked) -> Option<bool> {
    let plugin = directive.name.as_str();
    let concerns = || block.zones_of(directive).iter().any(|zone| in_zone(name, zone));
    match plugin {
        // addresses only: a reverse name that it does not have goes on
        "hosts" if is_reverse(name) => Some(false),
        "hosts" => Some(concerns() && !falls_through(directive, name)),
        "template" => Some(concerns() && template_ends(directive, name, asked)),
        "acl" => {
            if concerns() && refuses(directive, asked) {
                None
            } else {
                Some(false)
            }
        }
        // the `loop` plugin counts queries of type HINFO alone
        "rewrite" => Some(asked == Asked::Probe && Rule::read(directive).changes_type("HINFO")),
        _ if Role::of(plugin) == Role::Authoritative => Some(concerns() && !falls_through(directive, name)),
        _ if plugin_order(block.version).contains(&plugin) || default_build_has(plugin) => Some(false),
        // a plugin of another project, of which nobody knows what it answers
        _ => None,
    }
}

/// Whether a name or zone, fully qualified, belongs to reverse look-ups.
#[must_use]
pub fn is_reverse(name: &str) -> bool {
    in_zone(name, "in-addr.arpa.") || in_zone(name, "ip6.arpa.")
}

/// `template CLASS TYPE`: what its class and type cover is answered or, where no pattern matches, refused with
/// SERVFAIL; `fallthrough` concerns the latter only.
fn template_ends(directive: &Directive, name: &str, asked: Asked) -> bool {
    let mut words = directive.arg_texts();
    let (class, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let of_type = kind == "ANY" || (asked == Asked::Probe && kind == "HINFO");
    let of_class = matches!(class, "IN" | "ANY");
    let answers_all = directive.property("match").is_none();
    of_class && of_type && (answers_all || !falls_through(directive, name))
}

/// Whether an `acl` may refuse, filter or drop the queries: for clients those of every type.
fn refuses(directive: &Directive, asked: Asked) -> bool {
    let every_type = |policy: &Property| !policy.arg_texts().any(|word| word == "type");
    let probe =
        |policy: &Property| asked == Asked::Probe && policy.arg_texts().any(|word| matches!(word, "HINFO" | "*"));
    let stops = |p: &&Property| matches!(p.name.as_str(), "block" | "filter" | "drop");
    directive.properties.iter().filter(stops).any(|p| every_type(p) || probe(p))
}

fn forwards(block: &Block<'_>, name: &str) -> Vec<usize> {
    if block.forwards.len() > 1 && block.version < SEVERAL_FORWARDS {
        return Vec::new();
    }
    let mut taken = Vec::new();
    for (index, forward) in block.forwards.iter().enumerate() {
        if !forward.takes(name) {
            continue;
        }
        taken.push(index);
        if forward.passes_on().is_empty() {
            break;
        }
    }
    taken
}

/// The name behind the block's `rewrite` rules; `None` where a regular expression may change it.
///
/// The first rule that matches ends the list, unless it says `continue` (plugin/rewrite of CoreDNS).
#[must_use]
pub fn rewritten(block: &Block<'_>, name: &str) -> Option<String> {
    let mut name = name.to_owned();
    for directive in block.syntax.directives_named("rewrite") {
        let rule = Rule::read(directive);
        match rule.effect(&name) {
            Effect::Regex(pattern, to) if may_match(&pattern, &name) && (to.is_some() || !rule.goes_on) => return None,
            // those of one type, while clients ask for every type
            Effect::No | Effect::Type(..) | Effect::Regex(..) => continue,
            Effect::Matches => {}
            Effect::Name(new) => name = new,
        }
        if !rule.goes_on {
            break;
        }
    }
    Some(name)
}

/// Whether a regular expression may match, judged by the literal text at its end alone.
fn may_match(pattern: &str, name: &str) -> bool {
    let tail = literal_end(pattern);
    let name = name.trim_end_matches('.');
    tail.is_empty() || name.contains(tail.trim_matches('.'))
}

/// The literal text at the end of a regular expression.
#[must_use]
pub fn literal_end(pattern: &str) -> String {
    let pattern = pattern.strip_suffix('$').unwrap_or(pattern);
    let mut tail = String::new();
    let mut rest = pattern;
    loop {
        if let Some(shorter) = rest.strip_suffix("\\.") {
            tail.insert(0, '.');
            rest = shorter;
            continue;
        }
        match rest.char_indices().next_back() {
            Some((at, c)) if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => {
                tail.insert(0, c);
                rest = rest.get(..at).unwrap_or_default();
            }
            _ => break,
        }
    }
    // a class such as `\d` is no literal
    if rest.ends_with('\\') {
        tail.remove(0);
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::super::read::blocks;
    use super::*;
    use crate::model::Cluster;
    use crate::model::config_map::EmbeddedText;
    use crate::model::manifests::Objects;
    use crate::source::FileId;

    fn passage(body: &str, name: &str, asked: Asked, version: Version) -> Passage {
        let text = format!(".:53 {{\n{body}\n}}\n");
        let plain = ("Corefile".to_owned(), EmbeddedText::whole_file(FileId(0), &text));
        let cluster = Cluster::of_objects(Objects::default(), &[plain]);
        let blocks = blocks(cluster.dns_servers[0].config.as_ref().unwrap(), version);
        pass(&blocks[0], name, asked)
    }

    fn forward(name: &str, forwards: &[usize]) -> Passage {
        Passage::Forward { name: name.to_owned(), forwards: forwards.to_vec() }
    }

    #[test]
    fn what_reaches_a_forward() {
        let new = Version::new(1, 14, 7);
        let ends = |plugin: &str| Passage::Ends(plugin.to_owned());
        let all = "forward . 9.9.9.9";
        for (body, name, want) in [
            (format!("hosts\n{all}"), "a.org.", ends("hosts")),
            (format!("hosts\n{all}"), "9.0.0.10.in-addr.arpa.", forward("9.0.0.10.in-addr.arpa.", &[0])),
            (format!("hosts {{\nfallthrough\n}}\n{all}"), "a.org.", forward("a.org.", &[0])),
            (format!("kubernetes org {{\nfallthrough arpa\n}}\n{all}"), "a.org.", ends("kubernetes")),
            (format!("template IN A org\n{all}"), "a.org.", forward("a.org.", &[0])),
            (format!("template ANY ANY org\n{all}"), "a.org.", ends("template")),
            (format!("template ANY ANY {{\nmatch x\nfallthrough\n}}\n{all}"), "a.org.", forward("a.org.", &[0])),
            // behind forward in the chain, wherever it stands
            (format!("erratic\n{all}"), "a.org.", forward("a.org.", &[0])),
            (format!("acl {{\nblock\n}}\n{all}"), "a.org.", Passage::Unknown),
            (format!("acl {{\nblock type AXFR\n}}\n{all}"), "a.org.", forward("a.org.", &[0])),
            (format!("k8s_gateway org\n{all}"), "a.org.", Passage::Unknown),
            (format!("view v {{\nexpr true\n}}\n{all}"), "a.org.", Passage::Unknown),
            (format!("rewrite name suffix .org .net\n{all}"), "a.org.", forward("a.net.", &[0])),
            (
                "rewrite continue name a.org b.net\nrewrite name b.net c.net\nforward net 9.9.9.9".into(),
                "a.org.",
                forward("c.net.", &[0]),
            ),
            (format!("rewrite name regex (.*)\\.org {{1}}.net\n{all}"), "a.org.", Passage::Unknown),
            (format!("rewrite name regex (.*)\\.org {{1}}.net\n{all}"), "a.com.", forward("a.com.", &[0])),
            ("forward org 1.1.1.1\nforward . 9.9.9.9".into(), "a.com.", forward("a.com.", &[1])),
            ("forward . 9.9.9.9\nforward org 1.1.1.1".into(), "a.org.", forward("a.org.", &[0])),
            ("forward . 9.9.9.9 {\nnext NXDOMAIN\n}\nforward org 1.1.1.1".into(), "a.org.", forward("a.org.", &[0, 1])),
            ("forward org 9.9.9.9 {\nexcept org\n}".into(), "a.org.", Passage::Nowhere),
            ("forward org 9.9.9.9 {\nexcept org\n}".into(), "org.", forward("org.", &[0])),
        ] {
            assert_eq!(passage(&body, name, Asked::Clients, new), want, "{body} {name}");
        }
        let two = "forward org 1.1.1.1\nforward . 9.9.9.9";
        assert_eq!(passage(two, "a.org.", Asked::Clients, Version::new(1, 9, 3)), Passage::Nowhere);
        assert_eq!(passage("template IN HINFO\nforward . 9.9.9.9", "1.1.", Asked::Probe, new), ends("template"));
    }
}
