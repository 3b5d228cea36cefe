//! Formats a Corefile: indentation, spacing and blank lines; words, comments and their order stay.
//!
//! Only the blanks between words change, so the result is a list of replaced gaps. That nothing else changed is proved
//! by reading the result and comparing it with the original, word for word and line for line, as plugins see them.

use super::lexer::{Lexed, lex_all};
use super::token::{FileIndex, Place, Token};
use super::tree::{Corefile, ServerBlock};
use super::{ErrorKind, NoImports, Options, WarningKind, parse};
use crate::source::Span;
use std::collections::BTreeSet;

/// One level of indentation, as in the documentation of CoreDNS.
const INDENT: &str = "    ";
/// Line feeds between two lines at most: one empty line.
const MAX_BREAKS: usize = 2;

/// What a text is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A Corefile: server blocks and snippets.
    Corefile,
    /// Directives that an `import` puts into a server block (`*.override`).
    Directives,
}

/// Why a text cannot be formatted: what CoreDNS makes of it is not what it looks like, or not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unformattable {
    /// The bytes to point at.
    pub span: Span,
    /// A sentence without its full stop.
    pub reason: String,
}

/// A formatted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formatted {
    /// What is replaced: spans of the original text that do not overlap, in order, with line feeds as line ends.
    pub changes: Vec<(Span, String)>,
    /// The whole text with the changes made; its line ends are those of the original.
    pub text: String,
}

/// Formats `text`; a text that is formatted already gives no changes.
///
/// # Errors
/// The text is not read by CoreDNS, or holds something whose meaning hangs on its blanks (an unterminated quote, a `#`
/// inside a word, braces that do not match).
pub fn format(text: &str, shape: Shape) -> Result<Formatted, Unformattable> {
    let lexed = lex_all(text, FileIndex::MAIN);
    let corefile = read(text);
    refuse(&lexed, &corefile, shape)?;
    let braces = if shape == Shape::Corefile { Braces::of(&corefile, &lexed.tokens) } else { Braces::default() };
    let changes = changes(text, &lexed, &braces);
    let crlf = text.find('\n').is_some_and(|at| text.get(..at).is_some_and(|line| line.ends_with('\r')));
    let formatted = apply(text, &changes, crlf);
    if !same_meaning(&lexed, &lex_all(&formatted, FileIndex::MAIN))
        || (shape == Shape::Corefile && outline(&corefile) != outline(&read(&formatted)))
    {
        let reason = "formatting would change its meaning".to_owned();
        return Err(Unformattable { span: Span::new(0, 0), reason });
    }
    Ok(Formatted { changes, text: formatted })
}

fn read(text: &str) -> Corefile {
    let options = Options {
        main_file_name: "Corefile",
        directory: "/",
        env: &|_| None,
        valid_directives: None,
        imports: &NoImports,
    };
    parse(text, &options)
}

fn refuse(lexed: &Lexed, corefile: &Corefile, shape: Shape) -> Result<(), Unformattable> {
    let no = |span: Span, reason: &str| Err(Unformattable { span, reason: reason.to_owned() });
    if let Some(span) = lexed.unterminated_quote {
        return no(Span::new(span.start, span.start + 1), "a quote is never closed");
    }
    if let Some(span) = lexed.cutting_comments.first() {
        return no(*span, "a `#` inside a word cuts it, and what follows is read as words");
    }
    // what another file brings in is not needed to format this one
    let own = |kind: ErrorKind| !matches!(kind, ErrorKind::ImportNotFound | ErrorKind::ImportUnreadable);
    let misread = |kind: WarningKind| matches!(kind, WarningKind::StrayClosingBrace | WarningKind::MissingFinalBrace);
    if shape == Shape::Corefile {
        if let Some(error) = corefile.errors.iter().find(|error| own(error.kind)) {
            return no(error.span, &error.message);
        }
        if let Some(warning) = corefile.warnings.iter().find(|warning| misread(warning.kind)) {
            return no(warning.span, &warning.message);
        }
    }
    match unmatched(&lexed.tokens) {
        Some(token) => no(token.span, "this brace has no counterpart"),
        None => Ok(()),
    }
}

