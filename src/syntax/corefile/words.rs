//! The wording of Corefile errors and warnings.

use super::error::{ErrorKind, WarningKind};

/// What is wrong, for the author of the file. `word` is the text at the error's place.
pub(super) fn error(kind: ErrorKind, word: &str, coredns: &str) -> String {
    let plain = match kind {
        ErrorKind::CommaBeforeBrace => "a comma after the last zone: another zone must follow before the `{`",
        ErrorKind::CommaAtEnd => "the file ends after a comma where another zone must follow",
        ErrorKind::UnknownDirective => return format!("unknown directive `{word}`"),
        ErrorKind::MissingCloseBeforeBlock => {
            return format!("the server block before `{word}` is not closed: a `}}` is missing");
        }
        ErrorKind::StrayCloseBeforeBlock => {
            return format!(
                "a `}}` too many before `{word}`: CoreDNS takes it for a zone and `{word}` for a directive"
            );
        }
        ErrorKind::CloseOnDirectiveLine => "the `}` of a server block must stand on a line of its own",
        ErrorKind::DirectiveNotClosed => "the file ends inside the block of a directive: a `}` is missing",
        ErrorKind::BlockNotClosed => "the file ends inside a server block: a `}` is missing",
        ErrorKind::SnippetWithoutBrace => "a snippet needs a `{` behind its name",
        ErrorKind::SnippetNotClosed => "the file ends inside a snippet: a `}` is missing",
        ErrorKind::SnippetRedefined => return format!("the snippet `{word}` is defined twice"),
        ErrorKind::SnippetImportsItself => "a snippet cannot import itself",
        ErrorKind::ImportWithoutArgument => "`import` needs the name of a snippet, a file or a pattern",
        ErrorKind::ImportWithExtraArguments => {
            "`import` takes one argument; snippets have no arguments in CoreDNS, and no block can follow"
        }
        ErrorKind::ImportEmpty => "the argument of `import` is empty once its variables are replaced",
        ErrorKind::ImportTooManyWildcards => "an import pattern may have one `*`, one `?` and no `[…]`",
        ErrorKind::ImportBadPattern => "an import pattern may not have `[` alone or end with a backslash",
        ErrorKind::ImportNotFound => {
            return format!("no snippet `{word}` is defined before this line, and no such file exists");
        }
        ErrorKind::ImportIsDirectory => "the import names a directory; name its files with a pattern like `dir/*.conf`",
        ErrorKind::ImportUnreadable => return without_prefix(coredns).to_owned(),
        ErrorKind::ImportCycle => "these imports go in circles",
        ErrorKind::TooLarge => "the Corefile with its imports and variables is too large to be read",
    };
    plain.to_owned()
}

fn without_prefix(coredns: &str) -> &str {
    coredns.split_once(": ").map_or(coredns, |(_, rest)| rest)
}

/// What the related place of an error shows.
pub(super) const fn related(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::CommaBeforeBrace => Some("this comma asks for another zone"),
        ErrorKind::MissingCloseBeforeBlock | ErrorKind::BlockNotClosed | ErrorKind::DirectiveNotClosed => {
            Some("this block is still open")
        }
        ErrorKind::StrayCloseBeforeBlock => Some("this brace closes nothing"),
        ErrorKind::CloseOnDirectiveLine => Some("the directive on that line"),
        ErrorKind::SnippetWithoutBrace | ErrorKind::SnippetNotClosed => Some("this snippet"),
        ErrorKind::SnippetRedefined => Some("first defined here"),
        ErrorKind::ImportWithExtraArguments | ErrorKind::ImportEmpty => Some("this import"),
        _ => None,
    }
}

/// What CoreDNS makes of the oddity.
pub(super) fn warning(kind: WarningKind) -> String {
    let text = match kind {
        WarningKind::UnterminatedQuote => "this quote is never closed: the rest of the file is one word",
        WarningKind::HashInsideWord => "`#` cuts this word, and behind the next blank the line is read again",
        WarningKind::TrailingBackslash => "a backslash does not continue the line: it is an argument",
        WarningKind::GluedBrace => "this brace is part of the word: a brace needs blanks around it",
        WarningKind::BracesAsArgument => "`{}` is an argument, not an empty block",
        WarningKind::MissingFinalBrace => {
            "this block is never closed; CoreDNS does not notice because the file ends in `}`"
        }
        WarningKind::StrayClosingBrace => "this brace closes nothing: CoreDNS serves a zone named `}`",
        WarningKind::OneLineBlock => "in a block on one line the closing brace is read as an argument",
        WarningKind::UnsetVariable => "this variable is not set: the reference vanishes",
        WarningKind::VariableDefault => "there are no default values: this reads a variable of that whole name",
        WarningKind::VariableWithBlanks => "the value has blanks and stays one word",
        WarningKind::VariableWithLineBreak => {
            "the value has a line break: the next line becomes part of this directive"
        }
        WarningKind::SnippetLinesMerged => {
            "the same imported line twice in one block: the plugin reads both copies as one line"
        }
        WarningKind::BlockWithoutKey => "a block without a zone is dropped",
        WarningKind::NoServerBlock => "no server block: CoreDNS answers every query with its built-in whoami",
        WarningKind::ImportMatchesNothing => "no file matches this pattern",
    };
    text.to_owned()
}

/// A `}` that ends a body without opening brace.
pub(super) fn stray_close_of_braceless() -> String {
    "this brace ends a server block that has no opening brace".to_owned()
}

/// A pattern that finds no file.
pub(super) fn nothing_matches(pattern: &str) -> String {
    format!("no file matches `{pattern}`; CoreDNS logs it and goes on")
}

/// `{$NAME:default}`.
pub(super) fn variable_default(name: &str) -> String {
    format!("there are no default values: this reads a variable named `{name}`, which is not set")
}

/// A variable without value.
pub(super) fn variable_unset(name: &str) -> String {
    format!("the variable `{name}` is not set or empty: the reference vanishes")
}

/// A value with a line break.
pub(super) fn variable_line_break(name: &str) -> String {
    format!("the value of `{name}` has a line break: the next line can become part of this directive")
}

/// A value with blanks.
pub(super) fn variable_blanks(name: &str) -> String {
    format!("the value of `{name}` has blanks and stays one word")
}
