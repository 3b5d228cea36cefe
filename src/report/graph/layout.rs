//! A layered layout from left to right: boxes in columns, labels of links in columns of their own between them.
//!
//! After Sugiyama, Tagawa, Toda (1981): layers by longest path, order by barycentres, heights by least squares under the
//! order (isotonic regression). A label has a place of its own, so that nothing ever covers it. Links bend only between
//! columns.

use super::layers::{Lane, layers};
use super::order::order;
use super::placing::place;

/// Space between a column of boxes and the labels beside it, where links bend.
const BEND: i32 = 42;
/// How far from the middle of its label a link to the box where it starts comes and goes.
const AROUND: i32 = 5;
/// Distance of two links that end on the same border.
const PORT: i32 = 13;

/// A box to place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Width; every box of a column gets the greatest.
    pub width: i32,
    /// Height.
    pub height: i32,
    /// Where it wants to be.
    pub end: End,
    /// Rows from which links may start: distance from the top, and height.
    pub rows: Vec<(i32, i32)>,
}

/// At which end of the drawing a box wants to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The first column, if no link leads to it.
    First,
    /// Wherever its links put it.
    #[default]
    Middle,
    /// The last column, if no link starts from it.
    Last,
}

/// A link between two boxes, or from a box to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index of the box where it starts.
    pub from: usize,
    /// Index of the row there; `None`: the box as a whole.
    pub row: Option<usize>,
    /// Index of the box where it ends.
    pub to: usize,
    /// Width and height of its label.
    pub label: (i32, i32),
}

/// A point of the drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
}

/// A rectangle of the drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Left border.
    pub x: i32,
    /// Upper border.
    pub y: i32,
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
}

impl Area {
    /// The right border.
    #[must_use]
    pub const fn right(&self) -> i32 {
        self.x + self.width
    }

    /// The lower border.
    #[must_use]
    pub const fn bottom(&self) -> i32 {
        self.y + self.height
    }

    /// Half way down.
    #[must_use]
    pub const fn middle(&self) -> i32 {
        self.y + self.height / 2
    }
}

/// The way of a link: it is level at every point and bends between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// From border to border.
    pub points: Vec<Point>,
    /// The label, which the way passes behind.
    pub label: Area,
}

/// Places for everything; all of it is inside `width` and `height`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Width of the drawing.
    pub width: i32,
    /// Height of the drawing.
    pub height: i32,
    /// The boxes.
    pub nodes: Vec<Area>,
    /// The links.
    pub routes: Vec<Route>,
}

/// Places boxes and links; links whose ends do not exist get an empty route.
#[must_use]
pub fn layout(nodes: &[Node], links: &[Link]) -> Layout {
    let mut sketch = layers(nodes, links);
    order(&mut sketch);
    let tops = place(&sketch);
    let columns = column_places(&sketch.columns.iter().map(|c| c.width).collect::<Vec<_>>());
    let area = |item: usize| {
        let own = sketch.items.get(item)?;
        let (x, width) = columns.get(own.column).copied()?;
        let wide = if own.node.is_some() { width } else { own.width };
        let y = tops.get(item).copied()?;
        Some(Area { x: x + (width - wide) / 2, y, width: wide, height: own.height })
    };
    // links are level across a whole column, so that they bend only between columns
    let across = |item: usize| {
        let (x, width) = sketch.items.get(item).and_then(|own| columns.get(own.column)).copied()?;
        Some(Area { x, width, ..area(item)? })
    };
    let areas: Vec<Area> = (0..nodes.len()).map(|item| area(item).unwrap_or_default()).collect();
    let mut ports = Ports::default();
    for (index, lane) in sketch.lanes.iter().enumerate() {
        ports.add(index, lane, nodes, links, &area);
    }
    let places = ports.places(nodes, &areas);
    let mut routes = vec![Route::default(); links.len()];
    for (index, lane) in sketch.lanes.iter().enumerate() {
        let place = |end: usize| places.get(&(index, end)).copied().unwrap_or_default();
        if let Some(route) = routes.get_mut(lane.link) {
            *route = route_of(lane, place(0), place(1), area(lane.label).unwrap_or_default(), &across);
        }
    }
    let right = columns.last().map_or(0, |(x, width)| x + width);
    let bottoms = (0..sketch.items.len()).filter_map(area).map(|a| a.bottom());
    Layout { width: right, height: bottoms.max().unwrap_or(0), nodes: areas, routes }
}

