//! `dnslint check`: reads the paths, runs the rules, reports, and says by its exit code whether something was found.

use super::baseline::{self, Baseline};
use super::config::{self, Config, Loaded};
use super::disk;
use super::engine::{Catalogue, Engine, EngineOptions, EngineResult, Fixed, InputProblem, StdinText};
use super::fix::{self, FixArgs};
use super::io::Io;
use super::output::{self, Target};
use super::rule_files;
use super::select::{Selection, UNREADABLE_INPUT, unknown_rule, unknown_selector};
use super::values::{ColorChoice, Distribution, FailOn, ProxyMode, version};
use super::{EXIT_CLEAN, EXIT_ERROR, EXIT_FINDINGS};
use crate::diagnostic::{Confidence, Diagnostic, Files, Overlay, Severity, sort};
use crate::fix::Failed;
use crate::lint::{INTERNAL, RULE_EVALUATION, fold, param_mistake};
use crate::report::{Format, Report, ReportOptions, RuleInfo, Summary, plural, render, sanitize_line};
use crate::source::{Location, Span, Spanned};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  dnslint check                                  the current directory
  dnslint check /                                the node that this runs on
  dnslint check nodes/ manifests/ --fail-on error
  kubectl get cm -n kube-system coredns -o yaml | dnslint check -
  dnslint check --output-format github -o sarif=dnslint.sarif
  dnslint check --write-baseline                 accept what is there today
  dnslint check --diff --unsafe-fixes            show what fixes would change, as a patch

Exit codes:
  0  nothing found at or above --fail-on
  1  findings, or something that --diff would change
  2  wrong usage or configuration, a PATH that does not exist, or unreadable input with --strict";

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Cluster directories, repositories, files, a node's root, or `-` for standard input
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// How findings are written [default: full]
    #[arg(long, value_enum, value_name = "FORMAT", env = "DNSLINT_OUTPUT_FORMAT", help_heading = "Output")]
    output_format: Option<Format>,

    /// Write to FILE instead of standard output, or with FORMAT=FILE besides it (repeatable)
    #[arg(short, long, value_name = "[FORMAT=]FILE", value_parser = output::target, help_heading = "Output")]
    output_file: Vec<Target>,

    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: ColorChoice,

    /// Count findings by rule instead of showing them (full and concise)
    #[arg(long, help_heading = "Output")]
    statistics: bool,

    /// Leave the closing summary out
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,

    /// Name every rule that could not be judged, and the configuration file
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,

    #[command(flatten)]
    fixes: FixArgs,

    /// Run only these rules: ids, groups, or ALL
    #[arg(long, value_name = "RULE,..", value_delimiter = ',', help_heading = "Rules")]
    select: Vec<String>,

    /// Run these rules too
    #[arg(long, value_name = "RULE,..", value_delimiter = ',', help_heading = "Rules")]
    extend_select: Vec<String>,

    /// Do not run these rules
    #[arg(long, value_name = "RULE,..", value_delimiter = ',', help_heading = "Rules")]
    ignore: Vec<String>,

    /// Load further rules from a directory or file (repeatable); `dnslint-rules/` beside the configuration or at the
    /// repository's root is loaded by itself
    #[arg(long, value_name = "DIR_OR_FILE", help_heading = "Rules")]
    rules: Vec<PathBuf>,

    /// Report what comments and annotations suppress too
    #[arg(long, help_heading = "Rules")]
    no_ignores: bool,

    /// Hide findings below this severity
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Findings")]
    min_severity: Option<Severity>,

    /// Hide findings below this confidence
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Findings")]
    min_confidence: Option<Confidence>,

    /// From which severity on findings give exit code 1 [default: warning]
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Findings")]
    fail_on: Option<FailOn>,

    /// Give exit code 0 whatever is found (not for wrong usage)
    #[arg(long, help_heading = "Findings")]
    exit_zero: bool,

    /// Hide the findings that this file lists
    #[arg(long, value_name = "FILE", help_heading = "Findings")]
    baseline: Option<PathBuf>,

    /// Write the findings of today to a baseline file instead of reporting them
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = baseline::DEFAULT_NAME,
        conflicts_with = "baseline",
        help_heading = "Findings"
    )]
    write_baseline: Option<PathBuf>,

    /// Configuration file [default: the nearest dnslint.toml upward from the first PATH to the repository's root]
    #[arg(long, value_name = "FILE", conflicts_with = "isolated", help_heading = "Configuration")]
    config: Option<PathBuf>,

    /// Use no configuration file
    #[arg(long, help_heading = "Configuration")]
    isolated: bool,

    /// Treat unreadable or unparsable input as an error (exit code 2)
    #[arg(long, help_heading = "Configuration")]
    strict: bool,

    /// The path that standard input is treated as
    #[arg(long, value_name = "PATH", help_heading = "Configuration")]
    stdin_filename: Option<String>,

    /// The distribution, where the input does not show it
    #[arg(long, value_enum, value_name = "DISTRIBUTION", help_heading = "Assumptions")]
    assume: Option<Distribution>,

    /// Kubernetes version, where the input does not show it
    #[arg(long, value_name = "VERSION", value_parser = version, help_heading = "Assumptions")]
    k8s_version: Option<String>,

    /// CoreDNS version, where the input does not show it
    #[arg(long, value_name = "VERSION", value_parser = version, help_heading = "Assumptions")]
    coredns_version: Option<String>,

    /// How Services reach pods, where the input does not show it
    #[arg(long, value_enum, value_name = "MODE", help_heading = "Assumptions")]
    proxy_mode: Option<ProxyMode>,
}

