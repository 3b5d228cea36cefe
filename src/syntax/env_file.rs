//! `EnvironmentFile=` files (systemd `src/basic/env-file.c`): not a shell, although it looks like one.

use super::systemd::{Traced, is_valid_variable_name};
use crate::source::{FileId, Span, Spanned, TextMap};
use std::collections::BTreeMap;

/// First systemd release in which a backslash at the end of a comment no longer continues the comment.
const COMMENTS_DO_NOT_CONTINUE: u32 = 254;

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// A parsed environment file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvFile {
    /// Assignments in file order, those that systemd discards too.
    pub entries: Vec<Entry>,
    /// Lines that have no effect.
    pub problems: Vec<EnvProblem>,
}

/// One `NAME=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name as written, blanks behind it cut.
    pub key: Spanned<String>,
    /// The value, quotes and escapes removed.
    pub value: String,
    /// Places the bytes of `value` in the file.
    pub map: TextMap,
    /// From the name to the end of the value as written, quotes included.
    pub span: Span,
}

impl Entry {
    /// Whether systemd accepts the name; otherwise the entry is discarded with a warning.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        is_valid_variable_name(&self.key.value)
    }

    /// The value with its place in `file`.
    #[must_use]
    pub fn traced(&self, file: FileId) -> Traced {
        Traced::mapped(&self.value, file, &self.map)
    }
}

/// Something in an environment file that systemd ignores, or that it does not take as it seems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvProblem {
    /// What.
    pub kind: EnvProblemKind,
    /// Where.
    pub span: Span,
}

/// Kinds of [`EnvProblem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvProblemKind {
    /// A line without `=` behind a name: dropped.
    MissingEquals,
    /// A name that is no variable's name: the entry is discarded.
    InvalidName,
    /// The same, because of a shell's `export` in front.
    Export,
    /// The file ends inside a quoted value: everything behind the quote belongs to the value.
    UnterminatedQuote,
    /// The file holds a NUL byte: systemd refuses to read it.
    NulByte,
}

impl EnvFile {
    /// The valid assignments in order, as the service gets them; a later one of a name wins.
    #[must_use]
    pub fn variables(&self, file: FileId) -> Vec<(String, Traced)> {
        let valid = self.entries.iter().filter(|entry| entry.is_valid());
        valid.map(|entry| (entry.key.value.clone(), entry.traced(file))).collect()
    }

    /// The last entry of each name, the invalid ones too.
    #[must_use]
    pub fn last_of_each(&self) -> BTreeMap<&str, &Entry> {
        self.entries.iter().map(|entry| (entry.key.value.as_str(), entry)).collect()
    }
}

/// Parses an environment file. `systemd` is the major version of the node's systemd, if known; without one the current
/// behaviour (254 and later) is assumed.
#[must_use]
pub fn parse(text: &str, systemd: Option<u32>) -> EnvFile {
    if let Some(nul) = text.find('\0') {
        let problem = EnvProblem { kind: EnvProblemKind::NulByte, span: Span::new(nul, nul + 1) };
        return EnvFile { entries: Vec::new(), problems: vec![problem] };
    }
    let comments_continue = systemd.is_some_and(|version| version < COMMENTS_DO_NOT_CONTINUE);
    let mut machine = Machine { state: State::PreKey, comments_continue, ..Machine::default() };
    for (at, c) in text.char_indices() {
        machine.step(at, c);
    }
    machine.finish(text.len());
    machine.out
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    PreKey,
    Key,
    PreValue,
    Value,
    ValueEscape,
    SingleQuoted,
    DoubleQuoted,
    DoubleQuotedEscape,
    Comment,
    CommentEscape,
}

/// The state machine of `parse_env_file_internal()`, with the place of each byte that it keeps.
#[derive(Default)]
struct Machine {
    out: EnvFile,
    state: State,
    comments_continue: bool,
    key: String,
    key_start: usize,
    value: Value,
    /// End of the last byte that belongs to the value as written.
    value_end: usize,
    quote_start: usize,
}

const fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

impl Machine {
    fn step(&mut self, at: usize, c: char) {
        match self.state {
            State::PreKey => self.before_key(at, c),
            State::Key => self.in_key(at, c),
            State::PreValue => self.before_value(at, c),
            State::Value => self.in_value(at, c),
            State::ValueEscape => {
                self.state = State::Value;
                if !is_newline(c) {
                    self.value.push(c, Span::new(at - 1, at + c.len_utf8()));
                    self.value.protect();
                    self.value_end = at + c.len_utf8();
                }
            }
            State::SingleQuoted if c == '\'' => self.close_quote(at),
            State::DoubleQuoted if c == '"' => self.close_quote(at),
            State::DoubleQuoted if c == '\\' => self.state = State::DoubleQuotedEscape,
            State::SingleQuoted | State::DoubleQuoted => self.value.push(c, Span::new(at, at + c.len_utf8())),
            State::DoubleQuotedEscape => self.in_double_quoted_escape(at, c),
            State::Comment | State::CommentEscape => self.in_comment(c),
        }
    }

