//! How results are shown: tables and text for people, JSON for programs.

pub mod counts;
pub mod diff;
pub mod json;
pub mod listing;
pub mod passes;
pub mod references;
pub mod style;
pub mod table;
pub mod text;
