//! What is known of values wherever they are defined: type, constant, integer range.
//!
//! A sparse analysis over SSA: optimistic (a block parameter starts with nothing and takes in what arrives over edges
//! that can be executed), with intervals for integers (Harrison, "Compiler analysis of the value ranges for variables",
//! 1977) that are widened where a loop keeps moving them, and narrowed again afterwards. An argument of a jump is
//! seen as the branches and guards that dominate the jump leave it: that is how the bound of a loop reaches its counter.
//!
//! A fact holds at the definition of its value, so at every use. What a branch says about a value below it is in
//! [`Facts::at_end`], for those who know where they are.

use gscript::value::{Tag, Value};
use rustc_hash::FxHashMap;

use super::range::Range;
use crate::graph::{BlockId, Graph, NodeId, Terminator};
use crate::op::{Cond, Op, Type};

/// What is known of one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fact {
    /// Its type.
    pub ty: Type,
    /// Tag, of a boxed value.
    pub tag: Option<Tag>,
    /// Payload as an integer, of ints and bools, boxed or not.
    pub range: Range,
    /// Exact payload, of floats and objects, boxed or not.
    pub bits: Option<u64>,
}

impl Fact {
    /// All that a type says.
    pub fn of_type(ty: Type) -> Fact {
        let range = if ty == Type::Bool { Range::BOOL } else { Range::FULL };
        Fact { ty, tag: ty.tag(), range, bits: None }
    }

    /// An integer in a range.
    pub fn int(range: Range) -> Fact {
        Fact { range, ..Fact::of_type(Type::Int) }
    }

    /// A truth value, perhaps known.
    pub fn bool(known: Option<bool>) -> Fact {
        Fact { range: known.map_or(Range::BOOL, |b| Range::point(b.into())), ..Fact::of_type(Type::Bool) }
    }

    /// A float, perhaps known.
    pub fn float(bits: Option<u64>) -> Fact {
        Fact { bits, ..Fact::of_type(Type::Float) }
    }

    /// A constant as a value of type `ty`, which must be its own or boxed.
    fn constant_of(v: Value, ty: Type) -> Fact {
        let range = match v.tag {
            Tag::Int | Tag::Bool => Range::point(v.bits as i64),
            _ => Range::FULL,
        };
        let bits = (!matches!(v.tag, Tag::Int | Tag::Bool)).then_some(v.bits);
        Fact { ty, tag: Some(v.tag), range, bits }
    }

    /// The value, if it is a known one; an unboxed value as boxing would give it.
    pub fn constant(&self) -> Option<Value> {
        let tag = self.tag?;
        match tag {
            Tag::Int | Tag::Bool => Some(Value { tag, bits: self.range.single()? as u64 }),
            Tag::Nil => Some(Value::NIL),
            _ => Some(Value { tag, bits: self.bits? }),
        }
    }

    /// What holds if either fact does.
    pub fn union(self, other: Fact) -> Fact {
        if self.ty != other.ty {
            return Fact::of_type(Type::Boxed);
        }
        Fact {
            ty: self.ty,
            tag: self.tag.filter(|_| self.tag == other.tag),
            range: self.range.union(other.range),
            bits: self.bits.filter(|_| self.bits == other.bits),
        }
    }

    /// What holds if both facts do; none if they contradict each other.
    pub fn intersect(self, other: Fact) -> Option<Fact> {
        fn both<T: Copy + PartialEq>(a: Option<T>, b: Option<T>) -> Option<Option<T>> {
            match (a, b) {
                (Some(x), Some(y)) if x != y => None,
                _ => Some(a.or(b)),
            }
        }
        Some(Fact {
            ty: self.ty,
            tag: both(self.tag, other.tag)?,
            range: self.range.intersect(other.range)?,
            bits: both(self.bits, other.bits)?,
        })
    }
}

