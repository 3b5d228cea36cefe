//! Rules: loading, proving, evaluating, suppressing. Holds no rule logic of its own.
//!
//! A rule is a YAML file ([`schema::RuleFile`]) over one kind of view. Its conditions are CEL, its texts minijinja. Both see
//!
//! | name | is |
//! |---|---|
//! | `subject` | the view that the rule looks at |
//! | `item` | an element of the lists of `each`, in everything but `when` and `each` |
//! | `it`, `index` | in labels: the value that `at` leads to, and which of several it is, from 1 |
//! | `params` | the rule's parameters, as configured |
//! | `cluster` | the one view of kind `cluster` |
//!
//! Loading proves a rule against the JSON Schema of its view: names, types, values of enums, and that a value which may be
//! absent is guarded (`has(subject.x) && …`, `subject.x != null && …`, `subject.x == "…"`; what `when`, `where` or `if`
//! proves holds in the texts too). Where CEL would fail, rules are total: an absent field or key is `null`, and `has()` is
//! false for it. Evaluation is metered in steps, so that rules of strangers end; see `functions` for what they may call.
//! Texts know if and for, and the filters join, length, first, last, upper, lower, trim, unique, sort, map, selectattr,
//! rejectattr, default and plural(one, many).
//!
//! The calls of a run, in order: [`RuleSet::load`], [`run`], [`finish`] (with the findings of the other rooms),
//! [`suppress::suppress`], [`sort`].

mod check;
mod compile;
pub mod editor;
mod evaluate;
pub mod export;
mod expression;
mod fixes;
mod fold;
mod functions;
mod identity;
mod options;
mod rule;
mod ruleset;
mod run;
mod samples;
mod sandbox;
pub mod schema;
pub mod suppress;
mod template;
mod text;
mod tree;
mod types;
mod values;

pub use compile::{CLUSTER_KIND, RULE_FILE, RuleSource};
pub use fixes::{FixBuilders, FixRequest, NoFixes};
pub use fold::{FOLD_ABOVE, fold};
pub use identity::{finish, sort};
pub use options::{
    ALL, Coverage, EXPIRED_IGNORE, INTERNAL, LINT_GROUP, LINT_RULES, LintOptions, MissingInput, RULE_EVALUATION,
    RuleSettings, Selection, UNREADABLE_INPUT, UNUSED_IGNORE, UsageError, lint_rule_why, param_mistake,
};
pub use rule::Rule;
pub use ruleset::{AllFiles, MAX_RULES, RULE_FILES, RuleSet, builtin};
pub use run::{LintResult, LintStats, run};
pub use samples::{Shown, samples};
pub use text::Text;
