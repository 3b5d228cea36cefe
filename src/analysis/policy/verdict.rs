//! Judges the policies that a pod is under together, and finds the one to edit.

use super::destination::{World, calico_labels};
use super::ingress::{self, Client};
use super::permit;
use super::rule::{Action, Dialect, Miss, Peer, PeerKind, Policy, Rule, Transport};
use super::selector::{Answer, Expr, Labels};
use crate::analysis::facts::Facts;
use crate::analysis::pod::names::{self, KnownNames};
use crate::analysis::pod::shape::Surroundings;
use crate::analysis::views::policy::{BlockedView, MissView, MissedCacheView, PolicyView};
use crate::model::Cluster;
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use std::net::IpAddr;

/// At most this many parts that do not match are shown beside the first.
const MAX_OTHERS: usize = 4;

/// Pods that policies are judged for.
#[derive(Clone, Debug)]
struct Subject {
    labels: Labels,
    namespace: Labels,
    /// `Kind/namespace/name`, where the snapshot has them.
    display: Option<String>,
    /// They get their nameserver from the cluster.
    asks_cluster: bool,
    /// A name that they mention.
    name: Option<Located<String>>,
}

/// What the rules of one policy say about DNS, whoever its pods are.
#[derive(Clone, Debug)]
struct Judged {
    allows: Answer,
    denies: Answer,
    allows_cache: Answer,
    intended: bool,
    allows_something: bool,
    misses: Vec<Miss>,
    fqdn: Option<Located<String>>,
    /// The rule that allows DNS.
    allowing: Option<Location>,
}

/// The policies that one subject is under, added up.
#[derive(Clone, Debug)]
struct Sum {
    /// Policies that certainly apply and drop what no rule allows.
    isolating: Vec<usize>,
    allows: Answer,
    allows_cache: Answer,
}

/// Verdicts on every policy of a cluster.
pub struct Verdicts<'a> {
    world: &'a World,
    policies: &'a [Policy],
    judged: Vec<Judged>,
    subjects: Vec<(Subject, Sum)>,
    /// Policies that stand above these and are not read (AdminNetworkPolicy).
    overridden: bool,
    /// Policies that keep questions from the DNS pods.
    refusals: Vec<(usize, Located<BlockedView>)>,
}

impl<'a> Verdicts<'a> {
    /// Judges every policy and every workload once.
    #[must_use]
    pub fn of(cluster: &Cluster, facts: &'a Facts, world: &'a World, policies: &'a [Policy]) -> Self {
        let judged = policies.iter().map(|policy| judge(policy, world)).collect();
        let overridden = !cluster.objects.of_kind("AdminNetworkPolicy").is_empty();
        let mut verdicts = Self { world, policies, judged, subjects: Vec::new(), overridden, refusals: Vec::new() };
        let around = Surroundings::of(cluster, facts);
        for (index, workload) in cluster.objects.workloads.iter().enumerate() {
            let answers = around.dns_workloads.contains(&index);
            let subject = concrete(workload, world, &around.known, answers);
            let sum = verdicts.sum(&subject);
            verdicts.subjects.push((subject, sum));
        }
        if !overridden {
            let asking = verdicts.subjects.iter().map(|(subject, _)| subject).filter(|subject| subject.asks_cluster);
            let clients: Vec<Client<'_>> = asking.map(client).collect();
            verdicts.refusals = ingress::refusals(policies, world, &clients);
        }
        verdicts
    }

    /// Adds up what applies to a subject. What only may apply can allow, but not forbid.
    fn sum(&self, subject: &Subject) -> Sum {
        let mut sum = Sum { isolating: Vec::new(), allows: Answer::No, allows_cache: Answer::No };
        let mut denies = Answer::No;
        for (index, (policy, judged)) in self.policies.iter().zip(&self.judged).enumerate() {
            let applies = selection(policy, subject);
            if applies == Answer::No {
                continue;
            }
            let may = |answer: Answer| if applies == Answer::Yes { answer } else { answer.and(Answer::Unknown) };
            sum.allows = sum.allows.or(may(judged.allows));
            sum.allows_cache = sum.allows_cache.or(may(judged.allows_cache));
            denies = denies.or(may(judged.denies));
            if applies == Answer::Yes && policy.isolates {
                sum.isolating.push(index);
            }
        }
        if denies != Answer::No {
            // which of the two wins depends on the order of the rules
            sum.allows = sum.allows.and(Answer::Unknown);
        }
        sum
    }

