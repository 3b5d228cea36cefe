//! The command line with an engine of the test's own: flags, configuration, baseline, exit codes.

use dnslint::cli::engine::{Catalogue, Engine, EngineOptions, EngineResult, Fixed, InputProblem, Wanted};
use dnslint::cli::values::{Distribution, ProxyMode};
use dnslint::cli::{Io, run};
use dnslint::diagnostic::{Confidence, Diagnostic, MemoryFiles, Severity};
use dnslint::fix::Mode;
use dnslint::report::RuleInfo;
use dnslint::source::{Location, Span};
use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const TEXT: &str = "nameserver 127.0.0.53\nnameserver 8.8.8.8\noptions ndots:9\n";

/// Finds an error, a warning of medium confidence and an info in one file, and what the test adds.
#[derive(Default)]
struct Fake {
    problems: Vec<InputProblem>,
    rule_problems: Vec<Diagnostic>,
    empty: bool,
    seen: RefCell<Option<(Vec<PathBuf>, EngineOptions)>>,
}

impl Engine for Fake {
    fn catalogue(&self, _: &[PathBuf]) -> Result<Catalogue, String> {
        let rule = |(id, group): (&str, &str)| RuleInfo { id: id.into(), group: group.into(), ..RuleInfo::default() };
        let rules = [("loopback-nameserver", "resolver"), ("mixed-nameservers", "resolver"), ("ndots-high", "pod")];
        let mut files = MemoryFiles::new();
        files.add("r/x.yaml", "on: pdo\n");
        let limits = [("max".to_owned(), 3.into()), ("words".to_owned(), vec!["a"].into())].into();
        let params = [("ndots-high".to_owned(), limits)].into();
        Ok(Catalogue { rules: rules.map(rule).to_vec(), params, problems: self.rule_problems.clone(), files })
    }

    fn check(&self, paths: &[PathBuf], options: &EngineOptions) -> EngineResult {
        *self.seen.borrow_mut() = Some((paths.to_vec(), options.clone()));
        let mut files = MemoryFiles::new();
        let file = files.add("nodes/gw/etc/resolv.conf", TEXT);
        let at = |start, end| Location::new(file, Span::new(start, end));
        let mut diagnostics = vec![
            Diagnostic::new("ndots-high", Severity::Info, "many lookups", at(49, 56)),
            Diagnostic::new("mixed-nameservers", Severity::Warning, "two views", at(33, 40)),
            Diagnostic::new("loopback-nameserver", Severity::Error, "the pod itself", at(11, 21)),
        ];
        diagnostics[1].confidence = Confidence::Medium;
        if self.empty {
            diagnostics.clear();
        }
        let file_count = usize::from(!self.empty);
        EngineResult {
            files: Box::new(files),
            diagnostics,
            coverage: Vec::new(),
            file_count,
            problems: self.problems.clone(),
            fixes_withheld: false,
        }
    }

    fn fix(&self, paths: &[PathBuf], options: &EngineOptions, _: Mode, _: &Wanted<'_>) -> Fixed {
        let result = self.check(paths, options);
        Fixed { result, changes: Vec::new(), applied: Vec::new(), failed: Vec::new(), mended: 0 }
    }
}

struct Output {
    code: u8,
    stdout: String,
    stderr: String,
}

/// Runs `dnslint check <dir> <args>`, words parted by spaces.
fn check_with(engine: &Fake, dir: &Path, args: &str, stdin: &str) -> Output {
    let dir = dir.to_str().unwrap();
    let args = args.replace("DIR", dir);
    let words = ["dnslint", "check"].into_iter().chain(args.split_whitespace()).map(OsString::from);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let env = |_: &str| None;
    let mut input = stdin.as_bytes();
    let mut io = Io { stdin: &mut input, stdout: &mut stdout, stderr: &mut stderr, is_terminal: false, env: &env };
    let code = run(words, engine, &mut io);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(dir, "DIR");
    Output { code, stdout: text(stdout), stderr: text(stderr) }
}

fn check(args: &str) -> Output {
    let dir = TempDir::new().unwrap();
    check_with(&Fake::default(), dir.path(), &format!("DIR --output-format concise {args}"), "")
}

/// The rules that a concise report names, in order.
fn rules(output: &Output) -> Vec<&str> {
    output.stdout.lines().filter_map(|l| l.split_once('[')?.1.split_once(']')).map(|(rule, _)| rule).collect()
}

const ALL: [&str; 3] = ["loopback-nameserver", "mixed-nameservers", "ndots-high"];

