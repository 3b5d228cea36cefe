//! Flags, one argument a line: no dialect panics, and every value is a part of the arguments.
#![no_main]

use dnslint::source::FileId;
use dnslint::syntax::kubelet_flags::{
    parse_coredns, parse_k3s_command, parse_kubelet, parse_kubelet_arg, split_commas, split_csv,
};
use dnslint::syntax::systemd::Traced;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut start = 0;
    let mut words = Vec::new();
    for line in text.split('\n') {
        words.push(Traced::verbatim(line, FileId(0), start));
        start += line.len() + 1;
    }
    for line in [parse_kubelet(&words), parse_coredns(&words), parse_k3s_command(&words).arguments] {
        for value in line.flags.iter().filter_map(|flag| flag.value.as_ref()) {
            let place = value.location().map(|location| location.span.text(text));
            assert_eq!(place, Some(value.as_str()));
            let _ = split_csv(value);
            let _ = split_commas(value);
        }
    }
    for word in &words {
        let _ = parse_kubelet_arg(word);
    }
});