impl CheckArgs {
    fn reads_stdin(&self) -> bool {
        self.paths.iter().any(|path| path == Path::new("-"))
    }

    /// The path from which the configuration is searched upward.
    fn start(&self) -> PathBuf {
        let first = self.paths.first().filter(|p| *p != Path::new("-"));
        first.cloned().unwrap_or_else(|| PathBuf::from("."))
    }

    fn report_options(&self, io: &Io<'_>) -> ReportOptions {
        ReportOptions { quiet: self.quiet, verbose: self.verbose, ..io.report_options(self.color) }
    }
}

/// Runs `check`.
///
/// # Errors
/// A sentence about wrong usage or about a file that cannot be read or written; the exit code is then 2.
pub fn run(args: &CheckArgs, engine: &dyn Engine, io: &mut Io<'_>) -> Result<u8, String> {
    if args.stdin_filename.is_some() && !args.reads_stdin() {
        return Err("--stdin-filename needs `-` as PATH".to_owned());
    }
    let mut loaded = load_config(args, io)?;
    let rule_dirs = rule_dirs(args, loaded.as_ref());
    let mut catalogue = engine.catalogue(&rule_dirs)?;
    add_own_rules(&mut catalogue.rules);
    if !catalogue.problems.is_empty() {
        return Ok(report_errors(&mut catalogue.problems, &catalogue.files, args, io));
    }
    if let Some(loaded) = &mut loaded {
        check_names(loaded, &catalogue);
        if !loaded.errors.is_empty() {
            return Ok(report_errors(&mut loaded.errors, &loaded.files, args, io));
        }
    }
    let config = loaded.map(|l| l.config).unwrap_or_default();
    let selection = selection(args, &config, &catalogue.rules)?;
    let selected = selection.resolve(&catalogue.rules);
    let stdin = read_stdin(args, io)?;
    let (present, missing) = split_missing(&args.paths);
    let options = EngineOptions {
        stdin,
        rule_dirs,
        selected,
        rules: config.rules.iter().map(|(id, (_, settings))| (id.clone(), settings.clone())).collect(),
        assume: args.assume.or(config.assume),
        k8s_version: args.k8s_version.clone().or_else(|| config.k8s_version.clone()),
        coredns_version: args.coredns_version.clone().or_else(|| config.coredns_version.clone()),
        proxy_mode: args.proxy_mode.or(config.proxy_mode),
        no_ignores: args.no_ignores || config.no_ignores,
        strict: args.strict || config.strict,
    };
    let finish = Finish { args, config: &config, options: &options, rules: &catalogue.rules, missing };
    if !args.fixes.is_on() {
        return finish.report(engine.check(&present, &options), 0, &[], io);
    }
    if options.stdin.is_some() && (args.output_format.is_some() || !args.output_file.is_empty()) {
        return Err(
            "with `-`, --fix prints the mended text: it takes no --output-format and no --output-file".to_owned()
        );
    }
    let baseline = finish.baseline()?;
    let wanted = |mut found: Vec<Diagnostic>, files: &dyn Files| {
        adjust(&mut found, args, &config, &options);
        if let Some(baseline) = baseline.clone() {
            baseline.apply(&mut found, files);
        }
        found
    };
    let fixed = engine.fix(&present, &options, args.fixes.mode(), &wanted);
    finish.mend(fixed, &present, io)
}