/// What a pure operation makes of facts about its arguments; `ty` is its result's type. Of a parameter only that is known.
pub fn transfer(op: Op, ty: Type, args: &[Fact]) -> Fact {
    let range = |i: usize| args.get(i).map_or(Range::FULL, |f| f.range);
    let float = |i: usize| args.get(i).and_then(|f| f.bits).map(f64::from_bits);
    // The bits of a NaN differ between cores, so one is never computed here.
    let folded = |x: Option<f64>| Fact::float(x.filter(|x| !x.is_nan()).map(f64::to_bits));
    let two = |f: fn(f64, f64) -> f64| folded(float(0).zip(float(1)).map(|(a, b)| f(a, b)));
    match op {
        Op::IConst(n) => Fact::int(Range::point(n)),
        Op::FConst(bits) => Fact::float(Some(bits)),
        Op::BConst(b) => Fact::bool(Some(b)),
        Op::BoxedConst(v) => Fact::constant_of(v, Type::Boxed),
        Op::IAdd => Fact::int(range(0).add(range(1))),
        Op::ISub => Fact::int(range(0).sub(range(1))),
        Op::IMul => Fact::int(range(0).mul(range(1))),
        Op::INeg => Fact::int(Range::point(0).sub(range(0))),
        Op::IShl(n) => Fact::int(range(0).shl(n)),
        Op::IMod => Fact::int(range(0).floored_mod(range(1))),
        Op::FloorToInt => Fact::int(float(0).map_or(Range::FULL, |x| Range::point(x.floor() as i64))),
        Op::FSqrt => folded(float(0).map(f64::sqrt)),
        Op::FAbs => folded(float(0).map(f64::abs)),
        Op::InBounds => Fact::bool(range(0).in_bounds(range(1))),
        Op::TableLoad(part) if part.is_half() => Fact::int(Range { lo: 0, hi: u32::MAX.into() }),
        Op::HasTag(tag) => Fact::bool(args.first().and_then(|f| f.tag).map(|t| t == tag)),
        Op::FAdd => two(|a, b| a + b),
        Op::FSub => two(|a, b| a - b),
        Op::FMul => two(|a, b| a * b),
        Op::FDiv => two(|a, b| a / b),
        Op::FNeg => folded(float(0).map(|x| -x)),
        Op::IntToFloat => folded(range(0).single().map(|n| n as f64)),
        Op::ICmp(c) if args.iter().all(|f| f.ty == Type::Int) => Fact::bool(range(0).compare(c, range(1))),
        Op::FCmp(c) => Fact::bool(float(0).zip(float(1)).map(|(a, b)| c.holds_float(a, b))),
        Op::BNot => Fact::bool(range(0).intersect(Range::BOOL).and_then(Range::single).map(|n| n == 0)),
        Op::Select => match (args, range(0).single()) {
            ([_, _, other], Some(0)) => *other,
            ([_, then, _], Some(1)) => *then,
            ([_, then, other], _) => then.union(*other),
            _ => Fact::of_type(ty),
        },
        Op::Box => args.first().map_or(Fact::of_type(Type::Boxed), |f| Fact { ty: Type::Boxed, ..*f }),
        Op::Unbox(to) => match args {
            // Where the tag is another one the payload is read as it is.
            [f] if f.tag.is_some() && f.tag == to.tag() => Fact { ty: to, ..*f },
            _ => Fact::of_type(to),
        },
        Op::TagOf => Fact::int(match args.first().and_then(|f| f.tag) {
            Some(tag) => Range::point(tag as i64),
            None => Range { lo: 0, hi: Tag::ALL.len() as i64 - 1 },
        }),
        Op::Truthy => Fact::bool(match args.first().map(|f| (f.tag, f.range)) {
            Some((Some(Tag::Nil), _)) => Some(false),
            Some((Some(Tag::Bool), r)) => r.intersect(Range::BOOL).and_then(Range::single).map(|n| n != 0),
            Some((Some(_), _)) => Some(true),
            _ => None,
        }),
        _ => Fact::of_type(ty),
    }
}

/// A condition that holds at some place.
type Constraint = (NodeId, bool);

/// Sweeps after which parameters that still change are widened.
const PATIENCE: usize = 3;
/// Conditions that are looked at from one place, the nearest ones.
const MAX_CONSTRAINTS: usize = 24;
/// How deep an argument's expression is evaluated again with what its place knows.
const DEPTH: u32 = 4;

/// Facts about all values of a graph.
pub struct Facts<'a> {
    graph: &'a Graph,
    /// Where self calls come in, with arguments that the graph's edges do not show.
    self_entry: Option<BlockId>,
    /// None: never computed, as far as is known.
    facts: Vec<Option<Fact>>,
    /// What holds at the end of each block, its terminator not executed yet.
    constraints: FxHashMap<BlockId, Vec<Constraint>>,
}

