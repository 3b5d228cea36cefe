//! What is wrong with a `resolv.conf` as text, and which programs misread it.

mod nameserver;
mod options;
mod search;

pub use options::is_known;

use std::fmt;

use crate::source::Span;

use super::musl::LINE_LIMIT;
use super::{Line, LineKind, ResolvConf};
use crate::diagnostic::nearest;

/// A mistake in the text of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// The word or line.
    pub span: Span,
    /// A second place that belongs to it: the line that wins, the earlier option.
    pub related: Option<Span>,
    /// The programs that lose or misread something, sorted.
    pub readers: Vec<Reader>,
    /// Whether something that the author wrote is lost or changed. Harmless problems only look odd.
    pub harmful: bool,
    /// One sentence without the final dot.
    pub message: String,
    /// What was probably meant in place of the span's text.
    pub suggestion: Option<String>,
}

/// A program that reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reader {
    /// glibc.
    Glibc,
    /// musl, as in Alpine images.
    Musl,
    /// Go's own resolver.
    Go,
    /// The kubelet, on the way to the pods.
    Kubelet,
    /// k3s and RKE2 when they choose the kubelet's file.
    K3s,
    /// CoreDNS' `forward . FILE`.
    CoreDns,
}

impl Reader {
    /// Every reader.
    pub const ALL: [Self; 6] = [Self::Glibc, Self::Musl, Self::Go, Self::Kubelet, Self::K3s, Self::CoreDns];

    /// The name as a sentence uses it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
            Self::Go => "Go",
            Self::Kubelet => "the kubelet",
            Self::K3s => "k3s",
            Self::CoreDns => "CoreDNS",
        }
    }
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Kinds of mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// Windows line ends.
    Crlf,
    /// A byte order mark before the first keyword.
    Bom,
    /// A NUL byte.
    NulByte,
    /// The last line lacks its newline. No reader minds.
    NoFinalNewline,
    /// A line of 256 or more bytes, newline included.
    LineTooLongForMusl,
    /// White space before a keyword.
    LeadingSpace,
    /// A first word that no reader knows.
    UnknownKeyword,
    /// `nameserver` without an address.
    BareNameserver,
    /// An address with a port.
    PortInNameserver,
    /// A host name in place of an address.
    HostNameAsNameserver,
    /// Anything else in place of an address.
    NotAnAddress,
    /// A short, octal or hexadecimal IPv4 address.
    NonStandardAddress,
    /// An IPv6 address with a zone.
    ScopedLinkLocal,
    /// A comma where words are separated by blanks.
    CommaList,
    /// Words behind the ones that the keyword takes.
    MoreWordsIgnored,
    /// `#` or `;` behind a value.
    TrailingComment,
    /// A `search` line after another `search` or `domain` line.
    SecondSearch,
    /// A `domain` line after a `search` or `domain` line.
    DomainAfterSearch,
    /// `search` or `domain` without a word.
    EmptySearch,
    /// The root `.` as search domain.
    SearchRoot,
    /// A search domain with an empty label.
    EmptyLabel,
    /// A search domain with a label over 63 characters, or over 253 characters in all.
    LabelTooLong,
    /// `~domain`, which only systemd-resolved's configuration knows.
    RoutingDomain,
    /// An IP address as search domain.
    AddressAsSearchDomain,
    /// A word that is no option.
    UnknownOption,
    /// A number above the reader's cap.
    OptionOverCap,
    /// An option whose value is not a plain number.
    OptionBadNumber,
    /// The same option twice in one line with different values.
    RepeatedOption,
    /// `attempts:0`
    ZeroAttempts,
    /// `timeout:0`
    ZeroTimeout,
}

impl Problem {
    fn new(kind: ProblemKind, span: Span, readers: &[Reader], message: impl Into<String>) -> Self {
        Self {
            kind,
            span,
            related: None,
            readers: readers.to_vec(),
            harmful: true,
            message: message.into(),
            suggestion: None,
        }
    }

    fn harmless(mut self) -> Self {
        self.harmful = false;
        self
    }

    fn harmful_if(mut self, harmful: bool) -> Self {
        self.harmful = harmful;
        self
    }