/// Rules that need no rule file, because the command line itself finds them.
fn add_own_rules(rules: &mut Vec<RuleInfo>) {
    if rules.iter().all(|r| r.id != UNREADABLE_INPUT) {
        rules.push(RuleInfo {
            id: UNREADABLE_INPUT.into(),
            group: "lint".into(),
            severity: Some(Severity::Warning),
            summary: "Input that could not be read or understood".into(),
            ..RuleInfo::default()
        });
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
}

/// Where the rules of users lie: the directory that is loaded by itself, those of the configuration, those of flags.
fn rule_dirs(args: &CheckArgs, loaded: Option<&Loaded>) -> Vec<PathBuf> {
    let own =
        (!args.isolated).then(|| rule_files::own_directory(loaded.map(|l| l.path.as_path()), &args.start())).flatten();
    let named = loaded.map_or(&[][..], |l| &l.config.rule_dirs);
    let mut dirs: Vec<PathBuf> =
        own.into_iter().chain(named.iter().cloned()).chain(args.rules.iter().cloned()).collect();
    let mut seen = std::collections::BTreeSet::new();
    dirs.retain(|dir| seen.insert(dir.clone()));
    dirs
}

/// The configuration of this run, if there is one.
fn load_config(args: &CheckArgs, io: &mut Io<'_>) -> Result<Option<Loaded>, String> {
    if args.isolated {
        return Ok(None);
    }
    let found = || disk::search_start(&args.start()).and_then(|start| disk::find_upward(&start, &config::NAMES));
    let path = args.config.clone().or_else(found);
    let Some(path) = path else { return Ok(None) };
    if args.verbose {
        io.message(&format!("configuration: {}\n", sanitize_line(&path.to_string_lossy())));
    }
    config::load(&path).map(Some)
}

/// Checks the rule names in a configuration, now that the rules are known.
pub(super) fn check_names(loaded: &mut Loaded, catalogue: &Catalogue) {
    let c = &loaded.config;
    let rules = &catalogue.rules;
    let mut wrong: Vec<(Span, String)> = Vec::new();
    for name in c.select.iter().chain(&c.extend_select).chain(&c.ignore) {
        wrong.extend(unknown_selector(&name.value, rules).map(|message| (name.span, message)));
    }
    let none = std::collections::BTreeMap::new();
    for (id, (span, settings)) in &c.rules {
        if let Some(message) = unknown_rule(id, rules) {
            wrong.push((*span, message));
            continue;
        }
        let defaults = catalogue.params.get(id).unwrap_or(&none);
        for (name, value) in &settings.params {
            let mistake = param_mistake(id, defaults, name, value);
            let at = c.param_spans.get(&(id.clone(), name.clone())).copied().unwrap_or(*span);
            wrong.extend(mistake.map(|mistake| (at, mistake.to_string())));
        }
    }
    for (span, message) in wrong {
        loaded.error(span, message);
    }
}

/// Shows what is wrong with the configuration or with rule files.
fn report_errors(errors: &mut [Diagnostic], files: &dyn Files, args: &CheckArgs, io: &mut Io<'_>) -> u8 {
    sort(errors, files);
    let summary = Summary::default();
    let report = Report { diagnostics: errors, files, summary: &summary, rules: &[] };
    let options = ReportOptions { quiet: true, color: false, links: false, ..args.report_options(io) };
    let text = render(Format::Full, &report, &options);
    io.message(&text);
    EXIT_ERROR
}

/// Selectors of flags and configuration; a flag replaces the key of its name, `extend-select` adds to it.
fn selection(args: &CheckArgs, config: &Config, rules: &[RuleInfo]) -> Result<Selection, String> {
    let given = args.select.iter().chain(&args.extend_select).chain(&args.ignore);
    if let Some(message) = given.into_iter().find_map(|name| unknown_selector(name, rules)) {
        return Err(message);
    }
    let values = |list: &[Spanned<String>]| list.iter().map(|s| s.value.clone()).collect::<Vec<_>>();
    let either = |flag: &[String], key: &[Spanned<String>]| if flag.is_empty() { values(key) } else { flag.to_vec() };
    let switched = |on: bool| {
        let wanted = move |(_, (_, s)): &(&String, &(Span, super::engine::RuleSettings))| s.enabled == Some(on);
        config.rules.iter().filter(wanted).map(|(id, _)| id.clone())
    };
    let mut selection = Selection {
        select: either(&args.select, &config.select),
        extend: values(&config.extend_select),
        ignore: either(&args.ignore, &config.ignore),
    };
    selection.extend.extend(args.extend_select.iter().cloned().chain(switched(true)));
    // A flag is said for this run and beats the switch in the file.
    let off = switched(false).filter(|id| !args.select.contains(id) && !args.extend_select.contains(id));
    selection.ignore.extend(off);
    Ok(selection)
}

fn read_stdin(args: &CheckArgs, io: &mut Io<'_>) -> Result<Option<StdinText>, String> {
    if !args.reads_stdin() {
        return Ok(None);
    }
    let bytes = io.read_stdin()?;
    Ok(Some(StdinText { path: args.stdin_filename.clone().unwrap_or_else(|| "<stdin>".to_owned()), bytes }))
}

/// Parts the paths that exist from those that do not; `-` always exists.
fn split_missing(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<InputProblem>) {
    let mut present = Vec::new();
    let mut missing = Vec::new();
    for path in paths {
        match disk::missing(path).filter(|_| path != Path::new("-")) {
            None => present.push(path.clone()),
            Some(why) => missing.push(InputProblem {
                path: path.to_string_lossy().into_owned(),
                at: None,
                message: format!("cannot read this path: {why}"),
                help: None,
            }),
        }
    }
    (present, missing)
}

/// What is at hand when the engine is done.
struct Finish<'a> {
    args: &'a CheckArgs,
    config: &'a Config,
    options: &'a EngineOptions,
    rules: &'a [RuleInfo],
    missing: Vec<InputProblem>,
}

