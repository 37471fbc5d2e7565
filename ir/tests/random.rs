//! Random graphs: what the builder API makes verifies, survives the text form, and can be drawn; damaged graphs are
//! rejected or accepted, but crash nothing.

use gscript::bytecode::Op as BytecodeOp;
use gscript::random::Random;
use gscript::value::{Tag, Value};
use gsx_ir::dot::to_dot;
use gsx_ir::graph::{BlockId, FrameState, Graph, NodeId, Origin, Snapshot, SnapshotId, Target, Terminator};
use gsx_ir::op::TablePart;
use gsx_ir::parse::{SYNTHETIC_PROTO, parse_unit, synthetic_program};
use gsx_ir::text::{TextOptions, unit_to_string, unit_to_string_with};
use gsx_ir::verify::verify;
use gsx_ir::{CallKind, CallResults, Cond, Op, SlotSet, TagHalf, Type, Unit};

const SLOTS: u16 = 12;
const CODE: u32 = 20;
const TYPES: [Type; 5] = [Type::Boxed, Type::Int, Type::Float, Type::Bool, Type::Ptr];
/// Types of values that have tags.
const TAGGED: [Type; 4] = [Type::Boxed, Type::Int, Type::Float, Type::Bool];

struct Generator {
    rng: Random,
    graph: Graph,
    /// Values that the current block may use.
    known: Vec<NodeId>,
    at: BlockId,
}

impl Generator {
    fn origin(&mut self) -> Origin {
        // The last instruction returns: nothing but a terminator comes from there.
        Origin::new(SYNTHETIC_PROTO, self.rng.below(CODE as usize - 1) as u32)
    }

    fn slot(&mut self) -> u16 {
        self.rng.below(SLOTS as usize) as u16
    }

    /// A known value of this type, or a new one.
    fn value(&mut self, ty: Type) -> NodeId {
        let fits: Vec<NodeId> = self.known.iter().copied().filter(|&n| self.graph.node(n).ty == Some(ty)).collect();
        if !fits.is_empty() && self.rng.below(4) != 0 {
            return self.rng.pick(&fits);
        }
        let origin = self.origin();
        let n = match ty {
            Type::Int => self.graph.pure(Op::IConst(self.rng.next_u64() as i64), &[], ty, origin),
            Type::Float => self.graph.pure(Op::FConst(self.rng.next_u64()), &[], ty, origin),
            Type::Bool => self.graph.pure(Op::BConst(self.rng.below(2) == 0), &[], ty, origin),
            Type::Boxed => {
                let tag = self.rng.pick(&Tag::ALL);
                let bits = match tag {
                    Tag::Nil => 0,
                    Tag::Bool => self.rng.next_u64() & 1,
                    _ => self.rng.next_u64(),
                };
                self.graph.pure(Op::BoxedConst(Value { tag, bits }), &[], ty, origin)
            }
            Type::Ptr => self.graph.effect(self.at, Op::Callee, &[], Some(ty), None, origin),
        };
        self.known.push(n);
        n
    }

    fn snapshot(&mut self) -> SnapshotId {
        let mut writes = Vec::new();
        let mut slot = self.slot();
        for _ in 0..self.rng.below(3) {
            if slot < SLOTS {
                let ty = self.rng.pick(&TAGGED);
                writes.push((slot, self.value(ty)));
            }
            slot += 1 + self.rng.below(3) as u16;
        }
        let open = (self.rng.below(5) == 0).then(|| (self.rng.below(8) as u8, self.rng.below(4) as u8));
        let pc = self.rng.below(CODE as usize) as u32;
        let frame = FrameState { proto: SYNTHETIC_PROTO, base: 0, pc, open };
        self.graph.add_snapshot(Snapshot { frames: [frame].into_iter().collect(), writes })
    }

