//! Any text is a dnsmasq configuration, and any words are its command line.

#![no_main]

use dnslint::source::{Span, Spanned};
use dnslint::syntax::dnsmasq::{DnsmasqConf, listening};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let conf = DnsmasqConf::parse(text);
    for span in conf.problems.iter().map(|problem| problem.span).chain(conf.entries.iter().map(|entry| entry.span)) {
        assert!(text.get(span.start..span.end).is_some());
    }
    let words = text.split(' ').map(|word| Spanned::new(word.to_owned(), Span::default())).collect::<Vec<_>>();
    let command = DnsmasqConf::parse_args(&words);
    let _ = listening(&[&command.settings, &conf.settings]);
});
