//! Rules: loading, proving, evaluating, suppressing. Holds no rule logic of its own.

mod check;
mod compile;
mod expression;
mod functions;
mod rule;
mod ruleset;
mod sandbox;
pub mod schema;
mod template;
mod text;
mod types;
mod values;

pub use compile::{CLUSTER_KIND, RULE_FILE, RuleSource};
pub use rule::Rule;
pub use ruleset::{AllFiles, RuleSet, builtin};
pub use text::Text;