    fn pure(&mut self) {
        let cond = self.rng.pick(&Cond::ALL);
        let ty = self.rng.pick(&TYPES);
        let unboxed = self.rng.pick(&[Type::Int, Type::Float, Type::Bool, Type::Ptr]);
        let payload = self.rng.pick(&[Type::Int, Type::Float, Type::Bool]);
        let word = self.rng.pick(&[Type::Int, Type::Ptr]);
        let (int, float, boolean, boxed) = (Type::Int, Type::Float, Type::Bool, Type::Boxed);
        let (op, args, result): (Op, Vec<Type>, Type) = match self.rng.below(26) {
            0 => (Op::IAdd, vec![int, int], int),
            1 => (Op::ISub, vec![int, int], int),
            2 => (Op::IMul, vec![int, int], int),
            3 => (Op::INeg, vec![int], int),
            4 => (Op::FAdd, vec![float, float], float),
            5 => (Op::FSub, vec![float, float], float),
            6 => (Op::FMul, vec![float, float], float),
            7 => (Op::FDiv, vec![float, float], float),
            8 => (Op::FNeg, vec![float], float),
            9 => (Op::IntToFloat, vec![int], float),
            10 => (Op::ICmp(cond), vec![word, word], boolean),
            11 => (Op::FCmp(cond), vec![float, float], boolean),
            12 => (Op::BNot, vec![boolean], boolean),
            13 => (Op::Select, vec![boolean, unboxed, unboxed], unboxed),
            14 => (Op::Box, vec![payload], boxed),
            15 => (Op::Unbox(unboxed), vec![boxed], unboxed),
            16 => (Op::TagOf, vec![boxed], int),
            17 => (Op::Truthy, vec![boxed], boolean),
            18 => (Op::IShl(self.rng.below(64) as u8), vec![int], int),
            19 => (Op::IMod, vec![int, int], int),
            20 => (Op::InBounds, vec![int, int], boolean),
            21 => (Op::FSqrt, vec![float], float),
            22 => (Op::FAbs, vec![float], float),
            23 => (Op::FloorToInt, vec![float], int),
            24 => (Op::HasTag(self.rng.pick(&Tag::ALL)), vec![boxed], boolean),
            _ => {
                let v = self.value(ty);
                self.known.push(v);
                return;
            }
        };
        let args: Vec<NodeId> = args.into_iter().map(|t| self.value(t)).collect();
        let origin = self.origin();
        let n = self.graph.pure(op, &args, result, origin);
        self.known.push(n);
    }

    fn effect(&mut self) {
        let ty = self.rng.pick(&TYPES);
        let tagged = self.rng.pick(&TAGGED);
        let results = 1 + self.rng.below(2) as u8;
        let kind = self.rng.pick(&[CallKind::Generic, CallKind::SelfCall]);
        let count = self.rng.pick(&[CallResults::Fixed(results), CallResults::Expect(results)]);
        let comparison = self.rng.pick(&[BytecodeOp::Eq, BytecodeOp::Lt, BytecodeOp::Le]);
        let slot = self.slot();
        let (op, args, result): (Op, Vec<Type>, Option<Type>) = match self.rng.below(18) {
            0 => (Op::SlotLoad(slot, ty), vec![], Some(ty)),
            1 => (Op::SlotStore(slot), vec![tagged], None),
            2 => (Op::GlobalLoad(u32::from(slot) % 8), vec![], Some(Type::Boxed)),
            3 => (Op::GlobalStore(u32::from(slot) % 8), vec![tagged], None),
            4 => (Op::UpvalLoad(slot as u8 % 4), vec![], Some(Type::Boxed)),
            5 => (Op::UpvalStore(slot as u8 % 4), vec![tagged], None),
            6 => (Op::Callee, vec![], Some(Type::Ptr)),
            7 => (Op::GuardTag(self.rng.pick(&Tag::ALL)), vec![Type::Boxed], None),
            8 => (Op::Guard, vec![Type::Bool], None),
            9 => (Op::Call { a: slot as u8 % 8, nargs: results, results: count, kind }, vec![], None),
            10 => (Op::HostCompare { op: comparison, b: slot as u8, c: 0 }, vec![], Some(Type::Bool)),
            11 => {
                let half = self.rng.pick(&[TagHalf::Right, TagHalf::Unread]);
                (Op::SlotStorePayload(slot, half), vec![self.rng.pick(&[Type::Int, Type::Float, Type::Bool])], None)
            }
            12 => {
                let part = self.rng.pick(&TablePart::ALL);
                (Op::TableLoad(part), vec![Type::Ptr], Some(part.ty()))
            }
            13 => (Op::FieldLoad(slot.into()), vec![Type::Ptr], Some(Type::Boxed)),
            14 => (Op::FieldStore(slot.into()), vec![Type::Ptr, tagged], None),
            15 => (Op::ElemLoad, vec![Type::Ptr, Type::Int], Some(Type::Boxed)),
            16 => (Op::ElemStore, vec![Type::Ptr, Type::Int, tagged], None),
            _ => (Op::Step, vec![], None),
        };
        let args: Vec<NodeId> = args.into_iter().map(|t| self.value(t)).collect();
        let snapshot = op.needs_snapshot().then(|| self.snapshot());
        let origin = self.origin();
        let n = self.graph.effect(self.at, op, &args, result, snapshot, origin);
        if result.is_some() {
            self.known.push(n);
        }
    }

    fn fill(&mut self, b: BlockId) {
        self.at = b;
        for _ in 0..self.rng.below(12) {
            if self.rng.below(2) == 0 {
                self.pure();
            } else {
                self.effect();
            }
        }
    }

