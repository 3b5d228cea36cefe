//! `resolv.conf`: one lossless tree of lines and words, and one reader for each program that interprets it.
//!
//! No two programs read this file alike: glibc wants the keyword in column 1, musl drops lines of 256 bytes, Go knows
//! no octal address, the kubelet copies words unchecked. So the tree commits to nothing, and every reader
//! ([`glibc`], [`musl`], [`golang`], [`kubelet`], [`coredns_forward`], [`dnsmasq_resolv_file`],
//! [`systemd_resolved`]) is a pure function over it that follows one program.

pub mod address;
pub mod coredns_forward;
pub mod dnsmasq_resolv_file;
pub mod glibc;
pub mod golang;
pub mod kubelet;
pub mod musl;
pub mod owner;
pub mod problems;
pub mod resolver;
pub mod systemd_resolved;
pub(in crate::syntax) mod words;

pub use owner::{Owner, owner};
pub use problems::{Problem, ProblemKind, Reader, is_known as is_known_option, problems};
pub use resolver::{
    Environment, Flag, IgnoreReason, Ignored, Nameserver, Origin, Resolver, Scope, SearchOrigin, Setting,
};

use crate::source::{Span, Spanned};

/// A `resolv.conf` as it stands: all lines in order, each with its text and words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// All lines, also blank ones and comments.
    pub lines: Vec<Line>,
    /// Whether the last line ends with a newline; true for the empty file.
    pub ends_with_newline: bool,
    /// The first carriage return that stands before a newline (or ends the file), as Windows editors write it.
    pub crlf: Option<Span>,
    /// A UTF-8 byte order mark at the start of the file.
    pub bom: Option<Span>,
}

/// One line of the file, without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line without its newline (a carriage return belongs to it).
    pub span: Span,
    /// What a tolerant reader takes the line for.
    pub kind: LineKind,
    /// The words between white space (space, tab, CR, VT, FF). Readers with other blanks split [`Line::raw`] again.
    pub words: Vec<Spanned<String>>,
    /// The text of the line, byte for byte.
    pub raw: String,
}

/// What a line is to a tolerant reader: indentation is allowed, keywords are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Nothing but white space.
    Blank,
    /// First visible character is `#` or `;`.
    Comment,
    /// `nameserver …`
    Nameserver,
    /// `search …`
    Search,
    /// `domain …`
    Domain,
    /// `options …`
    Options,
    /// `sortlist …`
    Sortlist,
    /// Any other first word.
    Unknown,
}

impl ResolvConf {
    /// Splits `text` into lines and words; every text is a tree.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for piece in text.split_inclusive('\n') {
            lines.push(Line::parse(piece.strip_suffix('\n').unwrap_or(piece), start));
            start += piece.len();
        }
        let crlf = lines.iter().find(|l| l.raw.ends_with('\r')).map(|l| Span::new(l.span.end - 1, l.span.end));
        Self {
            ends_with_newline: text.is_empty() || text.ends_with('\n'),
            bom: text.starts_with('\u{feff}').then(|| Span::new(0, '\u{feff}'.len_utf8())),
            lines,
            crlf,
        }
    }

    /// The text of the file again, byte for byte.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.lines.iter().map(|l| l.raw.as_str()).collect::<Vec<_>>().join("\n");
        if self.ends_with_newline && !self.lines.is_empty() {
            text.push('\n');
        }
        text
    }

    /// Whether line `index` ends with a newline.
    #[must_use]
    pub fn is_terminated(&self, index: usize) -> bool {
        self.ends_with_newline || index + 1 < self.lines.len()
    }

    /// The lines of one kind.
    pub fn lines_of(&self, kind: LineKind) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |l| l.kind == kind)
    }
}

impl Line {
    fn parse(raw: &str, start: usize) -> Self {
        let words = words::split(raw, start, words::is_white_space)
            .map(|w| Spanned::new(w.text.to_owned(), w.span))
            .collect::<Vec<_>>();
        let kind = words.first().map_or(LineKind::Blank, |first| LineKind::of(&first.value));
        Self { span: Span::new(start, start + raw.len()), kind, words, raw: raw.to_owned() }
    }

    /// Whether white space stands before the first word.
    #[must_use]
    pub fn is_indented(&self) -> bool {
        self.words.first().is_some_and(|w| w.span.start > self.span.start)
    }

    /// The first word.
    #[must_use]
    pub fn keyword(&self) -> Option<&Spanned<String>> {
        self.words.first()
    }

    /// The words after the first.
    #[must_use]
    pub fn arguments(&self) -> &[Spanned<String>] {
        self.words.get(1..).unwrap_or_default()
    }
}

impl LineKind {
    fn of(first_word: &str) -> Self {
        match first_word {
            "nameserver" => Self::Nameserver,
            "search" => Self::Search,
            "domain" => Self::Domain,
            "options" => Self::Options,
            "sortlist" => Self::Sortlist,
            word if word.starts_with(['#', ';']) => Self::Comment,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_gives_back_the_text() {
        for text in ["", "\n", "a", "a\n", "\n\na\n", "nameserver 1.1.1.1\r\n\t x \r\n", "\u{feff}#ä\n\0\n", "a\r"] {
            assert_eq!(ResolvConf::parse(text).to_text(), text, "{text:?}");
        }
    }

    #[test]
    fn words_and_lines_have_spans_in_the_text() {
        let text = "# ä\n nameserver\t10.0.0.1\r\nsearch a b\n";
        let conf = ResolvConf::parse(text);
        for line in &conf.lines {
            assert_eq!(line.span.text(text), line.raw);
            for word in &line.words {
                assert_eq!(word.span.text(text), word.value);
            }
        }
        let kinds = conf.lines.iter().map(|l| (l.kind, l.is_indented())).collect::<Vec<_>>();
        assert_eq!(kinds, [(LineKind::Comment, false), (LineKind::Nameserver, true), (LineKind::Search, false)]);
        assert_eq!(conf.crlf.map(|s| s.text(text)), Some("\r"));
    }

    #[test]
    fn the_last_line_may_lack_its_newline() {
        let conf = ResolvConf::parse("a\nb");
        assert!(conf.is_terminated(0) && !conf.is_terminated(1) && !conf.ends_with_newline);
        assert!(ResolvConf::parse("").ends_with_newline);
    }
}
