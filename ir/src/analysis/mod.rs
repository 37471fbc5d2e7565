//! Analyses that several passes share.

pub mod liveness;
pub mod loops;
pub mod slot_tags;
