//! Constant propagation over values and slots.
//!
//! Sparse conditional constant propagation (Wegman and Zadeck, 1991) with the frame's slots as further variables: a slot
//! that a constant was stored to gives that constant when it is loaded, along all executable paths. Constant nodes
//! replace their users' operands, so that lowering can use immediates; proved guards go; decided branches become
//! jumps.
//!
//! Slots that inner functions capture are never tracked, and a slot that a call or a runtime operation writes is
//! forgotten. Floating-point operations are folded only where the result is not NaN (whose bits differ between cores).

use gscript::value::{Tag, Value};
use gsx_ir::analysis::loops::natural_loops;
use gsx_ir::effects::may_write;
use gsx_ir::graph::{Origin, Target, Terminator};
use gsx_ir::schedule::Schedule;
use gsx_ir::{BlockId, NodeId, Op, SmallMap, Type, Unit};
use smallvec::SmallVec;

use crate::support::{counted, forget_removed_blocks, remove_proved_guards, remove_unused_loads, source_line};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct ConstProp;

static INFO: PassInfo = PassInfo {
    id: "const-prop",
    summary: "constants reach their users as immediates; decided branches become jumps",
    details: "Sparse conditional constant propagation over values and frame slots, across basic blocks and for all pure \
              operators. A load of a slot that holds a constant on every executable path becomes that constant, guards on \
              constants go, and a branch on a constant becomes a jump. The stores of the constants stay: removing them \
              is dse's business. Constants that A64 cannot encode as immediates are put in a register: in front of the loop \
              that uses them, if it calls nobody.",
    groups: &["seed"],
    needs: &[],
    origin: "seed post, the final push, optimization 3; Wegman and Zadeck, TOPLAS 1991",
};

/// What is known of a value: nothing yet (it is never computed), one constant, or that it varies.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Lattice {
    Unreached,
    Const(Value),
    Varies,
}

impl Lattice {
    fn meet(self, other: Lattice) -> Lattice {
        match (self, other) {
            (Lattice::Unreached, x) | (x, Lattice::Unreached) => x,
            (Lattice::Const(a), Lattice::Const(b)) if a == b => self,
            _ => Lattice::Varies,
        }
    }

    fn value(self) -> Option<Value> {
        match self {
            Lattice::Const(v) => Some(v),
            _ => None,
        }
    }
}

/// Constants in slots; a slot that is not in the map varies.
type Slots = SmallMap<u16, Value>;

impl Pass for ConstProp {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let mut solver = Solver::new(unit);
        solver.solve();
        let Solver { values, executable, .. } = solver;
        let changes = apply(unit, &values, &executable, cx) + hoist(unit, cx);
        Ok(if changes == 0 { Outcome::Unchanged } else { Outcome::Changed })
    }
}

/// Has constants that A64 cannot encode where they are used made once in front of a loop.
fn hoist(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let has_loop = !natural_loops(&unit.graph).is_empty();
    if !has_loop || unit.hoist_constants || !cx.permits(|| "constants are made in front of loops".to_string()) {
        return 0;
    }
    unit.hoist_constants = true;
    1
}

struct Solver<'a> {
    unit: &'a Unit,
    schedule: Schedule,
    values: Vec<Lattice>,
    /// Slots at the end of each block that was reached.
    at_end: Vec<Option<Slots>>,
    /// Edges found executable: from, index of the target.
    executable: Vec<(BlockId, usize)>,
}

impl<'a> Solver<'a> {
    fn new(unit: &'a Unit) -> Solver<'a> {
        Solver {
            unit,
            schedule: Schedule::new(&unit.graph),
            values: vec![Lattice::Unreached; unit.graph.node_count()],
            at_end: vec![None; unit.graph.block_bound()],
            executable: Vec::new(),
        }
    }

    /// Iterates over the executable blocks in reverse postorder until nothing changes. Values only ever go down the
    /// lattice, which has height two, so this ends.
    fn solve(&mut self) {
        let order = self.schedule.order().to_vec();
        loop {
            let mut changed = false;
            for &b in &order {
                if b == self.unit.graph.entry || self.is_reached(b) {
                    changed |= self.block(b);
                }
            }
            if !changed || self.unit.graph.is_acyclic() {
                return;
            }
        }
    }

    fn edges_in(&self, b: BlockId) -> impl Iterator<Item = (BlockId, usize)> + '_ {
        let graph = &self.unit.graph;
        self.executable.iter().copied().filter(move |&(from, i)| graph.block(from).term.targets()[i].block == b)
    }

    fn is_reached(&self, b: BlockId) -> bool {
        self.edges_in(b).next().is_some()
    }

