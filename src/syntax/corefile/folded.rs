//! Recognises a Corefile whose line breaks a YAML scalar without `|` has folded away.

use super::lexer::lex;

/// Directives that nearly every Corefile uses, of every release.
const COMMON: [&str; 16] = [
    "bind",
    "cache",
    "errors",
    "forward",
    "health",
    "hosts",
    "import",
    "kubernetes",
    "loadbalance",
    "log",
    "loop",
    "prometheus",
    "proxy",
    "ready",
    "reload",
    "rewrite",
];

/// Whether the text is one line that holds an opening brace and at least two directives behind it.
#[must_use]
pub fn looks_folded(text: &str) -> bool {
    let text = text.trim();
    if text.contains('\n') || !text.contains(" { ") {
        return false;
    }
    let words = lex(text);
    let body = words.iter().skip_while(|word| !word.is_open());
    body.filter(|word| COMMON.contains(&word.text.as_str())).take(2).count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_one_line_with_two_directives() {
        assert!(looks_folded(".:53 { errors health kubernetes cluster.local { pods insecure } }\n"));
        assert!(!looks_folded(". { errors }"));
        assert!(!looks_folded(". { errors\nhealth }"));
        assert!(!looks_folded("forward cache loop"));
    }
}
