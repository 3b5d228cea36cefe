//! The `address_pool` view: where a network plugin takes the addresses of pods from.

use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// An address pool of a network plugin (Calico IPPool or Installation, `CALICO_IPV4POOL_CIDR`, flannel's `net-conf.json`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AddressPoolView {
    /// `calico` or `flannel`.
    pub plugin: String,
    /// The pool.
    pub cidr: Located<String>,
    /// Pod ranges of the cluster in the same address family, where this pool and every other one lie outside all of them.
    pub outside_of: Vec<Located<String>>,
}

impl View for AddressPoolView {
    const KIND: &'static str = "address_pool";
    const DOC: &'static str = "an address pool that a network plugin gives pods their addresses from";
}
