//! Policies that isolate the DNS pods themselves and let no questions in.

use super::destination::{Backend, World};
use super::rule::{Dialect, Policy, Port, Rule};
use super::selector::{Answer, Expr, Labels};
use crate::analysis::views::policy::{BlockedView, MissView};
use crate::source::{Located, Location};

/// Pods that ask cluster DNS.
pub struct Client<'a> {
    /// Their labels.
    pub labels: &'a Labels,
    /// Their namespace's.
    pub namespace: &'a Labels,
    /// `Kind/namespace/name`.
    pub display: Option<&'a str>,
    /// A name that they mention.
    pub name: Option<&'a Located<String>>,
}

/// The policy to edit, by its index, and why the DNS pods refuse some client; one for each kind of DNS pods.
///
/// Only Kubernetes policies are read for what comes in. Where others select the DNS pods too, nothing is said, nor where
/// pods ask a node cache: its questions come from the node.
#[must_use]
pub fn refusals(policies: &[Policy], world: &World, clients: &[Client<'_>]) -> Vec<(usize, Located<BlockedView>)> {
    let asked = if world.cache.is_some() { &[][..] } else { world.backends.as_slice() };
    asked.iter().filter_map(|backend| refusal(policies, backend, clients)).collect()
}

fn refusal(policies: &[Policy], backend: &Backend, clients: &[Client<'_>]) -> Option<(usize, Located<BlockedView>)> {
    if backend.assumed || backend.host_network || !backend.pod_labels.complete {
        return None;
    }
    let selects = |policy: &Policy| {
        policy.namespaces.judge(&backend.namespace_labels).and(policy.pods.judge(&backend.pod_labels))
    };
    let concerned: Vec<(usize, &Policy)> =
        policies.iter().enumerate().filter(|(_, policy)| selects(policy) != Answer::No).collect();
    let is_read = |policy: &Policy| policy.dialect == Dialect::Kubernetes && selects(policy) == Answer::Yes;
    if !concerned.iter().all(|(_, policy)| is_read(policy)) {
        return None;
    }
    let isolating: Vec<(usize, &Policy)> =
        concerned.into_iter().filter(|(_, policy)| policy.ingress.is_some()).collect();
    let (first, policy) = isolating.first()?;
    let rules = || isolating.iter().flat_map(|(_, policy)| policy.ingress.iter().flatten());
    let refused = |client: &&Client<'_>| {
        let admits = |rule: &Rule| rule.admits((client.labels, client.namespace), backend);
        rules().all(|rule| admits(rule) == Answer::No)
    };
    let client = clients.iter().filter(refused).min_by_key(|client| client.name.is_none())?;
    let drops = Located::at(MissView { reason: "drops what no policy lets in".to_owned() }, policy.place);
    if let Some((index, location, reason)) = meant_for_others(policies, backend) {
        return Some((index, Located::at(view(backend, client, reason, vec![drops]), location)));
    }
    let reason = format!("no ingress rule opens UDP {} of {} to them", port(backend), backend.name);
    let meant = isolating.iter().find_map(|(index, policy)| {
        let rule = policy.ingress.iter().flatten().find(|rule| speaks_of_dns(rule))?;
        Some((*index, rule.location?))
    });
    let (index, location) = meant.unwrap_or((*first, policy.place));
    Some((index, Located::at(view(backend, client, reason, Vec::new()), location)))
}

fn port(backend: &Backend) -> u16 {
    backend.udp.unwrap_or(53)
}

fn speaks_of_dns(rule: &Rule) -> bool {
    rule.ports.iter().flatten().any(Port::speaks_of_dns)
}

/// A policy of the namespace that opens port 53 of other pods than those that answer.
fn meant_for_others(policies: &[Policy], backend: &Backend) -> Option<(usize, Location, String)> {
    policies.iter().enumerate().find_map(|(index, policy)| {
        let here = policy.namespaces.judge(&backend.namespace_labels) == Answer::Yes;
        let opens = policy.ingress.iter().flatten().any(speaks_of_dns);
        let leaf = policy.pods.failing(&backend.pod_labels).filter(|_| here && opens)?;
        let others = !matches!(policy.pods, Expr::All | Expr::Unknown);
        let reason = format!("the pods of {} do not match `{}`", backend.name, leaf.text());
        others.then(|| (index, leaf.location.unwrap_or(policy.place), reason))
    })
}

fn view(backend: &Backend, client: &Client<'_>, reason: String, others: Vec<Located<MissView>>) -> BlockedView {
    BlockedView {
        reason,
        incoming: true,
        backend: backend.name.clone(),
        backend_place: backend.location.map(|place| Located::at(backend.name.clone(), place)),
        port: Some(i64::from(port(backend))),
        intended: true,
        others,
        allows_something: true,
        pods: client.display.map(str::to_owned),
        needed_for: client.name.cloned(),
        assumed: false,
        plugin_dependent: false,
        expected: None,
        allow: None,
        redirect: None,
    }
}
