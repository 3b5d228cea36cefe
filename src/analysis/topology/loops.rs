//! Cycles among the places that a query visits.

use std::collections::{BTreeMap, BTreeSet};

/// Groups of steps that lie on a common cycle, as indexes into the list of steps (from, to).
pub fn cycles<S: Ord + Clone>(steps: &[(S, S)]) -> Vec<Vec<usize>> {
    let live = on_the_way_back(steps);
    let mut next: BTreeMap<&S, BTreeSet<&S>> = BTreeMap::new();
    for (from, to) in live.iter().filter_map(|index| steps.get(*index)) {
        next.entry(from).or_default().insert(to);
    }
    let reach: BTreeMap<&S, BTreeSet<&S>> = next.keys().map(|start| (*start, reached(*start, &next))).collect();
    let reaches = |from: &S, to: &S| reach.get(from).is_some_and(|set| set.contains(to));
    let mut groups: BTreeMap<&S, Vec<usize>> = BTreeMap::new();
    for index in live {
        let Some((from, to)) = steps.get(index) else { continue };
        if reaches(to, from) || from == to {
            // the least place of the cycle stands for it
            let first = reach.keys().find(|place| reaches(from, place) && reaches(place, from));
            groups.entry(first.copied().unwrap_or(from)).or_default().push(index);
        }
    }
    groups.into_values().collect()
}

/// Steps that are left when those that lead nowhere, or come from nowhere, are taken away again and again.
fn on_the_way_back<S: Ord>(steps: &[(S, S)]) -> Vec<usize> {
    let mut live: Vec<usize> = (0..steps.len()).collect();
    loop {
        let at = |index: &usize| steps.get(*index);
        let starts: BTreeSet<&S> = live.iter().filter_map(at).map(|(from, _)| from).collect();
        let ends: BTreeSet<&S> = live.iter().filter_map(at).map(|(_, to)| to).collect();
        let before = live.len();
        live.retain(|index| at(index).is_some_and(|(from, to)| ends.contains(from) && starts.contains(to)));
        if live.len() == before {
            return live;
        }
    }
}

fn reached<'s, S: Ord>(start: &'s S, next: &BTreeMap<&'s S, BTreeSet<&'s S>>) -> BTreeSet<&'s S> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&S> = vec![start];
    while let Some(place) = open.pop() {
        for to in next.get(place).into_iter().flatten() {
            if seen.insert(*to) {
                open.push(to);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_cycle_and_no_others() {
        let steps = [(0, 1), (1, 2), (2, 1), (2, 3), (4, 4), (3, 5)];
        assert_eq!(cycles(&steps), [vec![1, 2], vec![4]]);
        assert_eq!(cycles(&[(0, 1), (1, 2), (0, 2)]), Vec::<Vec<usize>>::new());
    }
}
