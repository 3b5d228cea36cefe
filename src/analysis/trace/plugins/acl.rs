//! `acl`: which clients may ask for which types (`plugin/acl`).

use crate::syntax::corefile::{Directive, Property};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What a directive does with a query of its zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// No policy matches: the next directive is looked at.
    None,
    /// The query is let through, without a look at later directives.
    Allow,
    /// `REFUSED`.
    Block,
    /// An empty answer.
    Filter,
    /// No answer.
    Drop,
}

/// What the policies may do: one action where the client's address is known or does not matter.
///
/// The first policy whose types and networks match decides.
#[must_use]
pub fn actions(directive: &Directive, kind: &str, client: Option<IpAddr>) -> BTreeSet<Action> {
    let mut possible = BTreeSet::new();
    for policy in &directive.properties {
        let Some(action) = action(&policy.name) else { continue };
        let (types, nets) = (section(policy, "type"), section(policy, "net"));
        if !types.is_empty() && !types.iter().any(|word| matches!(*word, "*") || *word == kind) {
            continue;
        }
        match covers(&nets, client) {
            Some(false) => {}
            None => drop(possible.insert(action)),
            Some(true) => {
                possible.insert(action);
                return possible;
            }
        }
    }
    possible.insert(Action::None);
    possible
}

fn action(word: &str) -> Option<Action> {
    match word.to_ascii_lowercase().as_str() {
        "allow" => Some(Action::Allow),
        "block" => Some(Action::Block),
        "filter" => Some(Action::Filter),
        "drop" => Some(Action::Drop),
        _ => None,
    }
}

/// The words of a section, `type` or `net`.
fn section<'p>(policy: &'p Property, name: &str) -> Vec<&'p str> {
    let mut inside = false;
    let mut words = Vec::new();
    for word in policy.arg_texts() {
        if word.eq_ignore_ascii_case("type") || word.eq_ignore_ascii_case("net") {
            inside = word.eq_ignore_ascii_case(name);
        } else if inside {
            words.push(word);
        }
    }
    words
}

/// Whether one of the networks holds the client; `None` where that depends on an unknown address.
fn covers(nets: &[&str], client: Option<IpAddr>) -> Option<bool> {
    let nets: Vec<IpNet> = nets.iter().filter(|word| **word != "*").filter_map(|word| network(word)).collect();
    let all = |v4: bool| nets.iter().any(|net| net.prefix_len() == 0 && net.addr().is_ipv4() == v4);
    if nets.is_empty() || (all(true) && all(false)) {
        return Some(true);
    }
    client.map(|ip| nets.iter().any(|net| net.contains(&ip.to_canonical())))
}

/// A network in CIDR notation, or one address.
fn network(word: &str) -> Option<IpNet> {
    word.parse().ok().or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::corefile::{NoImports, Options, parse};

    #[test]
    fn policies_match_in_order() {
        let options = Options {
            main_file_name: "Corefile",
            directory: "/",
            env: &|_| None,
            valid_directives: None,
            imports: &NoImports,
        };
        let local: Option<IpAddr> = "127.0.0.1".parse().ok();
        for (body, kind, client, want) in [
            ("block", "A", None, vec![Action::Block]),
            ("filter type AAAA", "AAAA", None, vec![Action::Filter]),
            ("filter type AAAA", "A", None, vec![Action::None]),
            ("allow net 127.0.0.0/8\nblock", "A", local, vec![Action::Allow]),
            ("allow net 10.0.0.0/8\nblock", "A", local, vec![Action::Block]),
            ("allow net 10.0.0.0/8\nblock", "A", None, vec![Action::Allow, Action::Block]),
            ("drop net 0.0.0.0/0 ::/0 type A", "A", None, vec![Action::Drop]),
            ("block net 127.0.0.1 type MX TXT", "TXT", local, vec![Action::Block]),
            ("block net ::1", "A", local, vec![Action::None]),
        ] {
            let parsed = parse(&format!(". {{\nacl {{\n{body}\n}}\n}}\n"), &options);
            let found = actions(&parsed.blocks[0].directives[0], kind, client);
            assert_eq!(found.into_iter().collect::<Vec<_>>(), want, "{body} {kind} {client:?}");
        }
    }
}