    fn target(&mut self, blocks: &[BlockId]) -> Target {
        let block = self.rng.pick(blocks);
        let params = self.graph.block(block).params.clone();
        let types: Vec<Type> = params.iter().filter_map(|&p| self.graph.node(p).ty).collect();
        Target { block, args: types.into_iter().map(|t| self.value(t)).collect() }
    }

    fn terminate(&mut self, b: BlockId, blocks: &[BlockId]) {
        let term = match self.rng.below(8) {
            0..3 if !blocks.is_empty() => Terminator::Jump(self.target(blocks)),
            3..6 if !blocks.is_empty() => {
                let cond = self.value(Type::Bool);
                Terminator::Branch { cond, then: self.target(blocks), other: self.target(blocks) }
            }
            6 => Terminator::Exit(self.snapshot()),
            _ => Terminator::Return { first: self.rng.below(6) as u16, count: self.rng.below(6) as u16 },
        };
        self.graph.set_term(b, term);
    }
}

fn random_unit(seed: u64) -> Unit {
    let origin = Origin::new(SYNTHETIC_PROTO, 0);
    let graph = Graph::new(origin);
    let mut g = Generator { rng: Random::new(seed * 2 + 1), at: graph.entry, graph, known: Vec::new() };
    for _ in 0..4 {
        g.rng.next_u64();
    }
    let blocks: Vec<BlockId> = (0..g.rng.below(7)).map(|_| g.graph.add_block(origin)).collect();
    for &b in &blocks {
        for _ in 0..g.rng.below(3) {
            let ty = g.rng.pick(&TYPES);
            let origin = g.origin();
            g.graph.add_param(b, ty, None, origin);
        }
    }
    let entry = g.graph.entry;
    g.fill(entry);
    let mut of_entry = g.known.clone();
    g.terminate(entry, &blocks);
    of_entry.retain(|n| g.known.contains(n));
    for &b in &blocks {
        g.known = of_entry.clone();
        g.known.extend(g.graph.block(b).params.iter().copied());
        g.fill(b);
        g.terminate(b, &blocks);
    }
    let text = "unit test proto=1 slots=12 {\nb0: unreachable\n}";
    let mut unit = parse_unit(text, &synthetic_program(SLOTS, 2, CODE as usize)).expect("a good unit");
    unit.graph = g.graph;
    unit.stale = SlotSet::below(SLOTS);
    unit
}

fn check(unit: &Unit, seed: u64) {
    if let Err(e) = verify(unit) {
        panic!("seed {seed}: {e}");
    }
    let text = unit_to_string(unit);
    let again = parse_unit(&text, &unit.program).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{text}"));
    assert_eq!(unit_to_string(&again), text, "seed {seed}");
    if let Err(e) = verify(&again) {
        panic!("seed {seed}, parsed again: {e}");
    }
    let listing = unit_to_string_with(unit, TextOptions::LISTING);
    assert!(parse_unit(&listing, &unit.program).is_ok(), "seed {seed}: {listing}");
    assert!(to_dot(unit).ends_with("}\n"));
}

#[test]
fn random_graphs_verify_and_round_trip() {
    for seed in 1..400 {
        let mut unit = random_unit(seed);
        check(&unit, seed);
        unit.graph.remove_unreachable();
        check(&unit, seed);
    }
}

fn digits_end(text: &str, from: usize) -> usize {
    from + text[from..].find(|c: char| !c.is_ascii_digit()).unwrap_or(0)
}

#[test]
fn damaged_graphs_crash_nothing() {
    let mut rejected = 0;
    for seed in 1..400 {
        let mut rng = Random::new(seed * 77 + 3);
        let unit = random_unit(seed);
        let mut text = unit_to_string(&unit);
        for _ in 0..3 {
            let letter = rng.pick(&['v', 'v', 'v', 'b', 's', '!', '@']);
            let ids: Vec<(usize, usize)> = text
                .match_indices(letter)
                .map(|(i, _)| (i + 1, digits_end(&text, i + 1)))
                .filter(|(from, to)| from < to)
                .collect();
            if !ids.is_empty() {
                // One id becomes another of its kind.
                let (from, to) = rng.pick(&ids);
                let (other, end) = rng.pick(&ids);
                let other = text[other..end].to_owned();
                text.replace_range(from..to, &other);
            }
        }
        let Ok(unit) = parse_unit(&text, &unit.program) else { continue };
        let printed = unit_to_string(&unit);
        assert!(!to_dot(&unit).is_empty());
        if let Err(e) = verify(&unit) {
            rejected += 1;
            assert!(!e.errors.is_empty());
            assert!(parse_unit(&e.text, &unit.program).is_ok(), "seed {seed}: {}", e.text);
        }
        let again = parse_unit(&printed, &unit.program).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{printed}"));
        assert_eq!(unit_to_string(&again), printed, "seed {seed}");
    }
    assert!(rejected > 30, "only {rejected} damaged graphs were rejected");
}
