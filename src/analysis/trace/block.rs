//! One server block: which of its plugins ends a query, in the order of the chain.

use super::names::{self, Answer, Plugin};
use super::walk::Step;
use crate::analysis::coredns::position;
use crate::analysis::servers::chain::{self, Rewrite};
use crate::analysis::servers::read::{ASSUMED, Block, falls_through, first_line, in_zone, version_of, zone_of};
use crate::analysis::servers::routing::Graph;
use crate::analysis::servers::select::{self, Arrival, connected};
use crate::model::Cluster;
use crate::model::dns_server::{DnsServer, ServerConfig, ServerKind};
use crate::syntax::corefile::Directive;
use std::net::IpAddr;

/// Plugins that answer queries, change them or send them on.
const HANDLERS: [&str; 19] = [
    "cache",
    "rewrite",
    "template",
    "hosts",
    "route53",
    "azure",
    "clouddns",
    "kubernetes",
    "file",
    "auto",
    "secondary",
    "etcd",
    "forward",
    "proxy",
    "grpc",
    "erratic",
    "whoami",
    "nomad",
    "acl",
];

/// The end of a block's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The last step says what.
    Answered,
    /// Another name is asked for.
    Alias {
        /// It.
        target: String,
    },
    /// A forward takes it.
    Forward {
        /// Index in [`Block::forwards`].
        index: usize,
        /// The name, which a rewrite may have changed.
        name: String,
    },
}

/// What the plugins of a block do with a query.
#[derive(Clone, Debug)]
pub struct Handled {
    /// The plugins that matter, in order.
    pub steps: Vec<Step>,
    /// The end.
    pub outcome: Outcome,
}

/// The block that takes `name` on a plain listener; any listener of the server where no address is given.
#[must_use]
pub fn select(graph: &Graph<'_>, server: usize, name: &str, ip: Option<IpAddr>, port: u16) -> Option<usize> {
    let arrival = Arrival { ip: ip.map(connected), port: Some(port), encrypted: false };
    select::select(&graph.servers.get(server)?.blocks, name, arrival)
}

/// Runs a query through the plugins of a block.
#[must_use]
pub fn run(cluster: &Cluster, server: &DnsServer, block: &Block<'_>, name: &str) -> Handled {
    let mut directives: Vec<&Directive> = block.syntax.directives.iter().collect();
    let version = version_of(server).filter(|_| server.kind == ServerKind::CoreDns).unwrap_or(ASSUMED);
    directives.sort_by_key(|d| position(&d.name, version));
    let mut run = Run { cluster, config: server.config.as_ref(), block, name: name.to_owned(), steps: Vec::new() };
    for directive in &directives {
        if let Some(outcome) = run.plugin(directive) {
            return Handled { steps: run.steps, outcome };
        }
    }
    let handles = directives.iter().any(|d| HANDLERS.contains(&d.name.as_str()));
    let code = if handles { "SERVFAIL" } else { "REFUSED" };
    let answer = Answer::Error { code: code.to_owned(), reason: "no plugin of the block takes the name".to_owned() };
    run.steps.push(Step::new("end of the block", [block.location]).ending(answer));
    Handled { steps: run.steps, outcome: Outcome::Answered }
}

struct Run<'r, 'a> {
    cluster: &'r Cluster,
    config: Option<&'r ServerConfig>,
    block: &'r Block<'a>,
    name: String,
    steps: Vec<Step>,
}

impl Run<'_, '_> {
    fn step(&self, directive: &Directive, text: impl Into<String>) -> Step {
        Step::new(text, self.config.and_then(|config| first_line(config, directive)))
    }

    fn end(&mut self, step: Step, answer: Answer) -> Option<Outcome> {
        self.steps.push(step.ending(answer));
        Some(Outcome::Answered)
    }

    /// The longest zone among the arguments from `skip` on, or of the block, that holds the name.
    fn zone(&self, directive: &Directive, skip: usize) -> Option<String> {
        let args: Vec<String> = directive.arg_texts().skip(skip).map(zone_of).collect();
        let own = || self.block.zones.iter().map(|z| z.value.clone()).collect();
        let zones: Vec<String> = if args.is_empty() { own() } else { args };
        zones.into_iter().filter(|zone| in_zone(&self.name, zone)).max_by_key(String::len)
    }

