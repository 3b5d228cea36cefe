//! Finds the policies over given pods without comparing each with each: clusters have thousands of both.

use super::judged::Judged;
use super::labels::is_derived;
use super::rule::Policy;
use super::selector::{Answer, Expr};
use super::subject::Subject;
use super::sum::Sum;
use std::collections::BTreeMap;

/// A label with its value.
type Label = (String, String);

/// Policies by the namespace that they are in (`None`: of the whole cluster) and a label that they demand of pods.
#[derive(Default)]
pub struct Index<'a> {
    policies: &'a [Policy],
    judged: &'a [Judged],
    /// What the policies over every pod of a namespace say together, those without a namespace by their folder.
    of_all: BTreeMap<(Option<&'a str>, Option<&'a str>), Sum>,
    /// The same, of all folders, as far as they may concern pods that are applied from another one.
    may_concern: BTreeMap<Option<&'a str>, Sum>,
    /// The others, each with the label that it demands, if there is one.
    others: BTreeMap<Option<&'a str>, Vec<usize>>,
    demanded: Vec<Option<Label>>,
    by_label: BTreeMap<Option<&'a str>, BTreeMap<Label, Vec<usize>>>,
    /// Those that demand no single label.
    unlabelled: BTreeMap<Option<&'a str>, Vec<usize>>,
}

impl<'a> Index<'a> {
    /// Sorts the policies.
    #[must_use]
    pub fn of(policies: &'a [Policy], judged: &'a [Judged]) -> Self {
        let demanded = policies.iter().map(demanded).collect();
        let mut index = Self { policies, judged, demanded, ..Self::default() };
        for (at, (policy, judged)) in policies.iter().zip(judged).enumerate() {
            let place = policy.namespace.as_deref();
            if is_for_all(policy) {
                let scope = policy.scope.as_deref();
                index.of_all.entry((place, scope)).or_default().add(at, policy, judged, Answer::Yes);
                index.may_concern.entry(place).or_default().add(at, policy, judged, Answer::Unknown);
                continue;
            }
            index.others.entry(place).or_default().push(at);
            match index.demanded.get(at).cloned().flatten() {
                Some(label) => index.by_label.entry(place).or_default().entry(label).or_default().push(at),
                None => index.unlabelled.entry(place).or_default().push(at),
            }
        }
        index
    }

    /// What the policies over pods whose labels are all known say together, and which of those that are not for every pod
    /// of a namespace certainly apply.
    #[must_use]
    pub fn over(&self, subject: &Subject) -> (Sum, Vec<usize>) {
        let mut sum = Sum::default();
        let mut applying = Vec::new();
        for place in [None, subject.namespace_name.as_deref()] {
            sum = self.with_all(sum, place, subject);
            let by_label = self.by_label.get(&place);
            let labels = subject.labels.known.iter().map(|(key, value)| (key.clone(), value.clone()));
            let labelled = labels.filter_map(|label| by_label?.get(&label)).flatten();
            for at in labelled.chain(self.unlabelled.get(&place).into_iter().flatten()) {
                if self.add(&mut sum, *at, subject) == Answer::Yes {
                    applying.push(*at);
                }
            }
        }
        (sum, applying)
    }

    /// What the policies over pods of which some labels are known say together.
    #[must_use]
    pub fn over_any(&self, subject: &Subject) -> Sum {
        let mut sum = Sum::default();
        if subject.namespace_name.is_none() {
            (0..self.policies.len()).for_each(|at| self.add_any(&mut sum, at, subject));
            return sum;
        }
        for place in [None, subject.namespace_name.as_deref()] {
            sum = self.with_all(sum, place, subject);
            self.others.get(&place).into_iter().flatten().for_each(|at| self.add_any(&mut sum, *at, subject));
        }
        sum
    }

    /// Adds the policies over every pod of a place.
    fn with_all(&self, sum: Sum, place: Option<&str>, subject: &Subject) -> Sum {
        let scope = subject.scope.as_deref().filter(|_| place.is_some());
        let certain = self.of_all.get(&(place, scope));
        certain.into_iter().chain(self.may_concern.get(&place)).fold(sum, Sum::with)
    }

    fn add_any(&self, sum: &mut Sum, at: usize, subject: &Subject) {
        if self.matters(sum, at, subject) {
            self.add(sum, at, subject);
        }
    }

    fn add(&self, sum: &mut Sum, at: usize, subject: &Subject) -> Answer {
        let (Some(policy), Some(judged)) = (self.policies.get(at), self.judged.get(at)) else { return Answer::No };
        let applies = subject.under(policy);
        if applies != Answer::No {
            sum.add(at, policy, judged, applies);
        }
        applies
    }

    /// Whether a policy can change the sum: it may apply, and certainly so only to pods that are known to be in its
    /// namespace and to have the label that it demands.
    fn matters(&self, sum: &Sum, at: usize, subject: &Subject) -> bool {
        let (Some(policy), Some(judged)) = (self.policies.get(at), self.judged.get(at)) else { return false };
        if policy.namespace.is_some() && subject.namespace_name.is_none() {
            return sum.may_rise_by(judged);
        }
        let Some((key, value)) = self.demanded.get(at).and_then(Option::as_ref) else { return true };
        match subject.labels.known.get(key) {
            Some(own) => own == value,
            None => sum.may_rise_by(judged),
        }
    }
}

/// Whether a policy is for every pod of its namespace, or of the cluster.
#[must_use]
pub fn is_for_all(policy: &Policy) -> bool {
    matches!(policy.pods, Expr::All) && (policy.namespace.is_some() || matches!(policy.namespaces, Expr::All))
}

/// A label that pods under a policy have.
fn demanded(policy: &Policy) -> Option<Label> {
    policy.pods.demanded().into_iter().find(|(key, _)| !is_derived(key))
}
