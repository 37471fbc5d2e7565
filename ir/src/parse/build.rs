//! From the text's parts to the graph: ids checked and resolved.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use gscript::bytecode::Program;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    BlockText, Header, Lines, NodeText, ParseError, PinnedText, Ref, SelfEntryText, SnapshotText, TargetText, TermText,
};
use crate::graph::{Args, Block, BlockId, Graph, Node, NodeId, Origin, Snapshot, SnapshotId, Target, Terminator};
use crate::op::{Op, Type};
use crate::unit::{PinnedSlot, SelfEntry, Unit};

/// Ids that a text may use: gaps are filled, so an id must not cost more than a text of some size would.
const MAX_ID: u32 = 1 << 22;

pub(super) fn unit(
    program: &Arc<Program>,
    header: Header,
    lines: Lines,
    blocks: Vec<BlockText>,
) -> Result<Unit, ParseError> {
    let mut build = Build { snapshots: Vec::new(), nodes: FxHashSet::default(), blocks: BTreeSet::new() };
    build.declare(&blocks)?;
    build.block(header.entry)?;
    let Lines { feedback, functions, inlined, self_entry, pinned } = lines;
    let self_entry = self_entry
        .map(|e| {
            let SelfEntryText { block, closure, args, header, result } = e;
            Ok::<_, ParseError>(SelfEntry { block: build.block(block)?, closure, args, header, result })
        })
        .transpose()?;
    let pinned = pinned.into_iter().map(|p| build.pinned(p)).collect::<Result<_, _>>()?;
    let filler = Origin::new(header.proto, 0);
    let mut graph = build.graph(blocks, BlockId(header.entry.id), filler)?;
    graph.inlined = inlined;
    Ok(Unit {
        feedback,
        functions,
        self_entry,
        region: header.region,
        frame_slots: header.slots,
        shared: header.shared,
        stale: header.stale,
        pinned,
        layout: header.layout,
        allocator: header.allocator,
        frames: header.frames,
        hoist_constants: header.hoist_constants,
        cold_split: header.cold_split,
        ..Unit::new(program.clone(), header.proto, graph)
    })
}

struct Build {
    snapshots: Vec<Snapshot>,
    nodes: FxHashSet<u32>,
    blocks: BTreeSet<u32>,
}

impl Build {
    /// Collects all ids; each may be defined once.
    fn declare(&mut self, blocks: &[BlockText]) -> Result<(), ParseError> {
        for block in blocks {
            check_size(block.id)?;
            if !self.blocks.insert(block.id.id) {
                let message = format!("b{} is defined twice", block.id.id);
                return Err(ParseError::new(block.id.line, block.id.col, message));
            }
            for id in block.params.iter().chain(&block.nodes).filter_map(|n| n.id) {
                check_size(id)?;
                if !self.nodes.insert(id.id) {
                    return Err(ParseError::new(id.line, id.col, format!("v{} is defined twice", id.id)));
                }
            }
        }
        Ok(())
    }

    fn value(&self, v: Ref<u32>) -> Result<NodeId, ParseError> {
        if self.nodes.contains(&v.id) {
            return Ok(NodeId(v.id));
        }
        Err(ParseError::new(v.line, v.col, format!("v{} is not defined", v.id)))
    }

    fn values(&self, list: &[Ref<u32>]) -> Result<Args, ParseError> {
        list.iter().map(|&v| self.value(v)).collect()
    }

    fn block(&self, b: Ref<u32>) -> Result<BlockId, ParseError> {
        if self.blocks.contains(&b.id) {
            return Ok(BlockId(b.id));
        }
        Err(ParseError::new(b.line, b.col, format!("b{} is not defined", b.id)))
    }

    fn pinned(&self, p: PinnedText) -> Result<PinnedSlot, ParseError> {
        let blocks = p.blocks.iter().map(|&b| self.block(b)).collect::<Result<_, _>>()?;
        Ok(PinnedSlot { slot: p.slot, pin: p.pin, blocks, written: p.written, by: intern(&p.by) })
    }