impl<'a> Facts<'a> {
    /// Analyses a graph; self calls, if there are any, come in at a block of it.
    pub fn new(graph: &'a Graph, self_entry: Option<BlockId>) -> Facts<'a> {
        let order = graph.reverse_postorder();
        let constraints = dominating_constraints(graph, &order);
        let mut facts = Facts { graph, self_entry, facts: vec![None; graph.node_count()], constraints };
        let pure = pure_order(graph);
        let mut sweep = 0;
        while facts.sweep(&order, &pure, Mode::Ascend { widen: sweep >= PATIENCE }) {
            sweep += 1;
        }
        // What widening lost comes back as far as branches bound it. Each sweep of this kind starts from what is true
        // and gives what is true, so there may be any number of them.
        for _ in 0..2 {
            facts.sweep(&order, &pure, Mode::Descend);
        }
        facts
    }

    /// What is known of `n` wherever it is defined.
    pub fn of(&self, n: NodeId) -> Fact {
        self.facts[n.0 as usize].unwrap_or(Fact::of_type(self.graph.node(n).ty.unwrap_or(Type::Boxed)))
    }

    /// Can `n` be computed at all, as far as is known?
    pub fn is_reached(&self, n: NodeId) -> bool {
        self.facts[n.0 as usize].is_some()
    }

    /// What is known of `n` at the end of block `b`, which it must reach. None if `b` is never executed.
    pub fn at_end(&self, b: BlockId, n: NodeId) -> Option<Fact> {
        self.under(n, self.constraints.get(&b).map_or(&[], |c| c), DEPTH)
    }

    /// What is known of `n` where these conditions hold; none if nothing can get there.
    fn under(&self, n: NodeId, constraints: &[Constraint], depth: u32) -> Option<Fact> {
        let node = self.graph.node(n);
        let mut fact = self.facts[n.0 as usize]?;
        if depth > 0 && node.op.is_pure() && !node.args.is_empty() {
            let args: Option<Vec<Fact>> = node.args.iter().map(|&a| self.under(a, constraints, depth - 1)).collect();
            fact = fact.intersect(transfer(node.op, fact.ty, &args?))?;
        }
        for &(cond, holds) in constraints {
            fact = self.constrain(n, fact, cond, holds)?;
        }
        Some(fact)
    }

    /// What `cond` being `holds` says about `n`.
    fn constrain(&self, n: NodeId, fact: Fact, cond: NodeId, holds: bool) -> Option<Fact> {
        if cond == n {
            return fact.intersect(Fact::bool(Some(holds)));
        }
        let node = self.graph.node(cond);
        match node.op {
            Op::BNot => self.constrain(n, fact, node.args[0], !holds),
            Op::HasTag(tag) if holds && node.args[0] == n => {
                let ty = Type::of_tag(tag).unwrap_or(Type::Boxed);
                fact.intersect(Fact { ty: fact.ty, tag: Some(tag), ..Fact::of_type(ty) })
            }
            Op::InBounds if holds && node.args.contains(&n) => {
                let [key, end] = [0, 1].map(|i| self.facts[node.args[i].0 as usize].map_or(Range::FULL, |f| f.range));
                if end.lo < 0 {
                    return Some(fact);
                }
                // 0 <= key < end
                let at_least_0 = Range { lo: 0, hi: i64::MAX };
                let range = if node.args[0] == n {
                    fact.range.intersect(at_least_0)?.where_cond(Cond::Lt, end)?
                } else {
                    fact.range.where_cond(Cond::Gt, key.intersect(at_least_0)?)?
                };
                Some(Fact { range, ..fact })
            }
            Op::ICmp(c) if fact.ty == Type::Int && node.args.contains(&n) => {
                let c = if holds { c } else { c.negated() };
                let (c, other): (Cond, NodeId) =
                    if node.args[0] == n { (c, node.args[1]) } else { (c.swapped(), node.args[0]) };
                let Some(other) = self.facts[other.0 as usize] else { return Some(fact) };
                let range = fact.range.where_cond(c, other.range)?;
                Some(Fact { range, ..fact })
            }
            _ => Some(fact),
        }
    }

    /// Computes every fact once more from the others. Returns whether one changed.
    fn sweep(&mut self, order: &[BlockId], pure: &[NodeId], mode: Mode) -> bool {
        let mut changed = false;
        let mut arriving: FxHashMap<NodeId, Fact> = FxHashMap::default();
        for &b in order {
            if !self.may_run(b) {
                continue;
            }
            for &e in &self.graph.block(b).effects {
                if let Some(ty) = self.graph.node(e).ty
                    && self.facts[e.0 as usize].is_none()
                {
                    self.facts[e.0 as usize] = Some(transfer(self.graph.node(e).op, ty, &[]));
                    changed = true;
                }
            }
        }
        // Parameters take in what arrives over the edges that can be executed. A block without parameters needs none.
        for &b in order {
            let term = &self.graph.block(b).term;
            let branch = match term {
                Terminator::Branch { cond, then, other } if then.block != other.block => Some(*cond),
                _ => None,
            };
            for (i, target) in term.targets().iter().enumerate() {
                let mut known = self.constraints.get(&b).cloned().unwrap_or_default();
                known.extend(branch.map(|cond| (cond, i == 0)));
                if known.iter().any(|&(cond, holds)| self.contradicts(cond, holds)) {
                    continue;
                }
                let params = &self.graph.block(target.block).params;
                let args: Option<Vec<Fact>> = target.args.iter().map(|&a| self.under(a, &known, DEPTH)).collect();
                let Some(args) = args else { continue };
                for (&p, fact) in params.iter().zip(args) {
                    // Self calls come in with other arguments.
                    let others = self.graph.node(p).ty.filter(|_| self.self_entry == Some(target.block));
                    let fact = others.map_or(fact, Fact::of_type);
                    arriving.entry(p).and_modify(|f| *f = f.union(fact)).or_insert(fact);
                }
            }
        }
        for &b in order {
            for &p in &self.graph.block(b).params {
                let Some(&new) = arriving.get(&p) else { continue };
                let old = self.facts[p.0 as usize];
                let next = match (old, mode) {
                    (None, _) => new,
                    (Some(old), Mode::Ascend { widen }) => {
                        let mut joined = old.union(new);
                        if widen && joined.range != old.range {
                            joined.range = joined.range.widened_from(old.range);
                        }
                        joined
                    }
                    (Some(old), Mode::Descend) => old.intersect(new).unwrap_or(old),
                };
                changed |= self.set(p, next);
            }
        }
        for &n in pure {
            let node = self.graph.node(n);
            let args: Option<Vec<Fact>> = node.args.iter().map(|a| self.facts[a.0 as usize]).collect();
            if let (Some(args), Some(ty)) = (args, node.ty) {
                changed |= self.set(n, transfer(node.op, ty, &args));
            }
        }
        changed
    }

    /// Can block `b` be executed, as far as its parameters tell?
    fn may_run(&self, b: BlockId) -> bool {
        let params = &self.graph.block(b).params;
        params.is_empty() || params.iter().any(|&p| self.is_reached(p))
    }

    /// Is it known (or, nothing being known yet, still hoped) that `cond` is not `holds`?
    fn contradicts(&self, cond: NodeId, holds: bool) -> bool {
        self.facts[cond.0 as usize].is_none_or(|f| f.range.single() == Some(i64::from(!holds)))
    }

    fn set(&mut self, n: NodeId, fact: Fact) -> bool {
        let old = self.facts[n.0 as usize].replace(fact);
        old != Some(fact)
    }
}

/// Do facts grow from nothing, or shrink to what is needed?
#[derive(Clone, Copy)]
enum Mode {
    Ascend { widen: bool },
    Descend,
}

/// Live pure nodes other than parameters, arguments first.
fn pure_order(graph: &Graph) -> Vec<NodeId> {
    let mut out = Vec::new();
    let mut done = vec![false; graph.node_count()];
    for i in 0..graph.node_count() {
        let mut stack = vec![(NodeId(i as u32), false)];
        while let Some((n, ready)) = stack.pop() {
            let node = graph.node(n);
            if node.op.is_effect() || node.op == Op::Param {
                continue;
            }
            if ready {
                out.push(n);
            } else if !std::mem::replace(&mut done[n.0 as usize], true) {
                stack.push((n, true));
                stack.extend(node.args.iter().map(|&a| (a, false)));
            }
        }
    }
    out
}

/// For each block: the outcomes of branches that decide on the way to it, and the conditions of the guards that are passed
/// before its end, nearest first.
fn dominating_constraints(graph: &Graph, order: &[BlockId]) -> FxHashMap<BlockId, Vec<Constraint>> {
    let doms = graph.dominators();
    let mut out: FxHashMap<BlockId, Vec<Constraint>> = FxHashMap::default();
    for &b in order {
        let mut here: Vec<Constraint> = Vec::new();
        for &e in graph.block(b).effects.iter().rev() {
            if graph.node(e).op == Op::Guard {
                here.push((graph.node(e).args[0], true));
            }
        }
        if let Some(up) = doms.idom(b) {
            if let Terminator::Branch { cond, then, other } = &graph.block(up).term
                && then.block != other.block
                && graph.incoming_edges(b) == 1
            {
                here.push((*cond, then.block == b));
            }
            here.extend(out.get(&up).into_iter().flatten().copied());
        }
        here.truncate(MAX_CONSTRAINTS);
        out.insert(b, here);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{parse_unit, synthetic_program};
    use crate::unit::Unit;

    fn unit(text: &str) -> Unit {
        parse_unit(text, &synthetic_program(4, 0, 8)).expect(text)
    }

    fn range(unit: &Unit, n: u32) -> String {
        Facts::new(&unit.graph, None).of(NodeId(n)).range.to_string()
    }

    const LOOP: &str = "unit test slots=4 {
b0:
    v0 = iconst 0
    v1 = iconst 10
    v2 = iconst 1
    jump b1(v0)
b1(v3: int):
    v4 = icmp.lt v3, v1
    branch v4, b2, b3
b2:
    v5 = iadd v3, v2
    jump b1(v5)
b3:
    v6 = ineg v3
    v7: slot.store 0, v6
    return 0, 1
}
";

    #[test]
    fn a_loop_s_bound_reaches_its_counter() {
        let u = unit(LOOP);
        assert_eq!(range(&u, 3), "0..=10");
        assert_eq!(range(&u, 5), "1..=11", "at its definition nothing but the counter is known");
        let facts = Facts::new(&u.graph, None);
        assert_eq!(facts.at_end(BlockId(2), NodeId(5)).map(|f| f.range), Range::new(1, 10));
        assert_eq!(facts.at_end(BlockId(3), NodeId(3)).map(|f| f.range), Range::new(10, 10));
        assert_eq!(range(&u, 6), "-10..=0");
    }

    #[test]
    fn a_counter_without_a_bound_wraps() {
        let u = unit(&LOOP.replace("icmp.lt v3, v1", "icmp.ne v3, v1").replace("v2 = iconst 1", "v2 = iconst 3"));
        assert_eq!(range(&u, 3), "any");
    }

    #[test]
    fn what_cannot_run_contributes_nothing() {
        let u = unit(
            "unit test slots=4 {
b0:
    v0 = iconst 1
    v1 = iconst 2
    v2 = icmp.lt v0, v1
    branch v2, b1(v0), b1(v1)
b1(v3: int):
    v4: slot.store 0, v3
    return 0, 1
}
",
        );
        // Both edges lead to one block, so the branch tells nothing about which was taken.
        assert_eq!(range(&u, 3), "1..=2");
        let u = unit(
            "unit test slots=4 {
b0:
    v0 = iconst 1
    v1 = iconst 2
    v2 = icmp.lt v0, v1
    branch v2, b1(v0), b2
b2:
    jump b1(v1)
b1(v3: int):
    v4: slot.store 0, v3
    return 0, 1
}
",
        );
        assert_eq!(range(&u, 3), "1");
    }

    #[test]
    fn guards_bound_what_comes_after_them() {
        let u = unit(
            "unit test slots=4 {
b0:
    v0 = slot.load.int 0
    v1 = iconst 100
    v2 = icmp.le v0, v1
    v3: guard v2 [p1@0:0]
    v4 = iconst -5
    v5 = icmp.ge v0, v4
    branch v5, b1(v0), b2
b1(v6: int):
    v7: slot.store 0, v6
    return 0, 1
b2:
    return 0, 1
}
",
        );
        assert_eq!(range(&u, 0), "any", "where it is loaded nothing is known of it");
        assert_eq!(range(&u, 6), "-5..=100");
    }

    #[test]
    fn constants_and_tags_travel_through_boxes_and_joins() {
        let u = unit(
            "unit test slots=4 {
b0:
    v0 = slot.load.bool 0
    v1 = iconst 7
    v2 = box v1
    v3 = fconst 1.5
    v4 = box v3
    branch v0, b1(v2, v2), b2
b2:
    jump b1(v2, v4)
b1(v5: boxed, v6: boxed):
    v7 = tag v5
    v8 = unbox.int v5
    v9 = tag v6
    v10: slot.store 0, v7
    v11: slot.store 1, v8
    v12: slot.store 2, v9
    return 0, 1
}
",
        );
        assert_eq!([range(&u, 7), range(&u, 8), range(&u, 9)], ["2", "7", "0..=8"]);
    }
}
