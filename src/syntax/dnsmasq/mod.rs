//! dnsmasq: its configuration files and command line (option.c of 2.90).

mod command_line;
mod conf_dir;
mod listen;
mod server;
mod settings;
mod table;
mod values;

pub use conf_dir::ConfDir;
pub use listen::{ListenMode, Listening, listening};
pub use server::{AddressAnswer, AddressRule, DomainMatch, Server, Source, Target};
pub use settings::{LocalService, Settings};
pub use table::{Arity, OPTIONS, OptionSpec};

use crate::diagnostic::nearest;
use crate::source::{Span, Spanned};
use std::collections::BTreeSet;

/// Problems up to which similar names are looked for; a file with more of them is no dnsmasq file.
const MAX_GUESSES: usize = 64;

/// A configuration file, or a command line, as a list of options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsmasqConf {
    /// Known options that are well formed, in order.
    pub entries: Vec<Entry>,
    /// What they set, as far as it concerns DNS.
    pub settings: Settings,
    /// What is wrong, in order.
    pub problems: Vec<Problem>,
    /// Names of the options that stand there and may stand once.
    stood: BTreeSet<&'static str>,
}

/// One option with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The option.
    pub option: &'static OptionSpec,
    /// Where its name or flag stands.
    pub name: Span,
    /// Its value, with quotes and escapes resolved.
    pub value: Option<Spanned<String>>,
    /// The whole option.
    pub span: Span,
}

/// A mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// The option or value.
    pub span: Span,
    /// Number of the line in a file, from 1; of the argument in a command line.
    pub line: usize,
    /// One sentence without the final dot.
    pub message: String,
    /// What was probably meant in place of the span's text.
    pub suggestion: Option<String>,
}

/// Kinds of mistakes. All but the last keep dnsmasq from starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// An option that dnsmasq does not know ("bad option").
    BadOption,
    /// An option without its value ("missing parameter").
    MissingParameter,
    /// A value of an option that takes none ("extraneous parameter").
    ExtraneousParameter,
    /// An option that may stand once only ("illegal repeated keyword").
    Repeated,
    /// A quote that is not closed.
    MissingQuote,
    /// A word on the command line that belongs to no option.
    Junk,
    /// A port that is no number up to 65535.
    BadPort,
    /// A value that is no number, or out of range.
    BadNumber,
    /// A value that is no address.
    BadAddress,
    /// A value outside the words that the option takes.
    BadValue,
    /// `IP:port`, where dnsmasq writes `IP#port`.
    PortWithColon,
    /// Several addresses in one `server=`.
    CommaList,
    /// `bind-interfaces` together with `bind-dynamic`.
    BindConflict,
    /// A look-up for several reverse zones, of which dnsmasq 2.90 dies.
    FreedTwice,
    /// A host name as upstream: it is looked up at start, and dnsmasq stops if that fails.
    HostNameUpstream,
}

impl ProblemKind {
    /// Whether dnsmasq refuses to start for certain.
    #[must_use]
    pub const fn is_fatal(self) -> bool {
        !matches!(self, Self::HostNameUpstream)
    }
}

