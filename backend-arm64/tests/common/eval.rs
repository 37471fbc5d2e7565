//! A reference evaluator for graphs: what compiled code must do, without machine code.

use std::collections::HashMap;

use gscript::value::{Tag, Value};
use gsx_ir::graph::{NodeId, SnapshotId, Terminator};
use gsx_ir::op::{Op, Type};
use gsx_ir::schedule::Schedule;
use gsx_ir::unit::Unit;

use super::machine::{ARENA, Slot};

/// How an activation ended.
#[derive(Clone, PartialEq, Debug)]
pub enum End {
    /// Returned these values.
    Return(Vec<Slot>),
    /// Left at the instruction with this pc, in front of it or behind the call there.
    Exit { pc: u32, behind: bool, results: Vec<Slot> },
    /// Took too long.
    Budget,
}

/// Results of the call whose arguments are given: any function will do, as long as host and evaluator agree.
pub fn answer(args: &[Slot]) -> Vec<Slot> {
    let seed = args.iter().fold(args.len() as u64, |h, a| h.wrapping_mul(31).wrapping_add(canonical(*a).1));
    let n = seed % 4;
    (0..n)
        .map(|i| if (seed >> i) & 16 == 0 { (2, seed.wrapping_add(i)) } else { (3, (i as f64 + 0.25).to_bits()) })
        .collect()
}

/// What the host does to the frame for a bytecode instruction.
pub fn step(pc: u32, slots: u64) -> (u64, Slot) {
    (u64::from(pc) % slots, (2, u64::from(pc) * 7))
}

/// What the host answers to a comparison.
pub fn compare(pc: u32, b: Slot, c: Slot) -> bool {
    canonical(b).1.wrapping_add(canonical(c).1).wrapping_add(u64::from(pc)) % 3 != 0
}

/// NaNs have many forms, which differ from machine to machine; all others have one.
pub fn canonical(v: Slot) -> Slot {
    if v.0 == Tag::Float as u64 && f64::from_bits(v.1).is_nan() { (v.0, f64::NAN.to_bits()) } else { v }
}

/// A value: tag (of boxed ones) and payload.
type Val = (u64, u64);

pub struct Evaluator<'a> {
    pub unit: &'a Unit,
    pub slots: Vec<Slot>,
    pub globals: Vec<Slot>,
    pub budget: u64,
    values: HashMap<NodeId, Val>,
}

