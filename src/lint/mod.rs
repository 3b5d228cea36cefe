//! Rules: loading, proving, evaluating, suppressing. Holds no rule logic of its own.

mod check;
mod compile;
mod evaluate;
mod expression;
mod fixes;
mod fold;
mod functions;
mod identity;
mod options;
mod rule;
mod ruleset;
mod run;
mod sandbox;
pub mod schema;
pub mod suppress;
mod template;
mod text;
mod types;
mod values;

pub use compile::{CLUSTER_KIND, RULE_FILE, RuleSource};
pub use fixes::{FixBuilders, FixRequest, NoFixes};
pub use fold::FOLD_ABOVE;
pub use identity::finish;
pub use options::{
    ALL, Coverage, EXPIRED_IGNORE, INTERNAL, LINT_GROUP, LINT_RULES, LintOptions, MissingInput, RULE_EVALUATION,
    RuleSettings, Selection, UNREADABLE_INPUT, UNUSED_IGNORE, UsageError,
};
pub use rule::Rule;
pub use ruleset::{AllFiles, RuleSet, builtin};
pub use run::{LintResult, LintStats, run};
pub use text::Text;