    /// The view of an object that states these policies.
    #[must_use]
    pub fn view(&self, own: &[usize]) -> Option<PolicyView> {
        let first = self.policies.get(*own.first()?)?;
        let isolating = own.iter().filter_map(|at| self.policies.get(*at)).find(|p| p.isolates);
        let place = isolating.unwrap_or(first).place;
        let language = match first.dialect {
            Dialect::Kubernetes => "kubernetes",
            Dialect::Cilium => "cilium",
            Dialect::Calico => "calico",
        };
        Some(PolicyView {
            language: language.to_owned(),
            isolates_egress: Located::at(isolating.is_some(), place),
            blocked: own.iter().find_map(|at| self.blocked(*at)).into_iter().chain(self.refusal(own)).collect(),
            misses_cache: own.iter().find_map(|at| self.misses_cache(*at)).into_iter().collect(),
        })
    }

    fn refusal(&self, own: &[usize]) -> Option<Located<BlockedView>> {
        let found = self.refusals.iter().find(|(at, _)| own.contains(at));
        found.map(|(_, refusal)| refusal.clone())
    }

    /// The subjects that a policy is judged by: the workloads it selects, else any pod with the labels it asks for.
    fn subjects_of(&self, at: usize) -> Vec<(Subject, Sum)> {
        let Some(policy) = self.policies.get(at) else { return Vec::new() };
        let selected: Vec<&(Subject, Sum)> =
            self.subjects.iter().filter(|(subject, _)| selection(policy, subject) == Answer::Yes).collect();
        if selected.is_empty() {
            let subject = any_pod(policy, self.world);
            let mut sum = self.sum(&subject);
            if policy.isolates && !sum.isolating.contains(&at) {
                sum.isolating.push(at);
            }
            return if self.is_dns_itself(policy) { Vec::new() } else { vec![(subject, sum)] };
        }
        let asking = selected.into_iter().filter(|(subject, _)| subject.asks_cluster);
        asking.map(|(subject, sum)| (subject.clone(), sum.clone())).collect()
    }

    /// Whether a policy is about the DNS pods themselves, which ask the world outside.
    fn is_dns_itself(&self, policy: &Policy) -> bool {
        !matches!(policy.pods, Expr::All)
            && self.world.backends.iter().any(|backend| {
                policy.pods.judge(&backend.pod_labels) == Answer::Yes
                    && policy.namespaces.judge(&backend.namespace_labels) != Answer::No
            })
    }

    fn blocked(&self, at: usize) -> Option<Located<BlockedView>> {
        let policy = self.policies.get(at).filter(|p| p.isolates && !self.overridden)?;
        let judged = self.judged.get(at)?;
        let cut_off = |sum: &Sum| {
            let cache = self.world.cache.is_some() && sum.allows_cache != Answer::No;
            sum.allows == Answer::No && !cache && self.is_to_blame(at, &sum.isolating)
        };
        let subjects = self.subjects_of(at);
        // a job may well compute without a network
        let is_batch = |subject: &Subject| subject.display.as_ref().is_some_and(|name| name.contains("Job/"));
        let everybody = matches!(policy.pods, Expr::All)
            && subjects.iter().all(|(_, sum)| sum.allows == Answer::No)
            && !subjects.iter().all(|(subject, _)| is_batch(subject));
        let mut cut_off: Vec<_> = subjects.into_iter().filter(|(_, sum)| cut_off(sum)).collect();
        // what most evidently needs DNS is the example to show
        cut_off.sort_by_key(|(subject, _)| (subject.name.is_none(), subject.display.is_none()));
        let (subject, sum) = cut_off.into_iter().next()?;
        let of_group = || sum.isolating.iter().filter_map(|index| self.judged.get(*index));
        let allows_something = of_group().any(|j| j.allows_something);
        let needed_for = of_group().find_map(|j| j.fqdn.clone()).or_else(|| subject.name.clone());
        // a policy for some pods may mean to leave them alone; one that leaves a whole namespace without DNS hardly does
        let evident =
            judged.intended || needed_for.is_some() || (subject.display.is_some() && (allows_something || everybody));
        evident.then(|| self.blocked_view(policy, judged, &subject, (allows_something, needed_for)))?
    }

