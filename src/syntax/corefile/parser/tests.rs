//! Recovery, warnings, imports and limits of the parser.

use super::super::{Import, ImportedFile, NoImports};
use super::*;

fn known(name: &str) -> bool {
    ["errors", "log", "forward", "cache", "hosts", "health", "whoami"].contains(&name)
}

fn run(text: &str, imports: &dyn ImportResolver) -> Corefile {
    let env = |name: &str| (name == "TWO").then(|| "10.0.0.1 10.0.0.2".to_owned());
    let options = Options {
        main_file_name: "Corefile",
        directory: "/etc/coredns",
        env: &env,
        valid_directives: Some(&known),
        imports,
    };
    parse(text, &options)
}

fn shape(corefile: &Corefile) -> Vec<String> {
    let line = |block: &ServerBlock| {
        let keys = block.keys.iter().map(|key| key.expanded.as_str());
        let names = block.directives.iter().map(|directive| directive.name.as_str());
        format!("{}: {}", keys.collect::<Vec<_>>().join(" "), names.collect::<Vec<_>>().join(" "))
    };
    corefile.blocks.iter().map(line).collect()
}

fn errors(text: &str) -> (Vec<ErrorKind>, Vec<String>) {
    let corefile = run(text, &NoImports);
    (corefile.errors.iter().map(|error| error.kind).collect(), shape(&corefile))
}

fn warnings(text: &str) -> Vec<WarningKind> {
    run(text, &NoImports).warnings.iter().map(|warning| warning.kind).collect()
}

#[test]
fn reads_on_after_errors() {
    let next = "\nb.org {\nlog\n}\n";
    for (text, kind, blocks) in [
        ("a.org { errors }", ErrorKind::CloseOnDirectiveLine, &["a.org: errors", "b.org: log"][..]),
        ("a.org {\nerrors", ErrorKind::MissingCloseBeforeBlock, &["a.org: errors", "b.org: log"]),
        ("a.org {\nerors\nlog\n}", ErrorKind::UnknownDirective, &["a.org: erors log", "b.org: log"]),
        ("a.org, {\nlog\n}", ErrorKind::CommaBeforeBrace, &["a.org: log", "b.org: log"]),
        ("(s)\nlog\n", ErrorKind::SnippetWithoutBrace, &["b.org: log"]),
        ("(s) {\nlog\n", ErrorKind::SnippetNotClosed, &["b.org: log"]),
        ("a.org {\nforward . 1.1.1.1 {\nexpire 1s\n", ErrorKind::DirectiveNotClosed, &["a.org: forward", "b.org: log"]),
        ("a.org {\nlog\n}\n}", ErrorKind::StrayCloseBeforeBlock, &["a.org: log", "}: ", "b.org: log"]),
        ("a.org {\nimport s x y\nlog\n}", ErrorKind::ImportWithExtraArguments, &["a.org: log", "b.org: log"]),
        ("a.org {\nimport s x {\nlog\n}\n}", ErrorKind::ImportWithExtraArguments, &["a.org: ", "b.org: log"]),
    ] {
        let (kinds, shape) = errors(&format!("{text}{next}"));
        let shape: Vec<&str> = shape.iter().map(String::as_str).collect();
        assert_eq!((kinds.first(), shape.as_slice()), (Some(&kind), blocks), "{text}");
    }
}

