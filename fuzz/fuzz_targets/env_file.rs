//! Environment files: parsing never panics, and every value maps into the text.
#![no_main]

use dnslint::source::Span;
use dnslint::syntax::env_file::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for version in [None, Some(252)] {
        for entry in parse(text, version).entries {
            assert!(text.get(entry.span.start..entry.span.end).is_some());
            assert_eq!(entry.key.span.text(text), entry.key.value);
            assert_eq!(entry.map.decoded_len(), entry.value.len());
            let place = entry.map.span(Span::new(0, entry.value.len()));
            assert!(text.get(place.start..place.end).is_some());
        }
    }
});