    fn slots_at_start(&self, b: BlockId) -> Slots {
        let mut meet: Option<Slots> = None;
        for (from, _) in self.edges_in(b) {
            let Some(end) = &self.at_end[from.0 as usize] else { continue };
            match &mut meet {
                None => meet = Some(end.clone()),
                Some(m) => m.retain(|slot, v| end.get(slot) == Some(v)),
            }
        }
        meet.unwrap_or_default()
    }

    fn set(&mut self, n: NodeId, value: Lattice) -> bool {
        let old = self.values[n.0 as usize];
        let new = old.meet(value);
        self.values[n.0 as usize] = new;
        new != old
    }

    fn block(&mut self, b: BlockId) -> bool {
        let mut changed = false;
        let block = self.unit.graph.block(b);
        let is_self_entry = self.unit.self_entry.as_ref().is_some_and(|e| e.block == b);
        for (i, &p) in block.params.iter().enumerate() {
            let incoming: Vec<NodeId> =
                self.edges_in(b).map(|(from, t)| self.unit.graph.block(from).term.targets()[t].args[i]).collect();
            for a in incoming {
                changed |= self.set(p, self.values[a.0 as usize]);
            }
            // Self calls pass other values.
            if is_self_entry {
                changed |= self.set(p, Lattice::Varies);
            }
        }
        let mut slots = if is_self_entry { Slots::new() } else { self.slots_at_start(b) };
        for n in self.schedule.block(b).to_vec() {
            let value = self.node(n, &mut slots);
            changed |= self.set(n, value);
        }
        let taken: Vec<usize> = match &block.term {
            Terminator::Jump(_) => vec![0],
            Terminator::Branch { cond, .. } => match self.values[cond.0 as usize] {
                Lattice::Const(v) => vec![usize::from(v.bits == 0)],
                Lattice::Varies => vec![0, 1],
                Lattice::Unreached => vec![],
            },
            _ => vec![],
        };
        for t in taken {
            if !self.executable.contains(&(b, t)) {
                self.executable.push((b, t));
                changed = true;
            }
        }
        let end = &mut self.at_end[b.0 as usize];
        changed |= end.as_ref() != Some(&slots);
        *end = Some(slots);
        changed
    }

    fn node(&self, n: NodeId, slots: &mut Slots) -> Lattice {
        let node = self.unit.graph.node(n);
        let args: SmallVec<[Lattice; 3]> = node.args.iter().map(|a| self.values[a.0 as usize]).collect();
        match node.op {
            Op::SlotLoad(slot, ty) => match slots.get(&slot) {
                Some(&v) if ty == Type::Boxed || Type::of_tag(v.tag) == Some(ty) => Lattice::Const(v),
                _ => Lattice::Varies,
            },
            Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) => {
                match args[0] {
                    Lattice::Const(v) if !self.unit.shared.contains(slot) => slots.insert(slot, v),
                    _ => slots.remove(&slot),
                }
                Lattice::Varies
            }
            op if op.is_effect() => {
                for slot in may_write(self.unit, n).iter() {
                    slots.remove(&slot);
                }
                Lattice::Varies
            }
            op => fold(op, &args),
        }
    }
}

/// The result of a pure operation on what is known of its arguments. Unboxed values are represented by the value that
/// boxing them would give.
fn fold(op: Op, args: &[Lattice]) -> Lattice {
    match op {
        Op::IConst(n) => return Lattice::Const(Value::int(n)),
        Op::FConst(bits) => return Lattice::Const(Value { tag: Tag::Float, bits }),
        Op::BConst(b) => return Lattice::Const(Value::bool(b)),
        Op::BoxedConst(v) => return Lattice::Const(v),
        _ => {}
    }
    if args.contains(&Lattice::Unreached) {
        return Lattice::Unreached;
    }
    if op == Op::Select
        && let Some(c) = args[0].value()
    {
        return if c.bits != 0 { args[1] } else { args[2] };
    }
    let Some(values) = args.iter().map(|a| a.value()).collect::<Option<SmallVec<[Value; 3]>>>() else {
        return Lattice::Varies;
    };
    evaluate(op, &values).map_or(Lattice::Varies, Lattice::Const)
}