#[test]
fn names_what_is_read_otherwise() {
    for (text, kind) in [
        (". {\nlog \"x\n}", WarningKind::UnterminatedQuote),
        (". {\nlog a#b c\n}", WarningKind::HashInsideWord),
        (". {\nlog a \\\nerrors\n}", WarningKind::TrailingBackslash),
        ("a.org{\nlog\n}", WarningKind::GluedBrace),
        (". {\nforward . 1.1.1.1{\n}\n", WarningKind::GluedBrace),
        (". {\ncache {}\n}", WarningKind::BracesAsArgument),
        (". {\nhealth {\nlameduck 5s\n}", WarningKind::MissingFinalBrace),
        (". {\nlog\n}\n}\n", WarningKind::StrayClosingBrace),
        (".\nlog\n}\n", WarningKind::StrayClosingBrace),
        (". {\nhosts { fallthrough }\n}", WarningKind::OneLineBlock),
        (".:{$NOPE} {\nlog\n}", WarningKind::UnsetVariable),
        (".:{$PORT:53} {\nlog\n}", WarningKind::VariableDefault),
        (". {\nforward . {$TWO}\n}", WarningKind::VariableWithBlanks),
        ("(s) {\nlog x\n}\n. {\nimport s\nimport s\n}", WarningKind::SnippetLinesMerged),
        ("\"\" {\nlog\n}\n. {\n}", WarningKind::BlockWithoutKey),
        ("# nothing", WarningKind::NoServerBlock),
    ] {
        assert!(warnings(text).contains(&kind), "{text:?}: {:?}", warnings(text));
    }
    for quiet in [
        ". {\nerrors { stacktrace }\nlog . \"{remote} x\"\nforward . 1.1.1.1 { }\n}",
        ". {\nlog . {combined} {remote}:{port} {{ .Name }}\nhosts {\n1.1.1.1 a # b\n}\n}",
    ] {
        assert_eq!(warnings(quiet), [], "{quiet}");
    }
}

/// Answers every pattern with the same file.
struct Always(&'static str);

impl ImportResolver for Always {
    fn glob(&self, pattern: &str) -> Import {
        Import::Files(vec![ImportedFile { path: pattern.to_owned(), text: self.0.to_owned() }])
    }
}

#[test]
fn imports_keep_their_origin() {
    let corefile = run("(s) {\nimport f\n}\n. {\n  import s\n}", &Always("log"));
    let [block] = corefile.blocks.as_slice() else { panic!("one block") };
    let [log] = block.directives.as_slice() else { panic!("one directive") };
    assert_eq!(log.via_import.map(|span| span.text(&corefile.files[0].text)), Some("import s"));
    assert_eq!(corefile.text(log.name_place()), "log");
    assert_eq!(corefile.files[log.file.index()].name, "/etc/coredns/f");
    assert_eq!(corefile.snippets[0].uses, 1);
    assert!(!run("import x", &NoImports).is_complete());
}

/// A file that imports below its own directory names longer paths each time: they end where Linux ends them, and the
/// memory of two such imports, which name twice as many files at each level, is bounded.
#[test]
fn paths_that_grow_end() {
    let corefile = run("import below/f", &Always("import below/f"));
    assert_eq!(corefile.first_error().map(|error| error.kind), Some(ErrorKind::ImportNotFound));
    assert!(corefile.files.len() < 1000, "{} files", corefile.files.len());
    let fork = "import a/f\nimport b/f";
    let corefile = run(fork, &Always(fork));
    let bytes: usize = corefile.files.iter().map(|file| file.name.len() + file.text.len()).sum();
    let named: usize = corefile.imports.iter().map(|site| site.pattern.len()).sum();
    assert!(bytes + named <= 3 * (32 << 20), "{bytes} bytes of files, {named} of patterns");
}

#[test]
fn cycles_end() {
    for (text, file) in [
        ("import f", "import f"),
        ("import f", "a.org {\nlog\n}\nimport f"),
        (". {\nimport f\n}", "log\nlog\nlog\nlog\nlog\nlog\nlog\nimport f\nlog"),
        ("(a) {\nlog\nimport b\n}\n(b) {\nlog\nimport a\n}\n. {\nimport a\n}", ""),
    ] {
        let corefile = run(text, &Always(file));
        assert_eq!(corefile.first_error().map(|error| error.kind), Some(ErrorKind::ImportCycle), "{text} / {file}");
    }
}

#[test]
fn big_and_hostile_texts_are_read_in_time() {
    let many = "x {\n".repeat(100_000);
    let nested = format!(". {{\nforward {}", "{ ".repeat(200_000));
    let blocks = "a.org {\nforward . 1.1.1.1 {\n".repeat(20_000);
    let commas = "a,\n".repeat(100_000);
    let snippets: String = (0..20_000).map(|n| format!("(s{n}) {{\nlog\n}}\n")).collect();
    for text in [many, nested, blocks, commas, snippets] {
        let _ = run(&text, &NoImports);
    }
}
