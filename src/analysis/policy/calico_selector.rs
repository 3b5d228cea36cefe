//! Calico's selector language: `k8s-app == 'kube-dns' && has(role)`.
//!
//! Grammar and meaning: <https://docs.tigera.io/calico/latest/reference/resources/networkpolicy#selectors>.

use super::selector::{Expr, Leaf, MAX_DEPTH, Test};
use crate::source::{Located, Location};

/// Reads a selector; text that does not follow the grammar is unknown.
#[must_use]
pub fn parse(text: &Located<String>) -> Expr {
    let Some(tokens) = tokens(&text.value) else { return Expr::Unknown };
    if tokens.is_empty() {
        return Expr::All;
    }
    let mut parser = Parser { tokens: &tokens, at: 0, location: text.location() };
    match parser.either(MAX_DEPTH) {
        Some(expr) if parser.at == tokens.len() => expr,
        _ => Expr::Unknown,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A label name, a function name, or a word operator.
    Word(String),
    /// A quoted string.
    Text(String),
    /// Punctuation.
    Mark(&'static str),
}

const MARKS: [&str; 10] = ["==", "!=", "&&", "||", "!", "(", ")", "{", "}", ","];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            found.push(Token::Mark(mark));
            rest = rest.get(mark.len()..)?;
        } else if first == '\'' || first == '"' {
            let body = rest.get(1..)?;
            let end = body.find(first)?;
            found.push(Token::Text(body.get(..end)?.to_owned()));
            rest = body.get(end + 1..)?;
        } else {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_./-".contains(c))).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            found.push(Token::Word(rest.get(..end)?.to_owned()));
            rest = rest.get(end..)?;
        }
        rest = rest.trim_start();
    }
    Some(found)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    location: Option<Location>,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take(&mut self, wanted: &str) -> Option<()> {
        let found = match self.tokens.get(self.at)? {
            Token::Mark(mark) => *mark == wanted,
            Token::Word(word) => word == wanted,
            Token::Text(_) => false,
        };
        found.then(|| self.at += 1)
    }

    fn either(&mut self, depth: usize) -> Option<Expr> {
        let mut parts = vec![self.both(depth)?];
        while self.take("||").is_some() {
            parts.push(self.both(depth)?);
        }
        Some(if parts.len() == 1 { parts.pop()? } else { Expr::Or(parts) })
    }

    fn both(&mut self, depth: usize) -> Option<Expr> {
        let mut parts = vec![self.single(depth)?];
        while self.take("&&").is_some() {
            parts.push(self.single(depth)?);
        }
        Some(Expr::all_of(parts))
    }

    fn single(&mut self, depth: usize) -> Option<Expr> {
        let depth = depth.checked_sub(1)?;
        if self.take("!").is_some() {
            return Some(Expr::Not(Box::new(self.single(depth)?)));
        }
        if self.take("(").is_some() {
            let inner = self.either(depth)?;
            self.take(")")?;
            return Some(inner);
        }
        let Token::Word(word) = self.next()? else { return None };
        if self.take("(").is_some() {
            return self.function(&word);
        }
        self.requirement(word)
    }

    /// `all()`, `global()` (only what has no namespace, hence no pod), `has(label)`.
    fn function(&mut self, name: &str) -> Option<Expr> {
        let expr = match name {
            "all" => Expr::All,
            "global" => Expr::Nothing,
            "has" => {
                let Token::Word(key) = self.next()? else { return None };
                self.leaf(key, Test::Exists)
            }
            _ => return None,
        };
        self.take(")")?;
        Some(expr)
    }

    fn requirement(&mut self, key: String) -> Option<Expr> {
        if self.take("==").is_some() {
            let value = self.text()?;
            return Some(self.leaf(key, Test::In(vec![value])));
        }
        if self.take("!=").is_some() {
            let value = self.text()?;
            return Some(self.leaf(key, Test::NotIn(vec![value])));
        }
        if self.take("not").is_some() {
            self.take("in")?;
            let values = self.set()?;
            return Some(self.leaf(key, Test::NotIn(values)));
        }
        if self.take("in").is_some() {
            let values = self.set()?;
            return Some(self.leaf(key, Test::In(values)));
        }
        // `contains`, `starts with`, `ends with`: read past, judged as unknown
        while let Some(Token::Word(_)) = self.tokens.get(self.at) {
            self.at += 1;
        }
        self.text()?;
        Some(Expr::Unknown)
    }

    fn set(&mut self) -> Option<Vec<String>> {
        self.take("{")?;
        let mut values = vec![self.text()?];
        while self.take(",").is_some() {
            values.push(self.text()?);
        }
        self.take("}")?;
        Some(values)
    }

    fn text(&mut self) -> Option<String> {
        match self.next()? {
            Token::Text(text) => Some(text),
            _ => None,
        }
    }

    fn leaf(&self, key: String, test: Test) -> Expr {
        Expr::Leaf(Leaf { key, test, location: self.location })
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::Labels;
    use super::super::selector::Answer;
    use super::*;

    fn judge(selector: &str) -> Answer {
        let known = [("k8s-app", "kube-dns"), ("tier", "system")];
        let known = known.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        parse(&Located::default_value(selector.to_owned())).judge(&Labels { known, complete: true })
    }

    #[test]
    fn the_language_is_read() {
        let cases = [
            ("", Answer::Yes),
            ("all()", Answer::Yes),
            ("global()", Answer::No),
            ("k8s-app == 'kube-dns'", Answer::Yes),
            ("k8s-app == \"coredns\"", Answer::No),
            ("k8s-app != 'coredns' && has(tier)", Answer::Yes),
            ("!has(tier) || k8s-app in { 'a', 'kube-dns' }", Answer::Yes),
            ("k8s-app not in {'kube-dns'}", Answer::No),
            ("!(k8s-app == 'x' || tier == 'y')", Answer::Yes),
            ("k8s-app starts with 'kube'", Answer::Unknown),
            ("k8s-app contains 'kube' && tier == 'user'", Answer::No),
            ("k8s-app ==", Answer::Unknown),
            ("k8s-app == 'a' 'b'", Answer::Unknown),
            ("k8s-app == 'é", Answer::Unknown),
        ];
        for (selector, want) in cases {
            assert_eq!(judge(selector), want, "{selector}");
        }
    }

    #[test]
    fn deep_nesting_is_unknown_rather_than_a_crash() {
        let text = format!("{}all(){}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(judge(&text), Answer::Unknown);
        assert_eq!(judge(&format!("{}all()", "!".repeat(5000))), Answer::Unknown);
    }
}