    /// Whether this one of the policies that cut pods off is the one to edit: the ones meant for DNS, else the first
    /// that allows something, else the first.
    fn is_to_blame(&self, at: usize, isolating: &[usize]) -> bool {
        let is = |index: &usize, test: fn(&Judged) -> bool| self.judged.get(*index).is_some_and(test);
        if isolating.iter().any(|index| is(index, |j| j.intended)) {
            return is(&at, |j| j.intended);
        }
        let chosen = isolating.iter().find(|index| is(index, |j| j.allows_something)).or_else(|| isolating.first());
        chosen == Some(&at)
    }

    fn blocked_view(
        &self,
        policy: &Policy,
        judged: &Judged,
        subject: &Subject,
        (allows_something, needed_for): (bool, Option<Located<String>>),
    ) -> Option<Located<BlockedView>> {
        let backend = self.world.backends.first()?;
        let main = judged.misses.first().filter(|_| judged.intended);
        let port = backend.udp.map_or_else(|| "53".to_owned(), |port| port.to_string());
        let reason = main.map_or_else(
            || format!("no egress rule allows UDP {port} to the pods of {}", backend.name),
            |miss| miss.reason.clone(),
        );
        let others = judged.misses.iter().skip(1).take(MAX_OTHERS).filter(|_| main.is_some());
        let view = BlockedView {
            reason,
            incoming: false,
            backend: backend.name.clone(),
            backend_place: backend.location.map(|place| Located::at(backend.name.clone(), place)),
            port: backend.udp.map(i64::from),
            intended: main.is_some(),
            others: others.map(|m| Located::at(MissView { reason: m.reason.clone() }, m.location)).collect(),
            allows_something,
            pods: subject.display.clone(),
            needed_for,
            assumed: backend.assumed,
            plugin_dependent: main.is_some_and(|miss| miss.soft) || self.world.cache.is_some(),
            expected: main.and_then(|miss| miss.expected.clone()),
            allow: permit::to_pods(backend, policy).map(|text| Located::at(text, policy.place)),
            redirect: self.world.redirect.map(|place| Located::at(backend.name.clone(), place)),
        };
        Some(Located::at(view, main.map_or(policy.place, |miss| miss.location)))
    }

    /// The pods ask a node cache and may ask the DNS pods only.
    fn misses_cache(&self, at: usize) -> Option<Located<MissedCacheView>> {
        let cache = self.world.cache.as_ref()?;
        let policy = self.policies.get(at).filter(|p| p.isolates && !self.overridden)?;
        let judged = self.judged.get(at).filter(|j| j.allows == Answer::Yes)?;
        let missed = |(_, sum): &(Subject, Sum)| sum.allows == Answer::Yes && sum.allows_cache == Answer::No;
        self.subjects_of(at).iter().any(missed).then_some(())?;
        let address = cache.addresses.first()?;
        let addresses: Vec<IpAddr> = cache.addresses.iter().map(|address| address.value).collect();
        let view = MissedCacheView {
            address: address.with(address.value.to_string()),
            backend: self.world.backends.first()?.name.clone(),
            allow: permit::to_cache(&addresses, policy).map(|text| Located::at(text, policy.place)),
        };
        Some(Located::at(view, judged.allowing.unwrap_or(policy.place)))
    }
}

fn client(subject: &Subject) -> Client<'_> {
    Client {
        labels: &subject.labels,
        namespace: &subject.namespace,
        display: subject.display.as_deref(),
        name: subject.name.as_ref(),
    }
}

