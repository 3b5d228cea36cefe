//! Labels, annotations and selectors: small maps of texts, of which a cluster has hundreds of thousands.

use crate::source::Located;
use std::sync::Arc;

/// A key and its value.
type Entry = (String, Located<String>);

/// A map of texts, sorted by key. Copies share their entries.
#[derive(Clone, Debug, Default)]
pub struct StringMap(Option<Arc<[Entry]>>);

impl StringMap {
    fn entries(&self) -> &[Entry] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The entry of a key.
    #[must_use]
    pub fn get_key_value(&self, key: &str) -> Option<(&String, &Located<String>)> {
        let entries = self.entries();
        let at = entries.binary_search_by(|(own, _)| own.as_str().cmp(key)).ok()?;
        entries.get(at).map(|(key, value)| (key, value))
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Located<String>> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// Whether a key is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Located<String>)> {
        self.entries().iter().map(|(key, value)| (key, value))
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.entries().iter().map(|(key, _)| key)
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<'a> IntoIterator for &'a StringMap {
    type Item = (&'a String, &'a Located<String>);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, Entry>, fn(&'a Entry) -> (&'a String, &'a Located<String>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries().iter().map(|(key, value)| (key, value))
    }
}

impl FromIterator<Entry> for StringMap {
    /// Of equal keys the last counts.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut list: Vec<_> = entries.into_iter().collect();
        list.reverse();
        list.sort_by(|(a, _), (b, _)| a.cmp(b));
        list.dedup_by(|(a, _), (b, _)| a == b);
        Self((!list.is_empty()).then(|| list.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_keys_counts() {
        let entry = |key: &str, value: &str| (key.to_owned(), Located::default_value(value.to_owned()));
        let map: StringMap = [entry("b", "1"), entry("a", "2"), entry("b", "3")].into_iter().collect();
        let shown: Vec<_> = map.iter().map(|(key, value)| format!("{key}={}", value.value)).collect();
        assert_eq!(shown, ["a=2", "b=3"]);
        assert_eq!(map.get("b").map(|value| value.value.as_str()), Some("3"));
        assert!(map.contains_key("a") && !map.contains_key("c") && !map.is_empty());
        assert!(StringMap::from_iter([]).is_empty());
    }
}
