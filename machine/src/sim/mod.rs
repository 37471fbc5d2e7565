//! The functional simulator.