/// Whether a policy applies to a subject.
fn selection(policy: &Policy, subject: &Subject) -> Answer {
    policy.namespaces.judge(&subject.namespace).and(policy.pods.judge(&subject.labels))
}

fn judge(policy: &Policy, world: &World) -> Judged {
    let backend = world.backends.first();
    // the egress rules of a Kubernetes policy that is not about egress are ignored
    let in_force = policy.isolates || policy.dialect != Dialect::Kubernetes;
    let rules = if in_force { policy.rules.as_slice() } else { &[] };
    let reaches = |rule: &Rule| {
        let judged = world.backends.iter().map(|b| rule.judge(b, Transport::Udp, policy.dialect, world));
        judged.fold(Answer::No, Answer::or)
    };
    let any = |action: Action, test: &dyn Fn(&Rule) -> Answer| {
        rules.iter().filter(|rule| rule.action == action).fold(Answer::No, |found, rule| found.or(test(rule)))
    };
    let cache = |rule: &Rule| world.cache.as_ref().map_or(Answer::Unknown, |c| rule.judge_cache(c, policy.dialect));
    let allow = || rules.iter().filter(|rule| rule.action == Action::Allow);
    let meant = allow().filter(|rule| backend.is_some_and(|b| rule.is_meant_for_dns(b)));
    let mut misses: Vec<Miss> =
        meant.filter_map(|rule| Some(rule.misses(backend?, policy.dialect, world))).flatten().collect();
    misses.sort_by_key(|miss| miss.rank);
    let name_of = |rule: &Rule| {
        let (name, place) = rule.fqdn.as_ref()?;
        Some(Located::from_origins(name.clone(), place.iter().copied().collect()))
    };
    Judged {
        allows: any(Action::Allow, &reaches),
        denies: any(Action::Deny, &reaches),
        allows_cache: any(Action::Allow, &cache),
        intended: !misses.is_empty(),
        allows_something: allow().any(|rule| !rule.is_for_api_server()),
        misses,
        fqdn: allow().find_map(name_of),
        allowing: allow().find(|rule| reaches(rule) == Answer::Yes).and_then(first_place),
    }
}

/// A short place for a rule: its first destination's requirement, else its first port.
fn first_place(rule: &Rule) -> Option<Location> {
    let of_peer = |peer: &Peer| match &peer.kind {
        PeerKind::Pods { pods, namespaces } => {
            let leaves = pods.leaves().into_iter().chain(namespaces.leaves());
            leaves.filter_map(|leaf| leaf.location).next()
        }
        _ => peer.location,
    };
    let peers = rule.peers.iter().flatten().find_map(of_peer);
    peers.or_else(|| rule.ports.iter().flatten().find_map(|port| port.location)).or(rule.location)
}

/// The pods of a workload.
fn concrete(workload: &Workload, world: &World, known: &KnownNames, answers_dns: bool) -> Subject {
    let namespace = &workload.meta.namespace.value;
    let mut labels: std::collections::BTreeMap<String, String> =
        workload.pod_labels.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
    labels.extend(calico_labels(namespace));
    let pod = &workload.pod;
    let asks_cluster = !answers_dns && !pod.uses_host_network() && pod.policy().starts_with("ClusterFirst");
    let name = names::mentioned(pod, namespace, known).into_iter().next().map(|n| n.map(|n| n.name));
    Subject {
        labels: Labels { known: labels, complete: true },
        namespace: world.namespace_labels(namespace),
        display: Some(workload.meta.display()),
        asks_cluster,
        name: name.filter(|_| asks_cluster),
    }
}

/// Any pod that a policy selects: it has the labels that the policy asks for, and perhaps others.
fn any_pod(policy: &Policy, world: &World) -> Subject {
    let namespace = match &policy.namespace {
        Some(name) => world.namespace_labels(name),
        None => Labels { known: policy.namespaces.demanded(), complete: false },
    };
    let mut known = policy.pods.demanded();
    known.extend(policy.namespace.iter().flat_map(|name| calico_labels(name)));
    Subject { labels: Labels { known, complete: false }, namespace, display: None, asks_cluster: true, name: None }
}