    fn snapshot(&mut self, s: SnapshotText) -> Result<SnapshotId, ParseError> {
        let writes = s.writes.iter().map(|&(slot, v)| Ok((slot, self.value(v)?))).collect::<Result<_, ParseError>>()?;
        self.snapshots.push(Snapshot { frames: s.frames, writes });
        Ok(SnapshotId(self.snapshots.len() as u32 - 1))
    }

    fn target(&self, t: &TargetText) -> Result<Target, ParseError> {
        Ok(Target { block: self.block(t.block)?, args: self.values(&t.args)? })
    }

    fn terminator(&mut self, term: TermText) -> Result<Terminator, ParseError> {
        Ok(match term {
            TermText::Jump(t) => Terminator::Jump(self.target(&t)?),
            TermText::Branch(cond, then, other) => {
                Terminator::Branch { cond: self.value(cond)?, then: self.target(&then)?, other: self.target(&other)? }
            }
            TermText::Return(first, count) => Terminator::Return { first, count },
            TermText::ReturnValue(v) => Terminator::ReturnValue(self.value(v)?),
            TermText::Exit(s) => Terminator::Exit(self.snapshot(s)?),
            TermText::Unreachable => Terminator::Unreachable,
        })
    }

    fn node(&mut self, n: NodeText, block: Option<BlockId>) -> Result<Node, ParseError> {
        let snapshot = n.snapshot.map(|s| self.snapshot(s)).transpose()?;
        Ok(Node { op: n.op, args: self.values(&n.args)?, ty: n.ty, snapshot, pin: n.pin, block, origin: n.origin })
    }

    fn graph(mut self, texts: Vec<BlockText>, entry: BlockId, filler: Origin) -> Result<Graph, ParseError> {
        let mut nodes: FxHashMap<u32, Node> = FxHashMap::default();
        // Nodes without an id come behind all others, in order.
        let mut fresh = self.nodes.iter().max().map_or(0, |m| m + 1);
        let mut blocks: Vec<Option<Block>> = Vec::new();
        blocks.resize(self.blocks.last().map_or(0, |m| *m as usize + 1), None);
        for text in texts {
            let b = BlockId(text.id.id);
            let (mut params, mut effects) = (Vec::new(), Vec::new());
            for param in text.params {
                let id = param.id.map_or(0, |id| id.id);
                params.push(NodeId(id));
                let node = self.node(param, Some(b))?;
                nodes.insert(id, node);
            }
            for text in text.nodes {
                let id = text.id.map_or_else(
                    || {
                        fresh += 1;
                        fresh - 1
                    },
                    |id| id.id,
                );
                let effect = text.op.is_effect();
                if effect {
                    effects.push(NodeId(id));
                }
                let node = self.node(text, effect.then_some(b))?;
                nodes.insert(id, node);
            }
            let term = self.terminator(text.term)?;
            blocks[b.0 as usize] = Some(Block { params, effects, term, origin: text.origin });
        }
        // An id that the text leaves out belongs to a node that is dead or gone: a constant that nobody uses stands in.
        let placeholder = || Node {
            op: Op::IConst(0),
            args: Args::new(),
            ty: Some(Type::Int),
            snapshot: None,
            pin: None,
            block: None,
            origin: filler,
        };
        let nodes = (0..fresh).map(|id| nodes.remove(&id).unwrap_or_else(placeholder)).collect();
        Ok(Graph::from_parts(nodes, blocks, self.snapshots, entry))
    }
}

fn check_size(id: Ref<u32>) -> Result<(), ParseError> {
    if id.id < MAX_ID {
        return Ok(());
    }
    Err(ParseError::new(id.line, id.col, format!("ids end at {}", MAX_ID - 1)))
}

/// The one copy of a pass's name: units keep names for as long as the process runs.
fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}
