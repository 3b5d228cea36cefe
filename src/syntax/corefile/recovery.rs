//! Guesses where the author's next server block or directive starts, to read on after an error.

use super::stream::Stream;
use super::token::Token;

type Valid<'a> = Option<&'a dyn Fn(&str) -> bool>;

/// Directive names that also occur as properties inside blocks.
const ALSO_PROPERTIES: [&str; 14] = [
    "any", "cache", "cancel", "debug", "errors", "header", "import", "local", "on", "reload", "root", "tls",
    "transfer", "view",
];

/// Whether a line looks like the keys of a server block with its opening brace: `example.org:53 {`.
pub(super) fn looks_like_block_start(line: &[Token], valid: Valid<'_>) -> bool {
    let Some((brace, keys)) = line.split_last() else { return false };
    brace.is_open() && keys.first().is_some_and(|first| looks_like_key(&first.text) && !is_directive(first, valid))
}

fn looks_like_key(text: &str) -> bool {
    text.contains(['.', ':', '/']) || text.starts_with("{$") || (text.starts_with('(') && text.ends_with(')'))
}

fn is_directive(token: &Token, valid: Valid<'_>) -> bool {
    valid.is_some_and(|valid| valid(&token.text))
}

/// The words of the line that starts at `at`, if one starts there.
fn line_at(tokens: &[Token], at: usize) -> Option<&[Token]> {
    let previous = at.checked_sub(1).and_then(|before| tokens.get(before));
    let first = tokens.get(at)?;
    if previous.is_some_and(|previous| !previous.line_breaks_before(first)) {
        return None;
    }
    let rest = tokens.get(at..)?;
    let breaks = rest.windows(2).position(|pair| matches!(pair, [a, b] if !a.continues_on_line(b)));
    rest.get(..breaks.map_or(rest.len(), |last| last + 1))
}

/// In words swallowed by an open block: where the first server block seems to start.
pub(super) fn resume_at_block(tokens: &[Token], valid: Valid<'_>) -> Option<usize> {
    (1..tokens.len()).find(|at| line_at(tokens, *at).is_some_and(|line| looks_like_block_start(line, valid)))
}

/// In the words of a directive that is never closed: where the next directive or server block seems to start.
pub(super) fn resume_inside(tokens: &[Token], valid: Valid<'_>) -> Option<usize> {
    let starts_directive = |line: &[Token]| {
        line.first().is_some_and(|first| is_directive(first, valid) && !ALSO_PROPERTIES.contains(&first.text.as_str()))
    };
    (1..tokens.len()).find(|at| {
        line_at(tokens, *at).is_some_and(|line| starts_directive(line) || looks_like_block_start(line, valid))
    })
}

/// Moves to the word in front of the next line that looks like a server block, or to the end.
pub(super) fn skip_to_block_start(stream: &mut Stream, valid: Valid<'_>) {
    while stream.next() {
        if stream.at_line_start() {
            let line = stream.rest_of_line();
            if looks_like_block_start(&line, valid) {
                stream.back();
                return;
            }
        }
    }
}
