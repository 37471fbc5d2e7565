//! Keeping slots in registers throughout a region of the graph: the mechanism behind the pinning passes.
//!
//! A slot is loaded and guarded once, in the block that enters the region. From there on it is a value: loads become uses
//! of it, stores become new values, and blocks where paths meet get a parameter that lives in the slot's register.
//! Memory is stale meanwhile, so every snapshot in the region writes the slot back, and so do the region's exit
//! edges and returns.

use std::collections::{BTreeMap, BTreeSet};

use gsx_ir::analysis::slot_tags::{SlotTags, TagFacts};
use gsx_ir::effects::SnapshotReads;
use gsx_ir::graph::{Target, Terminator};
use gsx_ir::unit::PinnedSlot;
use gsx_ir::{BlockId, NodeId, Op, Pin, SnapshotId, Type, Unit};

use crate::PassContext;
use crate::support::{is_complete_at, remove_proved_guards, remove_unused_loads, resume_at, tag_of};

/// A part of the graph with one way in: a loop, or the whole function.
pub struct Region {
    /// Block outside of the region that jumps to the header and nowhere else.
    pub entry: BlockId,
    /// The only block of the region that is entered from outside.
    pub header: BlockId,
    /// The region's blocks.
    pub blocks: BTreeSet<BlockId>,
}

/// A slot to keep in a register throughout a region.
#[derive(Clone, Copy, Debug)]
pub struct PinSpec {
    /// The slot.
    pub slot: u16,
    /// The type that it is guarded to have on entry and at every write.
    pub ty: Type,
    /// The register.
    pub pin: Pin,
    /// Is it written in the region? If not, memory stays right and nothing is stored back.
    pub written: bool,
}

/// What keeping slots in registers did.
#[derive(Default, Clone, Copy, Debug)]
pub struct Promotion {
    /// Loads that became register reads.
    pub loads: u64,
    /// Stores that became register writes.
    pub stores: u64,
    /// Guards that became needless.
    pub guards: u64,
    /// Stores put on the region's exit edges and before its returns.
    pub write_backs: u64,
}

/// Puts a block between a loop header and its predecessors outside of the loop. It takes over the header's parameters.
pub fn make_preheader(unit: &mut Unit, header: BlockId, inside: &BTreeSet<BlockId>) -> BlockId {
    let graph = &mut unit.graph;
    let origin = graph.block(header).origin;
    let preheader = graph.add_block(origin);
    let mut forwarded = Target::new(header);
    for p in graph.block(header).params.clone() {
        let ty = graph.node(p).ty.unwrap_or(Type::Boxed);
        forwarded.args.push(graph.add_param(preheader, ty, None, origin));
    }
    let outside: Vec<BlockId> = graph.preds(header).into_iter().filter(|p| !inside.contains(p)).collect();
    for &pred in &outside {
        graph.edit_targets(pred, |t| {
            if t.block == header {
                t.block = preheader;
            }
        });
    }
    graph.set_term(preheader, Terminator::Jump(forwarded));
    for p in &mut unit.pinned {
        if p.blocks.contains(&header) && outside.iter().all(|b| p.blocks.contains(b)) {
            p.blocks.push(preheader);
        }
    }
    preheader
}

/// Keeps slots in registers throughout a region. The caller has made sure with
/// [`check_pinnable`](crate::support::check_pinnable) that this is legal.
pub fn promote(
    unit: &mut Unit,
    cx: &mut PassContext,
    region: &Region,
    specs: &[PinSpec],
    by: &'static str,
) -> Promotion {
    let order: Vec<BlockId> =
        unit.graph.reverse_postorder().into_iter().filter(|b| region.blocks.contains(b)).collect();
    let inner = specs.iter().map(|s| inner_blocks(unit, region, s.slot)).collect();
    let mut work = Promoter {
        reads: SnapshotReads::new(unit),
        known: SlotTags::new(unit, &[]).at_end(unit, region.entry),
        order,
        inner,
        unit,
        region,
        specs,
        params: vec![BTreeMap::new(); specs.len()],
        at_end: BTreeMap::new(),
        exit_edges: BTreeSet::new(),
        leaves: BTreeSet::new(),
        done: Promotion::default(),
    };
    work.run(by);
    let mut done = work.done;
    done.guards += remove_proved_guards(&mut unit.graph, cx);
    remove_unused_loads(&mut unit.graph, cx);
    done
}

