//! Which column everything stands in, and the chain of items that each link passes.

use super::layout::{End, Link, Node, head_height};
use std::collections::BTreeSet;

/// Space that a link takes where it passes a column.
const PASSING: i32 = 4;

/// Everything that needs a place, before it has one; boxes come first and keep their indexes.
pub struct Sketch {
    /// Boxes, labels, and places where links pass a column.
    pub items: Vec<Item>,
    /// Items of each column, top to bottom; boxes stand in even columns, labels in odd ones.
    pub columns: Vec<Column>,
    /// Pairs of items in neighbouring columns that a link joins.
    pub joints: Vec<Joint>,
    /// The links.
    pub lanes: Vec<Lane>,
}

/// One column.
#[derive(Default)]
pub struct Column {
    /// Items, top to bottom.
    pub items: Vec<usize>,
    /// Width of the widest.
    pub width: i32,
}

/// Something that needs a place.
pub struct Item {
    /// Its column.
    pub column: usize,
    /// Its width.
    pub width: i32,
    /// Its height.
    pub height: i32,
    /// The box that it is.
    pub node: Option<usize>,
}

/// A link between neighbouring columns.
pub struct Joint {
    /// Item in the left column.
    pub left: usize,
    /// Where it touches that, from the top.
    pub left_at: i32,
    /// Item in the right column.
    pub right: usize,
    /// Where it touches that, from the top.
    pub right_at: i32,
}

/// What a link passes.
pub struct Lane {
    /// Index of the link.
    pub link: usize,
    /// Items between its ends, in the direction of the link.
    pub items: Vec<usize>,
    /// The one among them that carries the label.
    pub label: usize,
    /// It runs from right to left.
    pub backward: bool,
    /// It comes back to the box where it starts.
    pub around: bool,
}

/// Columns by longest path.
pub fn layers(nodes: &[Node], links: &[Link]) -> Sketch {
    let known = |link: &&Link| link.from < nodes.len() && link.to < nodes.len();
    let back = back_links(nodes.len(), links);
    let mut layer = vec![0_usize; nodes.len()];
    let forward: Vec<(usize, usize)> = links
        .iter()
        .enumerate()
        .filter(|(at, link)| known(link) && link.from != link.to && !back.contains(at))
        .map(|(_, link)| (link.from, link.to))
        .collect();
    let (starts, ends): (BTreeSet<usize>, BTreeSet<usize>) = forward.iter().copied().unzip();
    let backward = || links.iter().enumerate().filter(|(at, l)| known(l) && back.contains(at));
    let asked: BTreeSet<usize> = ends.iter().copied().chain(backward().map(|(_, l)| l.to)).collect();
    let firsts = nodes.iter().any(|n| n.end == End::First);
    for (index, node) in nodes.iter().enumerate() {
        let first = node.end == End::First && !asked.contains(&index);
        if let Some(slot) = layer.get_mut(index).filter(|_| firsts && !first) {
            *slot = 1;
        }
    }
    // links without cycles: as many rounds as the longest way settle it
    for _ in 0..nodes.len() {
        let mut moved = false;
        for (from, to) in &forward {
            let wanted = layer.get(*from).map_or(0, |l| l + 1);
            if let Some(slot) = layer.get_mut(*to).filter(|slot| **slot < wanted) {
                *slot = wanted;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    push_last(nodes, &mut layer, &starts, links);
    sketch(nodes, links, &layer)
}

/// Boxes that want to be last, and from which nothing starts, go to one column behind all others.
fn push_last(nodes: &[Node], layer: &mut [usize], starts: &BTreeSet<usize>, links: &[Link]) {
    let is_last = |index: usize, node: &Node| {
        node.end == End::Last && !starts.contains(&index) && !links.iter().any(|l| l.from == index)
    };
    let before = nodes.iter().zip(layer.iter()).enumerate().filter(|(at, (node, _))| !is_last(*at, node));
    let behind = before.map(|(_, (_, layer))| layer + 1).max().unwrap_or(0);
    for (at, (node, slot)) in nodes.iter().zip(layer.iter_mut()).enumerate() {
        if is_last(at, node) {
            *slot = behind.max(*slot);
        }
    }
}

/// Links that close a cycle, by a walk in depth from each box in order.
fn back_links(count: usize, links: &[Link]) -> BTreeSet<usize> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, link) in links.iter().enumerate().filter(|(_, l)| l.to < count && l.from != l.to) {
        if let Some(list) = out.get_mut(link.from) {
            list.push(index);
        }
    }
    let mut state = vec![0_u8; count];
    let mut back = BTreeSet::new();
    for start in 0..count {
        let mut stack = vec![(start, 0)];
        if state.get(start) != Some(&0) {
            continue;
        }
        while let Some((node, next)) = stack.pop() {
            if let Some(slot) = state.get_mut(node) {
                *slot = 1;
            }
            let Some(link) = out.get(node).and_then(|list| list.get(next)) else {
                if let Some(slot) = state.get_mut(node) {
                    *slot = 2;
                }
                continue;
            };
            stack.push((node, next + 1));
            let to = links.get(*link).map_or(node, |l| l.to);
            match state.get(to) {
                Some(0) => stack.push((to, 0)),
                Some(1) => {
                    back.insert(*link);
                }
                _ => {}
            }
        }
    }
    back
}

fn sketch(nodes: &[Node], links: &[Link], layer: &[usize]) -> Sketch {
    let mut items: Vec<Item> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let column = 2 * layer.get(index).copied().unwrap_or(0);
        items.push(Item { column, width: node.width, height: node.height, node: Some(index) });
    }
    let mut sketch = Sketch { items, columns: Vec::new(), joints: Vec::new(), lanes: Vec::new() };
    for (index, link) in links.iter().enumerate() {
        let (Some(from), Some(to)) = (layer.get(link.from), layer.get(link.to)) else { continue };
        sketch.lane(nodes, index, link, *from, *to);
    }
    let last = sketch.items.iter().map(|i| i.column).max().map_or(0, |c| c + 1);
    sketch.columns.resize_with(last, Column::default);
    for (index, item) in sketch.items.iter().enumerate() {
        if let Some(column) = sketch.columns.get_mut(item.column) {
            column.items.push(index);
            column.width = column.width.max(item.width);
        }
    }
    sketch
}