#[test]
fn findings_are_sorted_and_fail_the_run() {
    let out = check("");
    let want = "nodes/gw/etc/resolv.conf:1:12: error[loopback-nameserver] the pod itself\n\
                nodes/gw/etc/resolv.conf:2:12: warning[mixed-nameservers] two views\n\
                nodes/gw/etc/resolv.conf:3:9: info[ndots-high] many lookups\n\
                Found 1 error, 1 warning, 1 info in 1 file.\n";
    assert_eq!((out.stdout.as_str(), out.stderr.as_str(), out.code), (want, "", 1));
}

#[test]
fn exit_codes() {
    let cases = [
        ("--fail-on error", 1),
        ("--fail-on never", 0),
        ("--exit-zero", 0),
        ("--ignore loopback-nameserver", 1),
        ("--ignore resolver", 0),
        ("--ignore resolver --fail-on info", 1),
        ("--ignore loopback-nameserver --fail-on error", 0),
        ("--select ndots-high --min-severity warning --fail-on info", 0),
        ("--no-such-flag", 2),
        ("--fail-on sometimes", 2),
        ("--k8s-version latest", 2),
        ("--baseline DIR/absent.json", 2),
        ("--config DIR/absent.toml", 2),
        ("--stdin-filename x", 2),
        ("-o DIR/no/such/dir/report", 2),
        ("-q -v", 2),
    ];
    let wrong: Vec<_> =
        cases.iter().map(|(args, want)| (args, want, check(args).code)).filter(|(_, w, got)| *w != got).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn rules_and_thresholds_filter() {
    assert_eq!(rules(&check("--select resolver")), ALL[..2]);
    assert_eq!(rules(&check("--select pod --extend-select mixed-nameservers")), ALL[1..]);
    assert_eq!(rules(&check("--ignore ALL --extend-select ndots-high")), ["ndots-high"]);
    assert_eq!(rules(&check("--min-severity warning")), ALL[..2]);
    assert_eq!(rules(&check("--min-confidence high")), ["loopback-nameserver", "ndots-high"]);
    let out = check("--select loopback-nameservr");
    assert_eq!(out.code, 2);
    assert!(out.stderr.contains("(did you mean `loopback-nameserver`?)"), "{}", out.stderr);
}

#[test]
fn the_engine_gets_what_was_said() {
    let dir = TempDir::new().unwrap();
    let fake = Fake::default();
    let args = "DIR - --stdin-filename Corefile --assume k3s --k8s-version v1.21.5+k3s1 --coredns-version 1.8 \
                --proxy-mode ipvs --rules DIR/r --no-ignores --strict --select pod";
    check_with(&fake, dir.path(), args, ".:53 {}");
    let (paths, options) = fake.seen.take().unwrap();
    assert_eq!(paths, [dir.path().to_path_buf(), PathBuf::from("-")]);
    let stdin = options.stdin.unwrap();
    assert_eq!((stdin.path.as_str(), stdin.bytes.as_slice()), ("Corefile", b".:53 {}".as_slice()));
    assert_eq!((options.assume, options.proxy_mode), (Some(Distribution::K3s), Some(ProxyMode::Ipvs)));
    assert_eq!(
        (options.k8s_version.as_deref(), options.coredns_version.as_deref()),
        (Some("1.21.5+k3s1"), Some("1.8"))
    );
    assert_eq!((options.no_ignores, options.strict), (true, true));
    assert_eq!(options.rule_dirs, [dir.path().join("r")]);
    assert_eq!(options.selected.unwrap().into_iter().collect::<Vec<_>>(), ["ndots-high"]);
}

#[test]
fn a_missing_path_is_told_and_the_rest_goes_on() {
    let dir = TempDir::new().unwrap();
    let args = "DIR DIR/absent --output-format concise --ignore unreadable-input --exit-zero";
    let out = check_with(&Fake::default(), dir.path(), args, "");
    let missing = "DIR/absent:1:1: error[unreadable-input] cannot read this path: no such file or directory";
    assert_eq!(out.stdout.lines().next(), Some(missing));
    assert_eq!((rules(&out).len(), out.code), (4, 2), "{}", out.stdout);
}

#[test]
fn unreadable_input_warns_and_is_an_error_when_strict() {
    let dir = TempDir::new().unwrap();
    let problem = InputProblem {
        path: "manifests/half.yaml".into(),
        at: None,
        message: "not YAML: unclosed flow sequence".into(),
        help: Some("close it".into()),
    };
    let fake = Fake { problems: vec![problem], empty: true, ..Fake::default() };
    let of = |args: &str| check_with(&fake, dir.path(), &format!("DIR --output-format concise -q {args}"), "");
    let line =
        |severity| format!("manifests/half.yaml:1:1: {severity}[unreadable-input] not YAML: unclosed flow sequence\n");
    let (lax, strict) = (of(""), of("--strict --exit-zero"));
    assert_eq!((lax.stdout, lax.code), (line("warning"), 1));
    assert_eq!((strict.stdout, strict.code), (line("error"), 2));
    assert_eq!((of("--ignore unreadable-input").stdout, of("--ignore lint").code), (String::new(), 0));
}

#[test]
fn input_without_any_known_file_is_said_aloud() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("cat.jpg"), [0xff, 0xd8, 0xff]).unwrap();
    let fake = Fake { empty: true, ..Fake::default() };
    let out = check_with(&fake, dir.path(), "DIR", "");
    assert_eq!((out.stdout.as_str(), out.code), ("No findings in 0 files.\n", 0));
    assert!(out.stderr.starts_with("warning: no file that decides DNS was found in DIR ("), "{}", out.stderr);
    assert_eq!(check_with(&fake, dir.path(), "DIR --strict", "").code, 2);
}

