//! One server block: which of its plugins ends a query, in the order of the chain.

use super::names::{self, Answer, Plugin};
use super::plugins::rewrite::{self, Rewrite};
use super::plugins::{Verdict, hosts, template, zone_file};
use super::walk::Step;
use crate::analysis::coredns::position;
use crate::analysis::servers::read::{ASSUMED, Block, falls_through, first_line, in_zone, version_of, zone_of};
use crate::analysis::servers::routing::Graph;
use crate::analysis::servers::select::{self, Arrival, Socket, connected, is_bound_to, takes_every_address};
use crate::model::Cluster;
use crate::model::config_map::EmbeddedText;
use crate::model::dns_server::{DnsServer, ServerConfig, ServerKind};
use crate::source::Location;
use crate::syntax::corefile::{Directive, Version};
use std::net::IpAddr;

/// First release whose `local` answers names below `localhost`, too.
const LOCAL_SUBDOMAINS: Version = Version::new(1, 14, 5);
/// Directives that set the server up and handle no query: a block with these alone refuses every name.
const NO_HANDLERS: [&str; 17] = [
    "bind",
    "debug",
    "grpc_server",
    "health",
    "https",
    "https3",
    "multisocket",
    "on",
    "pprof",
    "proxyproto",
    "quic",
    "ready",
    "reload",
    "root",
    "shutdown",
    "startup",
    "tls",
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

/// Whether the server has a socket there, whatever its zones.
#[must_use]
pub fn listens(graph: &Graph<'_>, server: usize, ip: IpAddr, port: u16) -> bool {
    let blocks = graph.servers.get(server).map(|v| v.blocks.as_slice()).unwrap_or_default();
    let ip = connected(ip);
    let on_port = |block: &Block<'_>| block.sockets.contains(&Socket { port, encrypted: false });
    blocks.iter().any(|block| on_port(block) && (is_bound_to(block, ip) || takes_every_address(block)))
}

/// Runs a query through the plugins of a block.
#[must_use]
pub fn run<'a>(cluster: &'a Cluster, server: &'a DnsServer, block: &Block<'a>, name: &str, types: &[&str]) -> Handled {
    let mut directives: Vec<&Directive> = block.syntax.directives.iter().collect();
    let version = version_of(server).filter(|_| server.kind == ServerKind::CoreDns).unwrap_or(ASSUMED);
    directives.sort_by_key(|d| position(&d.name, version));
    let mut run = Run {
        cluster,
        config: server.config.as_ref(),
        block,
        version,
        types,
        name: name.to_owned(),
        rewritten: false,
        steps: Vec::new(),
    };
    for directive in &directives {
        if let Some(outcome) = run.plugin(directive) {
            return Handled { steps: run.steps, outcome };
        }
    }
    let handles = directives.iter().any(|d| !NO_HANDLERS.contains(&d.name.as_str()));
    let code = if handles { "SERVFAIL" } else { "REFUSED" };
    let answer = Answer::Error { code: code.to_owned(), reason: "no plugin of the block takes the name".to_owned() };
    run.steps.push(Step::new("end of the block", [block.location]).ending(answer));
    Handled { steps: run.steps, outcome: Outcome::Answered }
}

struct Run<'r, 'a> {
    cluster: &'a Cluster,
    config: Option<&'a ServerConfig>,
    block: &'r Block<'a>,
    version: Version,
    types: &'r [&'r str],
    name: String,
    /// A `rewrite` without `continue` has matched.
    rewritten: bool,
    steps: Vec<Step>,
}

