//! Output formats for diagnostics; the only room that formats or colours.

mod concise;
mod diff;
pub mod expect;
mod fingerprint;
mod fix_preview;
mod frame;
mod full;
mod github;
mod gitlab;
pub mod graph;
mod json;
mod junit;
mod markdown;
mod others;
pub mod rule_page;
mod sanitize;
mod sarif;
mod statistics;
mod style;
mod summary;

pub use crate::lint::Coverage;
pub use diff::show_diff;
pub use fingerprint::fingerprint;
pub use sanitize::{sanitize, sanitize_line};
pub use statistics::statistics;
pub use summary::{Summary, WITHHELD, plural};

use crate::diagnostic::{Diagnostic, Files, Severity};

/// A way to write findings down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Source frames with labels, notes and help, for people.
    Full,
    /// `path:line:column: severity[rule] message`, one line a finding.
    Concise,
    /// One JSON document, version 1.
    Json,
    /// One JSON object a finding and line.
    JsonLines,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitHub workflow commands, which become annotations.
    Github,
    /// GitLab Code Quality report.
    Gitlab,
    /// JUnit XML, one test suite a file.
    Junit,
    /// A Markdown table, for job summaries and comments.
    Markdown,
}

impl Format {
    /// Every format, in the order of the help text.
    pub const ALL: [Self; 9] = [
        Self::Full,
        Self::Concise,
        Self::Json,
        Self::JsonLines,
        Self::Sarif,
        Self::Github,
        Self::Gitlab,
        Self::Junit,
        Self::Markdown,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::JsonLines => "json-lines",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Whether people read it line by line in a terminal.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Full | Self::Concise)
    }
}

/// What a report says about a rule, apart from its findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleInfo {
    /// Rule id.
    pub id: String,
    /// Group, the folder of the rule file.
    pub group: String,
    /// Severity the rule has by itself.
    pub severity: Option<Severity>,
    /// One line.
    pub summary: String,
    /// Why it matters and what to do, in Markdown.
    pub help: String,
    /// Documentation.
    pub url: Option<String>,
}

/// Everything that a report shows.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// The findings, sorted.
    pub diagnostics: &'a [Diagnostic],
    /// The files that they point into.
    pub files: &'a dyn Files,
    /// Counts and coverage.
    pub summary: &'a Summary,
    /// The rules that were evaluated (only SARIF lists them).
    pub rules: &'a [RuleInfo],
}

/// How a report is shown; only the text formats look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportOptions {
    /// ANSI colours.
    pub color: bool,
    /// Columns of source text that a frame may show; longer lines are cropped around the label.
    pub width: usize,
    /// OSC 8 hyperlinks.
    pub links: bool,
    /// In CI: the documentation's address is written out.
    pub is_ci: bool,
    /// Leave the closing summary out.
    pub quiet: bool,
    /// Name every rule that could not be judged.
    pub verbose: bool,
}

/// Columns of source text in a frame unless the terminal is narrower.
pub const DEFAULT_WIDTH: usize = 240;

impl Default for ReportOptions {
    fn default() -> Self {
        Self { color: false, width: DEFAULT_WIDTH, links: false, is_ci: false, quiet: false, verbose: false }
    }
}

/// Writes a report down; the text ends with a newline unless it is empty.
#[must_use]
pub fn render(format: Format, report: &Report<'_>, options: &ReportOptions) -> String {
    match format {
        Format::Full => full::render(report, options),
        Format::Concise => concise::render(report, options),
        Format::Json => json::render(report),
        Format::JsonLines => json::render_lines(report),
        Format::Sarif => sarif::render(report),
        Format::Github => github::render(report),
        Format::Gitlab => gitlab::render(report),
        Format::Junit => junit::render(report),
        Format::Markdown => markdown::render(report),
    }
}

/// Line on which a place ends: an end at the start of a line belongs to the line before it.
fn last_line(files: &dyn Files, at: crate::source::Location) -> usize {
    let start = files.position(at.file, at.span.start).line;
    let end = files.position(at.file, at.span.end);
    if end.line > start && end.column == 1 { end.line - 1 } else { end.line }
}
