//! Resolvers without a Corefile, as the routing graph sees them: what they listen on, and whom they ask for which names.

use super::read::in_zone;
use crate::source::{Located, Location};
use std::net::IpAddr;

/// dnsmasq or systemd-resolved on a node, or another resolver in a pod.
#[derive(Clone, Debug)]
pub struct LocalResolver {
    /// `dnsmasq`, `systemd-resolved`, `Pi-hole`, …
    pub program: String,
    /// Addresses it answers on; empty means every address of its network namespace, loopback too.
    pub listens: Vec<IpAddr>,
    /// The port, 53 as a rule.
    pub port: u16,
    /// Where it sends names in general.
    pub upstreams: Vec<Located<String>>,
    /// Where it sends names below a domain: (zone, upstream).
    pub conditional: Vec<(String, Located<String>)>,
    /// Zones whose names it answers itself and never sends on.
    pub answered: Vec<String>,
    /// Zones whose names have an address that it knows (`address=` of dnsmasq), whatever other rules say of the zone.
    pub fixed: Vec<String>,
    /// Zones whose names go the general way although a wider rule is there (`server=/zone/#` of dnsmasq).
    pub general: Vec<String>,
    /// It finds out at run time which upstreams lead back to it, and does without them (`dns-loop-detect` of dnsmasq).
    pub detects_loops: bool,
    /// It asks the nameservers of its own /etc/resolv.conf, too.
    pub reads_own_file: bool,
    /// The cluster domain whose names it answers from the API, as kube-dns does; fully qualified.
    pub cluster_domain: Option<String>,
    /// Where a label on it goes.
    pub location: Location,
}

/// The rule that holds for a name.
enum Rule {
    Conditional,
    General,
    Answered,
}

impl LocalResolver {
    /// A resolver of a program, without upstreams, on port 53 of every address.
    #[must_use]
    pub fn new(program: &str, location: Location) -> Self {
        Self {
            program: program.to_owned(),
            listens: Vec::new(),
            port: 53,
            upstreams: Vec::new(),
            conditional: Vec::new(),
            answered: Vec::new(),
            fixed: Vec::new(),
            general: Vec::new(),
            detects_loops: false,
            reads_own_file: false,
            cluster_domain: None,
            location,
        }
    }

    /// Whether it answers on an address and port.
    #[must_use]
    pub fn takes(&self, ip: IpAddr, port: u16) -> bool {
        self.port == port && (self.listens.is_empty() || self.listens.contains(&ip))
    }

    /// Whom it asks for a name; empty where it answers the name itself or has nobody to ask.
    #[must_use]
    pub fn asks(&self, name: &str) -> Vec<&Located<String>> {
        match self.rule(name) {
            None | Some((_, Rule::General)) => self.upstreams.iter().collect(),
            Some((_, Rule::Answered)) => Vec::new(),
            Some((longest, Rule::Conditional)) => {
                self.conditional.iter().filter(|(zone, _)| zone == longest).map(|(_, to)| to).collect()
            }
        }
    }

    /// Whether no rule of its own speaks of a name, so that it goes the general way.
    #[must_use]
    pub fn asks_in_general(&self, name: &str) -> bool {
        matches!(self.rule(name), None | Some((_, Rule::General)))
    }

    /// Whether it never sends a name on.
    #[must_use]
    pub fn keeps(&self, name: &str) -> bool {
        matches!(self.rule(name), Some((_, Rule::Answered)))
    }

    /// The rule of the longest zone holds, as in dnsmasq and systemd-resolved.
    fn rule(&self, name: &str) -> Option<(&String, Rule)> {
        let conditional = self.conditional.iter().map(|(zone, _)| (zone, Rule::Conditional));
        let general = self.general.iter().map(|zone| (zone, Rule::General));
        let answered = self.answered.iter().map(|zone| (zone, Rule::Answered));
        // of rules for one zone the last kind holds (`filter_servers` in domain-match.c of dnsmasq)
        let fixed = self.fixed.iter().map(|zone| (zone, Rule::Answered));
        let rules = answered.chain(conditional).chain(general).chain(fixed);
        rules.filter(|(zone, _)| in_zone(name, zone)).max_by_key(|(zone, _)| zone.len())
    }

    /// The zones that its rules name.
    pub fn zones(&self) -> impl Iterator<Item = &String> {
        self.conditional.iter().map(|(zone, _)| zone).chain(&self.answered).chain(&self.fixed).chain(&self.general)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    #[test]
    fn the_rule_of_the_longest_zone_holds() {
        let mut resolver = LocalResolver::new("dnsmasq", Location::new(FileId(0), Span::new(0, 0)));
        let upstream = |text: &str| Located::default_value(text.to_owned());
        resolver.upstreams = vec![upstream("9.9.9.9")];
        resolver.conditional =
            vec![("corp.".to_owned(), upstream("10.0.0.1")), ("corp.".to_owned(), upstream("10.0.0.2"))];
        resolver.answered = vec!["lab.corp.".to_owned()];
        resolver.general = vec!["www.corp.".to_owned()];
        for (name, want) in [
            ("a.example.", vec!["9.9.9.9"]),
            ("a.corp.", vec!["10.0.0.1", "10.0.0.2"]),
            ("xcorp.", vec!["9.9.9.9"]),
            ("a.lab.corp.", vec![]),
            ("www.corp.", vec!["9.9.9.9"]),
        ] {
            let asked: Vec<&str> = resolver.asks(name).into_iter().map(|to| to.value.as_str()).collect();
            assert_eq!(asked, want, "{name}");
        }
        resolver.listens = vec![IpAddr::from([10, 0, 0, 1])];
        assert!(resolver.takes(IpAddr::from([10, 0, 0, 1]), 53));
        assert!(!resolver.takes(IpAddr::from([10, 0, 0, 1]), 54) && !resolver.takes(IpAddr::from([10, 0, 0, 2]), 53));
    }
}