impl<'a> Evaluator<'a> {
    pub fn new(unit: &'a Unit, slots: Vec<Slot>, globals: Vec<Slot>) -> Evaluator<'a> {
        Evaluator { unit, slots, globals, budget: 20_000, values: HashMap::new() }
    }

    fn stored(&self, n: NodeId) -> Slot {
        let v = self.values[&n];
        match self.unit.graph.node(n).ty.unwrap() {
            Type::Boxed => v,
            ty => (ty.tag().unwrap() as u64, v.1),
        }
    }

    fn leave(&mut self, s: SnapshotId, behind: Option<u8>, results: Vec<Slot>) -> End {
        let snapshot = self.unit.graph.snapshot(s);
        for &(slot, v) in &snapshot.writes {
            if behind.is_none_or(|a| slot < u16::from(a)) {
                self.slots[slot as usize] = self.stored(v);
            }
        }
        End::Exit { pc: snapshot.frames[0].pc, behind: behind.is_some(), results }
    }

    pub fn run(&mut self) -> End {
        let graph = &self.unit.graph;
        let schedule = Schedule::new(graph);
        let mut b = graph.entry;
        loop {
            for &n in schedule.block(b) {
                if self.budget == 0 {
                    return End::Budget;
                }
                self.budget -= 1;
                if let Some(end) = self.node(n) {
                    return end;
                }
            }
            let target = match &graph.block(b).term {
                Terminator::Jump(t) => t,
                Terminator::Branch { cond, then, other } => {
                    if self.values[cond].1 != 0 {
                        then
                    } else {
                        other
                    }
                }
                Terminator::ReturnValue(_) => panic!("not generated"),
                Terminator::Return { first, count } => {
                    let range = *first as usize..(*first + *count) as usize;
                    return End::Return(self.slots[range].to_vec());
                }
                Terminator::Exit(s) => return self.leave(*s, None, Vec::new()),
                Terminator::Unreachable => panic!("reached the unreachable"),
            };
            let args: Vec<Val> = target.args.iter().map(|a| self.values[a]).collect();
            for (&p, v) in graph.block(target.block).params.iter().zip(args) {
                self.values.insert(p, v);
            }
            b = target.block;
        }
    }

    fn node(&mut self, n: NodeId) -> Option<End> {
        let node = self.unit.graph.node(n);
        let args: Vec<Val> = node.args.iter().map(|a| self.values[a]).collect();
        let i = |k: usize| args[k].1 as i64;
        let f = |k: usize| f64::from_bits(args[k].1);
        let plain = |v: u64| Some((0, v));
        let float = |v: f64| Some((0, v.to_bits()));
        let value = match node.op {
            Op::Param => None,
            Op::IConst(v) => plain(v as u64),
            Op::FConst(v) => plain(v),
            Op::BConst(v) => plain(v as u64),
            Op::BoxedConst(Value { tag, bits }) => {
                Some((tag as u64, if tag.is_object() { ARENA + bits } else { bits }))
            }
            Op::IAdd => plain(i(0).wrapping_add(i(1)) as u64),
            Op::ISub => plain(i(0).wrapping_sub(i(1)) as u64),
            Op::IMul => plain(i(0).wrapping_mul(i(1)) as u64),
            Op::INeg => plain(i(0).wrapping_neg() as u64),
            Op::IShl(n) => plain((i(0) << n) as u64),
            Op::IMod => plain(gsx_ir::eval::pure::floored_mod(i(0), i(1)) as u64),
            Op::FSqrt => float(f(0).sqrt()),
            Op::FAbs => float(f(0).abs()),
            Op::FloorToInt => plain(f(0).floor() as i64 as u64),
            Op::InBounds => plain((args[0].1 < args[1].1) as u64),
            Op::HasTag(tag) => plain((args[0].0 == tag as u64) as u64),
            Op::FAdd => float(f(0) + f(1)),
            Op::FSub => float(f(0) - f(1)),
            Op::FMul => float(f(0) * f(1)),
            Op::FDiv => float(f(0) / f(1)),
            Op::FNeg => float(-f(0)),
            Op::IntToFloat => float(i(0) as f64),
            Op::ICmp(c) => plain(c.holds_int(i(0), i(1)) as u64),
            Op::FCmp(c) => plain(c.holds_float(f(0), f(1)) as u64),
            Op::BNot => plain(args[0].1 ^ 1),
            Op::Select => Some(if args[0].1 != 0 { args[1] } else { args[2] }),
            Op::Box => Some(self.stored(node.args[0])).map(|_| {
                let ty = self.unit.graph.node(node.args[0]).ty.unwrap();
                (ty.tag().unwrap() as u64, args[0].1)
            }),
            Op::Unbox(_) => plain(args[0].1),
            Op::TagOf => plain(args[0].0),
            Op::Truthy => plain((args[0].0 > 1 || args[0].1 != 0) as u64),
            Op::SlotLoad(s, _) => Some(self.slots[s as usize]),
            Op::SlotStore(s) => {
                self.slots[s as usize] = self.stored(node.args[0]);
                None
            }
            Op::SlotStorePayload(s, _) => {
                self.slots[s as usize].1 = args[0].1;
                None
            }
            Op::GlobalLoad(g) => Some(self.globals[g as usize]),
            Op::GlobalStore(g) => {
                self.globals[g as usize] = self.stored(node.args[0]);
                None
            }
            Op::GuardTag(tag) if args[0].0 == tag as u64 => None,
            Op::Guard if args[0].1 != 0 => None,
            Op::GuardTag(_) | Op::Guard => {
                return Some(self.leave(node.snapshot.unwrap(), None, Vec::new()));
            }
            Op::Call { a, nargs, results, .. } => return self.call(n, a, nargs, results),
            Op::HostCompare { b, c, .. } => {
                let (b, c) = (self.slots[b as usize], self.slots[c as usize]);
                plain(compare(node.origin.pc, b, c) as u64)
            }
            Op::Step => {
                let (slot, v) = step(node.origin.pc, self.slots.len() as u64);
                self.slots[slot as usize] = v;
                None
            }
            Op::UpvalLoad(_) | Op::UpvalStore(_) | Op::Callee | Op::CloseFrame => panic!("not generated"),
            Op::TableLoad(_) | Op::FieldLoad(_) | Op::FieldStore(_) | Op::ElemLoad | Op::ElemStore => {
                panic!("not generated")
            }
            Op::GuardGlobal(..) | Op::GuardDepth(_) => panic!("not generated"),
        };
        if let Some(v) = value {
            self.values.insert(n, v);
        }
        None
    }

    fn call(&mut self, n: NodeId, a: u8, nargs: u8, results: gsx_ir::op::CallResults) -> Option<End> {
        let s = self.unit.graph.node(n).snapshot.unwrap();
        if self.slots[a as usize].0 != Tag::Function as u64 {
            return Some(self.leave(s, None, Vec::new()));
        }
        let args = &self.slots[a as usize + 1..][..nargs as usize];
        let got = answer(args);
        // The callee counts its calls in a global.
        self.globals[0] = (2, self.globals[0].1.wrapping_add(1));
        if let gsx_ir::op::CallResults::Expect(want) = results
            && got.len() != want as usize
        {
            return Some(self.leave(s, Some(a), got));
        }
        for i in 0..results.count() as usize {
            self.slots[a as usize + i] = got.get(i).copied().unwrap_or((0, 0));
        }
        None
    }
}
