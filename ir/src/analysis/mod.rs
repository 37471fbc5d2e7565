//! Analyses that several passes share.

pub mod facts;
pub mod liveness;
pub mod loops;
pub mod range;
