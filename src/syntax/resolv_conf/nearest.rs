//! The known word that an unknown one most likely means.

/// Longer words are no typing error of a keyword.
const MAX_CHARS: usize = 64;

/// The candidate at the smallest edit distance to `word` (insertions, deletions, replacements, swapped neighbours,
/// letter case free), if the distance is at most a third of its length; the first one of several.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().chars().collect::<Vec<_>>();
    if word.len() > MAX_CHARS {
        return None;
    }
    let likeness = |candidate: &'a str| {
        let limit = (candidate.chars().count() / 3).max(1);
        // Cheap first: the distance is at least the difference in length.
        if candidate.chars().count().abs_diff(word.len()) > limit {
            return None;
        }
        let distance = distance(&word, &candidate.to_lowercase().chars().collect::<Vec<_>>());
        (distance <= limit).then_some((distance, candidate))
    };
    candidates.into_iter().filter_map(likeness).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance, three rows at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = Vec::new();
    let mut above = (0..=b.len()).collect::<Vec<_>>();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&above, j) + usize::from(x != y);
            let mut best = replaced.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_word() {
        let words = ["nameserver", "search", "domain", "options"];
        for (typed, want) in [
            ("nameservers", Some("nameserver")),
            ("nameserver:", Some("nameserver")),
            ("Nameserver", Some("nameserver")),
            ("naemserver", Some("nameserver")),
            ("serach", Some("search")),
            ("option", Some("options")),
            ("lookup", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, words), want, "{typed}");
        }
        assert_eq!(nearest(&"x".repeat(1000), words), None);
    }
}