/// Blocks in which an inner region already keeps the slot. They are none of ours: that region loads the slot (from us)
/// on entry and stores it (to us) on exit.
fn inner_blocks(unit: &Unit, region: &Region, slot: u16) -> BTreeSet<BlockId> {
    let pinned = unit.pinned.iter().filter(|p| p.slot == slot && p.written);
    pinned.flat_map(|p| p.blocks.iter().copied()).filter(|b| region.blocks.contains(b)).collect()
}

struct Promoter<'a> {
    unit: &'a mut Unit,
    region: &'a Region,
    specs: &'a [PinSpec],
    order: Vec<BlockId>,
    /// By spec.
    inner: Vec<BTreeSet<BlockId>>,
    /// By spec: the blocks that got a parameter.
    params: Vec<BTreeMap<BlockId, NodeId>>,
    /// Values of the specs' slots at the end of each block.
    at_end: BTreeMap<BlockId, Vec<Option<NodeId>>>,
    /// Blocks put on the region's exit edges, which all written slots share.
    exit_edges: BTreeSet<BlockId>,
    /// Blocks that returns were moved to; they store what the return reads.
    leaves: BTreeSet<BlockId>,
    reads: SnapshotReads,
    /// What is known of the slots where the region is entered.
    known: TagFacts,
    done: Promotion,
}

