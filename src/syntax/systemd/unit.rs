//! Unit files and drop-ins: sections, assignments, continuations (systemd `src/shared/conf-parser.c`, `systemd.syntax(7)`).

use super::traced::Traced;
use crate::source::{FileId, Location, Span, Spanned, TextMap};
use std::sync::Arc;

/// Longest line, continuations included, that systemd reads (`LONG_LINE_MAX`); a longer one fails the file.
pub const MAX_LINE_LEN: usize = 1024 * 1024;

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Section types that some unit type of systemd knows.
const SECTIONS: [&str; 12] =
    ["Unit", "Install", "Service", "Socket", "Timer", "Path", "Mount", "Automount", "Swap", "Slice", "Scope", "Target"];

/// Keys that only `[Service]` has and that decide what is started and with which environment.
const SERVICE_KEYS: [&str; 16] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
    "Environment",
    "EnvironmentFile",
    "PassEnvironment",
    "UnsetEnvironment",
    "Type",
    "User",
    "Restart",
    "RemainAfterExit",
    "WorkingDirectory",
];

/// Keys of `[Unit]` that are often put under `[Service]`.
const UNIT_KEYS: [&str; 8] =
    ["Description", "Documentation", "After", "Before", "Wants", "Requires", "BindsTo", "PartOf"];

/// Keys of `[Install]`.
const INSTALL_KEYS: [&str; 4] = ["WantedBy", "RequiredBy", "Alias", "Also"];

/// A parsed unit file or drop-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Section headers in file order; the span includes the brackets.
    pub sections: Vec<Spanned<String>>,
    /// Assignments in file order, those outside any section too.
    pub assignments: Vec<Assignment>,
    /// What systemd would log about the text.
    pub problems: Vec<UnitProblem>,
}

/// One `Key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Name of the section; `None` before the first header, where systemd ignores it.
    pub section: Option<Arc<str>>,
    /// The key.
    pub key: Spanned<String>,
    /// The value with continuation lines joined and blanks around it cut.
    pub value: String,
    /// From the key to the end of the value.
    pub span: Span,
    /// Places the bytes of `value` in the file.
    pub map: TextMap,
}

impl Assignment {
    /// Whether systemd counts it for `[section]`.
    #[must_use]
    pub fn is(&self, section: &str, key: &str) -> bool {
        self.section.as_deref() == Some(section) && self.key.value == key
    }

    /// The value with its place in `file`.
    #[must_use]
    pub fn traced(&self, file: FileId) -> Traced {
        Traced::mapped(&self.value, file, &self.map)
    }

    /// The whole assignment.
    #[must_use]
    pub const fn location(&self, file: FileId) -> Location {
        Location::new(file, self.span)
    }
}

/// Something in a unit file that systemd ignores or refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitProblem {
    /// What.
    pub kind: UnitProblemKind,
    /// Where.
    pub span: Span,
}

/// Kinds of [`UnitProblem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitProblemKind {
    /// An assignment before the first section header: ignored.
    OutsideSection,
    /// No unit type has this section (names that start with `X-` are meant for other programs): its lines are ignored.
    UnknownSection,
    /// A header without its closing bracket, or with quotes, backslashes or control characters: the rest of the file is
    /// not read, and a unit (not a drop-in) is refused.
    BadSectionHeader,
    /// A line without `=`: ignored.
    MissingEquals,
    /// Nothing before `=`: ignored.
    MissingKey,
    /// The key belongs to another section: ignored.
    WrongSection {
        /// The section that has this key.
        expected: &'static str,
    },
    /// No such key, but one that is spelt almost the same: ignored.
    MisspeltKey {
        /// The key that was meant.
        meant: &'static str,
    },
    /// A line above [`MAX_LINE_LEN`]: the rest of the file is not read.
    LineTooLong,
}

impl UnitProblemKind {
    /// Whether systemd stops reading the file there.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::BadSectionHeader | Self::LineTooLong)
    }
}

impl Unit {
    /// The fatal problem that ended reading, if any.
    #[must_use]
    pub fn fatal(&self) -> Option<&UnitProblem> {
        self.problems.iter().find(|p| p.kind.is_fatal())
    }