    fn before_key(&mut self, at: usize, c: char) {
        if matches!(c, '#' | ';') {
            self.state = State::Comment;
        } else if !BLANKS.contains(&c) {
            self.state = State::Key;
            self.key_start = at;
            self.key.push(c);
        }
    }

    fn in_key(&mut self, at: usize, c: char) {
        if is_newline(c) {
            self.drop_line();
        } else if c == '=' {
            self.state = State::PreValue;
            self.value = Value::default();
            self.value_end = at + 1;
        } else {
            self.key.push(c);
        }
    }

    fn drop_line(&mut self) {
        let end = self.key_start + self.key.trim_end_matches(BLANKS).len();
        let span = Span::new(self.key_start, end);
        self.out.problems.push(EnvProblem { kind: EnvProblemKind::MissingEquals, span });
        self.key.clear();
        self.state = State::PreKey;
    }

    fn before_value(&mut self, at: usize, c: char) {
        match c {
            _ if is_newline(c) => self.push_entry(),
            '\'' => self.open_quote(at, State::SingleQuoted),
            '"' => self.open_quote(at, State::DoubleQuoted),
            '\\' => {
                self.state = State::ValueEscape;
                self.value.protect();
            }
            _ if BLANKS.contains(&c) => {}
            _ => {
                self.state = State::Value;
                self.keep_plain(at, c);
            }
        }
    }

    fn in_value(&mut self, at: usize, c: char) {
        match c {
            _ if is_newline(c) => {
                self.value.cut_trailing_blanks();
                self.push_entry();
            }
            '\\' => {
                self.state = State::ValueEscape;
                self.value.protect();
            }
            _ if BLANKS.contains(&c) => self.value.push(c, Span::new(at, at + 1)),
            _ => self.keep_plain(at, c),
        }
    }

    fn keep_plain(&mut self, at: usize, c: char) {
        let span = Span::new(at, at + c.len_utf8());
        self.value.push(c, span);
        self.value.protect();
        self.value_end = span.end;
    }

    fn open_quote(&mut self, at: usize, state: State) {
        self.state = state;
        self.quote_start = at;
    }

    fn close_quote(&mut self, at: usize) {
        self.state = State::PreValue;
        if self.value.text.is_empty() {
            self.value.empty_at = Some(at);
        }
        self.value_end = at + 1;
    }

    /// Inside double quotes a backslash goes away only before a quote, a backslash, `$`, a backtick or a line end.
    fn in_double_quoted_escape(&mut self, at: usize, c: char) {
        self.state = State::DoubleQuoted;
        let end = at + c.len_utf8();
        if matches!(c, '"' | '\\' | '`' | '$') {
            self.value.push(c, Span::new(at - 1, end));
        } else if c != '\n' {
            self.value.push('\\', Span::new(at - 1, at));
            self.value.push(c, Span::new(at, end));
        }
    }

    fn in_comment(&mut self, c: char) {
        let escaped = self.state == State::CommentEscape;
        self.state = match c {
            _ if is_newline(c) && !(escaped && self.comments_continue) => State::PreKey,
            '\\' if !escaped => State::CommentEscape,
            _ => State::Comment,
        };
    }

    fn finish(&mut self, end: usize) {
        match self.state {
            State::PreKey | State::Comment | State::CommentEscape => {}
            State::Key => self.drop_line(),
            State::SingleQuoted | State::DoubleQuoted | State::DoubleQuotedEscape => {
                let span = Span::new(self.quote_start, self.quote_start + 1);
                self.out.problems.push(EnvProblem { kind: EnvProblemKind::UnterminatedQuote, span });
                self.value_end = end;
                self.push_entry();
            }
            State::Value => {
                self.value.cut_trailing_blanks();
                self.push_entry();
            }
            State::PreValue | State::ValueEscape => self.push_entry(),
        }
    }

    fn push_entry(&mut self) {
        let name = self.key.trim_end_matches(BLANKS).to_owned();
        let key = Spanned::new(name, Span::new(self.key_start, self.key_start));
        let key = Spanned { span: Span::new(self.key_start, self.key_start + key.value.len()), ..key };
        let (value, map) = std::mem::take(&mut self.value).into_mapped(self.value_end);
        if !is_valid_variable_name(&key.value) {
            let export = key.value.strip_prefix("export").is_some_and(|rest| rest.starts_with(BLANKS));
            let kind = if export { EnvProblemKind::Export } else { EnvProblemKind::InvalidName };
            self.out.problems.push(EnvProblem { kind, span: key.span });
        }
        let span = Span::new(self.key_start, self.value_end);
        self.out.entries.push(Entry { key, value, map, span });
        self.key.clear();
        self.state = State::PreKey;
    }
}

