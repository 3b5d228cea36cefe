//! Rules: loading, proving, evaluating, suppressing. Holds no rule logic of its own.

pub mod schema;
mod text;
mod types;
