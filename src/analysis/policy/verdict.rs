//! Judges the policies that a pod is under together, and finds the one to edit.

use super::blocked::blocked;
use super::destination::World;
use super::index::{Index, is_for_all};
use super::ingress;
use super::judged::Judged;
use super::permit;
use super::rule::{Dialect, Policy};
use super::scope::{Folders, Scope, scope_of};
use super::selector::{Answer, Expr};
use super::subject::Subject;
use super::sum::{Isolation, Sum};
use crate::analysis::facts::Facts;
use crate::analysis::pod::shape::Surroundings;
use crate::analysis::views::policy::{BlockedView, MissView, MissedCacheView, PolicyView};
use crate::model::Cluster;
use crate::source::Located;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// At most this many parts that do not match are shown beside the first.
const MAX_OTHERS: usize = 4;

/// Kinds of policies that stand above those that are read here.
const ABOVE: [&str; 2] = ["AdminNetworkPolicy", "ClusterNetworkPolicy"];

/// Pods, and what the policies over them say together.
type Summed = (Subject, Sum);

/// Verdicts on every policy of a cluster.
pub struct Verdicts<'a> {
    world: &'a World,
    policies: &'a [Policy],
    judged: &'a [Judged],
    index: Index<'a>,
    subjects: Vec<Summed>,
    /// Subjects of each namespace, those whose manifests name none by their folder.
    members: BTreeMap<(String, Scope), Vec<usize>>,
    /// Subjects that each policy certainly selects, except for policies over every pod.
    selected: Vec<Vec<usize>>,
    /// Policies that stand above these and are not read.
    overridden: bool,
    /// Policies that keep questions from the DNS pods.
    refusals: Vec<(usize, Located<BlockedView>)>,
}

impl<'a> Verdicts<'a> {
    /// Judges every workload once; `judged` are the policies, each by itself.
    #[must_use]
    pub fn of(
        (cluster, facts): (&Cluster, &'a Facts),
        world: &'a World,
        (policies, judged): (&'a [Policy], &'a [Judged]),
        folder_of: Folders<'_>,
    ) -> Self {
        let mut verdicts = Self {
            world,
            policies,
            judged,
            index: Index::of(policies, judged),
            subjects: Vec::new(),
            members: BTreeMap::new(),
            selected: vec![Vec::new(); policies.len()],
            overridden: ABOVE.iter().any(|kind| !cluster.objects.of_kind(kind).is_empty()),
            refusals: Vec::new(),
        };
        let around = Surroundings::of(cluster, facts);
        for (index, workload) in cluster.objects.workloads.iter().enumerate() {
            let answers = around.dns_workloads.contains(&index);
            let subject = Subject::of(workload, world, &around.known, answers);
            verdicts.add(Subject { scope: scope_of(&workload.meta, folder_of), ..subject });
        }
        if !verdicts.overridden {
            let subjects: Vec<&Subject> = verdicts.subjects.iter().map(|(subject, _)| subject).collect();
            verdicts.refusals = ingress::refusals(policies, world, &subjects);
        }
        verdicts
    }

    fn add(&mut self, subject: Subject) {
        let (sum, applying) = self.index.over(&subject);
        let at = self.subjects.len();
        for policy in applying {
            self.selected.get_mut(policy).into_iter().for_each(|list| list.push(at));
        }
        let place = (subject.namespace_name.clone().unwrap_or_default(), subject.scope.clone());
        self.members.entry(place).or_default().push(at);
        self.subjects.push((subject, sum));
    }

    /// The view of an object that states these policies.
    #[must_use]
    pub fn view(&self, own: &[usize]) -> Option<PolicyView> {
        let first = self.policies.get(*own.first()?)?;
        let isolating = own.iter().filter_map(|at| self.policies.get(*at)).find(|p| p.isolates);
        let place = isolating.unwrap_or(first).place;
        let refusals = self.refusals.iter().filter(|(at, _)| own.contains(at)).map(|(_, refusal)| refusal.clone());
        let language = match first.dialect {
            Dialect::Kubernetes => "kubernetes",
            Dialect::Cilium => "cilium",
            Dialect::Calico => "calico",
        };
        Some(PolicyView {
            language: language.to_owned(),
            isolates_egress: Located::at(isolating.is_some(), place),
            blocked: own.iter().find_map(|at| self.blocked(*at)).into_iter().chain(refusals).collect(),
            misses_cache: own.iter().find_map(|at| self.misses_cache(*at)).into_iter().collect(),
        })
    }

    /// The workloads that a policy certainly selects, in their order.
    fn selected(&self, at: usize, policy: &Policy) -> Vec<&Summed> {
        let these = |list: &Vec<usize>| list.iter().filter_map(|at| self.subjects.get(*at)).collect();
        match &policy.namespace {
            _ if !is_for_all(policy) => self.selected.get(at).map(these).unwrap_or_default(),
            Some(name) => self.members.get(&(name.clone(), policy.scope.clone())).map(these).unwrap_or_default(),
            None => self.subjects.iter().collect(),
        }
    }

    /// Any pod with the labels that a policy asks for, which selects no workload.
    fn any(&self, at: usize, policy: &Policy) -> Summed {
        let subject = Subject::any(policy, self.world);
        let mut sum = self.index.over_any(&subject);
        if let Some(judged) = self.judged.get(at).filter(|_| policy.isolates) {
            sum.isolate(at, judged);
        }
        (subject, sum)
    }

    /// Calls `see` with the subjects that a policy is judged by, which all ask cluster DNS: the workloads it selects, else
    /// any pod with the labels it asks for.
    fn with_subjects<T>(&self, at: usize, policy: &Policy, see: impl FnOnce(&[&Summed]) -> T) -> T {
        let mut selected = self.selected(at, policy);
        if !selected.is_empty() {
            selected.retain(|(subject, _)| subject.asks_cluster);
            return see(&selected);
        }
        if self.is_dns_itself(policy) { see(&[]) } else { see(&[&self.any(at, policy)]) }
    }

    /// Whether a policy is about the DNS pods themselves, which ask the world outside.
    fn is_dns_itself(&self, policy: &Policy) -> bool {
        !matches!(policy.pods, Expr::All)
            && self.world.backends.iter().any(|backend| {
                policy.pods.judge(&backend.pod_labels) == Answer::Yes
                    && policy.applies(&backend.pod_labels, &backend.namespace_labels, &backend.scope) != Answer::No
            })
    }

    fn blocked(&self, at: usize) -> Option<Located<BlockedView>> {
        let policy = self.policies.get(at).filter(|p| p.isolates && !self.overridden)?;
        let judged = self.judged.get(at)?;
        self.with_subjects(at, policy, |subjects| {
            let (subject, sum, isolation) = self.cut_off(at, judged, subjects)?;
            let everybody = matches!(policy.pods, Expr::All)
                && subjects.iter().all(|(_, sum)| sum.allows() == Answer::No)
                && !subjects.iter().all(|(subject, _)| subject.is_batch);
            let allows_something = isolation.allows_something();
            let named = isolation.named().and_then(|at| self.judged.get(at)).and_then(|judged| judged.fqdn.clone());
            let needed_for = named.or_else(|| subject.name.clone());
            // a policy for some pods may mean to leave them alone; one that leaves a whole namespace without DNS hardly does
            let evident = judged.intended()
                || needed_for.is_some()
                || (subject.display.is_some() && (allows_something || everybody));
            let mut view =
                evident.then(|| self.blocked_view(policy, judged, subject, (allows_something, needed_for)))??;
            view.value.private_addresses = sum.private;
            Some(view)
        })
    }

    /// Pods that the policy cuts off from cluster DNS, and the policies that isolate them: what most evidently needs DNS
    /// is the example to show.
    fn cut_off<'s>(
        &self,
        at: usize,
        judged: &Judged,
        subjects: &[&'s Summed],
    ) -> Option<(&'s Subject, &'s Sum, &'s Isolation)> {
        let isolated = |(subject, sum): &&'s Summed| {
            let cache = self.world.cache.is_some() && sum.allows_cache != Answer::No;
            let isolation = sum.isolation.as_ref().filter(|isolation| isolation.blames(at, judged))?;
            (sum.allows() == Answer::No && !cache).then_some((subject, sum, isolation))
        };
        let found = subjects.iter().filter_map(isolated);
        found.min_by_key(|(subject, ..)| (subject.name.is_none(), subject.display.is_none()))
    }