/// A value in the making.
#[derive(Default)]
struct Value {
    text: String,
    /// Decoded length and file span of each run.
    runs: Vec<(usize, Span)>,
    /// Length up to which trailing blanks are kept because something else, or an escape, came behind them.
    protected: usize,
    /// Where an empty quoted value stands: between its quotes.
    empty_at: Option<usize>,
}

impl Value {
    fn push(&mut self, c: char, span: Span) {
        self.text.push(c);
        let len = c.len_utf8();
        match self.runs.last_mut() {
            Some((run, at)) if *run == at.len() && len == span.len() && at.end == span.start => {
                *run += len;
                at.end = span.end;
            }
            _ => self.runs.push((len, span)),
        }
    }

    const fn protect(&mut self) {
        self.protected = self.text.len();
    }

    fn cut_trailing_blanks(&mut self) {
        self.text.truncate(self.protected);
    }

    /// The text and its map; an empty value stands at `end` or between its quotes.
    fn into_mapped(self, end: usize) -> (String, TextMap) {
        let mut map = TextMap::default();
        let mut left = self.text.len();
        for (len, span) in self.runs {
            if left == 0 {
                break;
            }
            let taken = len.min(left);
            let cut = if taken < len { Span::new(span.start, span.start + taken) } else { span };
            map.push(taken, cut);
            left -= taken;
        }
        if self.text.is_empty() {
            let at = self.empty_at.unwrap_or(end);
            map.push(0, Span::new(at, at));
        }
        (self.text, map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text, None).entries.into_iter().map(|e| (e.key.value, e.value)).collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.into(), value.into())
    }

    fn kinds(text: &str) -> Vec<EnvProblemKind> {
        parse(text, None).problems.into_iter().map(|p| p.kind).collect()
    }

    #[test]
    fn values_point_at_their_bytes() {
        let text = "# c\nKUBELET_EXTRA_ARGS=\"--a=1 \\\n--b=\\\"2\\\" \"\n X =  y z  \nE=\nQ='' \n";
        let file = parse(text, None);
        let place = |index: usize, needle: &str| {
            let entry: &Entry = file.entries.get(index).unwrap();
            let at = entry.value.find(needle).unwrap();
            entry.map.span(Span::new(at, at + needle.len())).text(text).to_owned()
        };
        assert_eq!(place(0, "--a=1"), "--a=1");
        assert_eq!(place(0, "--b=\"2\""), "--b=\\\"2\\\"");
        assert_eq!(place(1, "y z"), "y z");
        let spans: Vec<_> = file.entries.iter().map(|e| e.span.text(text)).collect();
        assert_eq!(spans.get(1..), Some(["X =  y z", "E=", "Q=''"].as_slice()));
        let empty: Vec<_> = file.entries.iter().skip(2).map(|e| e.map.span(Span::new(0, 0)).start).collect();
        assert_eq!(empty, [text.find("E=").unwrap() + 2, text.find("''").unwrap() + 1]);
        assert_eq!(file.entries.get(1).map(|e| e.key.span.text(text)), Some("X"));
    }

    #[test]
    fn blanks_before_a_continuation_stay_and_trailing_ones_go() {
        assert_eq!(
            pairs("a=x \\\n y  \nb=z\\ \nc=\\\n\nd= 'q'  \ne=\"q \"\\\n \n"),
            [pair("a", "x  y"), pair("b", "z "), pair("c", ""), pair("d", "q"), pair("e", "q ")]
        );
    }

    #[test]
    fn carriage_returns_end_lines_even_behind_a_backslash() {
        assert_eq!(pairs("a=1\r\nb=\"x\ty\"\r\nc=1 \\\r\n2\r\n"), [pair("a", "1"), pair("b", "x\ty"), pair("c", "1 ")]);
    }

    #[test]
    fn comments_continued_only_before_254() {
        let text = "# x \\\nA=1\n";
        assert_eq!(parse(text, Some(253)).entries.len(), 0);
        assert_eq!(parse(text, Some(254)).entries.len(), 1);
        assert_eq!(parse(text, None).entries.len(), 1);
    }

    #[test]
    fn says_what_is_ignored() {
        use EnvProblemKind as K;
        assert_eq!(
            kinds("export A=1\nB-C=2\nfoo\n=x=\nD='open\n"),
            [K::Export, K::InvalidName, K::MissingEquals, K::InvalidName, K::UnterminatedQuote]
        );
        assert_eq!(parse("export A=1\nB=2\n", None).variables(FileId(0)).len(), 1);
        assert_eq!(kinds("A=1\0"), [K::NulByte]);
        assert_eq!(parse("\u{feff}A=1\n", None).problems.len(), 1);
    }
}
