//! Makes long things short: lists of names, zones that another one covers, vertices that are asked alike.

use super::build::{Carried, EdgeKey};
use super::{Kind, MAX_NAMES, Vertex};
use crate::analysis::servers::read::in_zone;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Names of a list that are written out before it is folded.
const WRITTEN_OUT: usize = 3;
/// Characters of such a list.
const WRITTEN_LENGTH: usize = 40;

/// `a`, `a, b, c`, or `12 nodes: a … l`; the names are in natural order.
#[must_use]
pub fn name_list(names: &[String], count: usize, what: &str) -> String {
    let length: usize = names.iter().map(|name| name.chars().count() + 2).sum();
    match (names, names.last()) {
        ([first, ..], Some(last)) if count > WRITTEN_OUT || (count > 1 && length > WRITTEN_LENGTH) => {
            let dots = if names.len() < count { "…".to_owned() } else { format!("… {last}") };
            format!("{count} {what}: {first} {dots}")
        }
        _ => names.join(", "),
    }
}

/// The order of people: runs of digits count as numbers.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (x, y) = (digits(left), digits(right));
        if x > 0 && y > 0 {
            let ((p, rest_left), (q, rest_right)) = (left.split_at(x), right.split_at(y));
            let (p, q) = (p.trim_start_matches('0'), q.trim_start_matches('0'));
            let order = p.len().cmp(&q.len()).then_with(|| p.cmp(q));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (rest_left, rest_right);
            continue;
        }
        let (mut p, mut q) = (left.chars(), right.chars());
        match (p.next(), q.next()) {
            (Some(x), Some(y)) if x == y => (left, right) = (p.as_str(), q.as_str()),
            (x, y) => return x.cmp(&y).then_with(|| a.cmp(b)),
        }
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// The first names in natural order.
pub fn first_names(mut names: Vec<String>) -> Vec<String> {
    names.sort_by(|a, b| natural(a, b));
    names.truncate(MAX_NAMES);
    names
}

/// Zones without those whose next wider zone of the map is in the list too.
#[must_use]
pub fn widest_zones<'z>(zones: &'z [String], map: &BTreeSet<&str>) -> Vec<&'z str> {
    let covered = |zone: &str| {
        let wider = map.iter().filter(|other| **other != zone && in_zone(zone, other)).max_by_key(|other| other.len());
        wider.is_some_and(|wider| zones.iter().any(|z| z == wider))
    };
    zones.iter().map(String::as_str).filter(|zone| !covered(zone)).collect()
}

/// Gives addresses that are asked by the same for the same names one vertex: old index to new.
pub fn outside(vertices: &[Vertex], edges: &BTreeMap<EdgeKey, Carried>) -> Vec<usize> {
    type Asked<'c> = Vec<(EdgeKey, &'c BTreeMap<String, BTreeSet<usize>>)>;
    let mut asked: Vec<Asked<'_>> = vec![Vec::new(); vertices.len()];
    for (key, carried) in edges {
        if let Some(list) = asked.get_mut(key.to) {
            list.push((EdgeKey { to: 0, ..key.clone() }, &carried.zones));
        }
    }
    let mut seen: BTreeMap<(Kind, &[String], &Asked<'_>), usize> = BTreeMap::new();
    let mut merged = Vec::new();
    for (index, (vertex, by)) in vertices.iter().zip(&asked).enumerate() {
        if vertex.kind == Kind::Outside && !by.is_empty() {
            merged.push(*seen.entry((vertex.kind, &vertex.details, by)).or_insert(index));
        } else {
            merged.push(index);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count() {
        let mut names = ["node10", "node2", "node1", "node02b", "a", "node"].map(str::to_owned).to_vec();
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "node", "node1", "node2", "node02b", "node10"]);
    }

    #[test]
    fn long_lists_show_both_ends() {
        let names: Vec<String> = (1..=12).map(|n| format!("node{n}")).collect();
        assert_eq!(name_list(&names, 12, "nodes"), "12 nodes: node1 … node12");
        assert_eq!(name_list(&names[..5], 12, "nodes"), "12 nodes: node1 …");
        assert_eq!(name_list(&names[..2], 2, "nodes"), "node1, node2");
    }

    #[test]
    fn a_zone_is_covered_only_by_the_next_wider_one() {
        let zones = [".", "a.b.", "in-addr.arpa."].map(str::to_owned);
        let map = [".", "b.", "a.b.", "in-addr.arpa."].into_iter().collect();
        assert_eq!(widest_zones(&zones, &map), [".", "a.b."]);
    }
}
