//! Policies that isolate the DNS pods themselves and let no questions in.

use super::backend::Backend;
use super::blocked::blocked;
use super::destination::World;
use super::intent::names_server;
use super::miss::{Miss, Wanted};
use super::rule::{Dialect, Ingress, Policy, Rule};
use super::selector::{Answer, Leaf};
use super::subject::Subject;
use crate::analysis::views::policy::{BlockedView, MissView};
use crate::source::{Located, Location};

/// The policy to edit, by its index, and why the DNS pods refuse some client; one for each kind of DNS pods that pods ask.
///
/// Only Kubernetes policies are read for what comes in. Where others select the DNS pods too, nothing is said, nor where
/// pods ask a node cache, or may: its questions come from the node.
#[must_use]
pub fn refusals(policies: &[Policy], world: &World, subjects: &[&Subject]) -> Vec<(usize, Located<BlockedView>)> {
    let asked = world.backends.iter().filter(|backend| backend.asked && world.cache.is_none());
    asked.filter_map(|backend| refusal(policies, backend, subjects)).collect()
}

/// A policy that isolates the DNS pods, by its index.
type Guard<'a> = (usize, &'a Ingress);

fn refusal(policies: &[Policy], backend: &Backend, subjects: &[&Subject]) -> Option<(usize, Located<BlockedView>)> {
    if backend.assumed || backend.host_network || !backend.pod_labels.complete {
        return None;
    }
    let selects = |policy: &Policy| policy.applies(&backend.pod_labels, &backend.namespace_labels, &backend.scope);
    let concerned: Vec<(usize, &Policy)> =
        policies.iter().enumerate().filter(|(_, policy)| selects(policy) != Answer::No).collect();
    let is_read = |policy: &Policy| policy.dialect == Dialect::Kubernetes && selects(policy) == Answer::Yes;
    if !concerned.iter().all(|(_, policy)| is_read(policy)) {
        return None;
    }
    let guards: Vec<Guard<'_>> =
        concerned.into_iter().filter_map(|(at, policy)| Some((at, policy.ingress.as_ref()?))).collect();
    let (_, first) = guards.first()?;
    let refused = |client: &&&Subject| {
        let mut rules = guards.iter().flat_map(|(_, ingress)| &ingress.rules);
        rules.all(|rule| rule.admits(&client.labels, &client.namespace, backend) == Answer::No)
    };
    let clients = subjects.iter().filter(|subject| subject.asks_cluster);
    let client = clients.filter(refused).min_by_key(|client| client.name.is_none())?;
    if let Some((index, miss)) = meant_for_backend(policies, backend, subjects) {
        let drops = Located::at(MissView { reason: "drops what no policy lets in".to_owned() }, first.place);
        return Some((index, Located::at(view(backend, client, Some(&miss), vec![drops]), miss.location)));
    }
    unopened(&guards, backend, client)
}

/// The rule that was meant to let questions in, else the first policy that drops them.
fn unopened(guards: &[Guard<'_>], backend: &Backend, client: &Subject) -> Option<(usize, Located<BlockedView>)> {
    let called = client.display.as_deref().map_or("the others", |display| display);
    let wanted = Wanted {
        pods: &client.labels,
        namespace: &client.namespace,
        called: format!("the pods of {called}"),
        within: client.namespace_name.as_deref().unwrap_or_default(),
        what: called,
    };
    let of_rule = |rule: &Rule| rule.speaks_of_dns().then(|| rule.keeps_out(&wanted, backend)).flatten();
    let meant = guards.iter().find_map(|(at, ingress)| Some((*at, ingress.rules.iter().find_map(of_rule)?)));
    if let Some((at, miss)) = meant {
        return Some((at, Located::at(view(backend, client, Some(&miss), Vec::new()), miss.location)));
    }
    let (at, ingress) = guards.first()?;
    Some((*at, Located::at(view(backend, client, None, Vec::new()), ingress.place)))
}

fn port(backend: &Backend) -> u16 {
    backend.udp.unwrap_or(53)
}

/// A policy of the namespace that opens port 53 of pods named like the DNS pods, and selects no pods of the snapshot:
/// it was meant for those that answer. One that selects others is right about them.
fn meant_for_backend(policies: &[Policy], backend: &Backend, subjects: &[&Subject]) -> Option<(usize, Miss)> {
    policies.iter().enumerate().find_map(|(index, policy)| {
        let rules = policy.ingress.iter().flat_map(|ingress| &ingress.rules);
        if !rules.into_iter().any(Rule::speaks_of_dns)
            || policy.namespaces.judge(&backend.namespace_labels) != Answer::Yes
            || policy.scope != backend.scope
        {
            return None;
        }
        let leaf = policy.pods.failing(&backend.pod_labels).filter(|leaf| names_server(&leaf.test))?;
        let selects_others = subjects.iter().any(|subject| subject.under(policy) != Answer::No);
        (!selects_others).then(|| (index, unmatched(leaf, policy.place, backend)))
    })
}

fn unmatched(leaf: &Leaf, fallback: Location, backend: &Backend) -> Miss {
    let reason = format!("the pods of {} do not match `{}`", backend.name, leaf.text());
    Miss { location: leaf.location.unwrap_or(fallback), reason, rank: 0, soft: false, expected: None }
}

fn view(backend: &Backend, client: &Subject, miss: Option<&Miss>, others: Vec<Located<MissView>>) -> BlockedView {
    let port = port(backend);
    let unopened = || format!("no ingress rule opens UDP {port} of {} to them", backend.name);
    let view = blocked(backend, client, miss, unopened);
    BlockedView { incoming: true, port: Some(i64::from(port)), others, ..view }
}
