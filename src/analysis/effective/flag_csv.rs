//! List flags of the kubelet: each value is one CSV record (`string_slice.go` of pflag).

use super::origin::split_commas;
use crate::source::Located;

/// The fields of a list flag's value, blanks kept; an empty value has none. `None`: quotes that do not match.
pub(super) fn split_csv(text: &Located<String>) -> Option<Vec<Located<String>>> {
    if text.value.is_empty() {
        return Some(Vec::new());
    }
    if !text.value.contains('"') {
        return Some(split_commas(text));
    }
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.value.chars().peekable();
    while let Some(c) = chars.next() {
        let at_start = fields.last().is_some_and(String::is_empty);
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                fields.last_mut()?.push('"');
            }
            '"' if quoted => {
                quoted = false;
                if chars.peek().is_some_and(|next| *next != ',') {
                    return None;
                }
            }
            '"' if at_start => quoted = true,
            '"' => return None,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut()?.push(other),
        }
    }
    (!quoted).then(|| fields.into_iter().map(|field| text.with(field)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn csv_values() {
        let split = |text: &str| {
            let parts = split_csv(&Located::default_value(text.to_owned()))?;
            Some(parts.into_iter().map(|part| part.value).collect::<Vec<_>>())
        };
        assert_eq!(split("a, b").unwrap(), ["a", " b"]);
        assert_eq!(split("\"a,b\",c,\"d\"\"e\"").unwrap(), ["a,b", "c", "d\"e"]);
        assert_eq!(split("").unwrap(), Vec::<String>::new());
        assert_eq!((split("\"a"), split("\"a\"b"), split("a\"b")), (None, None, None));
    }

    proptest! {
        #[test]
        fn any_value_is_read(text in "[\",ab ä\n]{0,12}") {
            let parts = split_csv(&Located::default_value(text.clone()));
            prop_assert!(parts.is_some() || text.contains('"'));
        }
    }
}