#[test]
fn rules_that_do_not_load_stop_the_run() {
    let dir = TempDir::new().unwrap();
    let at = Location::new(dnslint::source::FileId(0), Span::new(4, 7));
    let problem = Diagnostic::new("rule-file", Severity::Error, "unknown view", at);
    let fake = Fake { rule_problems: vec![problem], ..Fake::default() };
    let out = check_with(&fake, dir.path(), "DIR --rules r", "");
    assert!(out.stderr.starts_with("error[rule-file]: unknown view\n --> r/x.yaml:1:5\n"), "{}", out.stderr);
    assert_eq!((out.stdout.as_str(), out.code), ("", 2));
}

#[test]
fn configuration_is_found_upward_to_the_repository_and_flags_win() {
    let dir = TempDir::new().unwrap();
    let inner = dir.path().join("repo/cluster/nodes");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::create_dir_all(dir.path().join("repo/.git")).unwrap();
    std::fs::write(dir.path().join("dnslint.toml"), "broken").unwrap();
    let of = |args: &str| {
        check_with(&Fake::default(), dir.path(), &format!("DIR/repo/cluster/nodes --output-format concise {args}"), "")
    };
    assert_eq!(rules(&of("")), ALL, "above the repository nothing is read");
    let text = "ignore = ['pod']\nfail-on = 'never'\n[rules.mixed-nameservers]\nseverity = 'error'\n";
    std::fs::write(dir.path().join("repo/.dnslint.toml"), text).unwrap();
    let out = of("-v");
    assert_eq!((rules(&out), out.code), (ALL[..2].to_vec(), 0));
    assert!(out.stdout.contains("error[mixed-nameservers]"), "{}", out.stdout);
    assert!(out.stderr.contains("repo/.dnslint.toml"), "{}", out.stderr);
    assert_eq!(of("--fail-on warning").code, 1);
    assert_eq!(rules(&of("--ignore resolver")), ["ndots-high"]);
    assert_eq!(rules(&of("--isolated")), ALL);
    std::fs::write(dir.path().join("repo/cluster/dnslint.toml"), "[rules.ndots-high]\nenabled = false\n").unwrap();
    assert_eq!(rules(&of("")), ALL[..2], "the nearest file is the only one");
    assert_eq!(rules(&of("--extend-select ndots-high")), ALL, "a flag beats the switch");
}

#[test]
fn configuration_errors_are_shown_in_place() {
    let dir = TempDir::new().unwrap();
    let text = "selct = []\nignore = ['forward']\n\n[rules.ndots-hihg]\nenabled = 1\n\n\
                [rules.ndots-high.params]\nmx = 4\nmax = 'four'\nwords = ['b']\n";
    std::fs::write(dir.path().join("dnslint.toml"), text).unwrap();
    let out = check_with(&Fake::default(), dir.path(), "DIR --config DIR/dnslint.toml", "");
    crate::common::expect("testdata/cli/config-errors.txt", &out.stderr);
    assert_eq!((out.stdout.as_str(), out.code), ("", 2));
}