    fn blocked_view(
        &self,
        policy: &Policy,
        judged: &Judged,
        subject: &Subject,
        (allows_something, needed_for): (bool, Option<Located<String>>),
    ) -> Option<Located<BlockedView>> {
        let backend = self.world.backends.first()?;
        let main = judged.misses.first();
        let port = backend.udp.map_or_else(|| "53".to_owned(), |port| port.to_string());
        let unopened = || format!("no egress rule allows UDP {port} to the pods of {}", backend.name);
        let others = judged.misses.iter().skip(1).take(MAX_OTHERS);
        let view = blocked(backend, subject, main, unopened);
        let view = BlockedView {
            others: others.map(|m| Located::at(MissView { reason: m.reason.clone() }, m.location)).collect(),
            allows_something,
            needed_for,
            plugin_dependent: view.plugin_dependent || self.world.cache.is_some(),
            expected: judged.repair.clone(),
            allow: permit::to_pods(backend, policy).map(|text| Located::at(text, policy.place)),
            redirect: self.world.redirect.map(|place| Located::at(backend.name.clone(), place)),
            ..view
        };
        Some(Located::at(view, main.map_or(policy.place, |miss| miss.location)))
    }

    /// The pods ask a node cache and may ask the DNS pods only.
    fn misses_cache(&self, at: usize) -> Option<Located<MissedCacheView>> {
        let cache = self.world.cache.as_ref().filter(|cache| cache.certain)?;
        let policy = self.policies.get(at).filter(|p| p.isolates && !self.overridden)?;
        let judged = self.judged.get(at).filter(|j| j.allows == Answer::Yes)?;
        let missed = |(_, sum): &&Summed| sum.allows() == Answer::Yes && sum.allows_cache == Answer::No;
        self.with_subjects(at, policy, |subjects| subjects.iter().any(missed)).then_some(())?;
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
