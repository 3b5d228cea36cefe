//! Plain paths into view values: `forward.loops[0].hops`, fanning out over lists.

use super::{Data, ViewValue};
use std::fmt;
use std::sync::Arc;

/// One step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A field of a struct or a key of a map.
    Field(Arc<str>),
    /// An element of a list, from 0.
    Index(usize),
}

/// A parsed path. A field step on a list goes into each of its elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ViewPath {
    /// The steps in order.
    pub steps: Vec<Step>,
}

/// A path that is not written as `name.name[0].name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Byte offset of the part that is wrong.
    pub offset: usize,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a plain path such as subject.forward.hops or subject.hops[0].address")
    }
}

impl std::error::Error for PathError {}

impl ViewPath {
    /// Reads a path; the empty text is the value itself.
    ///
    /// # Errors
    /// The offset of the first part that is neither a name nor an index.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut steps = Vec::new();
        let mut offset = 0;
        if text.is_empty() {
            return Ok(Self { steps });
        }
        for part in text.split('.') {
            let (name, indices) = part.find('[').and_then(|at| part.split_at_checked(at)).unwrap_or((part, ""));
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            if name.is_empty() || !is_name {
                return Err(PathError { offset });
            }
            steps.push(Step::Field(name.into()));
            let mut rest = indices;
            while !rest.is_empty() {
                let error = PathError { offset: offset + part.len() - rest.len() };
                let (index, tail) = rest.strip_prefix('[').and_then(|r| r.split_once(']')).ok_or(error.clone())?;
                steps.push(Step::Index(index.parse().map_err(|_| error)?));
                rest = tail;
            }
            offset += part.len() + 1;
        }
        Ok(Self { steps })
    }

    /// Every value that the path leads to, with the exact steps to it, in order.
    #[must_use]
    pub fn select<'v>(&self, root: &'v ViewValue) -> Vec<(Vec<Step>, &'v ViewValue)> {
        let mut found = vec![(Vec::new(), root)];
        for step in &self.steps {
            let mut next = Vec::new();
            for (steps, value) in found {
                advance(steps, value, step, &mut next);
            }
            found = next;
        }
        found
    }
}

fn advance<'v>(steps: Vec<Step>, value: &'v ViewValue, step: &Step, into: &mut Vec<(Vec<Step>, &'v ViewValue)>) {
    match (step, &value.data) {
        (Step::Field(_), Data::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                let mut inner = steps.clone();
                inner.push(Step::Index(index));
                advance(inner, item, step, into);
            }
        }
        _ => {
            if let Some(part) = value.step(step) {
                let mut inner = steps;
                inner.push(step.clone());
                into.push((inner, part));
            }
        }
    }
}

/// The elements of selected lists, and the selected values that are no lists.
#[must_use]
pub fn flatten(found: Vec<(Vec<Step>, &ViewValue)>) -> Vec<(Vec<Step>, &ViewValue)> {
    let mut flat = Vec::new();
    for (steps, value) in found {
        match &value.data {
            Data::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let mut inner = steps.clone();
                    inner.push(Step::Index(index));
                    flat.push((inner, item));
                }
            }
            _ => flat.push((steps, value)),
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_only() {
        let steps = |text: &str| ViewPath::parse(text).map(|path| path.steps.len());
        assert_eq!(steps(""), Ok(0));
        assert_eq!(steps("a.b_c[0][12].d"), Ok(5));
        for (text, offset) in [("a..b", 2), ("a.b[x]", 3), ("a.b[0", 3), ("a.b()", 2), (".a", 0), ("a[0]b", 4)] {
            assert_eq!(steps(text), Err(PathError { offset }), "{text}");
        }
    }
}