impl Promoter<'_> {
    fn run(&mut self, by: &'static str) {
        let initial: Vec<NodeId> = self.specs.iter().map(|s| self.load_on_entry(s)).collect();
        self.add_params();
        for b in self.order.clone() {
            let start = self.values_at_start(b);
            let end = self.block(b, start);
            self.at_end.insert(b, end);
        }
        self.pass_arguments(&initial);
        for i in 0..self.specs.len() {
            let spec = self.specs[i];
            let blocks: Vec<BlockId> = self.order.iter().copied().filter(|b| !self.inner[i].contains(b)).collect();
            if spec.written {
                self.write_back_on_exits(i, &blocks);
            }
            let written = spec.written;
            self.unit.pinned.push(PinnedSlot { slot: spec.slot, pin: spec.pin, blocks, written, by });
        }
    }

    /// Load, guard and unbox in the entry block. A slot whose tag is known there needs no guard.
    fn load_on_entry(&mut self, spec: &PinSpec) -> NodeId {
        let (entry, header) = (self.region.entry, self.region.header);
        if self.known.slot(spec.slot) == Some(tag_of(spec.ty)) {
            let graph = &mut self.unit.graph;
            let origin = graph.block(header).origin;
            return graph.effect(entry, Op::SlotLoad(spec.slot, spec.ty), &[], Some(spec.ty), None, origin);
        }
        let boxed = guard_on_entry(self.unit, entry, header, (spec.slot, spec.ty), &self.reads);
        let origin = self.unit.graph.block(header).origin;
        self.unit.graph.pure(Op::Unbox(spec.ty), &[boxed], spec.ty, origin)
    }

    fn add_params(&mut self) {
        for (i, spec) in self.specs.iter().enumerate() {
            for &b in &self.order {
                if self.inner[i].contains(&b) {
                    continue;
                }
                if b == self.region.header || spec.written && self.unit.graph.incoming_edges(b) > 1 {
                    let origin = self.unit.graph.block(b).origin;
                    let param = self.unit.graph.add_param(b, spec.ty, Some(spec.pin), origin);
                    self.params[i].insert(b, param);
                }
            }
        }
    }

    fn values_at_start(&self, b: BlockId) -> Vec<Option<NodeId>> {
        (0..self.specs.len())
            .map(|i| {
                if self.inner[i].contains(&b) {
                    return None;
                }
                if let Some(&param) = self.params[i].get(&b) {
                    return Some(param);
                }
                if !self.specs[i].written {
                    return self.params[i].get(&self.region.header).copied();
                }
                // One predecessor. If that is an inner region's block, this is the region's exit edge, which stores the slot.
                let pred = *self.unit.graph.preds(b).first()?;
                self.at_end.get(&pred).and_then(|values| values[i])
            })
            .collect()
    }

    /// Rewrites one block, given the slots' values at its start; gives those at its end.
    fn block(&mut self, b: BlockId, mut values: Vec<Option<NodeId>>) -> Vec<Option<NodeId>> {
        for n in self.unit.graph.block(b).effects.clone() {
            let node = self.unit.graph.node(n).clone();
            let spec_of = |slot: u16| self.specs.iter().position(|s| s.slot == slot);
            match node.op {
                Op::SlotLoad(slot, ty) => {
                    let Some(value) = spec_of(slot).and_then(|i| values[i]) else { continue };
                    let graph = &mut self.unit.graph;
                    let new = match ty {
                        Type::Boxed => graph.pure(Op::Box, &[value], Type::Boxed, node.origin),
                        _ => value,
                    };
                    graph.replace_uses(n, new);
                    graph.remove_effect(n);
                    self.done.loads += 1;
                }
                Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) => {
                    let Some(i) = spec_of(slot).filter(|&i| !self.inner[i].contains(&b)) else { continue };
                    let mut new = node.args[0];
                    if self.unit.graph.node(new).ty == Some(Type::Boxed) {
                        new = self.guard_before(b, n, new, i, &values);
                    }
                    values[i] = Some(new);
                    self.unit.graph.remove_effect(n);
                    self.done.stores += 1;
                }
                _ => {
                    if let Some(s) = node.snapshot {
                        self.write_all(s, &values);
                    }
                }
            }
        }
        match self.unit.graph.block(b).term.clone() {
            Terminator::Exit(s) => self.write_all(s, &values),
            term @ Terminator::Return { first, count } => {
                let returned = self.specs.iter().zip(&values).filter_map(|(spec, value)| {
                    let in_range = (first..first + count).contains(&spec.slot);
                    value.filter(|_| spec.written && in_range).map(|v| (spec.slot, v))
                });
                self.store_and_return(b, term, returned.collect());
            }
            _ => {}
        }
        values
    }

    /// The return reads these slots in memory: they are stored in a block of their own, outside of the region.
    fn store_and_return(&mut self, b: BlockId, term: Terminator, slots: Vec<(u16, NodeId)>) {
        if slots.is_empty() {
            return;
        }
        let graph = &mut self.unit.graph;
        let origin = graph.block(b).origin;
        let leave = graph.add_block(origin);
        self.leaves.insert(leave);
        for (slot, value) in slots {
            graph.effect(leave, Op::SlotStore(slot), &[value], None, None, origin);
            self.done.write_backs += 1;
        }
        graph.set_term(leave, term);
        graph.set_term(b, Terminator::Jump(Target::new(leave)));
    }

    /// A value of unknown type is written: check it first, so that the register holds its payload.
    fn guard_before(
        &mut self,
        b: BlockId,
        store: NodeId,
        boxed: NodeId,
        i: usize,
        values: &[Option<NodeId>],
    ) -> NodeId {
        let ty = self.specs[i].ty;
        let origin = self.unit.graph.node(store).origin;
        let snapshot = resume_at(&mut self.unit.graph, origin);
        self.write_all(snapshot, values);
        let graph = &mut self.unit.graph;
        let at = graph.block(b).effects.iter().position(|&e| e == store).unwrap_or(0);
        graph.insert_effect(b, at, Op::GuardTag(tag_of(ty)), &[boxed], None, Some(snapshot), origin);
        graph.pure(Op::Unbox(ty), &[boxed], ty, origin)
    }

    /// Makes a snapshot write the slots that memory does not hold.
    fn write_all(&mut self, s: SnapshotId, values: &[Option<NodeId>]) {
        for (spec, value) in self.specs.iter().zip(values) {
            if let Some(value) = *value
                && spec.written
            {
                self.write(s, spec.slot, value);
            }
        }
    }

    fn write(&mut self, s: SnapshotId, slot: u16, value: NodeId) {
        write(self.unit, &self.reads, s, slot, value);
    }

    fn pass_arguments(&mut self, initial: &[NodeId]) {
        for i in 0..self.specs.len() {
            for (b, param) in self.params[i].clone() {
                for pred in self.unit.graph.preds(b) {
                    let value = if pred == self.region.entry {
                        initial[i]
                    } else {
                        // Inside, each predecessor knows the value: inner regions are left through exit edges of their own.
                        self.at_end.get(&pred).and_then(|v| v[i]).unwrap_or(param)
                    };
                    self.unit.graph.edit_targets(pred, |t| {
                        if t.block == b {
                            t.args.push(value);
                        }
                    });
                }
            }
        }
    }

    fn write_back_on_exits(&mut self, i: usize, blocks: &[BlockId]) {
        let slot = self.specs[i].slot;
        for &b in blocks {
            let Some(value) = self.at_end[&b][i] else { continue };
            let targets = self.unit.graph.block(b).term.targets().len();
            for which in 0..targets {
                let target = self.unit.graph.block(b).term.targets()[which].block;
                if self.region.blocks.contains(&target) || self.leaves.contains(&target) {
                    continue;
                }
                let origin = self.unit.graph.block(b).origin;
                let edge = if self.exit_edges.contains(&target) { target } else { self.split_exit(b, which) };
                self.unit.graph.effect(edge, Op::SlotStore(slot), &[value], None, None, origin);
                self.done.write_backs += 1;
            }
        }
    }

    fn split_exit(&mut self, b: BlockId, which: usize) -> BlockId {
        let target = self.unit.graph.block(b).term.targets()[which].block;
        let edge = self.unit.graph.split_edge(b, which);
        self.exit_edges.insert(edge);
        for p in &mut self.unit.pinned {
            if p.blocks.contains(&b) && p.blocks.contains(&target) {
                p.blocks.push(edge);
            }
        }
        edge
    }
}

