//! The order within columns: barycentres, keeping the order with the fewest crossings.

use super::layers::{Joint, Sketch};
use std::collections::BTreeMap;

/// Sweeps over all columns.
const SWEEPS: usize = 16;

/// Neighbours of an item in one direction: the other item, and where on it, as a fraction of its height.
type Neighbours = BTreeMap<usize, Vec<(usize, f64)>>;

/// Sorts the items of every column.
pub fn order(sketch: &mut Sketch) {
    let share = |item: usize, at: i32| {
        let height = sketch.items.get(item).map_or(1, |i| i.height.max(1));
        f64::from(at.clamp(0, height)) / f64::from(height)
    };
    let (mut left_of, mut right_of): (Neighbours, Neighbours) = Default::default();
    for Joint { left, left_at, right, right_at } in &sketch.joints {
        left_of.entry(*right).or_default().push((*left, share(*left, *left_at)));
        right_of.entry(*left).or_default().push((*right, share(*right, *right_at)));
    }
    let columns: Vec<Vec<usize>> = sketch.columns.iter().map(|c| c.items.clone()).collect();
    let mut now = columns;
    let mut best = now.clone();
    let mut fewest = crossings(sketch, &now);
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let count = now.len();
        let backward = sweep % 2 == 1;
        for step in 1..count {
            let column = if backward { count - 1 - step } else { step };
            let from = if backward { column + 1 } else { column - 1 };
            let neighbours = if backward { &right_of } else { &left_of };
            let places = places(now.get(from).map(Vec::as_slice).unwrap_or_default());
            if let Some(items) = now.get_mut(column) {
                sort(items, neighbours, &places);
            }
        }
        let found = crossings(sketch, &now);
        if found < fewest {
            fewest = found;
            best.clone_from(&now);
        }
    }
    for (column, items) in sketch.columns.iter_mut().zip(best) {
        column.items = items;
    }
}

fn places(items: &[usize]) -> BTreeMap<usize, f64> {
    items.iter().zip(0_u32..).map(|(item, at)| (*item, f64::from(at))).collect()
}

/// Sorts by the mean of the neighbours' places; an item without neighbours keeps its own.
fn sort(items: &mut [usize], neighbours: &Neighbours, places: &BTreeMap<usize, f64>) {
    let own = self::places(items);
    let key = |item: usize| {
        let found: Vec<f64> = neighbours
            .get(&item)
            .into_iter()
            .flatten()
            .filter_map(|(other, share)| places.get(other).map(|place| place + share))
            .collect();
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let kept = own.get(&item).copied().unwrap_or(0.0);
        if found.is_empty() { kept } else { found.iter().sum::<f64>() / f64::from(count) }
    };
    let keys: BTreeMap<usize, f64> = items.iter().map(|item| (*item, key(*item))).collect();
    let of = |item: &usize| keys.get(item).copied().unwrap_or(0.0);
    items.sort_by(|a, b| of(a).total_cmp(&of(b)));
}

/// Pairs of joints that cross.
fn crossings(sketch: &Sketch, columns: &[Vec<usize>]) -> u64 {
    let mut place = vec![0_usize; sketch.items.len()];
    for items in columns {
        for (at, item) in items.iter().enumerate() {
            if let Some(slot) = place.get_mut(*item) {
                *slot = at;
            }
        }
    }
    let at = |item: usize| place.get(item).copied().unwrap_or(0);
    let mut by_column: BTreeMap<usize, Vec<[(usize, i32); 2]>> = BTreeMap::new();
    for joint in &sketch.joints {
        let column = sketch.items.get(joint.left).map_or(0, |i| i.column);
        by_column.entry(column).or_default().push([(at(joint.left), joint.left_at), (at(joint.right), joint.right_at)]);
    }
    by_column.into_values().map(inversions).sum()
}

/// Pairs whose order on the left is not that on the right (a Fenwick tree over the places on the right).
fn inversions(mut pairs: Vec<[(usize, i32); 2]>) -> u64 {
    pairs.sort_unstable();
    let mut ends: Vec<(usize, i32)> = pairs.iter().map(|[_, right]| *right).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut tree = vec![0_u64; ends.len() + 1];
    let mut total = 0;
    for (seen, [_, right]) in (0_u64..).zip(&pairs) {
        let rank = ends.partition_point(|end| end <= right);
        let mut before = 0;
        let mut at = rank;
        while at > 0 {
            before += tree.get(at).copied().unwrap_or(0);
            at &= at - 1;
        }
        total += seen - before;
        let mut at = rank;
        while let Some(slot) = tree.get_mut(at).filter(|_| at > 0) {
            *slot += 1;
            at += at & at.wrapping_neg();
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_counted() {
        let pair = |left, right| [(left, 0), (right, 0)];
        assert_eq!(inversions(vec![pair(0, 0), pair(1, 1), pair(2, 2)]), 0);
        assert_eq!(inversions(vec![pair(0, 2), pair(1, 1), pair(2, 0)]), 3);
        assert_eq!(inversions(vec![pair(0, 1), pair(0, 0), pair(1, 0)]), 1);
    }
}
