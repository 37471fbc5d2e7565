//! Makes the view: SSA form over what a function's virtual registers hold.
//!
//! Blocks are walked in reverse postorder, so that each but for loop headers finds its predecessors done. A register that
//! is written more than once becomes a parameter where ways meet, and parameters that stand for one value only go
//! away again (Braun et al. 2013, with liveness known).

use ::regalloc2 as ra2;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::view::{Block, Home, Inst as ViewInst, Side, Sides, View};
use super::{to_class, to_preg};
use crate::code::CodegenError;
use crate::mir::{Function, Inst, MBlock, Operand, Role, VReg};
use crate::reg::{Class, PReg, RegSet};
use crate::regalloc::coalesce::Classes;
use crate::regalloc::interference::Interference;
use crate::regalloc::liveness::{Liveness, OperandTable, operand_table};
use crate::regalloc::spilling::moves;
use crate::regalloc::{Loc, reverse_postorder};

/// A value in SSA form.
type Name = usize;

impl View {
    /// The view of a function.
    pub fn new(f: &Function) -> Result<View, CodegenError> {
        let ops = operand_table(f);
        let liveness = Liveness::new(f, &ops, f.vregs.len());
        let pins = pins(f, &ops, &liveness);
        let order = reverse_postorder(f);
        let mut number = vec![usize::MAX; f.blocks.len()];
        for (i, b) in order.iter().enumerate() {
            number[b.0 as usize] = i;
        }
        let any = |o: &Operand| match f.class(o.vreg) {
            Class::X => Loc::Reg(PReg::x(0)),
            Class::D => Loc::Reg(PReg::d(0)),
        };
        let places = ops.iter().map(|insts| insts.iter().map(|ops| ops.iter().map(any).collect()).collect()).collect();
        let mut build = Build {
            f,
            ops: &ops,
            liveness: &liveness,
            pins,
            single: vec![Definition::None; f.vregs.len()],
            current: FxHashMap::default(),
            ends: Vec::new(),
            classes: Vec::new(),
            phis: Vec::new(),
            operands: Vec::new(),
            view: View {
                blocks: Vec::new(),
                insts: Vec::new(),
                operands: Vec::new(),
                vregs: 0,
                sides: Vec::new(),
                homes: Vec::new(),
                places,
            },
        };
        build.edges(&order, &number);
        build.count_definitions();
        for (n, &b) in order.iter().enumerate() {
            build.block(n, b)?;
        }
        build.finish()
    }
}

/// For each register the pinned one that it is in, if it can be coalesced with a pin.
fn pins(f: &Function, ops: &OperandTable, liveness: &Liveness) -> Vec<Option<PReg>> {
    if f.pinned.is_empty() {
        return vec![None; f.vregs.len()];
    }
    let general: Vec<bool> = f.vregs.iter().map(|v| v.class == Class::X).collect();
    let graph = Interference::new(f, ops, liveness, &general);
    let mut classes = Classes::new(f, f.vregs.len(), &graph);
    let pin = |classes: &Classes, v: VReg| classes.fixed(classes.find(v)).filter(|r| f.pinned.contains(*r));
    let moves = moves(f);
    loop {
        let mut changed = false;
        for &(d, s) in &moves {
            if pin(&classes, d).is_some() != pin(&classes, s).is_some() {
                classes.coalesce(&graph, &[(d, s)]);
                changed |= classes.find(d) == classes.find(s);
            }
        }
        if !changed {
            break;
        }
    }
    (0..f.vregs.len() as u32).map(|v| pin(&classes, VReg(v))).collect()
}

/// How often a register is written.
#[derive(Clone, Copy, PartialEq)]
enum Definition {
    None,
    /// In one place, which has not been reached yet.
    Expected,
    /// In one place, and this is the value.
    Is(Name),
    Several,
}

/// A parameter for the value of a register where ways meet.
struct Phi {
    block: usize,
    vreg: VReg,
    name: Name,
    /// By predecessor.
    args: Vec<Name>,
}