impl Finish<'_> {
    fn baseline(&self) -> Result<Option<Baseline>, String> {
        let path = self.args.baseline.as_ref().or(self.config.baseline.as_ref());
        path.map(|path| Baseline::read(path)).transpose()
    }

    /// Shows or writes what fixes made, then reports what remains.
    fn mend(self, fixed: Fixed, paths: &[PathBuf], io: &mut Io<'_>) -> Result<u8, String> {
        let flags = &self.args.fixes;
        if flags.diff {
            let differs = fix::show(&fixed, io.report_options(self.args.color).color, io)?;
            let listed = if flags.show_fixes { fix::listed(&fixed) } else { String::new() };
            io.message(&listed);
            let fails = self.is_error(&fixed.result, io);
            return Ok(if fails { EXIT_ERROR } else { u8::from(differs && !self.args.exit_zero) * EXIT_FINDINGS });
        }
        let written = fix::write(&fixed, paths, self.options.stdin.as_ref(), io)?;
        if flags.show_fixes && written.fixed > 0 {
            let listed = fix::listed(&fixed);
            if self.options.stdin.is_some() { io.message(&listed) } else { io.print(listed.as_bytes())? }
        }
        let exit_on_fix = flags.exit_non_zero_on_fix && written.fixed > 0;
        let code = if flags.fix_only {
            let fails = self.is_error(&fixed.result, io);
            io.message(&format!("Fixed {}.\n", plural(written.fixed, "finding")));
            if fails { EXIT_ERROR } else { EXIT_CLEAN }
        } else {
            self.report(fixed.result, written.fixed, &fixed.failed, io)?
        };
        Ok(if written.failed { EXIT_ERROR } else { code.max(u8::from(exit_on_fix) * EXIT_FINDINGS) })
    }

    /// Filters, sorts, reports, and decides the exit code.
    fn report(self, result: EngineResult, fixed: usize, failed: &[Failed], io: &mut Io<'_>) -> Result<u8, String> {
        let Self { args, config, options, rules, missing } = &self;
        let mut files = Overlay::new(&*result.files);
        let unreadable = if options.strict { Severity::Error } else { Severity::Warning };
        let mut diagnostics = result.diagnostics.clone();
        diagnostics.extend(result.problems.iter().map(|p| problem(p, unreadable, &mut files)));
        adjust(&mut diagnostics, args, config, options);
        // A PATH that does not exist is a mistake in the command: neither filter nor baseline hides it.
        let absent: Vec<Diagnostic> = missing.iter().map(|p| problem(p, Severity::Error, &mut files)).collect();
        sort(&mut diagnostics, &files);
        if let Some(path) = args.write_baseline.as_ref().filter(|_| absent.is_empty()) {
            return write_baseline(path, &diagnostics, &files, io);
        }
        let baselined = self.baseline()?.map_or(0, |b| b.apply(&mut diagnostics, &files));
        fix::withdraw_failed(&mut diagnostics, failed);
        diagnostics = fold(diagnostics, &files);
        diagnostics.extend(absent);
        sort(&mut diagnostics, &files);
        let mut summary = Summary::new(&diagnostics, result.file_count, result.coverage.clone());
        (summary.baselined, summary.fixed) = (baselined, fixed);
        summary.fixes_withheld = result.fixes_withheld;
        if args.fixes.unsafe_fixes {
            summary.fixable += std::mem::take(&mut summary.unsafe_fixable);
        }
        let format = args.output_format.or(config.output_format).unwrap_or(Format::Full);
        let report = Report { diagnostics: &diagnostics, files: &files, summary: &summary, rules };
        if options.stdin.is_some() && args.fixes.is_on() {
            // standard output holds the mended text
            io.message(&render(
                Format::Full,
                &report,
                &ReportOptions { color: false, links: false, ..args.report_options(io) },
            ));
        } else {
            output::write(&report, format, &args.output_file, &args.report_options(io), args.statistics, io)?;
        }
        if self.is_error(&result, io) {
            return Ok(EXIT_ERROR);
        }
        let fail_on = args.fail_on.or(config.fail_on).unwrap_or(FailOn::Warning);
        let fails = !args.exit_zero && diagnostics.iter().any(|d| fail_on.includes(d.severity));
        Ok(if fails { EXIT_FINDINGS } else { EXIT_CLEAN })
    }

    /// Whether the run as such failed: a PATH that does not exist, or with --strict input that cannot be read.
    fn is_error(&self, result: &EngineResult, io: &mut Io<'_>) -> bool {
        let nothing = result.file_count == 0 && result.problems.is_empty() && self.missing.is_empty();
        if nothing {
            let severity = if self.options.strict { Severity::Error } else { Severity::Warning };
            io.message(&format!("{}: {}\n", severity.as_str(), nothing_read(&self.args.paths)));
        }
        !self.missing.is_empty() || self.options.strict && (nothing || !result.problems.is_empty())
    }
}

