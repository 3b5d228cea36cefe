//! Any text is a `resolved.conf`.

#![no_main]

use dnslint::syntax::resolved::{ResolvedConf, merge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let conf = ResolvedConf::parse(text);
    for problem in &conf.problems {
        assert!(text.get(problem.span.start..problem.span.end).is_some());
    }
    for word in conf.assignments.iter().flat_map(|assignment| assignment.words()) {
        assert!(text.get(word.span.start..word.span.end).is_some());
    }
    let effective = merge(&[&conf, &conf]);
    assert!(effective.upstreams().count() <= effective.dns.len());
});
