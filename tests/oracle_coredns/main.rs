//! The model of CoreDNS against the real program: its parser, the set-up of its plugins, running servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails loudly and says who judged"
)]

#[path = "../common/mod.rs"]
mod common;
mod formatting;
mod loops;
mod parsing;
mod routing;
mod setup;

/// One word of a list.
fn any(seed: &mut common::oracle::Seed, list: &[&'static str]) -> &'static str {
    seed.pick::<&'static str>(list)
}
