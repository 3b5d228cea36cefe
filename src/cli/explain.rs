//! `dnslint explain`: what a rule finds, why, and what it looks like.

use super::engine;
use super::io::Io;
use super::nearest::hint;
use super::rule_files;
use super::values::ColorChoice;
use crate::CheckOptions;
use crate::diagnostic::{Applicability, Diagnostic};
use crate::lint::{LINT_GROUP, LINT_RULES, LintOptions, Rule, RuleSet, Shown, lint_rule_why, samples};
use crate::report::rule_page::{Escalation, FixTitle, Parameter, RulePage, SampleShown, without_placeholders};
use crate::report::{Format, Report, ReportOptions, Summary, render};
use crate::source::Snapshot;
use std::path::PathBuf;

/// Columns of a page in a terminal that is wider, or of unknown width.
const WIDEST: usize = 100;

const EXAMPLES: &str = "\
Examples:
  dnslint explain forward-loop
  dnslint explain node-cache                           every rule of a group
  dnslint explain --all --output-format markdown > rules.md";

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// Ids of rules, or groups
    #[arg(value_name = "RULE", required_unless_present = "all")]
    names: Vec<String>,

    /// Every rule
    #[arg(long, conflicts_with = "names")]
    all: bool,

    /// How it is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    output_format: PageFormat,

    /// Explain the rules of this directory or file too (repeatable)
    #[arg(long, value_name = "DIR_OR_FILE")]
    rules: Vec<PathBuf>,

    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

/// How pages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PageFormat {
    /// For a terminal.
    Text,
    /// Markdown, one section a rule.
    Markdown,
    /// A JSON list.
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// A rule or group that does not exist, a rule file that does not load, a failed write.
pub fn run(args: &ExplainArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let dirs = [rule_files::of_current_directory(), args.rules.clone()].concat();
    let loaded = rule_files::load(&dirs, rule_files::With::BuiltIn)?;
    if !loaded.problems.is_empty() {
        return Ok(rule_files::report(&loaded, io));
    }
    let rules = &loaded.rules;
    let options = io.report_options(args.color);
    let inner = ReportOptions { width: WIDEST, quiet: true, links: false, ..options };
    let plain = ReportOptions { color: false, ..inner };
    let is_text = args.output_format == PageFormat::Text;
    let pages = chosen(&args.names, rules)?;
    let pages: Vec<RulePage> = pages.iter().map(|id| page(id, rules, if is_text { &inner } else { &plain })).collect();
    let text = match args.output_format {
        PageFormat::Text => {
            let width = (options.width + 8).min(WIDEST);
            pages.iter().map(|page| page.text(width, options.color)).collect::<Vec<_>>().join("\n\n")
        }
        PageFormat::Markdown => pages.iter().map(|page| page.markdown(2)).collect(),
        PageFormat::Json => engine::pretty(&pages)?,
    };
    io.print(text.as_bytes())?;
    Ok(super::EXIT_CLEAN)
}

/// The ids that names stand for, in their order; no name stands for every rule.
fn chosen(names: &[String], rules: &RuleSet) -> Result<Vec<String>, String> {
    let known = known(rules);
    if names.is_empty() {
        return Ok(known.into_iter().map(|(id, _)| id).collect());
    }
    let mut ids = Vec::new();
    for name in names {
        let found: Vec<&String> =
            known.iter().filter(|(id, group)| id == name || group == name).map(|(id, _)| id).collect();
        if found.is_empty() {
            let words = known.iter().flat_map(|(id, group)| [id.as_str(), group.as_str()]);
            let hint = hint(name, words);
            return Err(format!("there is no rule or group `{name}`{hint}; `dnslint rules list` lists them"));
        }
        ids.extend(found.into_iter().filter(|id| !ids.contains(*id)).cloned().collect::<Vec<_>>());
    }
    Ok(ids)
}

/// Ids and groups, sorted by id.
fn known(rules: &RuleSet) -> Vec<(String, String)> {
    let mut known: Vec<(String, String)> =
        LINT_RULES.iter().map(|(id, ..)| ((*id).to_owned(), LINT_GROUP.to_owned())).collect();
    known.extend(rules.rules().iter().map(|rule| (rule.id.clone(), rule.group.clone())));
    known.sort();
    known
}