    /// Whether it assigns something but never inside a section, so that all of it is ignored.
    #[must_use]
    pub fn lacks_section(&self) -> bool {
        !self.assignments.is_empty() && self.assignments.iter().all(|a| a.section.is_none())
    }

    /// Assignments of `key` in `[section]`.
    pub fn all<'a>(&'a self, section: &'a str, key: &'a str) -> impl Iterator<Item = &'a Assignment> {
        self.assignments.iter().filter(move |a| a.is(section, key))
    }
}

/// Parses a unit file or drop-in. Never fails: what systemd would not read is reported in `problems`.
#[must_use]
pub fn parse(text: &str) -> Unit {
    let mut parser = Parser::default();
    let mut pending: Option<Logical> = None;
    let mut seen_bom = false;
    for mut span in (PhysicalLines { text, next: 0 }) {
        if is_comment(span.text(text)) {
            continue;
        }
        if !seen_bom && span.text(text).starts_with('\u{feff}') {
            seen_bom = true;
            span.start += '\u{feff}'.len_utf8();
        }
        let joined = pending.as_ref().map_or(0, |p| p.text.len()) + span.len();
        if joined > MAX_LINE_LEN {
            parser.problem(UnitProblemKind::LineTooLong, span);
            return parser.unit;
        }
        let mut logical = pending.take().unwrap_or_default();
        if logical.push_line(text, span) {
            pending = Some(logical);
        } else if parser.line(&logical).is_none() {
            return parser.unit;
        }
    }
    if let Some(logical) = pending {
        let _ = parser.line(&logical);
    }
    parser.unit
}

fn is_comment(line: &str) -> bool {
    line.trim_start_matches(BLANKS).starts_with(['#', ';'])
}

/// Lines as systemd's `read_line()` sees them: `\n`, `\r`, NUL, or `\n` and `\r` next to each other end one.
struct PhysicalLines<'a> {
    text: &'a str,
    next: usize,
}

impl Iterator for PhysicalLines<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let start = self.next;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find(['\n', '\r', '\0']).unwrap_or(rest.len());
        let ending = rest.get(length..).unwrap_or("").as_bytes();
        let ending_len = match ending {
            [] => 0,
            [b'\n', b'\r', b'\0', ..] | [b'\r', b'\n', b'\0', ..] => 3,
            [b'\n', b'\r' | b'\0', ..] | [b'\r', b'\n' | b'\0', ..] => 2,
            _ => 1,
        };
        self.next = start + length + ending_len;
        Some(Span::new(start, start + length))
    }
}

/// A line with its continuations joined, and the file spans that it is made of.
#[derive(Default)]
struct Logical {
    text: String,
    parts: Vec<(usize, Span)>,
}

impl Logical {
    /// Appends a physical line; true if its last character is an unescaped backslash, which becomes one blank.
    fn push_line(&mut self, text: &str, span: Span) -> bool {
        let line = span.text(text);
        let continues = line.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
        self.parts.push((self.text.len(), span));
        self.text.push_str(line);
        if continues {
            self.text.pop();
            self.text.push(' ');
        }
        continues
    }

    /// Places the joined bytes `range` in the file.
    fn map(&self, range: Span) -> TextMap {
        let mut map = TextMap::default();
        let first = self.parts.partition_point(|(start, _)| *start <= range.start).saturating_sub(1);
        for (start, span) in self.parts.iter().skip(first) {
            let from = range.start.max(*start);
            let to = range.end.min(start + span.len());
            if from < to || (range.is_empty() && from == to) {
                map.push(to - from, Span::new(span.start + from - start, span.start + to - start));
            }
            if range.end <= start + span.len() {
                break;
            }
        }
        map
    }

    fn span(&self, range: Span) -> Span {
        self.map(range).span(Span::new(0, range.len()))
    }
}

#[derive(Default)]
struct Parser {
    unit: Unit,
    section: Option<Arc<str>>,
}

impl Parser {
    fn problem(&mut self, kind: UnitProblemKind, span: Span) {
        self.unit.problems.push(UnitProblem { kind, span });
    }

