//! What all policies over the same pods say about DNS together.

use super::judged::Judged;
use super::rule::Policy;
use super::selector::Answer;

/// The policies over some pods, added up. What only may apply can allow, but not forbid.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    allows: Answer,
    denies: Answer,
    /// They let questions through to the node cache.
    pub allows_cache: Answer,
    /// One of them depends on the addresses of pods, which are taken to be private.
    pub private: bool,
    /// The policies that certainly apply and drop what no rule allows.
    pub isolation: Option<Isolation>,
}

/// The policies that isolate some pods, by their indexes.
#[derive(Clone, Debug)]
pub struct Isolation {
    first: usize,
    /// The first that allows something beside what the API server gets.
    allowing: Option<usize>,
    /// One of them was meant to allow DNS.
    intended: bool,
    /// The first with a name that needs DNS.
    named: Option<usize>,
}

impl Sum {
    /// Whether questions reach the DNS pods.
    #[must_use]
    pub fn allows(&self) -> Answer {
        // which of an allowing and a forbidding rule wins depends on their order
        if self.denies == Answer::No { self.allows } else { self.allows.and(Answer::Unknown) }
    }

    /// Whether a policy changes what they say of DNS, if it applies to these pods at all.
    #[must_use]
    pub fn may_rise_by(&self, judged: &Judged) -> bool {
        let raises = |own: Answer, so_far: Answer| own != Answer::No && so_far == Answer::No;
        raises(judged.allows, self.allows)
            || raises(judged.allows_cache, self.allows_cache)
            || raises(judged.denies, self.denies)
    }

    /// Adds the policy of this index, which applies or may apply.
    pub fn add(&mut self, at: usize, policy: &Policy, judged: &Judged, applies: Answer) {
        self.allows = self.allows.or(judged.allows.and(applies));
        self.allows_cache = self.allows_cache.or(judged.allows_cache.and(applies));
        self.denies = self.denies.or(judged.denies.and(applies));
        self.private |= judged.private && applies == Answer::Yes;
        if applies == Answer::Yes && policy.isolates {
            self.isolate(at, judged);
        }
    }

    /// Takes it that the policy of this index isolates the pods.
    pub fn isolate(&mut self, at: usize, judged: &Judged) {
        let own = Isolation {
            first: at,
            allowing: judged.allows_something.then_some(at),
            intended: judged.intended(),
            named: judged.fqdn.is_some().then_some(at),
        };
        self.isolation = Some(own.with(self.isolation.as_ref()));
    }

    /// Both together.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.allows = self.allows.or(other.allows);
        self.allows_cache = self.allows_cache.or(other.allows_cache);
        self.denies = self.denies.or(other.denies);
        self.private |= other.private;
        self.isolation = match self.isolation {
            Some(own) => Some(own.with(other.isolation.as_ref())),
            None => other.isolation.clone(),
        };
        self
    }
}

impl Isolation {
    fn with(self, other: Option<&Self>) -> Self {
        let Some(other) = other else { return self };
        let earlier = |a: Option<usize>, b: Option<usize>| a.into_iter().chain(b).min();
        Self {
            first: self.first.min(other.first),
            allowing: earlier(self.allowing, other.allowing),
            intended: self.intended || other.intended,
            named: earlier(self.named, other.named),
        }
    }

    /// Whether the policies allow something beside what the API server gets.
    #[must_use]
    pub const fn allows_something(&self) -> bool {
        self.allowing.is_some()
    }

    /// The first policy with a name that needs DNS.
    #[must_use]
    pub const fn named(&self) -> Option<usize> {
        self.named
    }

    /// Whether this one of the policies is the one to edit: those meant for DNS, else the first that allows something,
    /// else the first.
    #[must_use]
    pub fn blames(&self, at: usize, judged: &Judged) -> bool {
        if self.intended { judged.intended() } else { self.allowing.unwrap_or(self.first) == at }
    }
}
