//! Lowering: from the graph to machine instructions over virtual registers.
//!
//! In the tagged layout a boxed value is a pair of registers, tag and payload; only the halves that are used exist. A
//! NaN-boxed one is a single register, which takes the payload's place (`boxes` knows the words). Constants are made anew
//! at each use. Conditions that only one branch looks at become the compare of a compare-and-branch pair.

mod boxes;
mod calls;
mod constants;
mod control;
mod demand;
mod edges;
mod exits;
mod order;
mod results;
mod returns;
mod self_entry;
mod split;
mod values;

use gscript::bytecode::ProtoId;
use gscript::layout::{self, Layout};
use gscript::nanbox;
use gscript::value::Tag;
use gsx_ir::analysis::loops::{loop_depths, natural_loops};
use gsx_ir::graph::{BlockId, Graph, Node, NodeId, Origin};
use gsx_ir::op::{Op, Type};
use gsx_ir::schedule::Schedule;
use gsx_ir::unit::{Pin, Unit};
use gsx_ir::{SlotSet, SmallMap};
use rustc_hash::FxHashMap;

use crate::code::CodegenError;
use crate::mir::{AluOp, Block, Function, Inst, InstData, MBlock, Reg, VReg};
use crate::reg::{BASE, CONTEXT, Class, PReg, ZERO};
use constants::Hoisted;
use demand::{Demand, Parts};
use returns::ReturnCounts;
use split::Splits;

/// A word of a value: known, or in a register.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Half {
    /// Known bits.
    Imm(u64),
    /// Guest address of the object at this offset in the arena.
    Object(u64),
    /// NaN-boxed word of the object with this tag at this offset in the arena.
    Tagged(Tag, u64),
    /// NaN-boxed word of an integer that needs a box.
    Wide(i64),
    /// In a register of either class.
    Reg(VReg),
    /// Nobody uses it.
    Unused,
}

/// A value: typed ones have no tag half, and NaN-boxed ones neither.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Val {
    tag: Half,
    payload: Half,
}

impl Val {
    fn typed(payload: Half) -> Val {
        Val { tag: Half::Unused, payload }
    }
}

fn class_of_type(ty: Type) -> Class {
    if ty == Type::Float { Class::D } else { Class::X }
}

/// The machine register that a parameter lives in by decision of a pass.
fn pinned_register(node: &Node, class: Class) -> Option<PReg> {
    match node.pin {
        Some(Pin::X(n)) if class == Class::X => Some(PReg::x(n)),
        Some(Pin::D(n)) if class == Class::D => Some(PReg::d(n)),
        _ => None,
    }
}

struct Lower<'a> {
    unit: &'a Unit,
    graph: &'a Graph,
    schedule: Schedule,
    demand: Demand,
    returns: ReturnCounts,
    f: Function,
    values: Vec<Option<Val>>,
    blocks: FxHashMap<BlockId, MBlock>,
    /// The registers that predecessors write the parameters of a block to.
    params: FxHashMap<NodeId, Val>,
    /// Has the self entry more arguments than there are registers for them?
    too_many_arguments: bool,
    /// Copies of the self entry's parameters.
    splits: Splits,
    /// Constants in front of loops.
    hoisted: Hoisted,
    /// By function: the registers that are live before each instruction, once it has been asked for.
    live: SmallMap<ProtoId, Vec<SlotSet>>,
    /// Where the code of each finished block of the graph ends.
    ends: FxHashMap<BlockId, MBlock>,
    /// The block being lowered, where its constants may stand in front of a loop.
    at_block: Option<BlockId>,
    cur: MBlock,
    node: Option<NodeId>,
    origin: Option<Origin>,
}

/// Lowers a unit.
pub fn lower(unit: &Unit) -> Result<Function, CodegenError> {
    let graph = &unit.graph;
    let schedule = Schedule::new(graph);
    let demand = Demand::new(graph, &schedule, unit.layout);
    let splits = Splits::new(unit, &schedule);
    let mut lower = Lower {
        unit,
        graph,
        schedule,
        demand,
        returns: ReturnCounts::of(unit.bytecode()),
        f: Function::default(),
        values: vec![None; graph.node_count()],
        blocks: FxHashMap::default(),
        params: FxHashMap::default(),
        too_many_arguments: false,
        splits,
        hoisted: Hoisted::new(unit),
        live: SmallMap::new(),
        ends: FxHashMap::default(),
        at_block: None,
        cur: MBlock(0),
        node: None,
        origin: None,
    };
    lower.make_blocks();
    lower.f.self_entry = lower.self_entry();
    let mut by_pin: FxHashMap<Pin, Vec<NodeId>> = FxHashMap::default();
    for &b in lower.schedule.order() {
        for &p in &graph.block(b).params {
            if let Some(pin) = graph.node(p).pin {
                by_pin.entry(pin).or_default().push(p);
            }
        }
    }
    for b in lower.schedule.order().to_vec() {
        let nodes = order::block_order(graph, &lower.schedule, &lower.demand, &by_pin, b);
        lower.block(b, &nodes)?;
    }
    edges::split_critical_edges(&mut lower.f);
    lower.mark_back_edges();
    Ok(lower.f)
}

