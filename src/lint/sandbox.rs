//! The thread that loads and evaluates rules: deep recursion of the expression library needs a big stack.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Stack of the evaluation thread: the parser and the interpreter recurse by the depth of an expression.
pub const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Runs `work` on a thread of its own with a big stack; `None` if it panicked or the thread could not be started.
pub fn on_big_stack<R: Send>(work: impl FnOnce() -> R + Send) -> Option<R> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("dnslint-rules".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(work)).ok());
        worker.ok()?.join().ok().flatten()
    })
}