impl DnsmasqConf {
    /// Parses a configuration file.
    ///
    /// One option a line without dashes; blanks around the line and its first `=` do not count; `#` starts a comment
    /// in column 1 and after white space; double quotes hide both.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        let mut start = 0;
        for (index, piece) in text.split_inclusive('\n').enumerate() {
            match Logical::read(piece, start) {
                Ok(line) => conf.line(&line, index + 1),
                Err(span) => {
                    conf.problem(ProblemKind::MissingQuote, span, index + 1, "a `\"` is not closed".to_owned())
                }
            }
            start += piece.len();
        }
        conf.finish()
    }

    /// Parses a command line, the words after the program's name.
    #[must_use]
    pub fn parse_args(args: &[Spanned<String>]) -> Self {
        command_line::parse(args).finish()
    }

    /// The options of this name.
    pub fn entries_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.option.name == name)
    }

    fn problem(&mut self, kind: ProblemKind, span: Span, line: usize, message: String) {
        self.problems.push(Problem { kind, span, line, message, suggestion: None });
    }

    fn line(&mut self, line: &Logical, number: usize) {
        let Some((name, value)) = line.name_and_value() else { return };
        let span = value.as_ref().map_or(name.span, |value| name.span.join(value.span));
        let hidden = line.hidden_in.is_some_and(|hidden| hidden.start < name.span.end);
        match table::find(&name.value).filter(|_| !hidden) {
            Some(option) => self.option(option, name.span, value, span, number),
            None => self.bad_option(&name, number),
        }
    }

    fn bad_option(&mut self, name: &Spanned<String>, line: usize) {
        let text = name.value.as_str();
        let undashed = text.trim_start_matches('-');
        let first_word = undashed.split(' ').next().unwrap_or_default();
        let known = table::find(undashed).or_else(|| table::find(first_word)).map(|option| option.name);
        let guess = || nearest(first_word, OPTIONS.iter().map(|option| option.name));
        let may_guess = self.problems.len() < MAX_GUESSES;
        let message = format!("`{text}` is no option of dnsmasq, which does not start");
        self.problem(ProblemKind::BadOption, name.span, line, message);
        if let Some(problem) = self.problems.last_mut() {
            problem.suggestion = known.or_else(|| may_guess.then(guess).flatten()).map(str::to_owned);
        }
    }

    /// Takes a known option, if it has a value exactly when it should.
    fn option(
        &mut self,
        option: &'static OptionSpec,
        name: Span,
        value: Option<Spanned<String>>,
        span: Span,
        line: usize,
    ) {
        let called = option.name;
        match (option.arity, &value) {
            (Arity::None, Some(_)) => {
                let message = format!("`{called}` takes no value");
                self.problem(ProblemKind::ExtraneousParameter, span, line, message);
            }
            (Arity::Required, None) => {
                let message = format!("`{called}` needs a value");
                self.problem(ProblemKind::MissingParameter, span, line, message);
            }
            _ if option.is_once() && !self.stood.insert(called) => {
                let message = format!("`{called}` stands twice; dnsmasq does not start");
                self.problem(ProblemKind::Repeated, span, line, message);
            }
            _ => {
                let entry = Entry { option, name, value, span };
                if let Err(mut problem) = values::check(&entry).and_then(|()| self.settings.apply(&entry)) {
                    problem.line = line;
                    self.problems.push(problem);
                }
                self.entries.push(entry);
            }
        }
    }

    fn finish(mut self) -> Self {
        if let (Some(_), Some(span)) = (self.settings.bind_interfaces, self.settings.bind_dynamic) {
            let message = "`bind-interfaces` and `bind-dynamic` exclude each other; dnsmasq does not start".to_owned();
            self.problem(ProblemKind::BindConflict, span, 0, message);
        }
        self
    }
}

/// A line after quotes, escapes and comments are resolved.
struct Logical {
    chars: Vec<(char, Span)>,
    /// A quoted character that keeps the name of an option from being recognised.
    hidden_in: Option<Span>,
}

/// Characters that quotes hide (`hide_meta()`); a name with a hidden one matches no option.
const HIDDEN: &str = "1234567890abcdefABCDEF \u{8}\n\r\u{1b}:,.";

impl Logical {
    /// Reads one line that begins at byte `start`; the error is the place of a quote that is not closed.
    fn read(line: &str, start: usize) -> Result<Self, Span> {
        let mut chars = Vec::new();
        let mut source =
            line.char_indices().map(|(at, c)| (c, Span::new(start + at, start + at + c.len_utf8()))).peekable();
        let mut after_blank = true;
        let mut hidden_in = None;
        while let Some((c, span)) = source.next() {
            match c {
                '"' => {
                    let from = chars.len();
                    quoted(&mut source, &mut chars, span)?;
                    let inside = chars.get(from..).unwrap_or_default();
                    let hidden = inside.iter().find(|(c, _)| HIDDEN.contains(*c)).map(|(_, span)| *span);
                    hidden_in = hidden_in.or(hidden);
                }
                ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' => {
                    chars.push((' ', span));
                    after_blank = true;
                }
                '#' if after_blank => break,
                _ => {
                    chars.push((c, span));
                    after_blank = false;
                }
            }
        }
        Ok(Self { chars, hidden_in })
    }

    /// The text before the first `=` and the text behind it.
    fn name_and_value(&self) -> Option<(Spanned<String>, Option<Spanned<String>>)> {
        let text = trim(&self.chars);
        if text.is_empty() {
            return None;
        }
        let Some(at) = text.iter().position(|(c, _)| *c == '=') else { return Some((join(text, text), None)) };
        let (name, value) = text.split_at_checked(at)?;
        let value = value.get(1..)?;
        let equals = text.get(at..=at)?;
        Some((join(trim(name), equals), Some(join(trim(value), equals))))
    }
}