impl Sketch {
    fn lane(&mut self, nodes: &[Node], index: usize, link: &Link, from: usize, to: usize) {
        let (Some(start), Some(end)) = (nodes.get(link.from), nodes.get(link.to)) else { return };
        let row = link.row.and_then(|row| start.rows.get(row)).map(|(top, height)| top + height / 2);
        let start_at = row.unwrap_or(start.height / 2);
        let backward = from > to;
        let (low, high) = (2 * from.min(to), 2 * from.max(to));
        let label_column = if backward { high - 1 } else { low + 1 };
        let around = link.from == link.to;
        let columns = if around || low == high { low + 1..low + 2 } else { low + 1..high };
        let mut chain = Vec::new();
        let mut label = 0;
        for column in columns {
            let (width, height) = if column == label_column { link.label } else { (0, PASSING) };
            self.items.push(Item { column, width, height, node: None });
            chain.push(self.items.len() - 1);
            if column == label_column {
                label = self.items.len() - 1;
            }
        }
        if around {
            let half = link.label.1 / 2;
            self.joints.push(Joint { left: link.from, left_at: start_at, right: label, right_at: half });
            let head = head_height(start) / 2;
            self.joints.push(Joint { left: link.from, left_at: head, right: label, right_at: half });
        } else {
            let ends = if backward {
                [(link.to, head_height(end) / 2), (link.from, start_at)]
            } else {
                [(link.from, start_at), (link.to, end.height / 2)]
            };
            self.join(&chain, ends);
        }
        if backward {
            chain.reverse();
        }
        self.lanes.push(Lane { link: index, items: chain, label, backward, around });
    }

    /// Joins the left end, the chain and the right end.
    fn join(&mut self, chain: &[usize], ends: [(usize, i32); 2]) {
        let [mut left, last] = ends;
        for item in chain {
            let half = self.items.get(*item).map_or(0, |i| i.height / 2);
            self.joints.push(Joint { left: left.0, left_at: left.1, right: *item, right_at: half });
            left = (*item, half);
        }
        self.joints.push(Joint { left: left.0, left_at: left.1, right: last.0, right_at: last.1 });
    }
}
