//! One step on the way of a query, and the ways from there.

use super::names::Answer;
use crate::analysis::transport::Transport;
use crate::source::Location;

/// One step and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub text: String,
    /// Where it is written.
    pub at: Vec<Location>,
    /// How the query gets here.
    pub transport: Option<Transport>,
    /// The query passes the destination NAT of a Service address.
    pub dnat: bool,
    /// What follows is asked in this order, the next one only where the one before does not answer.
    pub in_order: bool,
    /// Response codes after which the next of what follows is asked, as if the one before had not answered.
    pub failover: Vec<String>,
    /// Response codes (and `NODATA`) of the step before after which this one is taken; empty where it does not depend.
    pub only_after: Vec<String>,
    /// What follows; several where any of them may be taken.
    pub next: Vec<Self>,
    /// The end of the way.
    pub answer: Option<Answer>,
}

impl Step {
    pub(super) fn new(text: impl Into<String>, at: impl IntoIterator<Item = Location>) -> Self {
        let at = at.into_iter().collect();
        Self {
            text: text.into(),
            at,
            transport: None,
            dnat: false,
            in_order: false,
            failover: Vec::new(),
            only_after: Vec::new(),
            next: Vec::new(),
            answer: None,
        }
    }

    pub(super) fn ending(mut self, answer: Answer) -> Self {
        self.answer = Some(answer);
        self
    }

    pub(super) fn dead(text: impl Into<String>, at: Option<Location>, reason: impl Into<String>) -> Self {
        Self::new(text, at).ending(Answer::DeadEnd { reason: reason.into() })
    }

    /// Behind an alias: its plugin answers NOERROR where the target has no records, whatever the code; NXDOMAIN and
    /// SERVFAIL may be `kept`.
    pub(super) fn hide_code(&mut self, kept: bool) {
        let reason = match &self.answer {
            Some(Answer::Nxdomain { reason }) if !kept => Some(reason),
            Some(Answer::Error { reason, code }) if !kept || code != "SERVFAIL" => Some(reason),
            _ => None,
        };
        if let Some(reason) = reason {
            self.answer = Some(Answer::Nodata { reason: format!("the alias leads nowhere: {reason}") });
        }
        self.next.iter_mut().for_each(|next| next.hide_code(kept));
    }

    pub(super) fn then(mut self, next: Vec<Self>) -> Self {
        self.next = next;
        self
    }

    /// Every end of the ways from here.
    #[must_use]
    pub fn answers(&self) -> Vec<&Answer> {
        let below = self.next.iter().flat_map(Self::answers);
        self.answer.iter().chain(below).collect()
    }
}
