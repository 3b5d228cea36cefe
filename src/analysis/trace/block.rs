//! One server block: which of its plugins ends a query, in the order of the chain.

use super::names::{self, Answer, Plugin};
use super::plugins::acl::{self, Action};
use super::plugins::rewrite::{self, Rewrite};
use super::plugins::{Verdict, hosts, local, template, zone_file};
use super::step::Step;
use crate::analysis::coredns::{self, Role, position};
use crate::analysis::servers::read::{Block, falls_through, first_line, in_zone, release};
use crate::analysis::servers::rewriting::Rule;
use crate::model::Cluster;
use crate::model::config_map::EmbeddedText;
use crate::model::dns_server::{DnsServer, ServerConfig};
use crate::source::Location;
use crate::syntax::corefile::{Directive, Version};
use std::fmt::Write as _;
use std::net::IpAddr;

/// Plugins that refuse names outside their zones where no plugin stands behind them.
const REFUSING: [&str; 3] = ["auto", "file", "secondary"];

/// The end of a block's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The last step says what.
    Answered,
    /// Another name is asked for.
    Alias {
        /// It.
        target: String,
        /// NXDOMAIN and SERVFAIL of the target are those of the alias (`file`); other plugins answer NOERROR.
        keeps_code: bool,
    },
    /// A forward takes it.
    Forward {
        /// Indexes in [`Block::forwards`]: each but the first is asked only after what the one before passes on.
        indexes: Vec<usize>,
        /// What comes of it where the last one passes it on, too.
        otherwise: Option<Answer>,
    },
}

/// What the plugins of a block do with a query.
#[derive(Clone, Debug)]
pub struct Handled {
    /// The plugins that matter, in order.
    pub steps: Vec<Step>,
    /// The name, which a `rewrite` may have changed.
    pub name: String,
    /// The types that get to the end.
    pub types: Vec<String>,
    /// The end.
    pub outcome: Outcome,
}

/// A query as it comes to a block.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'q> {
    /// Fully qualified, lower case.
    pub name: &'q str,
    /// The record types.
    pub types: &'q [String],
    /// The client's address, where it is known.
    pub client: Option<IpAddr>,
}

/// Runs a query through the plugins of a block.
#[must_use]
pub fn run<'a>(cluster: &'a Cluster, server: &'a DnsServer, block: &Block<'a>, asked: Asked<'_>) -> Handled {
    let mut directives: Vec<&Directive> = block.syntax.directives.iter().collect();
    let version = release(server);
    directives.sort_by_key(|d| position(&d.name, version));
    let mut run = Run {
        cluster,
        config: server.config.as_ref(),
        block,
        version,
        client: asked.client,
        types: asked.types.to_vec(),
        name: asked.name.to_owned(),
        rewritten: false,
        allowed: false,
        forwards: Vec::new(),
        steps: Vec::new(),
    };
    let outcome = directives.iter().find_map(|directive| run.plugin(directive)).unwrap_or_else(|| {
        let last = directives.iter().rfind(|d| Role::of(&d.name) != Role::SetUp);
        let code = if last.is_none_or(|last| run.refuses(last)) { "REFUSED" } else { "SERVFAIL" };
        let reason = "no plugin of the block takes the name".to_owned();
        let step = Step::new("end of the block", [block.location]);
        run.end(step, Answer::Error { code: code.to_owned(), reason })
    });
    Handled { steps: run.steps, name: run.name, types: run.types, outcome }
}

struct Run<'r, 'a> {
    cluster: &'a Cluster,
    config: Option<&'a ServerConfig>,
    block: &'r Block<'a>,
    version: Version,
    client: Option<IpAddr>,
    types: Vec<String>,
    name: String,
    /// A `rewrite` without `continue` has matched.
    rewritten: bool,
    /// An `acl` has let the query through.
    allowed: bool,
    /// Forwards that may pass the query on to a later one.
    forwards: Vec<usize>,
    steps: Vec<Step>,
}