/// Loads a slot at the end of `entry`, which jumps to `header` and nowhere else, and leaves unless it holds a value of this
/// type: the interpreter goes on at the header. Gives the loaded value.
pub fn guard_on_entry(
    unit: &mut Unit,
    entry: BlockId,
    header: BlockId,
    (slot, ty): (u16, Type),
    reads: &SnapshotReads,
) -> NodeId {
    let graph = &mut unit.graph;
    let origin = graph.block(header).origin;
    let boxed = graph.effect(entry, Op::SlotLoad(slot, Type::Boxed), &[], Some(Type::Boxed), None, origin);
    let snapshot = snapshot_on_entry(unit, entry, header, reads);
    unit.graph.effect(entry, Op::GuardTag(tag_of(ty)), &[boxed], None, Some(snapshot), origin);
    boxed
}

/// May a new exit be put in front of the loop with this header, where all slots are in memory or in registers that the header
/// has parameters for?
pub fn can_leave_on_entry(unit: &Unit, header: BlockId, inside: &BTreeSet<BlockId>) -> bool {
    let outside: Vec<BlockId> = unit.graph.preds(header).into_iter().filter(|p| !inside.contains(p)).collect();
    let in_registers = unit.pinned.iter().filter(|p| p.written && outside.iter().any(|b| p.blocks.contains(b)));
    let lost = in_registers.map(|p| p.slot).filter(|&slot| param_of(unit, header, slot).is_none()).collect();
    is_complete_at(unit, unit.graph.block(header).origin, &lost)
}

/// A snapshot for an exit at the end of `entry`, which jumps to `header` and nowhere else: the interpreter goes on at the
/// header.
pub fn snapshot_on_entry(unit: &mut Unit, entry: BlockId, header: BlockId, reads: &SnapshotReads) -> SnapshotId {
    let origin = unit.graph.block(header).origin;
    let snapshot = resume_at(&mut unit.graph, origin);
    // Slots that an outer region keeps in registers go on as the header's parameters, perhaps in other registers.
    let around: Vec<BlockId> = unit.graph.preds(entry).into_iter().chain([entry]).collect();
    let mut slots: Vec<u16> = unit.pinned.iter().filter(|p| p.written).map(|p| p.slot).collect();
    slots.sort_unstable();
    slots.dedup();
    for slot in slots {
        let of_slot = |p: &&PinnedSlot| p.slot == slot && p.written;
        if unit.pinned.iter().filter(of_slot).any(|p| around.iter().any(|b| p.blocks.contains(b)))
            && let Some(index) = param_of(unit, header, slot)
            && let Terminator::Jump(target) = &unit.graph.block(entry).term
        {
            let value = target.args[index];
            write(unit, reads, snapshot, slot, value);
        }
    }
    snapshot
}

/// The parameter of a header, by its place, that is a slot: in the register that the slot has there.
fn param_of(unit: &Unit, header: BlockId, slot: u16) -> Option<usize> {
    let pin = unit.pinned.iter().find(|p| p.slot == slot && p.blocks.contains(&header))?.pin;
    unit.graph.block(header).params.iter().position(|&p| unit.graph.node(p).pin == Some(pin))
}

/// Makes a snapshot write a slot, if it needs it and does not write it already.
fn write(unit: &mut Unit, reads: &SnapshotReads, s: SnapshotId, slot: u16, value: NodeId) {
    if reads.from_memory(unit, s).contains(slot) {
        let mut writes = unit.graph.snapshot(s).writes.clone();
        writes.push((slot, value));
        writes.sort_unstable();
        unit.graph.set_snapshot_writes(s, writes);
    }
}