/// Accepts the findings of today.
fn write_baseline(path: &Path, known: &[Diagnostic], files: &dyn Files, io: &mut Io<'_>) -> Result<u8, String> {
    disk::write(path, &baseline::text(known, files))?;
    io.message(&format!("wrote {} to {}\n", plural(known.len(), "finding"), sanitize_line(&path.to_string_lossy())));
    Ok(EXIT_CLEAN)
}

fn nothing_read(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|p| sanitize_line(&p.to_string_lossy())).collect();
    format!(
        "no file that decides DNS was found in {} (node files are recognised by their path on the node, \
         such as nodes/<name>/etc/resolv.conf; manifests by apiVersion and kind)",
        shown.join(", ")
    )
}

/// An input problem as a finding.
fn problem(problem: &InputProblem, severity: Severity, files: &mut Overlay<'_>) -> Diagnostic {
    let at = problem.at.unwrap_or_else(|| Location::new(files.add(problem.path.clone()), Span::new(0, 0)));
    let mut diagnostic = Diagnostic::new(UNREADABLE_INPUT, severity, problem.message.clone(), at);
    diagnostic.help.clone_from(&problem.help);
    diagnostic
}

/// Applies configured severities and every filter.
fn adjust(diagnostics: &mut Vec<Diagnostic>, args: &CheckArgs, config: &Config, options: &EngineOptions) {
    for d in diagnostics.iter_mut() {
        if let Some(severity) = options.rules.get(&d.rule).and_then(|settings| settings.severity) {
            d.severity = severity;
        }
    }
    let severity = args.min_severity.or(config.min_severity).unwrap_or(Severity::Info);
    let confidence = args.min_confidence.or(config.min_confidence).unwrap_or(Confidence::Low);
    diagnostics.retain(|d| {
        // a selected rule that fails is not silent because `rule-evaluation` was not selected
        let failed = [RULE_EVALUATION, INTERNAL].contains(&d.rule.as_str());
        let runs = failed || options.selected.as_ref().is_none_or(|ids| ids.contains(&d.rule));
        runs && d.severity >= severity && d.confidence >= confidence
    });
}
