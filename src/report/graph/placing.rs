//! How far down everything stands: near its neighbours, in the given order, with a gap between.

use super::layers::{Item, Sketch};
use std::collections::BTreeMap;

/// Rounds over all columns; places settle long before.
const ROUNDS: usize = 30;
/// Gap between two boxes.
const BOX_GAP: i32 = 26;
/// Gap beside a label or a passing link.
const SMALL_GAP: i32 = 12;

/// The upper border of every item; the least is 0.
pub fn place(sketch: &Sketch) -> Vec<i32> {
    let mut tops = vec![0.0_f64; sketch.items.len()];
    for column in &sketch.columns {
        let height: i32 = column.items.iter().filter_map(|i| sketch.items.get(*i)).map(|i| i.height + BOX_GAP).sum();
        let mut y = -f64::from(height) / 2.0;
        for item in &column.items {
            if let (Some(top), Some(own)) = (tops.get_mut(*item), sketch.items.get(*item)) {
                *top = y;
                y += f64::from(own.height + BOX_GAP);
            }
        }
    }
    let pulls = pulls(sketch);
    for round in 0..ROUNDS {
        let count = sketch.columns.len();
        for step in 0..count {
            let index = if round % 2 == 0 { step } else { count - 1 - step };
            if let Some(column) = sketch.columns.get(index) {
                settle(sketch, &column.items, &pulls, &mut tops);
            }
        }
    }
    rounded(sketch, &tops)
}

/// How much more a link that passes a column wants to be straight than one that ends at a box.
const STRAIGHT: f64 = 4.0;

/// For each item, the items that pull at it: the other, how far below that it is level with it, and how strongly.
type Pulls = BTreeMap<usize, Vec<(usize, f64, f64)>>;

fn pulls(sketch: &Sketch) -> Pulls {
    let mut pulls = Pulls::new();
    for joint in &sketch.joints {
        let level = f64::from(joint.right_at - joint.left_at);
        let is_box = |item: usize| sketch.items.get(item).is_some_and(|i| i.node.is_some());
        let weight = if is_box(joint.left) || is_box(joint.right) { 1.0 } else { STRAIGHT };
        pulls.entry(joint.left).or_default().push((joint.right, level, weight));
        pulls.entry(joint.right).or_default().push((joint.left, -level, weight));
    }
    pulls
}

fn gap(above: &Item, below: &Item) -> i32 {
    if above.node.is_some() && below.node.is_some() { BOX_GAP } else { SMALL_GAP }
}

/// Moves the items of a column to the least sum of squared distances that the order and the gaps allow.
fn settle(sketch: &Sketch, items: &[usize], pulls: &Pulls, tops: &mut [f64]) {
    // pools of items that touch each other: sum of wishes, weight, first item
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    let offsets = offsets(sketch, items);
    for (at, item) in items.iter().enumerate() {
        let near = pulls.get(item).map(Vec::as_slice).unwrap_or_default();
        let wish = |(other, level, weight): &(usize, f64, f64)| tops.get(*other).map(|top| (top + level, *weight));
        let wishes: Vec<(f64, f64)> = near.iter().filter_map(wish).collect();
        let offset = offsets.get(at).copied().unwrap_or(0.0);
        let own = tops.get(*item).copied().unwrap_or(0.0);
        let (sum, weight) = if wishes.is_empty() {
            ((own - offset) * 0.01, 0.01)
        } else {
            let sum = wishes.iter().map(|(level, weight)| (level - offset) * weight).sum::<f64>();
            (sum, wishes.iter().map(|(_, weight)| weight).sum::<f64>())
        };
        pools.push((sum, weight, at));
        while let [.., (upper, heavy, start), (lower, light, _)] = pools.as_slice() {
            if upper / heavy <= lower / light {
                break;
            }
            let joined = (upper + lower, heavy + light, *start);
            pools.truncate(pools.len() - 2);
            pools.push(joined);
        }
    }
    let mut pool = pools.iter().peekable();
    let mut level = 0.0;
    for (at, item) in items.iter().enumerate() {
        if let Some((sum, weight, _)) = pool.next_if(|(_, _, start)| *start <= at) {
            level = sum / weight;
        }
        if let (Some(top), Some(offset)) = (tops.get_mut(*item), offsets.get(at)) {
            *top = level + offset;
        }
    }
}

/// How far each item is below the first when nothing is between them but the gaps.
fn offsets(sketch: &Sketch, items: &[usize]) -> Vec<f64> {
    let mut offsets = vec![0.0];
    let mut y = 0;
    for pair in items.windows(2) {
        if let [above, below] = pair
            && let (Some(above), Some(below)) = (sketch.items.get(*above), sketch.items.get(*below))
        {
            y += above.height + gap(above, below);
        }
        offsets.push(f64::from(y));
    }
    offsets
}

/// Whole numbers from 0 on; rounding never brings two items nearer than their gap.
fn rounded(sketch: &Sketch, tops: &[f64]) -> Vec<i32> {
    let least = tops.iter().copied().fold(f64::INFINITY, f64::min);
    let mut places = vec![0; tops.len()];
    for column in &sketch.columns {
        let mut before: Option<(i32, &Item)> = None;
        for item in &column.items {
            let (Some(top), Some(own)) = (tops.get(*item), sketch.items.get(*item)) else { continue };
            let free = before.map_or(0, |(bottom, above)| bottom + gap(above, own));
            // drawings are some ten thousand units high at most
            let wanted = (top - least).round().clamp(0.0, 1e8) as i32;
            let y = wanted.max(free);
            if let Some(slot) = places.get_mut(*item) {
                *slot = y;
            }
            before = Some((y + own.height, own));
        }
    }
    places
}