    fn plugin(&mut self, directive: &Directive) -> Option<Outcome> {
        match directive.name.as_str() {
            "rewrite" => self.rewrite(directive),
            "template" => self.template(directive),
            "hosts" => self.hosts(directive),
            "kubernetes" => self.kubernetes(directive),
            "file" | "auto" | "secondary" | "etcd" | "route53" | "azure" | "clouddns" | "nomad" => {
                let skip = usize::from(directive.name == "file");
                self.zone(directive, skip)?;
                if falls_through(directive, &self.name) {
                    let text = format!("{}: answers what its zone has, the rest goes on", directive.name);
                    self.steps.push(self.step(directive, text));
                    return None;
                }
                let reason = format!("the zone data of `{}` decide", directive.name);
                let step = self.step(directive, directive.name.clone());
                self.end(step, Answer::Unknown { reason })
            }
            "forward" | "proxy" => self.forward(directive),
            "erratic" | "whoami" => {
                let step = self.step(directive, directive.name.clone());
                self.end(step, Answer::Unknown { reason: format!("`{}` answers for tests only", directive.name) })
            }
            _ => None,
        }
    }

    /// `rewrite [continue|stop] name [exact|suffix|prefix|substring|regex] FROM TO`; regular expressions are not run.
    fn rewrite(&mut self, directive: &Directive) -> Option<Outcome> {
        let new = match chain::rewrite(directive, &self.name) {
            Rewrite::To(new) => new,
            Rewrite::No => return None,
            Rewrite::Unknown => {
                let text = "rewrite name regex: may change the name (regular expressions are not run here)";
                self.steps.push(self.step(directive, text));
                return None;
            }
        };
        self.steps.push(self.step(directive, format!("rewrite: {} becomes {new}", self.name)));
        self.name = new;
        None
    }

    fn template(&mut self, directive: &Directive) -> Option<Outcome> {
        self.zone(directive, 2)?;
        let text = "template: may answer by its patterns, which are not run here";
        let through = directive.property("match").is_some() || falls_through(directive, &self.name);
        let step = self.step(directive, text);
        if through {
            self.steps.push(step);
            return None;
        }
        self.end(step, Answer::Unknown { reason: "the template answers everything below its zones".to_owned() })
    }

    /// Entries in the block itself, then those of the file where a ConfigMap of the server holds it.
    fn hosts(&mut self, directive: &Directive) -> Option<Outcome> {
        let first_is_file = directive.arg_texts().next().is_some_and(|w| w.contains('/'));
        self.zone(directive, usize::from(first_is_file))?;
        let bare = self.name.trim_end_matches('.');
        let mut addresses: Vec<String> = Vec::new();
        for property in &directive.properties {
            if property.name.parse::<IpAddr>().is_ok() && property.arg_texts().any(|h| h.eq_ignore_ascii_case(bare)) {
                addresses.push(property.name.clone());
            }
        }
        let file = directive.arg_texts().next().filter(|_| first_is_file).and_then(|path| path.rsplit('/').next());
        let map = self.config.and_then(|c| self.cluster.objects.config_maps.get(c.config_map?));
        let entry = file.and_then(|key| map?.get(key));
        for line in entry.map(|e| e.text.text.as_str()).unwrap_or("").lines() {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            if let Some(ip) = words.next()
                && words.any(|host| host.eq_ignore_ascii_case(bare))
            {
                addresses.push(ip.to_owned());
            }
        }
        let step = self.step(directive, "hosts");
        if !addresses.is_empty() {
            return self.end(step, Answer::Records { records: addresses, what: "entries of hosts".to_owned() });
        }
        if falls_through(directive, &self.name) {
            return None;
        }
        self.end(step, Answer::no("`hosts` has no such entry and no fallthrough"))
    }

    fn kubernetes(&mut self, directive: &Directive) -> Option<Outcome> {
        let zone = self.zone(directive, 0)?;
        let found = names::answer(self.cluster, &Plugin::read(directive), &self.name, &zone);
        let mut step = self.step(directive, format!("kubernetes, zone `{zone}`"));
        if let Answer::Nxdomain { reason } = &found.answer
            && falls_through(directive, &self.name)
        {
            step.text = format!("{}: {reason}; falls through", step.text);
            self.steps.push(step);
            return None;
        }
        step.at.extend(found.at);
        if let Answer::Alias { target, what } = found.answer {
            step.text = format!("{}: {what}, CNAME {target}", step.text);
            self.steps.push(step);
            return Some(Outcome::Alias { target: target.to_ascii_lowercase() });
        }
        self.end(step, found.answer)
    }

    fn forward(&mut self, directive: &Directive) -> Option<Outcome> {
        let index = self.block.forwards.iter().position(|f| std::ptr::eq(f.syntax, directive))?;
        let forward = self.block.forwards.get(index)?;
        let takes = forward.takes(&self.name);
        takes.then(|| Outcome::Forward { index, name: self.name.clone() })
    }
}
