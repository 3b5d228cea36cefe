//! The Corefile parser: no panic, no hang, and every span inside its source.
#![no_main]

use dnslint::syntax::corefile::{Import, ImportResolver, ImportedFile, Options, Version, looks_folded, parse, parse_key};
use libfuzzer_sys::fuzz_target;

/// Answers imports with the text itself, so that cycles occur.
struct Echo<'a>(&'a str);

impl ImportResolver for Echo<'_> {
    fn glob(&self, pattern: &str) -> Import {
        Import::Files(vec![ImportedFile { path: pattern.to_owned(), text: self.0.to_owned() }])
    }
}

fuzz_target!(|text: &str| {
    let env = |name: &str| (name.len() % 2 == 0).then(|| "{$AB} x".to_owned());
    let valid = |name: &str| matches!(name, "errors" | "log" | "forward" | "cache");
    let imports = Echo(text);
    let options = Options {
        main_file_name: "Corefile",
        directory: "/etc/coredns",
        env: &env,
        valid_directives: Some(&valid),
        imports: &imports,
    };
    let corefile = parse(text, &options);
    for directive in corefile.blocks.iter().flat_map(|block| &block.directives) {
        for token in &directive.tokens {
            let source = corefile.file(token.file).expect("the file of a token is listed");
            assert!(source.text.get(token.span.start..token.span.end).is_some());
        }
    }
    for key in corefile.blocks.iter().flat_map(|block| &block.keys) {
        let _ = parse_key(&key.expanded, 53, Version::new(1, 13, 2));
    }
    let _ = looks_folded(text);
});