/// Reads up to the closing quote; `\"`, `\\` and a few letters are escapes.
fn quoted(
    source: &mut std::iter::Peekable<impl Iterator<Item = (char, Span)>>,
    chars: &mut Vec<(char, Span)>,
    open: Span,
) -> Result<(), Span> {
    while let Some((c, span)) = source.next() {
        let escaped = if c == '\\' { source.peek().and_then(|(next, _)| unescape(*next)) } else { None };
        match (c, escaped) {
            ('"', _) => return Ok(()),
            ('\n', _) => break,
            (_, Some(value)) => {
                let end = source.next().map_or(span, |(_, span)| span);
                chars.push((value, span.join(end)));
            }
            _ => chars.push((c, span)),
        }
    }
    Err(open)
}

const fn unescape(c: char) -> Option<char> {
    Some(match c {
        '"' | '\\' => c,
        't' => '\t',
        'n' => '\n',
        'b' => '\u{8}',
        'r' => '\r',
        'e' => '\u{1b}',
        _ => return None,
    })
}

fn trim(chars: &[(char, Span)]) -> &[(char, Span)] {
    let visible = |(c, _): &(char, Span)| *c != ' ';
    let start = chars.iter().position(visible).unwrap_or(chars.len());
    let end = chars.iter().rposition(visible).map_or(start, |last| last + 1);
    chars.get(start..end).unwrap_or_default()
}

/// The characters as one text; an empty text stands at the end of `anchor`.
fn join(chars: &[(char, Span)], anchor: &[(char, Span)]) -> Spanned<String> {
    let span = match (chars.first(), chars.last()) {
        (Some((_, first)), Some((_, last))) => first.join(*last),
        _ => anchor.last().map_or(Span::default(), |(_, span)| Span::new(span.end, span.end)),
    };
    Spanned::new(chars.iter().map(|(c, _)| *c).collect(), span)
}

/// A part of a value as a span: exact where no quote changed the text, else the whole value.
fn part(value: &Spanned<String>, start: usize, len: usize) -> Span {
    if value.value.len() == value.span.len() {
        Span::new(value.span.start + start, value.span.start + start + len)
    } else {
        value.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(&str, Option<String>)> {
        let conf = DnsmasqConf::parse(text);
        conf.entries.iter().map(|e| (e.name.text(text), e.value.as_ref().map(|v| v.value.clone()))).collect()
    }

    #[test]
    fn one_option_a_line() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            entries(
                "# c\n  server  =  1.1.1.1  # x\r\nno-resolv\nserver=1.2.3.4#53\n\tresolv-file=\"/a #b\\t\"\nport=\n"
            ),
            [
                ("server", some("1.1.1.1")),
                ("no-resolv", None),
                ("server", some("1.2.3.4#53")),
                ("resolv-file", some("/a #b\t")),
                ("port", some("")),
            ]
        );
    }

    #[test]
    fn spans_cover_name_value_and_option() {
        let text = " server = 1.1.1.1 # x\n";
        let conf = DnsmasqConf::parse(text);
        let entry = conf.entries.first().unwrap();
        assert_eq!((entry.name.text(text), entry.span.text(text)), ("server", "server = 1.1.1.1"));
        assert_eq!(entry.value.as_ref().map(|v| v.span.text(text)), Some("1.1.1.1"));
    }

    #[test]
    fn problems_have_lines_and_suggestions() {
        let text = "no-resolv\nservers=1.1.1.1\n--port=53\nserver 1.1.1.1\nno-poll=1\nserver\nserver=\"1\n";
        let conf = DnsmasqConf::parse(text);
        let got = conf
            .problems
            .iter()
            .map(|p| (p.kind, p.line, p.span.text(text), p.suggestion.as_deref()))
            .collect::<Vec<_>>();
        assert_eq!(
            got,
            [
                (ProblemKind::BadOption, 2, "servers", Some("server")),
                (ProblemKind::BadOption, 3, "--port", Some("port")),
                (ProblemKind::BadOption, 4, "server 1.1.1.1", Some("server")),
                (ProblemKind::ExtraneousParameter, 5, "no-poll=1", None),
                (ProblemKind::MissingParameter, 6, "server", None),
                (ProblemKind::MissingQuote, 7, "\"", None),
            ]
        );
    }

    #[test]
    fn bind_options_exclude_each_other() {
        let conf = DnsmasqConf::parse("bind-interfaces\nbind-dynamic\n");
        assert_eq!(conf.problems.iter().map(|p| p.kind).collect::<Vec<_>>(), [ProblemKind::BindConflict]);
    }
}
