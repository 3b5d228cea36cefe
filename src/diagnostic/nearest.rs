//! The known word that an unknown one most likely means, for "did you mean" in every room.

/// Longer words are no typing error of a known one.
const MAX_CHARS: usize = 64;

/// The candidate with the fewest edits to `word`, the first one of several, if they are at most a third of its letters.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate: &'a str| {
        let limit = (candidate.chars().count() / 3).clamp(1, 4);
        edits(word, candidate).filter(|edits| *edits <= limit).map(|edits| (edits, candidate))
    };
    candidates.into_iter().filter_map(likeness).min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

/// The optimal string alignment distance: insertions, deletions, replacements and swapped neighbours, with letter case
/// and `_` against `-` for nothing; `None` for a word too long to compare.
#[must_use]
pub fn edits(a: &str, b: &str) -> Option<usize> {
    let fold = |text: &str| -> Option<Vec<char>> {
        let letters = text.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() });
        let letters: Vec<char> = letters.take(MAX_CHARS + 1).collect();
        (letters.len() <= MAX_CHARS).then_some(letters)
    };
    let (a, b) = (fold(a)?, fold(b)?);
    let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(MAX_CHARS);
    // three rows of the table at a time
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = at(&above, j) + usize::from(x != y);
            let mut best = replaced.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_word() {
        let words = ["nameserver", "search", "domain", "options", "fail-on", "used_by_pods"];
        for (typed, want) in [
            ("nameservers", Some("nameserver")),
            ("nameserver:", Some("nameserver")),
            ("Nameserver", Some("nameserver")),
            ("naemserver", Some("nameserver")),
            ("serach", Some("search")),
            ("option", Some("options")),
            ("fail_on", Some("fail-on")),
            ("usedByPods", Some("used_by_pods")),
            ("used-by-pods", Some("used_by_pods")),
            ("lookup", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, words), want, "{typed}");
        }
        assert_eq!(nearest(&"x".repeat(1000), words), None);
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("kitten", "sitting"), Some(3));
        assert_eq!((edits("", "ab"), edits("ab", "ba"), edits("a_B", "a-b")), (Some(2), Some(1), Some(0)));
        assert_eq!(edits("", &"x".repeat(MAX_CHARS + 1)), None);
    }
}
