//! Finds words that CoreDNS accepts and reads otherwise than they look.

use super::env::Expansion;
use super::error::WarningKind;
use super::lexer::Lexed;
use super::token::{Place, Token};
use super::tree::Directive;
use super::words;
use crate::source::Span;

/// Oddities that single words show.
pub(super) fn of_words(lexed: &Lexed) -> Vec<(WarningKind, Span)> {
    let quote =
        lexed.unterminated_quote.map(|span| (WarningKind::UnterminatedQuote, Span::new(span.start, span.start + 1)));
    let cuts = lexed.cutting_comments.iter().map(|span| (WarningKind::HashInsideWord, *span));
    let glued = lexed.tokens.iter().filter_map(|token| brace_in_word(token).map(|kind| (kind, token.span)));
    quote.into_iter().chain(cuts).chain(glued).chain(trailing_backslashes(&lexed.tokens)).collect()
}

fn brace_in_word(token: &Token) -> Option<WarningKind> {
    let text = token.text.as_str();
    if token.quoted || text.len() < 2 || text.contains("{{") || text.contains("}}") {
        return None;
    }
    if text == "{}" {
        return Some(WarningKind::BracesAsArgument);
    }
    let balance = |c: char| text.chars().filter(|t| *t == c).count();
    let at_edge = text.starts_with(['{', '}']) || text.ends_with(['{', '}']);
    (at_edge && balance('{') != balance('}')).then_some(WarningKind::GluedBrace)
}

fn trailing_backslashes(tokens: &[Token]) -> impl Iterator<Item = (WarningKind, Span)> {
    tokens.windows(2).filter_map(|pair| match pair {
        [word, next] if word.text == "\\" && !word.quoted && word.line_breaks_before(next) => {
            Some((WarningKind::TrailingBackslash, word.span))
        }
        _ => None,
    })
}

/// Oddities of replaced environment references.
pub(super) fn of_expansion(token: &Token, expansion: &Expansion) -> Vec<(WarningKind, String)> {
    let mut found = Vec::new();
    for replaced in &expansion.replaced {
        let name = &replaced.name;
        match replaced.value.as_deref() {
            None if name.contains(':') => found.push((WarningKind::VariableDefault, words::variable_default(name))),
            None | Some("") => found.push((WarningKind::UnsetVariable, words::variable_unset(name))),
            Some(value) if value.contains('\n') => {
                found.push((WarningKind::VariableWithLineBreak, words::variable_line_break(name)));
            }
            Some(value) if !token.quoted && value.split_whitespace().nth(1).is_some() => {
                found.push((WarningKind::VariableWithBlanks, words::variable_blanks(name)));
            }
            Some(_) => {}
        }
    }
    found
}

/// The closing brace of a block on one line that the plugin reads as an argument.
pub(super) fn one_line_block(directive: &Directive) -> Option<Place> {
    let property = directive.properties.last()?;
    let brace = property.args.last().filter(|last| last.is_close() && !last.quoted)?;
    let last_word = directive.tokens.last()?;
    // `stacktrace` is the one property that looks at nothing behind it.
    let harmless = directive.name == "errors" && property.name == "stacktrace" && property.args.len() == 1;
    (Place::of(brace) == Place::of(last_word) && !harmless).then(|| Place::of(brace))
}