/// The first brace without its counterpart.
fn unmatched(tokens: &[Token]) -> Option<&Token> {
    let mut open = Vec::new();
    for token in tokens {
        if token.is_open() {
            open.push(token);
        } else if token.is_close() && open.pop().is_none() {
            return Some(token);
        }
    }
    open.pop()
}

/// Starts of the braces around the bodies of server blocks and snippets.
#[derive(Default)]
struct Braces {
    open: BTreeSet<usize>,
    close: BTreeSet<usize>,
}

impl Braces {
    fn of(corefile: &Corefile, tokens: &[Token]) -> Self {
        let mut braces = Self::default();
        let start = |place: &Place| Some(place.span.start).filter(|_| place.file == FileIndex::MAIN);
        braces.open.extend(corefile.blocks.iter().filter_map(|b| start(b.open.as_ref()?)));
        braces.close.extend(corefile.blocks.iter().filter_map(|b| start(b.close.as_ref()?)));
        for snippet in corefile.snippets.iter().filter(|s| s.file == FileIndex::MAIN) {
            let after_name = tokens.iter().find(|token| token.span.start >= snippet.name_span.end);
            braces.open.extend(after_name.filter(|token| token.is_open()).map(|token| token.span.start));
            braces.close.insert(snippet.span.end.saturating_sub(1));
        }
        // behind a file that is not read here a brace may be one of a directive, which has to keep its line
        let imported = corefile.imports.iter().filter(|site| !site.pattern.is_empty());
        if let Some(first) = imported.map(|site| site.place.span.start).min() {
            braces.open.retain(|at| *at < first);
            braces.close.retain(|at| *at < first);
        }
        braces
    }
}

/// A word or a comment.
struct Item<'a> {
    span: Span,
    token: Option<&'a Token>,
}

impl Item<'_> {
    fn is(&self, test: impl Fn(&Token) -> bool) -> bool {
        self.token.is_some_and(test)
    }
}

fn items(lexed: &Lexed) -> Vec<Item<'_>> {
    let words = lexed.tokens.iter().map(|token| Item { span: token.span, token: Some(token) });
    let comments = lexed.comments.iter().map(|span| Item { span: *span, token: None });
    let mut all: Vec<Item<'_>> = words.chain(comments).collect();
    all.sort_by_key(|item| item.span.start);
    all
}

fn changes(text: &str, lexed: &Lexed, braces: &Braces) -> Vec<(Span, String)> {
    let items = items(lexed);
    let (Some(first), Some(last)) = (items.first(), items.last()) else { return Vec::new() };
    let mut changes = Vec::new();
    let mut change = |span: Span, new: String| {
        if span.text(text).replace("\r\n", "\n") != new {
            changes.push((span, new));
        }
    };
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    change(Span::new(start, first.span.start), String::new());
    let mut depth: usize = 0;
    let mut previous: Option<&Item<'_>> = None;
    for item in &items {
        if item.is(Token::is_close) {
            depth = depth.saturating_sub(1);
        }
        if let Some(before) = previous {
            let gap = Span::new(written_end(text, before), item.span.start);
            let breaks = breaks(gap.text(text), before, item, braces);
            let blank = if breaks == 0 { " ".to_owned() } else { "\n".repeat(breaks) + &INDENT.repeat(depth) };
            change(gap, blank);
        }
        if let Some(token) = item.token.filter(|token| !token.quoted && token.span.text(text) != token.text) {
            change(token.span, token.text.clone()); // a carriage return inside a word, which CoreDNS deletes
        }
        if item.is(Token::is_open) {
            depth += 1;
        }
        previous = Some(item);
    }
    let rest = Span::new(written_end(text, last), text.len());
    change(rest, if rest.text(text).contains('\n') { "\n".to_owned() } else { String::new() });
    changes
}

