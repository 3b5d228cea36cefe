//! Subjects: what rules look at. Many pods differ in name and place alone, so that the facts are held once for all of them.

use super::{Data, View, ViewError, ViewValue, to_view};
use crate::source::{CompactLocation, Located, Location};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One thing that rules look at.
#[derive(Clone, Debug)]
pub struct Subject {
    content: Arc<Content>,
    places: Box<[Place]>,
    /// The Kubernetes object, as `Kind/namespace/name`, or the node, as `Node/name`.
    pub object: Option<String>,
}

/// The facts about a subject without their places, shared by all subjects of which the same is true.
#[derive(Debug)]
struct Content {
    value: ViewValue,
    hash: u64,
}

/// One place of one part of a subject.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Number of the part: the value itself is 0, then come its parts, each with all that is below it.
    part: u32,
    at: CompactLocation,
}

impl Subject {
    /// The facts without their places.
    #[must_use]
    pub fn content(&self) -> &ViewValue {
        &self.content.value
    }

    /// [`ViewValue::content_hash`] of the facts.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.content.hash
    }

    /// Whether the same is true of both, wherever it stands.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        let shared = Arc::ptr_eq(&self.content, &other.content);
        shared || (self.hash() == other.hash() && self.content().same_content(other.content()))
    }

    /// The facts with their places: a copy.
    #[must_use]
    pub fn value(&self) -> ViewValue {
        let mut value = self.content().clone();
        let mut places = self.places.iter().peekable();
        each_part(&mut value, &mut 0, &mut |part, number| {
            while let Some(place) = places.next_if(|place| place.part == number) {
                part.origins.push(place.at.into());
            }
        });
        value
    }
}

/// Visits a value and all its parts in the order in which [`Place::part`] numbers them.
fn each_part(value: &mut ViewValue, next: &mut u32, visit: &mut impl FnMut(&mut ViewValue, u32)) {
    visit(value, *next);
    *next = next.saturating_add(1);
    match &mut value.data {
        Data::List(items) => items.iter_mut().for_each(|item| each_part(item, next, visit)),
        Data::Map(entries) => entries.iter_mut().for_each(|(_, item)| each_part(item, next, visit)),
        _ => {}
    }
}

/// A view value that could not be taken over; the lint room reports it, so that nothing is lost in silence.
#[derive(Clone, Debug)]
pub struct ViewFailure {
    /// The view's kind.
    pub kind: &'static str,
    /// What went wrong.
    pub message: String,
    /// Where the subject stands.
    pub location: Option<Location>,
}

/// Every subject of a snapshot, by view kind, in the order in which the analyses found them.
#[derive(Debug, Default)]
pub struct ViewSet {
    kinds: BTreeMap<&'static str, Vec<Subject>>,
    failures: Vec<ViewFailure>,
    pool: Pool,
}

/// The contents of all subjects, each once.
#[derive(Debug, Default)]
struct Pool {
    by_hash: Mutex<BTreeMap<u64, Vec<Arc<Content>>>>,
}

impl Pool {
    /// The one copy of a content.
    fn shared(&self, value: ViewValue) -> Arc<Content> {
        let hash = value.content_hash();
        let mut by_hash = self.by_hash.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_hash.entry(hash).or_default();
        if let Some(same) = known.iter().find(|content| content.value == value) {
            return Arc::clone(same);
        }
        let content = Arc::new(Content { value, hash });
        known.push(Arc::clone(&content));
        content
    }

    fn subject(&self, mut value: ViewValue, object: Option<String>) -> Subject {
        let mut places = Vec::new();
        each_part(&mut value, &mut 0, &mut |part, number| {
            let origins = std::mem::take(&mut part.origins).into_iter();
            places.extend(origins.map(|at| Place { part: number, at: at.into() }));
        });
        Subject { content: self.shared(value), places: places.into_boxed_slice(), object }
    }
}

impl ViewSet {
    /// Adds a subject; `object` names the Kubernetes object or node that findings about it belong to.
    pub fn add<V: View>(&mut self, view: &Located<V>, object: Option<String>) {
        let made = to_view(view).map(|value| self.pool.subject(value, object));
        self.keep::<V>(made, || view.location());
    }

    /// Adds many subjects, which are made in parallel and come in their own order.
    pub fn add_all<V: View>(&mut self, views: impl IndexedParallelIterator<Item = (Located<V>, Option<String>)>) {
        let pool = &self.pool;
        let made: Vec<_> = views
            .map(|(view, object)| (to_view(&view).map(|value| pool.subject(value, object)), view.location()))
            .collect();
        for (made, location) in made {
            self.keep::<V>(made, || location);
        }
    }

    fn keep<V: View>(&mut self, made: Result<Subject, ViewError>, location: impl FnOnce() -> Option<Location>) {
        match made {
            Ok(subject) => self.kinds.entry(V::KIND).or_default().push(subject),
            Err(error) => {
                self.failures.push(ViewFailure { kind: V::KIND, message: error.to_string(), location: location() });
            }
        }
    }

    /// The subjects of a kind.
    #[must_use]
    pub fn of(&self, kind: &str) -> &[Subject] {
        self.kinds.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Every kind that has subjects, with them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[Subject])> {
        self.kinds.iter().map(|(kind, subjects)| (*kind, subjects.as_slice()))
    }

    /// Subjects that could not be taken over.
    #[must_use]
    pub fn failures(&self) -> &[ViewFailure] {
        &self.failures
    }
}
