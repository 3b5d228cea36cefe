//! The model of CoreDNS against the real program: its parser, the set-up of its plugins, running servers.

mod formatting;
mod loops;
mod parsing;
mod routing;
mod setup;

/// One word of a list.
fn any(seed: &mut crate::common::oracle::Seed, list: &[&'static str]) -> &'static str {
    seed.pick::<&'static str>(list)
}
