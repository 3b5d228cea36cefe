//! `resolved.conf` of systemd-resolved and its drop-ins: sections, assignments, words (`resolved-conf.c`, man
//! resolved.conf(5)).

mod merge;
mod problems;
mod words;

pub use merge::{Effective, Sourced, merge};
pub use problems::{Problem, ProblemKind};
pub use words::{DnsServer, ExtraListener, Mode, STUB_ADDRESSES, SearchDomain};

use crate::source::{Span, Spanned, TextMap};
use crate::syntax::resolv_conf::words::{is_white_space, split};

/// One `resolved.conf` or drop-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedConf {
    /// Section headers in order, without brackets; the span covers the brackets.
    pub sections: Vec<Spanned<String>>,
    /// Assignments in order, also the ones that resolved ignores.
    pub assignments: Vec<Assignment>,
    /// What is wrong with the file.
    pub problems: Vec<Problem>,
}

/// One `Key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Name of the section it stands in; none before the first header.
    pub section: Option<String>,
    /// The key.
    pub key: Spanned<String>,
    /// The value without surrounding blanks, continuation lines joined by a blank.
    pub value: Spanned<String>,
    /// From the key to the end of the value.
    pub span: Span,
    /// Where the bytes of the logical line stand.
    map: TextMap,
    /// Where the value begins in the logical line.
    value_start: usize,
}

impl Assignment {
    /// The words of the value, each with its place in the file.
    pub fn words(&self) -> impl Iterator<Item = Spanned<&str>> {
        split(&self.value.value, self.value_start, is_white_space)
            .map(|word| Spanned::new(word.text, self.map.span(word.span)))
    }

    /// Whether resolved reads the assignment at all.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.section.as_deref() == Some("Resolve")
    }
}

impl ResolvedConf {
    /// Parses `text`; a broken line is noted and skipped, as resolved does.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parser = Parser::default();
        for line in logical_lines(text) {
            if !parser.line(&line) {
                break;
            }
        }
        let mut conf = parser.conf;
        problems::check(&mut conf);
        conf.problems.sort_by_key(|problem| problem.span);
        conf
    }

    /// The assignments to `key` that resolved reads.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Assignment> {
        self.assignments.iter().filter(move |a| a.is_read() && a.key.value == key)
    }
}

/// A line after joining continuations: its text and where the bytes come from.
#[derive(Default)]
struct Logical {
    text: String,
    map: TextMap,
}

impl Logical {
    fn push(&mut self, piece: &str, span: Span) {
        self.text.push_str(piece);
        self.map.push(piece.len(), span);
    }

    fn span(&self, start: usize, end: usize) -> Span {
        self.map.span(Span::new(start, end))
    }
}

/// Lines that are no comment, with `\` at the end of a line joined to the next by a blank. Comment lines between are
/// skipped, also inside a continuation.
fn logical_lines(text: &str) -> Vec<Logical> {
    let mut lines = Vec::new();
    let mut pending: Option<Logical> = None;
    let mut start = 0;
    for piece in text.split_inclusive('\n') {
        let raw = piece.trim_end_matches(['\n', '\r']);
        let (from, line) = match raw.strip_prefix('\u{feff}') {
            Some(rest) if start == 0 => ('\u{feff}'.len_utf8(), rest),
            _ => (start, raw),
        };
        start += piece.len();
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let mut logical = pending.take().unwrap_or_default();
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            let kept = line.strip_suffix('\\').unwrap_or(line);
            logical.push(kept, Span::new(from, from + kept.len()));
            logical.push(" ", Span::new(from + kept.len(), from + line.len()));
            pending = Some(logical);
        } else {
            logical.push(line, Span::new(from, from + line.len()));
            lines.push(logical);
        }
    }
    lines.extend(pending);
    lines
}

#[derive(Default)]
struct Parser {
    conf: ResolvedConf,
    section: Option<String>,
}

impl Parser {
    /// Takes one line; false after an error at which resolved gives up the file.
    fn line(&mut self, line: &Logical) -> bool {
        let text = line.text.trim();
        if text.is_empty() {
            return true;
        }
        let start = line.text.len() - line.text.trim_start().len();
        let span = line.span(start, start + text.len());
        if let Some(header) = text.strip_prefix('[') {
            let Some(name) = header.strip_suffix(']') else {
                self.conf.problems.push(Problem::new(ProblemKind::BadSectionHeader, span, text));
                return false;
            };
            self.conf.sections.push(Spanned::new(name.to_owned(), span));
            self.section = Some(name.to_owned());
            return true;
        }
        match text.split_once('=') {
            None => self.conf.problems.push(Problem::new(ProblemKind::MissingEquals, span, text)),
            Some((key, _)) if key.trim().is_empty() => {
                self.conf.problems.push(Problem::new(ProblemKind::EmptyKey, span, text));
            }
            Some((key, value)) => self.assignment(line, start, key, value),
        }
        true
    }

    fn assignment(&mut self, line: &Logical, start: usize, key: &str, value: &str) {
        let behind = start + key.len() + 1;
        let key = key.trim_end();
        let key_span = line.span(start, start + key.len());
        let trimmed = value.trim();
        let from = behind + value.len() - value.trim_start().len();
        let value_span = line.span(from, from + trimmed.len());
        self.conf.assignments.push(Assignment {
            section: self.section.clone(),
            key: Spanned::new(key.to_owned(), key_span),
            value: Spanned::new(trimmed.to_owned(), value_span),
            span: key_span.join(value_span),
            map: line.map.clone(),
            value_start: from,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_have_sections_and_places() {
        let text = "\u{feff}Early=1\n# c\n[Resolve]\n DNS = 1.1.1.1 \\\n# skipped\n   9.9.9.9  \n;x\nCache=no\n";
        let conf = ResolvedConf::parse(text);
        let got = conf
            .assignments
            .iter()
            .map(|a| (a.section.as_deref(), a.key.span.text(text), a.value.value.as_str()))
            .collect::<Vec<_>>();
        assert_eq!(
            got,
            [(None, "Early", "1"), (Some("Resolve"), "DNS", "1.1.1.1     9.9.9.9"), (Some("Resolve"), "Cache", "no")]
        );
        let words = conf.values("DNS").flat_map(Assignment::words).map(|w| w.span.text(text)).collect::<Vec<_>>();
        assert_eq!(words, ["1.1.1.1", "9.9.9.9"]);
    }

    #[test]
    fn a_broken_header_ends_the_file() {
        let conf = ResolvedConf::parse("[Resolve\nDNS=1.1.1.1\n");
        assert!(conf.assignments.is_empty());
        assert_eq!(conf.problems.first().map(|p| p.kind), Some(ProblemKind::BadSectionHeader));
    }
}
