//! DNS servers: what their blocks answer, where their forwards lead, and where a query comes back.

pub mod read;
pub mod routing;
