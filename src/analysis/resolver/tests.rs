//! Views of small snapshots.
