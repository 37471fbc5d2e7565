//! The graph IR.
//!
//! A control-flow graph of basic blocks, each with its effectful operations in order, over a value graph of pure
//! operations that float and are placed at code generation ([`schedule`]). [`mod@build`] makes it from bytecode in *slot
//! form*: every VM register is a frame slot in memory, each operation loads its slots, checks tags, computes, stores.
//! Passes then turn slots into values.

pub mod analysis;
pub mod build;
pub mod dot;
pub mod effects;
pub mod eval;
pub mod graph;
pub mod memory;
pub mod op;
pub mod parse;
pub mod schedule;
pub mod small_map;
pub mod text;
pub mod unit;
pub mod verify;

pub use graph::{BlockId, Graph, NodeId, Snapshot, SnapshotId, Terminator};
pub use op::{CallKind, CallResults, Cond, Op, TagHalf, Type};
pub use small_map::SmallMap;
pub use unit::{Allocator, FrameStyle, Layout, Pin, SlotSet, Unit};