impl Lower<'_> {
    fn make_blocks(&mut self) {
        let depths = loop_depths(self.graph);
        for &b in self.schedule.order() {
            let id = MBlock(self.f.blocks.len() as u32);
            let depth = depths.get(&b).copied().unwrap_or(0);
            let cold = b != self.graph.entry && control::is_exit(self.graph, b);
            self.f.blocks.push(Block { insts: Vec::new(), ir: Some(b), depth, cold });
            self.blocks.insert(b, id);
        }
        for b in self.schedule.order().to_vec() {
            if self.unit.self_entry.as_ref().is_some_and(|e| e.block == b) {
                self.self_entry_params(b);
                continue;
            }
            for &p in &self.graph.block(b).params {
                let val = self.param_registers(p);
                self.params.insert(p, val);
            }
        }
    }

    /// Registers in which a parameter arrives.
    fn param_registers(&mut self, p: NodeId) -> Val {
        let node = self.graph.node(p);
        let parts = self.demand.parts(p);
        if parts.is_empty() {
            return Val::typed(Half::Unused);
        }
        match node.ty {
            Some(Type::Boxed) => {
                let wants_tag = parts.wants_tag(self.layout());
                let tag = if wants_tag { Half::Reg(self.f.vreg(Class::X)) } else { Half::Unused };
                let class = if parts.prefers_d() { Class::D } else { Class::X };
                let payload = if parts.has(Parts::PAYLOAD) { Half::Reg(self.f.vreg(class)) } else { Half::Unused };
                Val { tag, payload }
            }
            ty => {
                let class = ty.map_or(Class::X, class_of_type);
                Val::typed(Half::Reg(match pinned_register(node, class) {
                    Some(reg) => {
                        self.f.pinned.insert(reg);
                        self.f.fixed(reg)
                    }
                    None => self.f.vreg(class),
                }))
            }
        }
    }

    /// Finds the blocks that end in backward jumps. A loop's header has two predecessors at least, so that a branch to it goes
    /// through a block of its own.
    fn mark_back_edges(&mut self) {
        for l in natural_loops(self.graph) {
            let Some(&header) = self.blocks.get(&l.header) else { continue };
            for end in l.latches.iter().filter_map(|b| self.ends.get(b)).copied() {
                let blocks = &self.f.blocks;
                let only_jumps = |b: MBlock| matches!(blocks[b.0 as usize].succs()[..], [to] if to == header);
                let succs = blocks[end.0 as usize].succs();
                let between = succs.iter().copied().filter(|&s| s != header && blocks[s.0 as usize].ir.is_none());
                let found: Vec<MBlock> = between.chain([end]).filter(|&b| only_jumps(b)).collect();
                self.f.repeats.extend(found);
            }
        }
    }

    fn block(&mut self, b: BlockId, nodes: &[NodeId]) -> Result<(), CodegenError> {
        self.cur = self.blocks[&b];
        self.at_block = Some(b);
        self.at_block_start(b);
        self.choose_copies(b);
        for &n in nodes {
            self.node(n)?;
        }
        self.node = None;
        self.origin = Some(self.graph.term_origin(b));
        self.terminator(b)?;
        self.ends.insert(b, self.cur);
        Ok(())
    }

    /// Defines the parameters. One in a fixed register is copied out of it: allocation gives the copy the same register
    /// whenever no other value needs it in the meantime, and only then can it.
    fn at_block_start(&mut self, b: BlockId) {
        for &p in &self.graph.block(b).params {
            self.node = Some(p);
            self.origin = Some(self.graph.node(p).origin);
            let val = self.params[&p];
            let (tag, payload) = (self.unfixed(val.tag), self.unfixed(val.payload));
            self.values[p.0 as usize] = Some(Val { tag, payload });
        }
    }

    /// A copy of a value in a fixed register; anything else as it is.
    fn unfixed(&mut self, half: Half) -> Half {
        match half {
            Half::Reg(v) if self.f.vregs[v.0 as usize].fixed.is_some() => {
                let copy = self.f.vreg(self.f.class(v));
                self.emit(Inst::Mov { d: copy.into(), s: v.into() });
                Half::Reg(copy)
            }
            half => half,
        }
    }

    fn emit(&mut self, inst: Inst) {
        let data = InstData { inst, node: self.node, origin: self.origin };
        self.f.blocks[self.cur.0 as usize].insts.push(data);
    }

    /// A new block; its loop depth is that of the current one.
    fn new_block(&mut self, cold: bool) -> MBlock {
        let depth = if cold { 0 } else { self.f.blocks[self.cur.0 as usize].depth };
        self.f.blocks.push(Block { insts: Vec::new(), ir: None, depth, cold });
        MBlock(self.f.blocks.len() as u32 - 1)
    }

    // ---- reading values ----

    fn val(&self, n: NodeId) -> Result<Val, CodegenError> {
        let node = self.graph.node(n);
        Ok(match node.op {
            Op::IConst(v) => Val::typed(Half::Imm(v as u64)),
            Op::FConst(bits) => Val::typed(Half::Imm(bits)),
            Op::BConst(v) => Val::typed(Half::Imm(v as u64)),
            Op::BoxedConst(v) if self.layout() == Layout::NanBox => Val::typed(boxes::constant(v)),
            Op::BoxedConst(v) => Val {
                tag: Half::Imm(v.tag as u64),
                payload: if v.tag.is_object() { Half::Object(v.bits) } else { Half::Imm(v.bits) },
            },
            _ => self.values[n.0 as usize]
                .ok_or_else(|| CodegenError::Malformed(format!("{n} is used before it is computed")))?,
        })
    }

    fn half(&self, n: NodeId) -> Result<Half, CodegenError> {
        Ok(self.val(n)?.payload)
    }

    /// A known integer.
    fn constant(&self, n: NodeId) -> Result<Option<i64>, CodegenError> {
        Ok(match self.half(n)? {
            Half::Imm(v) => Some(v as i64),
            _ => None,
        })
    }

    /// A word in a general register; zero is XZR.
    fn x(&mut self, half: Half) -> Result<Reg, CodegenError> {
        match half {
            Half::Imm(0) => Ok(ZERO.into()),
            _ => self.x_vreg(half).map(Reg::V),
        }
    }

    /// A word in a general register that is not XZR.
    fn x_vreg(&mut self, half: Half) -> Result<VReg, CodegenError> {
        Ok(match half {
            Half::Imm(value) => self.constant_register(Class::X, value),
            Half::Object(offset) => {
                let d = self.f.vreg(Class::X);
                self.emit(Inst::AddImm { d: d.into(), n: CONTEXT.into(), offset: offset as i64 });
                d
            }
            Half::Tagged(tag, offset) => {
                let address = self.x_vreg(Half::Object(offset))?;
                self.set_top(address, tag)
            }
            Half::Wide(n) => {
                let s = self.constant_register(Class::X, n as u64);
                self.box_int(s)
            }
            Half::Reg(v) if self.f.class(v) == Class::X => v,
            Half::Reg(v) => {
                let d = self.f.vreg(Class::X);
                self.emit(Inst::FmovToX { d: d.into(), s: v.into() });
                d
            }
            Half::Unused => return Err(CodegenError::Malformed("an unused half is used".into())),
        })
    }

    /// A word in a float register.
    fn d(&mut self, half: Half) -> Result<VReg, CodegenError> {
        match half {
            Half::Imm(bits) => Ok(self.constant_register(Class::D, bits)),
            Half::Reg(v) if self.f.class(v) == Class::D => Ok(v),
            _ => {
                let s = self.x(half)?;
                let d = self.f.vreg(Class::D);
                self.emit(Inst::FmovFromX { d: d.into(), s });
                Ok(d)
            }
        }
    }

    /// A word in a register of whichever class it is in.
    fn any(&mut self, half: Half) -> Result<Reg, CodegenError> {
        match half {
            Half::Reg(v) => Ok(v.into()),
            _ => self.x(half),
        }
    }

    // ---- memory ----

    fn layout(&self) -> Layout {
        self.unit.layout
    }

    fn slot(&self, slot: u16) -> (Reg, i32) {
        (BASE.into(), self.layout().slot_offset(slot.into()) as i32)
    }

    fn load(&mut self, class: Class, base: Reg, offset: i32) -> VReg {
        let d = self.f.vreg(class);
        self.emit(Inst::Ldr { d: d.into(), base, offset });
        d
    }

    /// Loads the parts of the value at `base + offset` that are used.
    fn load_value(&mut self, parts: Parts, base: Reg, offset: i32) -> Val {
        if self.layout() == Layout::NanBox {
            return self.load_word(parts, base, offset);
        }
        let (tag_at, payload_at) = (offset + layout::TAG_OFFSET as i32, offset + layout::PAYLOAD_OFFSET as i32);
        if parts.has(Parts::TAG) && parts.has(Parts::PAYLOAD) && !parts.prefers_d() {
            let (tag, payload) = self.load_pair(base, offset);
            return Val { tag: Half::Reg(tag), payload: Half::Reg(payload) };
        }
        let tag = match parts.has(Parts::TAG) {
            true => Half::Reg(self.load(Class::X, base, tag_at)),
            false => Half::Unused,
        };
        let class = if parts.prefers_d() { Class::D } else { Class::X };
        let payload = match parts.has(Parts::PAYLOAD) {
            true => Half::Reg(self.load(class, base, payload_at)),
            false => Half::Unused,
        };
        Val { tag, payload }
    }

    /// Loads tag and payload into general registers.
    fn load_pair(&mut self, base: Reg, offset: i32) -> (VReg, VReg) {
        let (d, d2) = (self.f.vreg(Class::X), self.f.vreg(Class::X));
        if crate::emit::imm::pair_offset_fits(offset.into()) {
            self.emit(Inst::Ldp { d: d.into(), d2: d2.into(), base, offset });
        } else {
            self.emit(Inst::Ldr { d: d.into(), base, offset });
            self.emit(Inst::Ldr { d: d2.into(), base, offset: offset + 8 });
        }
        (d, d2)
    }

    /// Stores tag and payload, in whichever registers they are.
    fn store_pair(&mut self, tag: Reg, payload: Reg, base: Reg, offset: i32) {
        if self.f.class_of(payload) == Class::X && crate::emit::imm::pair_offset_fits(offset.into()) {
            self.emit(Inst::Stp { s: tag, s2: payload, base, offset });
        } else {
            self.emit(Inst::Str { s: tag, base, offset });
            self.emit(Inst::Str { s: payload, base, offset: offset + 8 });
        }
    }

    /// Writes nil.
    fn store_nil(&mut self, base: Reg, offset: i32) -> Result<(), CodegenError> {
        match self.layout() {
            Layout::Tagged => self.store_pair(ZERO.into(), ZERO.into(), base, offset),
            Layout::NanBox => {
                let s = self.x(Half::Imm(nanbox::NIL))?;
                self.emit(Inst::Str { s, base, offset });
            }
        }
        Ok(())
    }

    /// Copies a value from memory to memory.
    fn copy_slot(&mut self, (from, at): (Reg, i32), (to, offset): (Reg, i32)) {
        match self.layout() {
            Layout::Tagged => {
                let (tag, payload) = self.load_pair(from, at);
                self.store_pair(tag.into(), payload.into(), to, offset);
            }
            Layout::NanBox => {
                let s = self.load(Class::X, from, at).into();
                self.emit(Inst::Str { s, base: to, offset });
            }
        }
    }

    /// Tag and payload of a value that is going to be stored, in the tagged layout.
    fn stored(&self, n: NodeId) -> Result<(Half, Half), CodegenError> {
        let val = self.val(n)?;
        match self.graph.node(n).ty {
            Some(Type::Boxed) => Ok((val.tag, val.payload)),
            ty => match ty.and_then(Type::tag) {
                Some(tag) => Ok((Half::Imm(tag as u64), val.payload)),
                None => Err(CodegenError::Malformed(format!("{n} has a type that no slot holds"))),
            },
        }
    }

    fn store_value(&mut self, n: NodeId, base: Reg, offset: i32) -> Result<(), CodegenError> {
        if self.layout() == Layout::NanBox {
            let word = self.word(n)?;
            let s = self.any(word)?;
            self.emit(Inst::Str { s, base, offset });
            return Ok(());
        }
        let (tag, payload) = self.stored(n)?;
        let same = tag == payload;
        let tag = self.x(tag)?;
        let payload = if same { tag } else { self.any(payload)? };
        self.store_pair(tag, payload, base, offset);
        Ok(())
    }

    fn alu(&mut self, op: AluOp, n: Reg, m: Reg) -> VReg {
        let d = self.f.vreg(Class::X);
        self.emit(Inst::Alu { op, d: d.into(), n, m });
        d
    }
}