impl<'a> Run<'_, 'a> {
    fn step(&self, directive: &Directive, text: impl Into<String>) -> Step {
        Step::new(text, self.config.and_then(|config| first_line(config, directive)))
    }

    /// The end of the query, or of what the last forward passes on.
    fn end(&mut self, step: Step, answer: Answer) -> Outcome {
        if self.forwards.is_empty() {
            self.steps.push(step.ending(answer));
            return Outcome::Answered;
        }
        Outcome::Forward { indexes: std::mem::take(&mut self.forwards), otherwise: Some(answer) }
    }

    /// Whether a plugin at the end of the chain refuses the name, which is none of its zones. (`minimal` fails over a
    /// refusal that comes without a message.)
    fn refuses(&self, last: &Directive) -> bool {
        if self.block.syntax.has("minimal") {
            return false;
        }
        let mut own = self.block.syntax.directives_named(&last.name);
        REFUSING.contains(&last.name.as_str()) && !own.any(|directive| self.zone(directive).is_some())
    }

    fn asks(&self, kind: &str) -> bool {
        self.types.iter().any(|own| own == kind)
    }

    /// The longest zone of a plugin that holds the name.
    fn zone(&self, directive: &Directive) -> Option<String> {
        let zones = self.block.zones_of(directive).into_iter();
        zones.filter(|zone| in_zone(&self.name, zone)).max_by_key(String::len)
    }

    fn plugin(&mut self, directive: &Directive) -> Option<Outcome> {
        // a query that a forward passes on sees later forwards and the plugins behind them alone
        match directive.name.as_str() {
            "rewrite" => self.rewrite(directive),
            "acl" => self.acl(directive),
            "template" => self.template(directive),
            "hosts" => self.hosts(directive),
            "kubernetes" => self.kubernetes(directive),
            "local" => self.local(directive),
            "any" if self.asks("ANY") => {
                let what = "a HINFO record instead of all types (RFC 8482)".to_owned();
                let step = self.step(directive, "any");
                Some(self.end(step, Answer::Records { records: Vec::new(), what }))
            }
            "file" => self.file(directive),
            "forward" | "proxy" => self.forward(directive),
            "whoami" => {
                let step = self.step(directive, "whoami");
                let reason = "whoami tells the client its own address beside an empty answer".to_owned();
                Some(self.end(step, Answer::Nodata { reason }))
            }
            "erratic" => {
                let step = self.step(directive, directive.name.clone());
                let reason = format!("`{}` answers for tests only", directive.name);
                Some(self.end(step, Answer::Unknown { reason }))
            }
            plugin if Role::of(plugin) == Role::Authoritative => self.zone_data(directive),
            _ => None,
        }
    }

    fn zone_data(&mut self, directive: &Directive) -> Option<Outcome> {
        self.zone(directive)?;
        if falls_through(directive, &self.name) {
            let text = format!("{}: answers what its zone has, the rest goes on", directive.name);
            self.steps.push(self.step(directive, text));
            return None;
        }
        let reason = format!("the zone data of `{}` decide", directive.name);
        let step = self.step(directive, directive.name.clone());
        Some(self.end(step, Answer::Unknown { reason }))
    }

    fn rewrite(&mut self, directive: &Directive) -> Option<Outcome> {
        if self.rewritten {
            return None;
        }
        let rule = Rule::read(directive);
        let text = match rewrite::apply(&rule, &self.name) {
            Rewrite::No => return None,
            Rewrite::Matches => None,
            Rewrite::Name(name) => {
                let text = format!("rewrite: {} becomes {name}", self.name);
                self.name = name;
                Some(text)
            }
            Rewrite::Invalid(name) => {
                let step = self.step(directive, format!("rewrite: {} becomes {name}", self.name));
                let reason = "what the rule makes of the name is no name".to_owned();
                return Some(self.end(step, Answer::Error { code: "SERVFAIL".to_owned(), reason }));
            }
            Rewrite::Type(from, to) if self.asks(&from) => {
                let text = format!("rewrite: a query for {from} becomes one for {to}");
                self.types.retain(|kind| *kind != from && *kind != to);
                self.types.push(to);
                // the queries for other types go on with the rules
                self.rewritten = self.types.len() == 1 && !rule.goes_on;
                self.steps.push(self.step(directive, text));
                return None;
            }
            Rewrite::Type(..) => return None,
            Rewrite::Unknown(pattern) => {
                let text = format!("rewrite: may change the name (the expression `{pattern}` is not run here)");
                self.steps.push(self.step(directive, text));
                return None;
            }
        };
        self.rewritten = !rule.goes_on;
        self.steps.extend(text.map(|text| self.step(directive, text)));
        None
    }

    /// Where the client's address decides, and may let the query through, the way goes on.
    fn acl(&mut self, directive: &Directive) -> Option<Outcome> {
        if self.allowed {
            return None;
        }
        self.zone(directive)?;
        let actions: Vec<_> = self.types.iter().map(|kind| acl::actions(directive, kind, self.client)).collect();
        let mut ended: Vec<(String, Answer)> = Vec::new();
        let mut open = false;
        for (kind, actions) in self.types.iter().zip(&actions) {
            let stops: Vec<Answer> = actions.iter().filter_map(|action| stopping(*action)).collect();
            match stops.as_slice() {
                [] => {}
                [one] if actions.len() == 1 => ended.push((kind.clone(), one.clone())),
                more if more.len() < actions.len() => open = true,
                _ => {
                    let reason = "the `acl` decides by the client's address".to_owned();
                    ended.push((kind.clone(), Answer::Unknown { reason }));
                }
            }
        }
        self.allowed = actions.iter().all(|actions| actions.iter().all(|action| *action == Action::Allow));
        if open {
            self.steps.push(self.step(directive, "acl: goes on for some clients, by their address"));
        }
        let (_, answer) = ended.first()?.clone();
        let kinds: Vec<String> = ended.into_iter().map(|(kind, _)| kind).collect();
        let step = self.step(directive, "acl");
        self.narrow(step, answer, &kinds)
    }

    /// Ends the query for some of its types; those of the others go on.
    fn narrow(&mut self, mut step: Step, answer: Answer, kinds: &[String]) -> Option<Outcome> {
        if self.types.iter().all(|kind| kinds.contains(kind)) {
            return Some(self.end(step, answer));
        }
        self.types.retain(|kind| !kinds.contains(kind));
        let _ = write!(step.text, " ends the query for {}", kinds.join(" and "));
        match answer {
            Answer::Records { .. } => step.answer = Some(answer),
            Answer::Nodata { reason } => {
                let _ = write!(step.text, " without records: {reason}");
            }
            Answer::Nxdomain { reason } => {
                let _ = write!(step.text, " with NXDOMAIN: {reason}");
            }
            Answer::Error { code, reason } => {
                let _ = write!(step.text, " with {code}: {reason}");
            }
            Answer::Alias { target, .. } => {
                let _ = write!(step.text, " with an alias, {target}");
            }
            Answer::DeadEnd { reason } | Answer::Unknown { reason } => {
                let _ = write!(step.text, ": {reason}");
            }
            Answer::Outside { .. } => {}
        }
        self.steps.push(step);
        None
    }

    fn template(&mut self, directive: &Directive) -> Option<Outcome> {
        let zone = self.zone(directive)?;
        let kinds: Vec<String> = self.types.iter().filter(|kind| template::takes(directive, kind)).cloned().collect();
        if kinds.is_empty() {
            return None;
        }
        let asked: Vec<&str> = kinds.iter().map(String::as_str).collect();
        match template::answer(directive, &self.name, &zone, &asked) {
            Verdict::Ends(answer) if kinds.len() < self.types.len() => {
                let step = self.step(directive, "template");
                self.narrow(step, answer, &kinds)
            }
            // targets are looked up for addresses alone
            Verdict::Ends(answer @ Answer::Alias { .. }) if !self.asks("A") && !self.asks("AAAA") => {
                let step = self.step(directive, "template");
                Some(self.end(step, answer))
            }
            verdict => self.verdict(directive, "template", verdict, None),
        }
    }

    fn local(&mut self, directive: &Directive) -> Option<Outcome> {
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let answer = local::answer(directive, &self.name, &types, self.version)?;
        let step = self.step(directive, "local");
        Some(self.end(step, answer))
    }

    /// Entries of the file, where a ConfigMap of the server holds it, and those in the block itself.
    fn hosts(&mut self, directive: &Directive) -> Option<Outcome> {
        // without a path it is /etc/hosts of the container, which names the pod alone
        let path = directive.arg_texts().next();
        let zones = self.block.zones_of(directive);
        let text = path.map(|path| self.text_of(path));
        let complete = text.as_ref().is_none_or(Option::is_some);
        let text = text.flatten();
        let sources = [text.map(|text| hosts::of_file(&text.text)).unwrap_or_default(), hosts::inline(directive)];
        let known = hosts::Known { directive, sources: &sources, complete, zones: &zones, version: self.version };
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let verdict = match hosts::answer(&known, &self.name, &types) {
            // a file that has no such name is no news
            Verdict::FallsThrough(_) if complete => Verdict::Pass,
            other => other,
        };
        let at = text.map(|text| text.location);
        self.verdict(directive, "hosts", verdict, at)
    }

    /// All `file` directives of a block are one plugin: the longest of their zones takes the name, and the last
    /// `fallthrough` is that of all (`fileParse` in plugin/file/setup.go).
    fn file(&mut self, directive: &Directive) -> Option<Outcome> {
        let zone = self.zone(directive)?;
        let all: Vec<&Directive> = self.block.syntax.directives_named("file").collect();
        let length = |other: &Directive| self.zone(other).map_or(0, |zone| zone.len());
        if all.iter().any(|other| length(other) > zone.len()) {
            return None;
        }
        let through = all.iter().rev().find(|other| other.property("fallthrough").is_some());
        let through = through.is_some_and(|other| falls_through(other, &self.name));
        let path = directive.arg_texts().next()?;
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let verdict = match self.text_of(path) {
            None => Verdict::Ends(Answer::Unknown { reason: format!("the snapshot does not have {path}") }),
            Some(text) => match coredns::zone_file::read(&text.text, &zone) {
                Ok(records) => zone_file::answer(&records, &self.name, &zone, &types, through),
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
                Some(Outcome::Alias { target, keeps_code: directive.name == "file" })
            }
            Verdict::Ends(answer) => Some(self.end(step, answer)),
        }
    }

    fn kubernetes(&mut self, directive: &Directive) -> Option<Outcome> {
        let zone = self.zone(directive)?;
        let found = names::answer(self.cluster, &Plugin::read(directive), &self.name, &zone, &self.types);
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
            return Some(Outcome::Alias { target: target.to_ascii_lowercase(), keeps_code: false });
        }
        Some(self.end(step, found.answer))
    }

    fn forward(&mut self, directive: &Directive) -> Option<Outcome> {
        let index = self.block.forwards.iter().position(|f| std::ptr::eq(f.syntax, directive))?;
        let forward = self.block.forwards.get(index)?;
        if !forward.takes(&self.name) {
            return None;
        }
        self.forwards.push(index);
        let last = index + 1 == self.block.forwards.len();
        if !last && !forward.passes_on().is_empty() {
            return None;
        }
        Some(Outcome::Forward { indexes: std::mem::take(&mut self.forwards), otherwise: None })
    }
}

/// What a client gets from an `acl` that stops its query.
fn stopping(action: Action) -> Option<Answer> {
    match action {
        Action::None | Action::Allow => None,
        Action::Block => {
            Some(Answer::Error { code: "REFUSED".to_owned(), reason: "the `acl` blocks the client".to_owned() })
        }
        Action::Filter => Some(Answer::Nodata { reason: "the `acl` filters the query".to_owned() }),
        Action::Drop => Some(Answer::DeadEnd { reason: "the `acl` drops the query".to_owned() }),
    }
}
