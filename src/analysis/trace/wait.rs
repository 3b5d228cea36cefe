//! What decides the time of a look-up: the settings of the file, as a library read them.

use crate::syntax::resolv_conf::Resolver;
use crate::syntax::resolv_conf::resolver::Flag;

/// What decides the time of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing<'a> {
    /// Nameservers that are asked.
    pub nameservers: usize,
    /// `timeout`, as the library stores it, in seconds.
    pub timeout: u64,
    /// `attempts`, as the library stores it.
    pub attempts: u64,
    /// `single-request` or `single-request-reopen`.
    pub one_by_one: bool,
    /// `single-request-reopen`.
    pub reopen: bool,
    /// `no-aaaa`: only A is asked for (glibc 2.36 and later).
    pub no_aaaa: bool,
    /// `use-vc`: TCP, without a time-out of the library's own in glibc.
    pub use_vc: bool,
    /// The search list.
    pub search: Vec<&'a str>,
    /// `ndots`.
    pub ndots: usize,
}

impl<'a> Timing<'a> {
    /// The settings of a file, as a library read it.
    #[must_use]
    pub fn of(resolver: &'a Resolver) -> Self {
        let number = |value: i32| u64::try_from(value).unwrap_or(0);
        let has = |flag| resolver.flags.contains_key(&flag);
        Self {
            nameservers: resolver.used.len(),
            timeout: number(resolver.timeout.value),
            attempts: number(resolver.attempts.value),
            one_by_one: has(Flag::SingleRequest) || has(Flag::SingleRequestReopen),
            reopen: has(Flag::SingleRequestReopen),
            no_aaaa: has(Flag::NoAaaa),
            use_vc: has(Flag::UseVc),
            search: resolver.search.iter().map(|domain| domain.value.as_str()).collect(),
            ndots: usize::try_from(resolver.ndots.value).unwrap_or(0),
        }
    }
}

/// Seconds that glibc waits for the server at a place of the file: longer for later ones (`send_dg`).
#[must_use]
pub fn glibc_wait(timing: &Timing<'_>, index: u64) -> u64 {
    if index == 0 {
        return timing.timeout.max(1);
    }
    let servers = (timing.nameservers as u64).max(1);
    let factor = 1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(u64::MAX);
    (timing.timeout.saturating_mul(factor) / servers).max(1)
}