    /// Takes one logical line; `None` where systemd stops reading the file.
    fn line(&mut self, logical: &Logical) -> Option<()> {
        let range = trimmed(&logical.text, Span::new(0, logical.text.len()));
        let text = range.text(&logical.text);
        if text.is_empty() {
            return Some(());
        }
        if text.starts_with('[') {
            return self.header(text, logical.span(range));
        }
        let Some(equals) = text.find('=') else {
            self.problem(UnitProblemKind::MissingEquals, logical.span(range));
            return Some(());
        };
        self.assignment(logical, range, range.start + equals);
        Some(())
    }

    fn header(&mut self, text: &str, span: Span) -> Option<()> {
        let name = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let Some(name) = name.filter(|name| is_safe(name)) else {
            self.problem(UnitProblemKind::BadSectionHeader, span);
            return None;
        };
        if !SECTIONS.contains(&name) && !name.starts_with("X-") {
            self.problem(UnitProblemKind::UnknownSection, span);
        }
        self.section = Some(Arc::from(name));
        self.unit.sections.push(Spanned::new(name.to_owned(), span));
        Some(())
    }

    fn assignment(&mut self, logical: &Logical, range: Span, equals: usize) {
        let key_range = trimmed(&logical.text, Span::new(range.start, equals));
        let value_range = trimmed(&logical.text, Span::new(equals + 1, range.end));
        let span = logical.span(range);
        if key_range.is_empty() {
            self.problem(UnitProblemKind::MissingKey, span);
            return;
        }
        let key = Spanned::new(key_range.text(&logical.text).to_owned(), logical.span(key_range));
        match &self.section {
            None => self.problem(UnitProblemKind::OutsideSection, span),
            Some(section) => {
                if let Some(kind) = misplaced(section, &key.value) {
                    self.problem(kind, key.span);
                }
            }
        }
        self.unit.assignments.push(Assignment {
            section: self.section.clone(),
            key,
            value: value_range.text(&logical.text).to_owned(),
            span,
            map: logical.map(value_range),
        });
    }
}

/// `string_is_safe()`: what a section name may hold.
fn is_safe(name: &str) -> bool {
    !name.chars().any(|c| c < ' ' || matches!(c, '"' | '\'' | '\\' | '\x7f'))
}

/// The range without blanks at both ends; an all-blank range becomes empty at its end.
fn trimmed(text: &str, range: Span) -> Span {
    let part = range.text(text);
    let start = range.end - part.trim_start_matches(BLANKS).len();
    let end = range.start + part.trim_end_matches(BLANKS).len();
    if end < start { Span::new(range.end, range.end) } else { Span::new(start, end) }
}

fn misplaced(section: &str, key: &str) -> Option<UnitProblemKind> {
    let expected = if SERVICE_KEYS.contains(&key) {
        "Service"
    } else if UNIT_KEYS.contains(&key) {
        "Unit"
    } else if INSTALL_KEYS.contains(&key) {
        "Install"
    } else {
        let meant = SERVICE_KEYS.iter().find(|known| section == "Service" && is_misspelling(key, known));
        return meant.map(|meant| UnitProblemKind::MisspeltKey { meant });
    };
    let concerned = matches!(section, "Service" | "Unit" | "Install");
    (concerned && section != expected).then_some(UnitProblemKind::WrongSection { expected })
}

/// Wrong case, a stray `-`, `_` or plural `s`, or one letter added, lost, changed or swapped with its neighbour.
fn is_misspelling(key: &str, known: &str) -> bool {
    if key.len() > 2 * known.len() {
        return false;
    }
    let plain = |s: &str| s.replace(['-', '_'], "").to_ascii_lowercase();
    let (key, known) = (plain(key), plain(known));
    key == known || key.strip_suffix('s') == Some(&known) || (known.len() > 5 && is_one_edit(&key, &known))
}