struct Build<'a> {
    f: &'a Function,
    ops: &'a OperandTable,
    liveness: &'a Liveness,
    pins: Vec<Option<PReg>>,
    single: Vec<Definition>,
    /// The values of registers that are written more than once, at the place that the walk has reached.
    current: FxHashMap<VReg, Name>,
    /// By block of the view: the same at its end, as far as it is live there.
    ends: Vec<FxHashMap<VReg, Name>>,
    /// By name.
    classes: Vec<Class>,
    phis: Vec<Phi>,
    /// The view's operands, while their values have names.
    operands: Vec<(Name, ra2::OperandConstraint, ra2::OperandKind, ra2::OperandPos)>,
    view: View,
}

impl Build<'_> {
    /// Blocks and where control goes from each.
    fn edges(&mut self, order: &[MBlock], number: &[usize]) {
        self.view.blocks = order.iter().map(|_| Block::default()).collect();
        for (n, b) in order.iter().enumerate() {
            for s in self.f.blocks[b.0 as usize].succs() {
                let to = number[s.0 as usize];
                self.view.blocks[n].succs.push(ra2::Block::new(to));
                self.view.blocks[to].preds.push(ra2::Block::new(n));
            }
        }
    }

    fn count_definitions(&mut self) {
        let mut define = |v: VReg| {
            let d = &mut self.single[v.0 as usize];
            *d = if *d == Definition::None { Definition::Expected } else { Definition::Several };
        };
        for op in self.ops.iter().flatten().flatten().filter(|o| o.role.is_def()) {
            define(op.vreg);
        }
        // The parameters of the self entry come from its calls, too.
        if let Some(entry) = self.f.self_entry {
            for v in self.liveness.live_in(entry.block) {
                define(v);
            }
        }
    }

    fn new_name(&mut self, class: Class) -> Name {
        self.classes.push(class);
        self.classes.len() - 1
    }

    fn read(&self, v: VReg) -> Result<Name, CodegenError> {
        let known = match self.single[v.0 as usize] {
            Definition::Is(name) => Some(name),
            Definition::Several => self.current.get(&v).copied(),
            Definition::None | Definition::Expected => None,
        };
        known.ok_or_else(|| CodegenError::Allocation(format!("%{} is read before it is written", v.0)))
    }

    fn write(&mut self, v: VReg, name: Name) {
        match &mut self.single[v.0 as usize] {
            Definition::Several => {
                self.current.insert(v, name);
            }
            single => *single = Definition::Is(name),
        }
    }

    fn operand(
        &mut self,
        name: Name,
        constraint: ra2::OperandConstraint,
        kind: ra2::OperandKind,
        pos: ra2::OperandPos,
        homes: &[(MBlock, usize, usize)],
    ) {
        let inst = self.view.insts.len();
        let first = self.view.insts.last().map_or(0, |i| i.operands.end);
        let operand = (self.operands.len() - first) as u32;
        self.operands.push((name, constraint, kind, pos));
        let homes = homes.iter().map(|&(block, at, slot)| Home {
            inst: inst as u32,
            operand,
            block,
            at: at as u32,
            slot: slot as u32,
        });
        self.view.homes.extend(homes);
    }

    /// Ends an instruction of the view, whose operands have been given.
    fn end_inst(&mut self, clobbers: RegSet, ends: bool, before: Side, after: Side) {
        let first = self.view.insts.last().map_or(0, |i| i.operands.end);
        let clobbers = clobbers.iter().map(to_preg).collect();
        self.view.insts.push(ViewInst { operands: first..self.operands.len(), clobbers, ends });
        self.view.sides.push(Sides { before, after });
    }

    fn block(&mut self, n: usize, b: MBlock) -> Result<(), CodegenError> {
        self.view.blocks[n].first = self.view.insts.len() as u32;
        if self.f.self_entry.is_some_and(|e| e.block == b) {
            self.self_entry(b)?;
        } else {
            self.enter(n, b)?;
        }
        for i in 0..self.f.blocks[b.0 as usize].insts.len() {
            self.inst(b, i)?;
        }
        self.view.blocks[n].end = self.view.insts.len() as u32;
        let live = self.liveness.live_out(b).filter_map(|v| Some((v, *self.current.get(&v)?)));
        self.ends.push(live.collect());
        Ok(())
    }

    /// The values at the start of a block: those at the end of its only predecessor, or parameters.
    fn enter(&mut self, n: usize, b: MBlock) -> Result<(), CodegenError> {
        self.current.clear();
        let several = |v: &VReg| self.single[v.0 as usize] == Definition::Several && self.pins[v.0 as usize].is_none();
        let live: Vec<VReg> = self.liveness.live_in(b).filter(several).collect();
        let from = match self.view.blocks[n].preds[..] {
            [pred] if n > 0 => Some(pred.index()),
            _ => None,
        };
        for v in live {
            let name = match from {
                _ if n == 0 => None,
                Some(pred) => self.ends[pred].get(&v).copied(),
                None => {
                    let name = self.new_name(self.f.class(v));
                    self.phis.push(Phi { block: n, vreg: v, name, args: Vec::new() });
                    Some(name)
                }
            };
            let unwritten = || CodegenError::Allocation(format!("%{} is read before it is written", v.0));
            self.current.insert(v, name.ok_or_else(unwritten)?);
        }
        Ok(())
    }

    /// Calls come in at the self entry with its parameters in fixed registers, and with nothing else.
    fn self_entry(&mut self, b: MBlock) -> Result<(), CodegenError> {
        self.current.clear();
        let live: Vec<VReg> = self.liveness.live_in(b).collect();
        for v in live {
            if self.pins[v.0 as usize].is_some() {
                continue;
            }
            let Some(fixed) = self.f.vregs[v.0 as usize].fixed else {
                return Err(CodegenError::Allocation(format!("%{} is no parameter of the self entry", v.0)));
            };
            let name = self.new_name(fixed.class());
            let constraint = ra2::OperandConstraint::FixedReg(to_preg(fixed));
            self.operand(name, constraint, ra2::OperandKind::Def, ra2::OperandPos::Late, &[]);
            self.write(v, name);
        }
        let start = Side { block: b, inst: 0, after: false };
        self.end_inst(RegSet::EMPTY, false, start, start);
        Ok(())
    }

    fn inst(&mut self, b: MBlock, i: usize) -> Result<(), CodegenError> {
        let f = self.f;
        let insts = &f.blocks[b.0 as usize].insts;
        let inst = &insts[i].inst;
        let mut last = i;
        if inst.moves().next().is_some() {
            self.moves(b, i, inst)?;
        } else if matches!(inst, Inst::LandingPad { .. }) {
            // Part of the call before it.
            return match i.checked_sub(1).map(|before| &insts[before].inst) {
                Some(Inst::Call(_)) => Ok(()),
                _ => Err(CodegenError::Allocation("a landing pad without a call".into())),
            };
        } else {
            self.uses(b, i)?;
            if matches!(insts.get(i + 1).map(|d| &d.inst), Some(Inst::LandingPad { .. })) {
                last = i + 1;
                self.landing_pad(b, i)?;
            }
            self.definitions(b, i);
        }
        if inst.is_terminator() {
            self.parameters_of_self_entry(b)?;
        }
        let defined = |o: &Operand| f.vregs[o.vreg.0 as usize].fixed.filter(|_| o.role.is_def());
        let results: RegSet = self.ops[b.0 as usize][i].iter().filter_map(defined).collect();
        let side = |inst: usize, after| Side { block: b, inst: inst as u32, after };
        self.end_inst(inst.clobbers().minus(results), inst.is_terminator(), side(i, false), side(last, true));
        Ok(())
    }

    /// A move is a name for what is there; only what goes to or comes from a pinned register is moved for sure.
    fn moves(&mut self, b: MBlock, i: usize, inst: &Inst) -> Result<(), CodegenError> {
        use ra2::{OperandConstraint::Any, OperandKind, OperandPos};
        let pairs: SmallVec<[(VReg, VReg); 4]> = inst.moves().collect();
        let pin = |v: VReg, pins: &[Option<PReg>]| pins[v.0 as usize];
        let out_of_pin = |&(d, s): &(VReg, VReg)| pin(d, &self.pins).is_none() && pin(s, &self.pins).is_some();
        // What is only renamed must not share a place with a result.
        let renamed_at = if pairs.iter().any(out_of_pin) { OperandPos::Late } else { OperandPos::Early };
        let mut written: SmallVec<[(VReg, Name); 4]> = SmallVec::new();
        for (k, &(d, s)) in pairs.iter().enumerate() {
            let (to, from) = (pairs.len() + k, k);
            match (pin(d, &self.pins), pin(s, &self.pins)) {
                (None, None) => {
                    let name = self.read(s)?;
                    self.operand(name, Any, OperandKind::Use, renamed_at, &[(b, i, from), (b, i, to)]);
                    written.push((d, name));
                }
                (Some(_), None) => {
                    let name = self.read(s)?;
                    self.operand(name, Any, OperandKind::Use, OperandPos::Early, &[(b, i, from)]);
                }
                (None, Some(_)) => {
                    let name = self.new_name(self.f.class(d));
                    self.operand(name, Any, OperandKind::Def, OperandPos::Late, &[(b, i, to)]);
                    written.push((d, name));
                }
                (Some(_), Some(_)) => {}
            }
            for (v, slot) in [(d, to), (s, from)] {
                if let Some(reg) = pin(v, &self.pins) {
                    self.view.places[b.0 as usize][i][slot] = Loc::Reg(reg);
                }
            }
        }
        for (d, name) in written {
            self.write(d, name);
        }
        Ok(())
    }

    fn uses(&mut self, b: MBlock, i: usize) -> Result<(), CodegenError> {
        let ops = self.ops;
        for (k, op) in ops[b.0 as usize][i].iter().enumerate().filter(|(_, o)| !o.role.is_def()) {
            if let Some(reg) = self.pins[op.vreg.0 as usize] {
                self.view.places[b.0 as usize][i][k] = Loc::Reg(reg);
                continue;
            }
            let name = self.read(op.vreg)?;
            let constraint = self.constraint(op);
            self.operand(name, constraint, ra2::OperandKind::Use, ra2::OperandPos::Early, &[(b, i, k)]);
        }
        Ok(())
    }

    fn definitions(&mut self, b: MBlock, i: usize) {
        let ops = self.ops;
        for (k, op) in ops[b.0 as usize][i].iter().enumerate().filter(|(_, o)| o.role.is_def()) {
            if let Some(reg) = self.pins[op.vreg.0 as usize] {
                self.view.places[b.0 as usize][i][k] = Loc::Reg(reg);
                continue;
            }
            let name = self.new_name(self.f.class(op.vreg));
            let constraint = self.constraint(op);
            self.operand(name, constraint, ra2::OperandKind::Def, ra2::OperandPos::Late, &[(b, i, k)]);
            self.write(op.vreg, name);
        }
    }

    /// What the pad behind a call reads is read where the call leaves it: control may come there from the callee, past all
    /// that stands behind the call.
    fn landing_pad(&mut self, b: MBlock, call: usize) -> Result<(), CodegenError> {
        let ops = self.ops;
        let insts = &ops[b.0 as usize];
        for (k, op) in insts[call + 1].iter().enumerate() {
            let result = insts[call].iter().any(|o| o.role.is_def() && o.vreg == op.vreg);
            let fixed = self.f.vregs[op.vreg.0 as usize].fixed.filter(|_| result);
            if let Some(reg) = self.pins[op.vreg.0 as usize].or(fixed) {
                self.view.places[b.0 as usize][call + 1][k] = Loc::Reg(reg);
                continue;
            }
            let name = self.read(op.vreg)?;
            let any = ra2::OperandConstraint::Any;
            self.operand(name, any, ra2::OperandKind::Use, ra2::OperandPos::Late, &[(b, call + 1, k)]);
        }
        Ok(())
    }

    /// Where control goes on at the self entry, its parameters are in place.
    fn parameters_of_self_entry(&mut self, b: MBlock) -> Result<(), CodegenError> {
        let Some(entry) = self.f.self_entry.map(|e| e.block) else {
            return Ok(());
        };
        if !self.f.blocks[b.0 as usize].succs().contains(&entry) {
            return Ok(());
        }
        let live: Vec<VReg> = self.liveness.live_in(entry).filter(|v| self.pins[v.0 as usize].is_none()).collect();
        for v in live {
            let name = self.read(v)?;
            let constraint = self.constraint(&Operand { vreg: v, role: Role::Use });
            self.operand(name, constraint, ra2::OperandKind::Use, ra2::OperandPos::Early, &[]);
        }
        Ok(())
    }

    fn constraint(&self, op: &Operand) -> ra2::OperandConstraint {
        match (self.f.vregs[op.vreg.0 as usize].fixed, op.role) {
            (Some(reg), _) => ra2::OperandConstraint::FixedReg(to_preg(reg)),
            (None, Role::Use | Role::Def) => ra2::OperandConstraint::Reg,
            (None, Role::UseAnywhere | Role::DefAnywhere) => ra2::OperandConstraint::Any,
        }
    }

    /// Parameters that are needed, and values by their final numbers.
    fn finish(mut self) -> Result<View, CodegenError> {
        for phi in &mut self.phis {
            for pred in &self.view.blocks[phi.block].preds {
                let missing = || CodegenError::Allocation(format!("%{} is not written on some way", phi.vreg.0));
                let name = self.ends[pred.index()].get(&phi.vreg).copied().ok_or_else(missing)?;
                phi.args.push(name);
            }
        }
        let same = same_values(self.classes.len(), &self.phis);
        let mut numbers = vec![usize::MAX; self.classes.len()];
        let mut vregs = Vec::new();
        for name in (0..self.classes.len()).filter(|&n| same[n] == n) {
            numbers[name] = vregs.len();
            vregs.push(ra2::VReg::new(vregs.len(), to_class(self.classes[name])));
        }
        if vregs.len() > ra2::VReg::MAX {
            return Err(CodegenError::Allocation(format!("{} values", vregs.len())));
        }
        let vreg = |name: Name| vregs[numbers[same[name]]];
        for phi in self.phis.iter().filter(|p| same[p.name] == p.name) {
            self.view.blocks[phi.block].params.push(vreg(phi.name));
            for (k, &arg) in phi.args.iter().enumerate() {
                let pred = self.view.blocks[phi.block].preds[k].index();
                self.view.blocks[pred].args.push(vreg(arg));
            }
        }
        let operand = |&(name, constraint, kind, pos): &_| ra2::Operand::new(vreg(name), constraint, kind, pos);
        self.view.operands = self.operands.iter().map(operand).collect();
        self.view.vregs = vregs.len();
        Ok(self.view)
    }
}

/// For each value the one that stands for it: itself, unless it is a parameter that is always given the same value.
fn same_values(names: usize, phis: &[Phi]) -> Vec<Name> {
    let mut same: Vec<Name> = (0..names).collect();
    fn find(same: &[Name], mut n: Name) -> Name {
        while same[n] != n {
            n = same[n];
        }
        n
    }
    loop {
        let mut changed = false;
        for phi in phis {
            if same[phi.name] != phi.name {
                continue;
            }
            let mut other = None;
            let mut trivial = true;
            for arg in phi.args.iter().map(|&a| find(&same, a)).filter(|&a| a != phi.name) {
                trivial &= *other.get_or_insert(arg) == arg;
            }
            if let (true, Some(other)) = (trivial, other) {
                same[phi.name] = other;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    (0..names).map(|n| find(&same, n)).collect()
}
