//! Output formats for diagnostics; the only room that formats or colours.
