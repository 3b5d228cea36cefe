//! The cluster as the programs will see it; every value carries its origin.
