//! The places that a value comes from. A cluster has millions of values that come from one, so that one needs no heap.

use super::span::{FileId, Location, Span};
use std::fmt;

/// The places that a value comes from, most specific first; none for a default.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Origins(Places);

#[derive(Clone, Default, PartialEq, Eq, Hash)]
enum Places {
    #[default]
    None,
    One(CompactLocation),
    /// Two and more.
    Many(Box<Several>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Several(Vec<CompactLocation>);

/// A location in 12 bytes: no text of 4 GiB is ever read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CompactLocation {
    file: FileId,
    start: u32,
    end: u32,
}

impl From<Location> for CompactLocation {
    fn from(at: Location) -> Self {
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { file: at.file, start: narrow(at.span.start), end: narrow(at.span.end) }
    }
}

impl From<CompactLocation> for Location {
    fn from(at: CompactLocation) -> Self {
        Self::new(at.file, Span::new(at.start as usize, at.end as usize))
    }
}

impl Origins {
    /// No place at all: a default.
    #[must_use]
    pub const fn none() -> Self {
        Self(Places::None)
    }

    fn places(&self) -> &[CompactLocation] {
        match &self.0 {
            Places::None => &[],
            Places::One(place) => std::slice::from_ref(place),
            Places::Many(places) => &places.0,
        }
    }

    /// The most specific place.
    #[must_use]
    pub fn first(&self) -> Option<Location> {
        self.places().first().copied().map(Location::from)
    }

    /// Number of places.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places().len()
    }

    /// Whether there is no place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Places::None)
    }

    /// Whether a place is among them.
    #[must_use]
    pub fn contains(&self, at: &Location) -> bool {
        self.places().contains(&CompactLocation::from(*at))
    }

    /// Every place.
    pub fn iter(&self) -> OriginsIter<'_> {
        OriginsIter(self.places().iter())
    }

    /// Adds a place that is less specific than the others.
    pub fn push(&mut self, at: Location) {
        let at = at.into();
        match &mut self.0 {
            Places::None => self.0 = Places::One(at),
            Places::One(first) => self.0 = Places::Many(Box::new(Several(vec![*first, at]))),
            Places::Many(places) => places.0.push(at),
        }
    }
}

/// Places in their order.
#[derive(Clone, Debug)]
pub struct OriginsIter<'a>(std::slice::Iter<'a, CompactLocation>);

impl Iterator for OriginsIter<'_> {
    type Item = Location;
    fn next(&mut self) -> Option<Location> {
        self.0.next().copied().map(Location::from)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for OriginsIter<'_> {}

impl<'a> IntoIterator for &'a Origins {
    type Item = Location;
    type IntoIter = OriginsIter<'a>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Location> for Origins {
    fn extend<I: IntoIterator<Item = Location>>(&mut self, places: I) {
        places.into_iter().for_each(|at| self.push(at));
    }
}

impl FromIterator<Location> for Origins {
    fn from_iter<I: IntoIterator<Item = Location>>(places: I) -> Self {
        let mut origins = Self::none();
        origins.extend(places);
        origins
    }
}

impl From<Location> for Origins {
    fn from(at: Location) -> Self {
        Self(Places::One(at.into()))
    }
}

impl From<Vec<Location>> for Origins {
    fn from(places: Vec<Location>) -> Self {
        places.into_iter().collect()
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_order() {
        let at = |n: usize| Location::new(FileId(7), Span::new(n, n + 2));
        for count in 0..4 {
            let places: Vec<Location> = (0..count).map(at).collect();
            let origins = Origins::from(places.clone());
            assert_eq!(origins.iter().collect::<Vec<_>>(), places);
            assert_eq!((origins.len(), origins.is_empty()), (count, count == 0));
            assert_eq!(origins.first(), places.first().copied());
            assert!(places.iter().all(|place| origins.contains(place)) && !origins.contains(&at(9)));
        }
        assert!(size_of::<Origins>() <= 16);
    }
}