/// The page of every rule that has a file, as Markdown, by group: the text of `docs/rules.md` below its heading.
#[must_use]
pub fn reference(rules: &RuleSet) -> String {
    let options = ReportOptions { width: WIDEST, quiet: true, ..ReportOptions::default() };
    let mut groups: Vec<&str> = rules.rules().iter().map(|rule| rule.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut text = String::new();
    for group in groups {
        text.push_str(&format!("\n## {group}\n\n"));
        for rule in rules.rules().iter().filter(|rule| rule.group == group) {
            text.push_str(&page(&rule.id, rules, &options).markdown(3));
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// The page of one rule.
fn page(id: &str, rules: &RuleSet, options: &ReportOptions) -> RulePage {
    match rules.get(id) {
        Some(rule) => rule_page(rule, rules, options),
        None => lint_page(id),
    }
}

fn lint_page(id: &str) -> RulePage {
    let found = LINT_RULES.iter().find(|(known, ..)| *known == id);
    let (severity, summary) = found.map_or(("info", ""), |(_, severity, summary)| (severity.as_str(), *summary));
    RulePage {
        id: id.to_owned(),
        group: LINT_GROUP.to_owned(),
        severity,
        confidence: "high",
        summary: summary.to_owned(),
        why: lint_rule_why(id).to_owned(),
        ..RulePage::default()
    }
}

const fn safety(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Safe => "safe",
        Applicability::Unsafe => "unsafe",
        Applicability::Display => "display",
    }
}

fn rule_page(rule: &Rule, rules: &RuleSet, options: &ReportOptions) -> RulePage {
    let escalation = |(when, severity): (&str, crate::diagnostic::Severity)| Escalation {
        when: when.to_owned(),
        severity: severity.as_str(),
    };
    let fix = |(title, how): (&str, Applicability)| {
        Some(FixTitle { title: without_placeholders(title)?, safety: safety(how) })
    };
    let param = |(name, default): (&String, &serde_json::Value)| Parameter {
        name: name.clone(),
        default: default.clone(),
        doc: rule.param_docs.get(name).cloned(),
    };
    let (bad, good) = shown(rule, rules, options);
    RulePage {
        id: rule.id.clone(),
        group: rule.group.clone(),
        severity: rule.severity.as_str(),
        confidence: rule.confidence.as_str(),
        summary: rule.summary.clone(),
        on: Some(rule.on.clone()),
        escalations: rule.escalations().map(escalation).collect(),
        why: rule.why.clone(),
        help: rule.advice.iter().filter_map(|text| without_placeholders(text)).collect(),
        fixes: rule.fixes().filter_map(fix).collect(),
        needs: rule.needs.clone(),
        params: rule.params.iter().map(param).collect(),
        references: rule.references.clone(),
        bad,
        good,
    }
}

/// The bad and the good sample, with what dnslint really prints for them.
fn shown(rule: &Rule, rules: &RuleSet, options: &ReportOptions) -> (Option<SampleShown>, Option<SampleShown>) {
    let (mut bad, mut good) = (None, None);
    for Shown { is_bad, sample } in samples(rule) {
        let output = output(rule, rules, &sample.files, options);
        let telling = sample.files.keys().cloned().collect();
        let shown = SampleShown { name: sample.name, files: sample.files, telling, output };
        *(if is_bad { &mut bad } else { &mut good }) = Some(shown);
    }
    if let (Some(bad), Some(good)) = (&bad, &mut good) {
        let bad: &SampleShown = bad;
        good.telling.retain(|path| bad.files.get(path) != good.files.get(path));
    }
    (bad, good)
}

/// What dnslint prints for a sample when only this rule runs.
fn output(
    rule: &Rule,
    rules: &RuleSet,
    files: &std::collections::BTreeMap<String, String>,
    options: &ReportOptions,
) -> String {
    let snapshot = Snapshot::from_texts(files.clone());
    let lint = LintOptions { select: vec![rule.id.clone()], ..LintOptions::default() };
    let found = crate::check(&snapshot, rules, &CheckOptions { lint, ..CheckOptions::default() });
    let found = crate::lint::fold(found.diagnostics, &snapshot);
    let diagnostics: Vec<Diagnostic> = found.into_iter().map(|d| Diagnostic { url: None, ..d }).collect();
    let summary = Summary::default();
    let report = Report { diagnostics: &diagnostics, files: &snapshot, summary: &summary, rules: &[] };
    render(Format::Full, &report, options)
}