impl<'a> Run<'_, 'a> {
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
            "local" => self.local(directive),
            "any" if self.types.contains(&"ANY") => {
                let what = "a HINFO record instead of all types (RFC 8482)".to_owned();
                let step = self.step(directive, "any");
                self.end(step, Answer::Records { records: Vec::new(), what })
            }
            "file" => self.file(directive),
            "auto" | "secondary" | "etcd" | "route53" | "azure" | "clouddns" | "nomad" => {
                self.zone(directive, 0)?;
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
            "whoami" => {
                let step = self.step(directive, "whoami");
                let reason = "whoami tells the client its own address beside an empty answer".to_owned();
                self.end(step, Answer::Nodata { reason })
            }
            "erratic" => {
                let step = self.step(directive, directive.name.clone());
                self.end(step, Answer::Unknown { reason: format!("`{}` answers for tests only", directive.name) })
            }
            _ => None,
        }
    }

    fn rewrite(&mut self, directive: &Directive) -> Option<Outcome> {
        if self.rewritten {
            return None;
        }
        match rewrite::apply(directive, &self.name) {
            Rewrite::No => {}
            Rewrite::To { name, goes_on } => {
                self.steps.push(self.step(directive, format!("rewrite: {} becomes {name}", self.name)));
                (self.name, self.rewritten) = (name, !goes_on);
            }
            Rewrite::Unknown(pattern) => {
                let text = format!("rewrite: may change the name (the expression `{pattern}` is not run here)");
                self.steps.push(self.step(directive, text));
            }
        }
        None
    }

    fn template(&mut self, directive: &Directive) -> Option<Outcome> {
        let zone = self.zone(directive, 2)?;
        let verdict = template::answer(directive, &self.name, &zone, self.types);
        self.verdict(directive, "template", verdict, None)
    }

    /// `localhost` and names that begin with it are the client itself (`plugin/local`).
    fn local(&mut self, directive: &Directive) -> Option<Outcome> {
        let below = self.name.ends_with(".localhost.");
        if self.name != "localhost." && !self.name.starts_with("localhost.") && !below {
            return None;
        }
        let step = self.step(directive, "local");
        if below && self.version < LOCAL_SUBDOMAINS {
            return self.end(step, Answer::no("`local` knows no name below localhost"));
        }
        let families = [("A", "127.0.0.1"), ("AAAA", "::1")];
        let asked = families.iter().filter(|(kind, _)| self.types.contains(kind));
        let records: Vec<String> = asked.map(|(_, ip)| (*ip).to_owned()).collect();
        if records.is_empty() {
            return self.end(step, Answer::Nodata { reason: "localhost has addresses only".to_owned() });
        }
        self.end(step, Answer::Records { records, what: "the client itself".to_owned() })
    }

    /// Entries in the block itself, then those of the file where a ConfigMap of the server holds it.
    fn hosts(&mut self, directive: &Directive) -> Option<Outcome> {
        let path = directive.arg_texts().next().filter(|word| word.contains('/'));
        let in_zones = self.zone(directive, usize::from(path.is_some())).is_some();
        let mut entries = hosts::inline(directive);
        // without a path it is /etc/hosts of the container, which names the pod alone
        let text = path.map(|path| self.text_of(path));
        let complete = text.as_ref().is_none_or(Option::is_some);
        let text = text.flatten();
        entries.extend(text.iter().flat_map(|text| hosts::of_file(&text.text)));
        let verdict = hosts::answer(directive, &entries, complete, &self.name, in_zones, self.types);
        // a file that has no such name is no news
        let verdict = match verdict {
            Verdict::FallsThrough(_) if complete => Verdict::Pass,
            other => other,
        };
        let at = text.map(|text| text.location);
        self.verdict(directive, "hosts", verdict, at)
    }

    fn file(&mut self, directive: &Directive) -> Option<Outcome> {
        let zone = self.zone(directive, 1)?;
        let path = directive.arg_texts().next()?;
        let verdict = match self.text_of(path) {
            None => Verdict::Ends(Answer::Unknown { reason: format!("the snapshot does not have {path}") }),
            Some(text) => match zone_file::read(&text.text, &zone) {
                Ok(records) => zone_file::answer(directive, &records, &self.name, &zone, self.types),
                Err(reason) => Verdict::Ends(Answer::Unknown { reason: format!("{reason} decides") }),
            },
        };
        let at = self.text_of(path).map(|text| text.location);
        self.verdict(directive, &format!("file {path}, zone `{zone}`"), verdict, at)
    }

    /// The text of a file of the server's container: a key of its ConfigMap, or of one mounted for imports.
    fn text_of(&self, path: &str) -> Option<&'a EmbeddedText> {
        let config = self.config?;
        let key = path.rsplit('/').next().unwrap_or(path);
        let maps = config.config_map.into_iter().chain(config.custom.iter().map(|c| c.config_map));
        let maps = maps.filter_map(|index| self.cluster.objects.config_maps.get(index));
        maps.filter_map(|map| map.get(key)).map(|entry| &entry.text).next()
    }

    /// Notes what a plugin did.
    fn verdict(
        &mut self,
        directive: &Directive,
        title: &str,
        verdict: Verdict,
        at: Option<Location>,
    ) -> Option<Outcome> {
        let mut step = self.step(directive, title);
        step.at.extend(at);
        match verdict {
            Verdict::Pass => None,
            Verdict::FallsThrough(reason) => {
                step.text = format!("{title}: {reason}; falls through");
                self.steps.push(step);
                None
            }
            Verdict::Ends(Answer::Alias { target, what }) => {
                step.text = format!("{title}: {what}, CNAME {target}");
                self.steps.push(step);
                Some(Outcome::Alias { target })
            }
            Verdict::Ends(answer) => self.end(step, answer),
        }
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