    fn suggesting(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    fn related_to(mut self, span: Span) -> Self {
        self.related = Some(span);
        self
    }
}

/// Everything that is wrong with the file, in its order.
#[must_use]
pub fn problems(conf: &ResolvConf) -> Vec<Problem> {
    let mut found = Vec::new();
    file_problems(conf, &mut found);
    for line in &conf.lines {
        line_problems(line, &mut found);
        match line.kind {
            LineKind::Nameserver => nameserver::check(line, &mut found),
            LineKind::Search | LineKind::Domain => search::check_words(line, &mut found),
            LineKind::Options => options::check(line, &mut found),
            LineKind::Unknown => unknown_keyword(line, &mut found),
            LineKind::Blank | LineKind::Comment | LineKind::Sortlist => {}
        }
    }
    search::check_order(conf, &mut found);
    found.sort_by_key(|problem| (problem.span, problem.kind));
    found
}

fn file_problems(conf: &ResolvConf, found: &mut Vec<Problem>) {
    if let Some(span) = conf.bom {
        let first = conf.lines.first().map_or("", |line| line.raw.trim_start_matches('\u{feff}').trim_start());
        let message = "a byte order mark spoils the first keyword; the line is ignored";
        let read = !first.is_empty() && !first.starts_with(['#', ';']);
        found.push(Problem::new(ProblemKind::Bom, span, &Reader::ALL, message).harmful_if(read));
    }
    if let Some(span) = conf.crlf {
        let lost = conf.lines.iter().any(|line| {
            let kind = matches!(line.kind, LineKind::Nameserver | LineKind::Search | LineKind::Domain);
            kind && line.raw.ends_with('\r') && !line.is_indented()
        });
        let message = "Windows line ends: glibc drops the nameservers and adds the carriage return to the last search \
                       domain";
        found.push(Problem::new(ProblemKind::Crlf, span, &[Reader::Glibc], message).harmful_if(lost));
    }
    if !conf.ends_with_newline {
        let end = conf.lines.last().map_or(0, |line| line.span.end);
        let message = "the last line has no newline";
        found.push(Problem::new(ProblemKind::NoFinalNewline, Span::new(end, end), &[], message).harmless());
    }
}

fn line_problems(line: &Line, found: &mut Vec<Problem>) {
    if let Some(at) = line.raw.find('\0') {
        let span = Span::new(line.span.start + at, line.span.start + at + 1);
        let message = "a NUL byte: glibc reads nothing behind it, musl loses this line and the next";
        found.push(Problem::new(ProblemKind::NulByte, span, &[Reader::Glibc, Reader::Musl], message));
    }
    let read = matches!(line.kind, LineKind::Nameserver | LineKind::Search | LineKind::Domain | LineKind::Options);
    if read && line.is_indented() {
        let start = line.words.first().map_or(line.span.start, |word| word.span.start);
        let message = "a keyword must stand in column 1 for glibc, musl and k3s; the kubelet, Go and CoreDNS read the \
                       line";
        let readers = [Reader::Glibc, Reader::Musl, Reader::K3s];
        found.push(Problem::new(ProblemKind::LeadingSpace, Span::new(line.span.start, start), &readers, message));
    }
    if read && line.raw.len() + 1 >= LINE_LIMIT {
        let message = format!(
            "the line has {} bytes with its newline; musl ignores lines of {LINE_LIMIT} bytes or more",
            line.raw.len() + 1
        );
        found.push(Problem::new(ProblemKind::LineTooLongForMusl, line.span, &[Reader::Musl], message));
    }
}

/// Keywords of other systems that a file may carry on purpose.
const FOREIGN_KEYWORDS: [&str; 2] = ["lookup", "family"];

fn unknown_keyword(line: &Line, found: &mut Vec<Problem>) {
    let Some(first) = line.keyword() else { return };
    let word = first.value.trim_start_matches('\u{feff}');
    let keywords = ["nameserver", "search", "domain", "options", "sortlist"];
    let spoiled_by_bom = word.len() < first.value.len();
    if spoiled_by_bom && (keywords.contains(&word) || word.starts_with(['#', ';'])) {
        return;
    }
    let glued = keywords.into_iter().find(|keyword| word.starts_with(keyword));
    let meant = glued.or_else(|| nearest(word, keywords));
    let message = match meant {
        Some(keyword) => format!("`{word}` is no keyword and the line is ignored; `{keyword}` and a blank are"),
        None => format!("`{word}` is no keyword; every reader ignores the line"),
    };
    let mut problem = Problem::new(ProblemKind::UnknownKeyword, first.span, &Reader::ALL, message)
        .harmful_if(!FOREIGN_KEYWORDS.contains(&word));
    problem.suggestion = meant.map(str::to_owned);
    found.push(problem);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, text, harmful of every problem.
    pub(super) fn kinds(text: &str) -> Vec<(ProblemKind, &str, bool)> {
        problems(&ResolvConf::parse(text)).iter().map(|p| (p.kind, p.span.text(text), p.harmful)).collect()
    }

    #[test]
    fn file_level() {
        assert_eq!(kinds("nameserver 1.1.1.1\r\n"), [(ProblemKind::Crlf, "\r", true)]);
        assert_eq!(kinds("# x\r\n"), [(ProblemKind::Crlf, "\r", false)]);
        assert_eq!(kinds("\u{feff}nameserver 1.1.1.1\n"), [(ProblemKind::Bom, "\u{feff}", true)]);
        assert_eq!(kinds("\u{feff}# x\n"), [(ProblemKind::Bom, "\u{feff}", false)]);
        assert_eq!(kinds("nameserver 1.1.1.1"), [(ProblemKind::NoFinalNewline, "", false)]);
        assert_eq!(kinds("search a\0b\n"), [(ProblemKind::NulByte, "\0", true)]);
    }

    #[test]
    fn line_level() {
        assert_eq!(kinds("  search a\n"), [(ProblemKind::LeadingSpace, "  ", true)]);
        assert_eq!(kinds("  # a\n"), []);
        let long = format!("search {}\n", "aaaaaaaaaaaaaaaaa.bbbbbb ".repeat(11));
        assert_eq!(kinds(&long), [(ProblemKind::LineTooLongForMusl, long.trim_end_matches('\n'), true)]);
        assert_eq!(kinds(&format!("# {}\n", "x".repeat(400))), []);
    }

    #[test]
    fn keywords() {
        let suggestion = |text: &str| problems(&ResolvConf::parse(text)).first().and_then(|p| p.suggestion.clone());
        for text in [
            "nameservers 1.1.1.1\n",
            "nameserver: 1.1.1.1\n",
            "nameserver=1.1.1.1\n",
            "NAMESERVER 1.1.1.1\n",
            "nameserver10.0.0.1\n",
            "namserver 1\n",
        ] {
            assert_eq!(suggestion(text).as_deref(), Some("nameserver"), "{text}");
        }
        assert_eq!(
            kinds("port 53\nlookup file bind\n"),
            [(ProblemKind::UnknownKeyword, "port", true), (ProblemKind::UnknownKeyword, "lookup", false)]
        );
    }
}
