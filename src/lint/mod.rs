//! Rules: loading, proving, evaluating, suppressing. Holds no rule logic of its own.

mod check;
mod expression;
mod functions;
pub mod schema;
mod template;
mod text;
mod types;
mod values;
