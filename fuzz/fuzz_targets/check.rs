//! Any files give findings: the whole pipeline with the built-in rules, every label inside its file.
#![no_main]

use dnslint::lint::{RuleSet, builtin};
use dnslint::source::Snapshot;
use dnslint::{CheckOptions, check, load_rules};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// More text only makes runs slower: what the files say about one another fits into this.
const MAX_BYTES: usize = 4096;

/// Stands before the path of each file.
const SEPARATOR: &str = "@@ ";

static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let (rules, mistakes) = load_rules(builtin());
    assert!(mistakes.is_empty(), "{mistakes:?}");
    rules
});

fuzz_target!(|text: &str| {
    if text.len() > MAX_BYTES {
        return;
    }
    let files = text.split(SEPARATOR).filter_map(|part| part.split_once('\n'));
    let snapshot = Snapshot::from_texts(files);
    let checked = check(&snapshot, &RULES, &CheckOptions::default());
    for place in checked.diagnostics.iter().flat_map(|found| &found.labels).map(|label| label.location) {
        assert!(snapshot.file(place.file).text.get(place.span.start..place.span.end).is_some());
    }
});