fn is_one_edit(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(prefix..).unwrap_or(&[]), b.get(prefix..).unwrap_or(&[]));
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(..a.len() - suffix).unwrap_or(&[]), b.get(..b.len() - suffix).unwrap_or(&[]));
    match (a, b) {
        ([x, y], [z, w]) => x == w && y == z,
        _ => a.len() <= 1 && b.len() <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String, String)> {
        let unit = parse(text);
        unit.assignments
            .iter()
            .map(|a| (a.section.as_deref().unwrap_or("").to_owned(), a.key.value.clone(), a.value.clone()))
            .collect()
    }

    fn kinds(text: &str) -> Vec<UnitProblemKind> {
        parse(text).problems.into_iter().map(|p| p.kind).collect()
    }

    fn triple(a: &str, b: &str, c: &str) -> (String, String, String) {
        (a.into(), b.into(), c.into())
    }

    #[test]
    fn joins_continuations_over_comments_and_keeps_places() {
        let text = "[Service]\nExecStart=/bin/k3s \\\n# why\n    server \\\n\t'--x' \\\n\nUser=me\n";
        assert_eq!(
            values(text),
            [triple("Service", "ExecStart", "/bin/k3s      server  \t'--x'"), triple("Service", "User", "me")]
        );
        let unit = parse(text);
        let start = unit.assignments.first().unwrap();
        let at = start.value.find("'--x'").unwrap();
        let span = start.map.span(Span::new(at, at + 5));
        assert_eq!((span.text(text), span.start), ("'--x'", text.find("'--x'").unwrap()));
        assert_eq!(unit.problems, []);
    }

    #[test]
    fn reads_bom_crlf_indentation_and_lone_carriage_returns() {
        let text = "\u{feff}[Service]\r\n  Type = notify \r\nEnvironment=A=1 \\\r\n  B=2\rUser=x\0Group=y";
        assert_eq!(
            values(text),
            [
                triple("Service", "Type", "notify"),
                triple("Service", "Environment", "A=1    B=2"),
                triple("Service", "User", "x"),
                triple("Service", "Group", "y"),
            ]
        );
    }

    #[test]
    fn an_escaped_backslash_does_not_continue() {
        assert_eq!(values("[Service]\nA=x\\\\\nB=y"), [triple("Service", "A", "x\\\\"), triple("Service", "B", "y")]);
    }

    #[test]
    fn an_empty_value_keeps_its_place() {
        let unit = parse("[Service]\nExecStart=\nExecStart =  \n");
        let places: Vec<_> = unit.assignments.iter().map(|a| a.map.span(Span::new(0, 0))).collect();
        assert_eq!(places, [Span::new(20, 20), Span::new(32, 32)]);
        assert_eq!(unit.assignments.last().map(|a| a.span), Some(Span::new(21, 32)));
    }

    #[test]
    fn says_what_systemd_ignores() {
        use UnitProblemKind as K;
        assert_eq!(kinds("ExecStart=/bin/true\n"), [K::OutsideSection]);
        assert!(parse("# c\nExecStart=/bin/true\n").lacks_section());
        assert!(!parse("# only a comment\n").lacks_section());
        assert_eq!(
            kinds("[Service]\nfoo\n=x\n[Foo]\nA=1\n[X-Foo]\nB=2"),
            [K::MissingEquals, K::MissingKey, K::UnknownSection]
        );
        assert_eq!(
            kinds("[Unit]\nEnvironment=A=1\n[Service]\nAfter=x\nWantedBy=y"),
            [
                K::WrongSection { expected: "Service" },
                K::WrongSection { expected: "Unit" },
                K::WrongSection { expected: "Install" },
            ]
        );
        assert_eq!(
            kinds("[Service]\nenvironment=A\nEnvironmentFiles=/x\nEnviroment=B\nExecStrat=/b\nExecStop=/b"),
            [
                K::MisspeltKey { meant: "Environment" },
                K::MisspeltKey { meant: "EnvironmentFile" },
                K::MisspeltKey { meant: "Environment" },
                K::MisspeltKey { meant: "ExecStart" },
            ]
        );
    }

    #[test]
    fn stops_where_systemd_stops() {
        let unit = parse("[Service\nExecStart=/bin/true\n");
        assert_eq!((unit.assignments.len(), unit.fatal().map(|p| p.span)), (0, Some(Span::new(0, 8))));
        let long = format!("[Service]\nA={}\nB=1\n", "x".repeat(MAX_LINE_LEN));
        assert_eq!(kinds(&long), [UnitProblemKind::LineTooLong]);
    }
}
