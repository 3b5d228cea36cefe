//! What comes of a way that dnslint tells, with upstreams that answer, fail or are not there.

use dnslint::analysis::trace::names::Answer;
use dnslint::analysis::trace::step::Step;
use dnslint::analysis::transport::Transport;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a client or a server before gets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    pub code: String,
    pub data: Vec<String>,
    /// What upstreams outside were asked, in order.
    pub asked: Vec<String>,
    /// No upstream could be reached: `next` has nothing to judge.
    exhausted: bool,
}

impl Outcome {
    fn of(code: &str, data: Vec<String>) -> Self {
        Self { code: code.to_owned(), data, asked: Vec::new(), exhausted: false }
    }

    fn after(mut self, before: &[String]) -> Self {
        self.asked.splice(0..0, before.iter().cloned());
        self
    }

    fn has(&self, codes: &[String]) -> bool {
        let empty = self.code == "NOERROR" && self.data.is_empty() && codes.iter().any(|code| code == "NODATA");
        !self.exhausted && (codes.contains(&self.code) || empty)
    }
}

/// The judge's upstreams play their part in what dnslint says of the way.
pub struct Play<'c> {
    pub case: &'c Value,
}

impl Play<'_> {
    fn leaf(&self, step: &Step, answer: &Answer) -> Outcome {
        match answer {
            Answer::Records { records, .. } => Outcome::of("NOERROR", records.clone()),
            Answer::Nodata { .. } | Answer::Alias { .. } => Outcome::of("NOERROR", Vec::new()),
            Answer::Nxdomain { .. } => Outcome::of("NXDOMAIN", Vec::new()),
            Answer::Error { code, .. } => Outcome::of(code, Vec::new()),
            Answer::DeadEnd { .. } => Outcome::of("silent", Vec::new()),
            Answer::Outside { server, name, types } => self.outside(step, server, name, &types.join(" ")),
            // no socket there
            Answer::Unknown { reason } if reason.contains("that answers on port") => Outcome::of("silent", Vec::new()),
            Answer::Unknown { .. } => Outcome::of("unknown", Vec::new()),
        }
    }

    fn outside(&self, step: &Step, server: &str, name: &str, kind: &str) -> Outcome {
        let net = if step.transport == Some(Transport::Tcp) { "tcp" } else { "udp" };
        let number = server.rsplit('.').next().unwrap();
        let mut outcome = match self.case["stubs"][format!("{server}:5399")].as_str() {
            None => return Outcome::of("silent", Vec::new()),
            Some("answer") => {
                let data = match kind {
                    "A" => vec![format!("192.0.2.{number}")],
                    "AAAA" => vec![format!("2001:db8::{number}")],
                    "TXT" => vec![format!("u{number}")],
                    _ => Vec::new(),
                };
                Outcome::of("NOERROR", data)
            }
            Some(code) => Outcome::of(code, Vec::new()),
        };
        outcome.asked.push(format!("{number} {name} {kind} {net}"));
        outcome
    }

    /// A query that is sent: to a server outside, or into a block.
    pub fn sent(&self, step: &Step) -> BTreeSet<Outcome> {
        match &step.answer {
            Some(answer) => BTreeSet::from([self.leaf(step, answer)]),
            None => self.block(step),
        }
    }

    fn block(&self, step: &Step) -> BTreeSet<Outcome> {
        let ends = step.next.iter().filter(|next| next.answer.is_some() || !next.next.is_empty());
        let from_file = step.next.iter().any(|next| next.text.starts_with("file ") && next.text.contains("CNAME"));
        let mut all: BTreeSet<Outcome> = BTreeSet::new();
        // what the last of the ends gives, which the next one may take
        let mut open: BTreeSet<Outcome> = BTreeSet::new();
        for (index, end) in ends.enumerate() {
            let outcomes = self.end(end, from_file);
            if index == 0 {
                open = outcomes;
                continue;
            }
            let (passed, kept): (Vec<_>, Vec<_>) = open.into_iter().partition(|before| before.has(&end.only_after));
            all.extend(kept);
            let behind = |before: Outcome| outcomes.iter().map(move |outcome| outcome.clone().after(&before.asked));
            open = passed.into_iter().flat_map(behind).collect();
        }
        all.extend(open);
        if step.next.iter().any(|next| next.text.contains("becomes one for")) {
            // records of the other type, in which the client sees no answer
            return all.into_iter().map(|outcome| Outcome { data: Vec::new(), ..outcome }).collect();
        }
        all
    }

    fn end(&self, step: &Step, from_file: bool) -> BTreeSet<Outcome> {
        if let Some(answer) = &step.answer {
            return BTreeSet::from([self.leaf(step, answer)]);
        }
        if step.text.contains(" is asked next") {
            let code = |mut outcome: Outcome| {
                if !from_file || !matches!(outcome.code.as_str(), "NXDOMAIN" | "SERVFAIL") {
                    outcome.code = "NOERROR".to_owned();
                }
                outcome
            };
            return self.block(step).into_iter().map(code).collect();
        }
        let upstreams: Vec<BTreeSet<Outcome>> = step.next.iter().map(|next| self.sent(next)).collect();
        let orders = if step.in_order { vec![(0..upstreams.len()).collect()] } else { orders(upstreams.len()) };
        let mut all = BTreeSet::new();
        for order in orders {
            let list: Vec<&BTreeSet<Outcome>> = order.iter().map(|index| &upstreams[*index]).collect();
            let tries = Tries { list, failover: &step.failover };
            tries.from(0, 0, 0, &[], &mut all);
        }
        all
    }
}

/// The loop of `Forward.ServeDNS` over a list of upstreams.
struct Tries<'t> {
    list: Vec<&'t BTreeSet<Outcome>>,
    failover: &'t [String],
}

impl Tries<'_> {
    fn from(&self, at: usize, failed: usize, over: usize, asked: &[String], all: &mut BTreeSet<Outcome>) {
        if failed >= 2 * self.list.len() {
            let mut outcome = Outcome::of("SERVFAIL", Vec::new()).after(asked);
            outcome.exhausted = true;
            all.insert(outcome);
            return;
        }
        for outcome in self.list[at % self.list.len()] {
            let outcome = outcome.clone().after(asked);
            if outcome.code == "silent" {
                self.from(at + 1, failed + 1, over, &outcome.asked, all);
            } else if self.failover.contains(&outcome.code) && over + 1 < self.list.len() {
                self.from(at + 1, failed, over + 1, &outcome.asked, all);
            } else {
                all.insert(Outcome { exhausted: false, ..outcome });
            }
        }
    }
}

/// Every order of so many upstreams.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let insert = |order: &Vec<usize>| -> Vec<Vec<usize>> {
        (0..=order.len()).map(|at| [&order[..at], &[count - 1], &order[at..]].concat()).collect()
    };
    shorter.iter().flat_map(insert).collect()
}
