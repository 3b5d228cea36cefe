//! What single plugins of CoreDNS make of a query, from their directive and the files that the snapshot has.

pub mod acl;
pub mod hosts;
pub mod local;
pub mod rewrite;
pub mod template;
pub mod zone_file;

use super::names::Answer;

/// What a plugin does with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It leaves the query to the next plugin.
    Pass,
    /// The same, because of its `fallthrough`; the reason why it has no answer.
    FallsThrough(String),
    /// It answers.
    Ends(Answer),
}

/// Records of the asked types, or an alias, or none: what a name that exists gives.
fn from_records(records: Vec<(String, String)>, types: &[&str], what: &str, absent: &str) -> Answer {
    let data = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        records.iter().filter(|(kind, _)| wanted(kind)).map(|(_, data)| data.clone()).collect()
    };
    let direct = data(&|kind| types.contains(&kind));
    if !direct.is_empty() {
        return Answer::Records { records: direct, what: what.to_owned() };
    }
    match data(&|kind| kind == "CNAME").into_iter().next() {
        Some(target) => Answer::Alias { target: target.to_ascii_lowercase(), what: what.to_owned() },
        None => Answer::Nodata { reason: absent.to_owned() },
    }
}
