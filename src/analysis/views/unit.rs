//! The `unit` view: what systemd makes of a service that runs a kubelet, k3s or RKE2.

use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// A service of systemd on one node that runs a kubelet, k3s or RKE2.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnitView {
    /// Its name, e.g. `kubelet.service`.
    pub unit: String,
    /// Settings that do not do what they seem to.
    pub problems: Vec<Located<UnitProblemView>>,
}

impl View for UnitView {
    const KIND: &'static str = "unit";
    const DOC: &'static str = "A service of systemd on one node that runs a kubelet, k3s or RKE2.";
}

/// How a setting of a unit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnitProblemKind {
    /// A drop-in that systemd does not read.
    DropIn,
    /// A second `ExecStart=` without an empty one before it: systemd refuses the unit.
    SecondExecStart,
    /// The unit is masked, with drop-ins that set DNS flags.
    Masked,
    /// An environment file sets a variable that `Environment=` sets too, and always wins.
    EnvironmentFileWins,
    /// A variable inside a longer word of the command line, which systemd does not expand.
    NotExpanded,
    /// `${NAME}` as a word of its own hands over several flags as one argument.
    OneArgument,
    /// An environment file without `-` that is not there: the unit does not start.
    EnvironmentFileMissing,
}

/// A setting of a unit that fails.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnitProblemView {
    /// How.
    pub kind: UnitProblemKind,
    /// The setting: a file name, a variable, a word.
    pub setting: String,
    /// Why, as a clause.
    pub reason: String,
    /// What counts instead, or the first of two.
    pub winner: Option<Located<String>>,
}