fn evaluate(op: Op, v: &[Value]) -> Option<Value> {
    let int = |i: usize| v.get(i).filter(|v| v.tag == Tag::Int).map(|v| v.as_int());
    let float = |i: usize| v.get(i).filter(|v| v.tag == Tag::Float).map(|v| v.as_float());
    let not_nan = |x: f64| (!x.is_nan()).then(|| Value::float(x));
    Some(match op {
        Op::IAdd => Value::int(int(0)?.wrapping_add(int(1)?)),
        Op::ISub => Value::int(int(0)?.wrapping_sub(int(1)?)),
        Op::IMul => Value::int(int(0)?.wrapping_mul(int(1)?)),
        Op::INeg => Value::int(int(0)?.wrapping_neg()),
        Op::IShl(n) => Value::int(int(0)?.wrapping_shl(n.into())),
        Op::FAdd => not_nan(float(0)? + float(1)?)?,
        Op::FSub => not_nan(float(0)? - float(1)?)?,
        Op::FMul => not_nan(float(0)? * float(1)?)?,
        Op::FDiv => not_nan(float(0)? / float(1)?)?,
        Op::FNeg => not_nan(-float(0)?)?,
        Op::IntToFloat => Value::float(int(0)? as f64),
        Op::ICmp(c) => Value::bool(c.holds_int(int(0)?, int(1)?)),
        Op::FCmp(c) => Value::bool(c.holds_float(float(0)?, float(1)?)),
        Op::BNot => Value::bool(v[0].bits == 0),
        Op::Box => v[0],
        Op::Unbox(ty) => *v.first().filter(|v| Type::of_tag(v.tag) == Some(ty))?,
        Op::TagOf => Value::int(v[0].tag as i64),
        Op::Truthy => Value::bool(v[0].truthy()),
        _ => return None,
    })
}

/// Puts the constants in place.
fn apply(unit: &mut Unit, values: &[Lattice], executable: &[(BlockId, usize)], cx: &mut PassContext) -> u64 {
    let mut uses = 0;
    for (i, value) in values.iter().enumerate() {
        let n = NodeId(i as u32);
        let node = unit.graph.node(n);
        let Lattice::Const(v) = *value else { continue };
        let Some(ty) = node.ty else { continue };
        if node.op.is_const() || unit.graph.users(n).is_empty() {
            continue;
        }
        // A pinned parameter stays a register: its users get the constant all the same.
        let origin = node.origin;
        let Some(op) = const_op(v, ty) else { continue };
        if !cx.permits(|| format!("the users of {n} got the constant {op:?} at {}", source_line(unit, origin))) {
            continue;
        }
        uses += unit.graph.users(n).len() as u64;
        let c = unit.graph.pure(op, &[], ty, origin);
        unit.graph.replace_uses(n, c);
    }
    let branches = decide_branches(unit, executable, cx);
    let blocks = unit.graph.remove_unreachable() as u64;
    let guards = remove_proved_guards(&mut unit.graph, cx);
    let loads = remove_unused_loads(&mut unit.graph, cx);
    forget_removed_blocks(unit);
    cx.count("uses of constants", uses);
    cx.count("branches decided", branches);
    cx.count("blocks removed", blocks);
    cx.count("guards removed", guards);
    cx.count("loads removed", loads);
    if uses + branches + guards == 0 {
        cx.remark(RemarkKind::Note, "no constant reaches a user that does not have it already");
    } else {
        cx.remark(
            RemarkKind::Applied,
            format!(
                "{} got a constant; removed {} and {}",
                counted(uses, "use"),
                counted(loads, "load"),
                counted(guards, "guard")
            ),
        );
    }
    uses + branches + guards + loads
}

fn const_op(v: Value, ty: Type) -> Option<Op> {
    match (ty, v.tag) {
        (Type::Boxed, _) => Some(Op::BoxedConst(v)),
        (Type::Int, Tag::Int) => Some(Op::IConst(v.as_int())),
        (Type::Float, Tag::Float) => Some(Op::FConst(v.bits)),
        (Type::Bool, Tag::Bool) => Some(Op::BConst(v.bits != 0)),
        _ => None,
    }
}

fn decide_branches(unit: &mut Unit, executable: &[(BlockId, usize)], cx: &mut PassContext) -> u64 {
    let mut decided = 0;
    for b in unit.graph.reverse_postorder() {
        let term = unit.graph.block(b).term.clone();
        let Terminator::Branch { then, other, .. } = term else { continue };
        let taken: [bool; 2] = [0, 1].map(|i| executable.contains(&(b, i)));
        let target: Target = match taken {
            [true, false] => then,
            [false, true] => other,
            _ => continue,
        };
        let at: Origin = unit.graph.block(b).origin;
        if !cx.permits(|| format!("the branch at the end of {b} became a jump at {}", source_line(unit, at))) {
            continue;
        }
        cx.remark_at(unit, at, RemarkKind::Applied, "a branch always goes one way");
        unit.graph.set_term(b, Terminator::Jump(target));
        decided += 1;
    }
    decided
}