/// Left border and width of each column; boxes and labels alternate.
fn column_places(widths: &[i32]) -> Vec<(i32, i32)> {
    let mut x = 0;
    let mut places = Vec::new();
    for (index, width) in widths.iter().enumerate() {
        if index > 0 {
            x += BEND;
        }
        places.push((x, *width));
        x += width;
    }
    places
}

fn route_of(lane: &Lane, start: Point, end: Point, label: Area, across: &dyn Fn(usize) -> Option<Area>) -> Route {
    let mut points = vec![start];
    if lane.around {
        // to the label and back, on the same side of the box
        let (out, back) = (label.middle() + AROUND, label.middle() - AROUND);
        let left = across(lane.label).map_or(label.x, |column| column.x);
        points.extend([(left, out), (label.x, out), (label.x, back), (left, back)].map(|(x, y)| Point { x, y }));
    } else {
        for item in &lane.items {
            let Some(own) = across(*item) else { continue };
            let (left, right) = (Point { x: own.x, y: own.middle() }, Point { x: own.right(), y: own.middle() });
            points.extend(if lane.backward { [right, left] } else { [left, right] });
        }
    }
    points.push(end);
    Route { points, label }
}

/// Ends of links on the borders of boxes.
#[derive(Default)]
struct Ports {
    ends: Vec<PortEnd>,
}

struct PortEnd {
    lane: usize,
    end: usize,
    node: usize,
    right: bool,
    row: Option<usize>,
    /// Where the link comes from or goes to, by which ends on the same border are sorted.
    toward: i32,
}

impl Ports {
    fn add(&mut self, index: usize, lane: &Lane, nodes: &[Node], links: &[Link], area: &dyn Fn(usize) -> Option<Area>) {
        let Some(link) = links.get(lane.link) else { return };
        let row = link.row.filter(|row| nodes.get(link.from).is_some_and(|n| *row < n.rows.len()));
        let middle = |item: Option<&usize>| item.and_then(|i| area(*i)).map_or(0, |a| a.middle());
        let (first, last) = (middle(lane.items.first()), middle(lane.items.last()));
        let mut add = |end, node, right, row, toward| {
            self.ends.push(PortEnd { lane: index, end, node, right, row, toward });
        };
        add(0, link.from, !lane.backward, row, first);
        if lane.around {
            add(1, link.to, true, None, first);
        } else {
            add(1, link.to, lane.backward, None, last);
        }
    }

    fn places(mut self, nodes: &[Node], areas: &[Area]) -> std::collections::BTreeMap<(usize, usize), Point> {
        self.ends.sort_by_key(|e| (e.node, e.right, e.row, e.toward, e.lane, e.end));
        let mut places = std::collections::BTreeMap::new();
        for group in self.ends.chunk_by(|a, b| (a.node, a.right, a.row) == (b.node, b.right, b.row)) {
            let Some(first) = group.first() else { continue };
            let (Some(area), Some(node)) = (areas.get(first.node), nodes.get(first.node)) else { continue };
            let whole = (0, if first.right { head_height(node) } else { area.height });
            let (top, height) = first.row.and_then(|row| node.rows.get(row).copied()).unwrap_or(whole);
            let count = i32::try_from(group.len()).unwrap_or(i32::MAX).max(1);
            let step = (height / (count + 1)).min(PORT);
            for (index, end) in group.iter().enumerate() {
                let index = i32::try_from(index).unwrap_or(0);
                let y = area.y + top + height / 2 + (2 * index - (count - 1)) * step / 2;
                let x = if first.right { area.right() } else { area.x };
                places.insert((end.lane, end.end), Point { x, y });
            }
        }
        places
    }
}

/// The part of a box above its rows.
pub fn head_height(node: &Node) -> i32 {
    node.rows.first().map_or(node.height, |(top, _)| (*top).clamp(0, node.height))
}
