//! Analyses that several passes share.

pub mod frequency;
pub mod liveness;
pub mod loops;
pub mod slot_tags;
