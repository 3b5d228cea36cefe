//! How long a look-up takes when no nameserver answers (glibc `res_send.c`, musl `res_msend.c`, Go `exchange`).

use super::candidates::{Library, candidates};
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
            use_vc: has(Flag::UseVc),
            search: resolver.search.iter().map(|domain| domain.value.as_str()).collect(),
            ndots: usize::try_from(resolver.ndots.value).unwrap_or(0),
        }
    }
}

/// The time of a look-up that nobody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", content = "seconds", rename_all = "lowercase")]
pub enum Wait {
    /// Whole seconds, as the formula gives them.
    Seconds(u64),
    /// The library sets no limit (`use-vc` in glibc: the kernel's TCP time-outs).
    Unlimited,
    /// The program crashes (`attempts:0` in musl divides by zero).
    Crash,
}

impl Wait {
    /// `20 s`.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Seconds(seconds) => format!("{seconds} s"),
            Self::Unlimited => "no limit of its own (use-vc)".to_owned(),
            Self::Crash => "the program crashes (attempts:0)".to_owned(),
        }
    }
}

/// The time until a look-up of A and AAAA fails when every nameserver is silent.
#[must_use]
pub fn silent(library: Library, name: &str, timing: &Timing<'_>) -> Wait {
    let names = candidates(library, name, &timing.search, timing.ndots).names.len() as u64;
    match library {
        Library::Glibc if timing.use_vc => Wait::Unlimited,
        Library::Glibc => Wait::Seconds(glibc_candidate(timing).saturating_mul(glibc_candidates(name, timing, names))),
        Library::Musl | Library::MuslBefore124 if timing.attempts == 0 => Wait::Crash,
        // the time is that of the first name: a silent server ends the search
        Library::Musl | Library::MuslBefore124 => Wait::Seconds(timing.timeout),
        Library::Go => {
            let rounds = timing.attempts.max(1).saturating_mul(timing.nameservers as u64);
            let turns = if timing.one_by_one { 2 } else { 1 };
            Wait::Seconds(names.saturating_mul(rounds).saturating_mul(timing.timeout.max(1)).saturating_mul(turns))
        }
    }
}

/// Seconds for one name: every server once a try, the wait growing with the server's place in the file.
#[must_use]
pub fn glibc_candidate(timing: &Timing<'_>) -> u64 {
    let servers = (timing.nameservers as u64).max(1);
    let wait = |index: u64| {
        let scaled = if index == 0 {
            timing.timeout
        } else {
            let factor = 1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(u64::MAX);
            timing.timeout.saturating_mul(factor) / servers
        };
        scaled.max(1)
    };
    let round = (0..timing.nameservers as u64).map(wait).fold(0, u64::saturating_add);
    round.saturating_mul(timing.attempts)
}

/// Names that glibc asks silent servers for: one of the search list, and the name itself.
fn glibc_candidates(name: &str, timing: &Timing<'_>, names: u64) -> u64 {
    let as_is_first = name.matches('.').count() >= timing.ndots;
    let root_first = !as_is_first && timing.search.first() == Some(&".");
    if names < 2 || root_first { 1 } else { 2 }
}
