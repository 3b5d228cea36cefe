//! systemd units: parsing, drop-ins, merging, command lines and their environment, as systemd's own loader does it.

mod dropin;
mod effective;
mod environment;
mod exec;
mod merge;
mod specifier;
mod traced;
mod unit;
mod words;

pub use dropin::{
    Applied, Candidate, DropIns, FileState, FoundUnit, Ineffective, IneffectiveReason, UNIT_SEARCH_ORDER,
    dropin_directories, dropins_for, find_unit,
};
pub use effective::{
    Effective, EnvironmentAssignment, EnvironmentFile, MergeProblem, MergeProblemKind, Override, OverrideKind, Refusal,
    ServiceCommand,
};
pub use environment::{
    Environment, ExpandedWord, Expansion, MAX_ARGUMENTS_LEN, Overshadowed, UnsetReference, expand, expand_words,
    is_valid_variable_name,
};
pub use exec::{ExecCommand, ExecError, ExecErrorKind, ExecLine, ExecWarning, Prefixes, Word, exec_split};
pub use merge::{DropIn, merge};
pub use specifier::{SpecifierError, Specifiers};
pub use traced::{Origin, Piece, Traced};
pub use unit::{Assignment, MAX_LINE_LEN, Unit, UnitProblem, UnitProblemKind, parse};
