//! Runs the set-up of every plugin as far as it can be judged without starting CoreDNS.

mod answers;
mod cache;
mod context;
mod directives;
mod forward;
mod header;
mod hosts;
mod kubernetes;
mod listeners;
mod process;
mod rewrite;
mod tls;

use super::plugins::position;
use super::problem::SetupProblem;
use super::surroundings::{NothingKnown, Surroundings};
use super::version::Binary;
use crate::syntax::corefile::Corefile;
use context::Check;

pub use listeners::block_listeners;

/// Problems of a Corefile for a binary when nothing is known of the machine.
///
/// Errors of the grammar are in [`Corefile::errors`]; unknown directives are reported here, whether or not the file was
/// parsed with a list of valid names.
#[must_use]
pub fn check(corefile: &Corefile, binary: &Binary) -> Vec<SetupProblem> {
    check_with(corefile, binary, &NothingKnown)
}

/// Problems of a Corefile for a binary, with what is known of its machine; sorted as CoreDNS meets them.
#[must_use]
pub fn check_with(corefile: &Corefile, binary: &Binary, surroundings: &dyn Surroundings) -> Vec<SetupProblem> {
    let mut check = Check::new(corefile, binary, surroundings);
    directives::check_names(&mut check);
    listeners::check_keys(&mut check);
    for index in 0..corefile.blocks.len() {
        check_block(&mut check, index);
    }
    listeners::check_listeners(&mut check);
    let mut problems = check.problems;
    problems.sort_by_key(|problem| problem.rank);
    problems
}

/// Runs the set-ups of one block in the order of the chain, `root` first as others use its value.
fn check_block(check: &mut Check<'_>, index: usize) {
    let Some(block) = check.corefile.blocks.get(index) else { return };
    let mut names: Vec<&str> = block.directives.iter().map(|directive| directive.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.sort_by_key(|name| position(name, check.version));
    check.enter_block(index);
    for name in names {
        if super::plugins::directive_known(name, check.binary) {
            directives::set_up(check, name);
        }
    }
}
