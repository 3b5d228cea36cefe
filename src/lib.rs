//! dnslint: the compiler and linter for the DNS of Kubernetes and k3s nodes.
//!
//! The pipeline, in order: `source` reads paths into files, `syntax` turns each file into a spanned tree, `model`
//! assembles the cluster, `analysis` derives the views, `lint` evaluates the rules into diagnostics, `fix` and `render`
//! make edits and files, `report` prints. A module imports only modules that stand to its left in that list
//! (`source < diagnostic < syntax < model < analysis < fix < lint < render < report < cli`).

pub mod source;

pub mod diagnostic;

pub mod syntax;

pub mod model;

pub mod analysis;

pub mod fix;

pub mod lint;

pub mod render;

pub mod report;

pub mod cli;