/// Where an item ends without the blanks at the end of a comment.
fn written_end(text: &str, item: &Item<'_>) -> usize {
    if item.token.is_some() { item.span.end } else { item.span.start + item.span.text(text).trim_end().len() }
}

/// Line feeds between two items.
fn breaks(gap: &str, before: &Item<'_>, item: &Item<'_>, braces: &Braces) -> usize {
    let written = gap.matches('\n').count();
    let opens_block = braces.open.contains(&item.span.start) && item.token.is_some();
    if opens_block && before.token.is_some() {
        return 0; // the brace of a server block belongs behind its keys
    }
    if written == 0 {
        let starts_body = braces.open.contains(&before.span.start) || braces.close.contains(&before.span.start);
        return usize::from(starts_body && item.token.is_some());
    }
    if before.is(Token::is_open) || item.is(Token::is_close) { 1 } else { written.min(MAX_BREAKS) }
}

fn apply(text: &str, changes: &[(Span, String)], crlf: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in changes {
        out.push_str(text.get(at..span.start).unwrap_or_default());
        out.push_str(&if crlf { new.replace('\n', "\r\n") } else { new.clone() });
        at = span.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The same words and comments in the same order.
fn same_meaning(before: &Lexed, after: &Lexed) -> bool {
    let words = |lexed: &Lexed| -> Vec<(String, bool)> {
        lexed.tokens.iter().map(|token| (token.text.clone(), token.quoted)).collect()
    };
    words(before) == words(after) && before.comments.len() == after.comments.len() && same_lines(before, after)
}

/// Inside directives, lines hold the same words; only braces may have moved to or from a line of their own.
fn same_lines(before: &Lexed, after: &Lexed) -> bool {
    let ends = |lexed: &Lexed| -> Vec<bool> {
        let pairs = lexed.tokens.windows(2);
        pairs
            .map(|pair| matches!(pair, [a, b] if a.line_breaks_before(b) || a.is_close() || b.is_open() || a.is_open()))
            .collect()
    };
    ends(before) == ends(after)
}

/// What CoreDNS makes of a text: keys, each directive, and each plugin's words with the lines they share.
fn outline(corefile: &Corefile) -> Vec<String> {
    let block = |block: &ServerBlock| {
        let keys: Vec<&str> = block.keys.iter().map(|key| key.raw.as_str()).collect();
        let order: Vec<&str> = block.directives.iter().map(|directive| directive.name.as_str()).collect();
        let names: BTreeSet<&str> = order.iter().copied().collect();
        let plugins: String = names.iter().map(|name| words(&block.tokens_of(name))).collect();
        format!("{} {keys:?} {order:?}\n{plugins}", block.braced)
    };
    let snippets = corefile.snippets.iter().map(|s| format!("({})\n{}", s.name, words(&s.tokens)));
    corefile.blocks.iter().map(block).chain(snippets).collect()
}

fn words(tokens: &[Token]) -> String {
    let after = |last: &Token, token: &Token| match (last.continues_on_line(token), last.line_breaks_before(token)) {
        (true, _) => " ",
        (false, true) => "\n",
        (false, false) => "\n^", // a line of a snippet that stands further up
    };
    let before = std::iter::once("").chain(tokens.windows(2).map(|pair| match pair {
        [last, token] => after(last, token),
        _ => "",
    }));
    before.zip(tokens).map(|(gap, token)| format!("{gap}{:?}", token.text)).chain(["\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn formatted(text: &str) -> String {
        format(text, Shape::Corefile).unwrap().text
    }

    fn refused(text: &str) -> String {
        format(text, Shape::Corefile).unwrap_err().reason
    }

    #[test]
    fn indents_spaces_and_drops_empty_lines() {
        let text = "\n\n.:53   {\n\n\terrors # why\n\n\n  health{\n  }\n  forward .   1.1.1.1 \t 8.8.8.8 {\n max_fails 1\n\n }\n\n}\n\n\n\n";
        assert!(!refused(text).is_empty(), "a brace that sticks to its word opens nothing");
        let text = text.replace("health{", "health {");
        let want = ".:53 {\n    errors # why\n\n    health {\n    }\n    forward . 1.1.1.1 8.8.8.8 {\n        max_fails 1\n    }\n}\n";
        assert_eq!(formatted(&text), want);
        assert_eq!(format(want, Shape::Corefile).unwrap().changes, []);
    }

    #[test]
    fn braces_of_server_blocks_stand_behind_their_keys() {
        let want = "a.org b.org {\n    errors\n}\nc.org {\n    log\n}\n";
        assert_eq!(formatted("a.org b.org\n{ errors\n} c.org { log\n}\n"), want);
        assert_eq!(formatted("(s) { errors\n}\n. { import s\n}\n"), "(s) {\n    errors\n}\n. {\n    import s\n}\n");
        assert_eq!(formatted("a.org,\nb.org { # both\nwhoami\n}"), "a.org,\nb.org { # both\n    whoami\n}");
    }

    #[test]
    fn what_hangs_on_blanks_stays() {
        // a block on one line: its brace is an argument for the plugin, so it may not move
        let text = ".:53 {\n    hosts { fallthrough }\n}\n";
        assert_eq!(formatted(text), text);
        // without braces
        assert_eq!(formatted(". \n errors\n   log\n"), ".\nerrors\nlog\n");
        let quoted = ".:53 {\n    template IN A {\n        answer \"a  b\n c\"\n    }\n}\n";
        assert_eq!(formatted(quoted), quoted);
        assert!(refused(". {\n log a#b c\n}\n").contains("inside a word"));
        assert!(refused(". {\n log \"a\n}\n").contains("never closed"));
        assert!(refused(". {\n errors }\n").contains('}'));
    }

    #[test]
    fn what_an_import_may_begin_keeps_its_lines() {
        let (before, behind) = ("a.org\n{\n    log\n}\n", "b.org\n{\n    log\n} c.org\n{\n    log\n}\n");
        let joined = "a.org {\n    log\n}\n";
        assert_eq!(formatted(&format!("{before}import x.conf\n{behind}")), format!("{joined}import x.conf\n{behind}"));
        assert_eq!(formatted(&format!("(s) {{\n    log\n}}\n{before}")), format!("(s) {{\n    log\n}}\n{joined}"));
    }

    #[test]
    fn line_ends_and_the_mark_at_the_start_stay() {
        assert_eq!(formatted("\u{feff}. {\r\nlo\rg\r\n}\r\n"), "\u{feff}. {\r\n    log\r\n}\r\n");
        assert_eq!(formatted(". {\nlog\n}"), ". {\n    log\n}");
        assert_eq!(formatted("# only\n\n\n# comments  \n\n"), "# only\n\n# comments\n");
        assert_eq!(format("", Shape::Corefile).map(|f| f.text), Ok(String::new()));
    }

    #[test]
    fn directives_of_an_override() {
        let text = "rewrite  name a b\n   hosts {\n1.2.3.4  c\n fallthrough\n}\n";
        let want = "rewrite name a b\nhosts {\n    1.2.3.4 c\n    fallthrough\n}\n";
        assert_eq!(format(text, Shape::Directives).unwrap().text, want);
    }

    proptest! {
        #[test]
        fn is_stable_and_keeps_the_meaning(words in proptest::collection::vec(
            proptest::sample::select(vec![
                ".", "a.org:53", "{", "}", "\n", "\n\n\n", " ", "\t", "errors", "forward", "1.1.1.1", "# c\n", "\"q r\"",
                "(s)", "import", "s", "\r\n", "\"\"", "{$X}", ",", "a,", "\u{a0}",
            ]), 0..40)) {
            let text = words.join(" ");
            for shape in [Shape::Corefile, Shape::Directives] {
                if let Ok(first) = format(&text, shape) {
                    let again = format(&first.text, shape).unwrap();
                    prop_assert_eq!(&again.text, &first.text);
                    prop_assert_eq!(again.changes.len(), 0);
                }
            }
        }
    }
}
