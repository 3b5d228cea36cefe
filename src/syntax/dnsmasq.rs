//! Parser: to be written.
