//! Rules: loading, proving, evaluating, suppressing. Holds no rule logic of its own.

mod check;
mod functions;
pub mod schema;
mod text;
mod types;
mod values;
