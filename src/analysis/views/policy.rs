//! The `policy` view: whether an egress policy leaves its pods a path to cluster DNS.

use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// A network policy of Kubernetes, Cilium or Calico, judged together with every other one that its pods are under.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PolicyView {
    /// `kubernetes`, `cilium` or `calico`.
    pub language: String,
    /// What no rule allows to leave the pods is dropped; stands where the policy says so.
    pub isolates_egress: Located<bool>,
    /// Why its pods cannot reach cluster DNS, or why the DNS pods, which it is about, take no questions; one entry for each.
    pub blocked: Vec<Located<BlockedView>>,
    /// Why its pods cannot reach the node cache that they ask, although the DNS pods are allowed; one entry at most.
    pub misses_cache: Vec<Located<MissedCacheView>>,
}

/// Pods without a path to cluster DNS. Stands at the part of the policy that does not match.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BlockedView {
    /// Why, as a clause.
    pub reason: String,
    /// The policy is about what may reach the DNS pods, not about what may leave others.
    pub incoming: bool,
    /// `namespace/name` of what answers for cluster DNS behind the Service.
    pub backend: String,
    /// Where that is declared; absent where the snapshot does not have it.
    pub backend_place: Option<Located<String>>,
    /// The port that its pods listen on for UDP; absent where the snapshot does not tell.
    pub port: Option<i64>,
    /// A rule of the policy was evidently meant to allow DNS.
    pub intended: bool,
    /// Further parts that do not match, beside the one that the entry stands at.
    pub others: Vec<Located<MissView>>,
    /// The policies allow something to leave the pods, beside what the API server gets.
    pub allows_something: bool,
    /// A workload of the snapshot that is cut off, as `Kind/namespace/name`.
    pub pods: Option<String>,
    /// A name that the pods, or a `toFQDNs` rule, need resolved.
    pub needed_for: Option<Located<String>>,
    /// The snapshot does not have cluster DNS: what every packaging of it has in common was assumed.
    pub assumed: bool,
    /// The range of pods is not known, and a policy lets pods into the internet without the private networks (RFC 1918): the
    /// DNS pods were taken to have an address of those.
    pub private_addresses: bool,
    /// Network plugins differ in how they judge the part that does not match.
    pub plugin_dependent: bool,
    /// The value that would match, a port or a label, where it is all that is wrong; at every place where it belongs, so
    /// that questions pass over UDP and TCP.
    pub expected: Vec<Located<String>>,
    /// The part of `spec` that would let the pods ask, as JSON; stands at the policy's egress rules.
    pub allow: Option<Located<String>>,
    /// A local redirect policy sends the questions to this backend.
    pub redirect: Option<Located<String>>,
}

/// A part of a policy that does not match cluster DNS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissView {
    /// Why, as a clause.
    pub reason: String,
}

/// Pods that may ask the DNS pods but not the node cache. Stands at the rule that allows DNS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissedCacheView {
    /// The address that pods ask.
    pub address: Located<String>,
    /// `namespace/name` of the DNS pods that are allowed instead.
    pub backend: String,
    /// The part of `spec` that would let the pods ask the cache, as JSON; stands at the policy's egress rules.
    pub allow: Option<Located<String>>,
}

impl View for PolicyView {
    const KIND: &'static str = "policy";
    const DOC: &'static str = "an egress policy of Kubernetes, Cilium or Calico, judged on the path to cluster DNS";
}
