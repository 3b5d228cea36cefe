//! The view of pods without a path to cluster DNS, as far as the direction of the policy does not matter.

use super::backend::Backend;
use super::miss::Miss;
use super::subject::Subject;
use crate::analysis::views::policy::BlockedView;
use crate::source::Located;

/// Says that questions of the subject do not reach the backend: because of a rule that was meant to let them, else because
/// of what `otherwise` says.
#[must_use]
pub fn blocked(
    backend: &Backend,
    subject: &Subject,
    miss: Option<&Miss>,
    otherwise: impl FnOnce() -> String,
) -> BlockedView {
    BlockedView {
        reason: miss.map_or_else(otherwise, |miss| miss.reason.clone()),
        incoming: false,
        backend: backend.name.clone(),
        backend_place: backend.location.map(|place| Located::at(backend.name.clone(), place)),
        port: backend.udp.map(i64::from),
        intended: miss.is_some(),
        others: Vec::new(),
        allows_something: true,
        pods: subject.display.clone(),
        needed_for: subject.name.clone(),
        assumed: backend.assumed,
        private_addresses: false,
        plugin_dependent: miss.is_some_and(|miss| miss.soft),
        expected: Vec::new(),
        allow: None,
        redirect: None,
    }
}