#[test]
fn a_baseline_hides_what_is_known_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let of = |args: &str| check_with(&Fake::default(), dir.path(), &format!("DIR --output-format concise {args}"), "");
    let written = of("--write-baseline=DIR/known.json --ignore pod");
    assert_eq!((written.code, written.stderr.as_str()), (0, "wrote 2 findings to DIR/known.json\n"));
    let out = of("--baseline DIR/known.json");
    let want = "nodes/gw/etc/resolv.conf:3:9: info[ndots-high] many lookups\n\
                Found 1 info in 1 file (2 hidden by the baseline).\n";
    assert_eq!((out.stdout.as_str(), out.code), (want, 0));
    std::fs::write(dir.path().join("dnslint.toml"), "baseline = 'known.json'\n").unwrap();
    assert_eq!(rules(&of("")), ["ndots-high"], "the path is relative to the configuration");
    for bad in ["{", "{\"version\":2,\"findings\":[]}", "[]"] {
        std::fs::write(dir.path().join("known.json"), bad).unwrap();
        let out = of("");
        assert_eq!(out.code, 2, "{bad}");
        assert!(out.stderr.starts_with("error: baseline DIR/known.json: "), "{}", out.stderr);
    }
}

#[test]
fn several_reports_from_one_run() {
    let dir = TempDir::new().unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let both = "DIR --output-format concise --color always -o sarif=DIR/a.sarif -o github=DIR/a.github";
    let out = check_with(&Fake::default(), dir.path(), both, "");
    assert!(out.stdout.contains("\u{1b}["), "{}", out.stdout);
    assert!(read("a.sarif").contains("\"2.1.0\"") && read("a.github").starts_with("::error "));
    let only = check_with(&Fake::default(), dir.path(), "DIR --color always --output-format full -o DIR/a.txt", "");
    assert_eq!(only.stdout, "");
    assert!(read("a.txt").starts_with("error[loopback-nameserver]: the pod itself\n"), "no colour in files");
}

#[test]
fn statistics_replace_the_findings() {
    let out = check("--statistics");
    let want = "1  error    loopback-nameserver\n1  warning  mixed-nameservers\n1  info     ndots-high\n\
                Found 1 error, 1 warning, 1 info in 1 file.\n";
    assert_eq!(out.stdout, want);
}

fn dnslint(args: &[&str]) -> std::process::Output {
    crate::common::program(&crate::common::root()).args(args).output().unwrap()
}

#[test]
fn the_binary_helps_completes_and_names_its_version() {
    let text = |args: &[&str]| String::from_utf8(dnslint(args).stdout).unwrap();
    assert_eq!(text(&["version"]), format!("dnslint {}\n", env!("CARGO_PKG_VERSION")));
    let json: serde_json::Value = serde_json::from_str(&text(&["version", "--output-format", "json"])).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert!(text(&["check", "--help"]).contains("Exit codes:"));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(text(&["completions", shell]).contains("output-format"), "{shell}");
    }
    assert_eq!(dnslint(&[]).status.code(), Some(2));
    assert_eq!(dnslint(&["check", "/no/such/path"]).status.code(), Some(2));
}

#[test]
fn usage_errors_do_not_pass_escapes_on() {
    let out = dnslint(&["check", "--fail-on", "\u{1b}[31mred"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(!out.stderr.contains(&0x1b) && out.stdout.is_empty());
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error() {
    use std::process::Stdio;
    let mut child = crate::common::program(&crate::common::root())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), out.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn the_hooks_run_the_whole_repository_once() {
    let text =
        std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml")).unwrap();
    let hooks: Vec<serde_json::Value> = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(
        hooks.iter().map(|h| h["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["dnslint", "dnslint-system", "dnslint-fmt"]
    );
    for hook in &hooks {
        assert_eq!((&hook["pass_filenames"], &hook["require_serial"]), (&false.into(), &true.into()));
        let command = if hook["id"] == "dnslint-fmt" { "fmt" } else { "check" };
        assert_eq!((&hook["entry"], &hook["args"][0]), (&"dnslint".into(), &command.into()));
    }
}

#[cfg(unix)]
#[test]
fn a_configuration_that_is_a_link_is_not_followed() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join(".git")).unwrap();
    std::fs::write(dir.path().join("secret"), "password\n").unwrap();
    std::os::unix::fs::symlink("secret", dir.path().join("dnslint.toml")).unwrap();
    let out = check_with(&Fake::default(), dir.path(), "DIR --output-format concise", "");
    assert_eq!((rules(&out), out.stderr.as_str(), out.code), (ALL.to_vec(), "", 1));
}
