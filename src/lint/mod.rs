//! Rules: loading, proving, evaluating, suppressing. Holds no rule logic of its own.
