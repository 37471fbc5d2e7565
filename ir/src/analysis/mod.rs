//! Analyses that several passes share.

pub mod congruence;
pub mod facts;
pub mod frequency;
pub mod liveness;
pub mod loops;
pub mod range;
pub mod slot_tags;
