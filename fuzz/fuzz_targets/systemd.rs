//! Units: parsing, merging and expansion never panic, and every origin lies in the text.
#![no_main]

use dnslint::source::FileId;
use dnslint::syntax::systemd::{DropIn, Specifiers, Traced, expand, merge, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let unit = parse(text);
    for assignment in &unit.assignments {
        assert!(text.get(assignment.span.start..assignment.span.end).is_some());
        assert_eq!(assignment.map.decoded_len(), assignment.value.len());
    }
    let dropin = DropIn { name: "10.conf", file: FileId(0), unit: &unit };
    let effective = merge((FileId(0), &unit), &[dropin], &Specifiers::for_unit("a-b@c.service"));
    let environment = effective.environment(|_| Vec::new());
    for command in &effective.exec_start {
        for word in expand(&command.command, &environment).words {
            check(&word.text, text);
        }
    }
});

fn check(word: &Traced, text: &str) {
    for piece in word.pieces() {
        assert!(word.as_str().get(piece.range.start..piece.range.end).is_some());
        assert!(text.get(piece.origin.at.span.start..piece.origin.at.span.end).is_some());
    }
    assert!(word.location().is_some());
}
