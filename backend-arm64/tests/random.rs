//! Random graphs: compiled code against the reference evaluator, and every allocation against the checker.

mod common;

use common::eval::{End, Evaluator, answer, canonical, compare, step};
use common::generate::{SLOTS, Shape, generate};
use common::machine::*;
use gscript::layout::Layout;
use gscript::random::Random;
use gscript::value::Tag;
use gsx_backend_arm64::emit::{Branches, emit};
use gsx_backend_arm64::lower::lower;
use gsx_backend_arm64::regalloc::{Regalloc2, RegisterAllocator, allocator, checker};
use gsx_backend_arm64::{CodeObject, CodegenError, ExitKind, HostCall, compile};
use gsx_ir::unit::{Allocator, Unit};

const GLOBALS: u64 = 4;

/// Runs compiled code and tells how it ended, with the slots and globals it left behind.
fn run(code: &CodeObject, layout: Layout, slots: &[Slot], globals: &[Slot]) -> (End, Vec<Slot>, Vec<Slot>) {
    let mut m = Machine::with_layout(code, layout);
    m.set(0, slots);
    let at_globals = ARENA + layout.global_offset(0);
    for (i, &g) in globals.iter().enumerate() {
        m.memory.set_slot(at_globals, i as u64, g);
    }
    let mut end = None;
    let memory = m.memory;
    let base = m.base();
    let got = m.run(8, &mut |c| match c.call {
        HostCall::CallFrame => {
            let args: Vec<Slot> = (0..c.x[1]).map(|i| memory.slot(c.x[0], i)).collect();
            let results = answer(&args);
            let first = 3; // results need not start at the callee's R[0]
            for (i, &r) in results.iter().enumerate() {
                memory.set_slot(c.x[0], first + i as u64, r);
            }
            let count = memory.slot(at_globals, 0).1;
            memory.set_slot(at_globals, 0, (2, count.wrapping_add(1)));
            (results.len() as u64, c.x[0] + layout.slot_offset(first))
        }
        HostCall::Step => {
            let (slot, v) = step(c.x[0] as u32, SLOTS.into());
            memory.set_slot(c.x[1], slot, v);
            (0xdead, 0xbeef)
        }
        HostCall::Close | HostCall::BoxInt => (0, 0),
        HostCall::Compare => {
            // The operands are in the bytecode, which this test has not got: the evaluator's answer only looks at them
            // through the slots that are passed here by pc.
            let (b, d) = COMPARED.with(|m| m.borrow()[&(c.x[0] as u32)]);
            (compare(c.x[0] as u32, memory.slot(c.x[1], b), memory.slot(c.x[1], d)) as u64, 0xbeef)
        }
        HostCall::Exit => {
            let info = &code.exits[(c.x[0] & 0xffff_ffff) as usize];
            memory.box_payloads(c.x[1], &info.raw);
            let (behind, results) = match info.kind {
                ExitKind::Resume | ExitKind::LoopEnd => (false, Vec::new()),
                ExitKind::OpenResults { .. } | ExitKind::Results { .. } => {
                    (true, (0..c.x[3]).map(|i| memory.slot(c.x[4], i)).collect())
                }
            };
            end = Some(End::Exit { pc: info.frames[0].pc, behind, results });
            (0, c.x[1])
        }
    });
    let got = got.unwrap_or_else(|stop| panic!("{stop}\n{}", common::listing(code)));
    let end = end.unwrap_or(End::Return(got));
    let slots = (0..SLOTS as u64).map(|i| memory.slot(base, i)).collect();
    let globals = (0..GLOBALS).map(|i| memory.slot(at_globals, i)).collect();
    (end, slots, globals)
}

thread_local! {
    /// Operands of the comparisons that the host is asked for, by pc.
    static COMPARED: std::cell::RefCell<std::collections::HashMap<u32, (u64, u64)>> = Default::default();
}

fn note_comparisons(unit: &Unit) {
    let map = unit
        .graph
        .blocks()
        .flat_map(|b| unit.graph.block(b).effects.clone())
        .filter_map(|n| {
            let node = unit.graph.node(n);
            match node.op {
                gsx_ir::op::Op::HostCompare { b, c, .. } => Some((node.origin.pc, (b.into(), c.into()))),
                _ => None,
            }
        })
        .collect();
    COMPARED.with(|m| *m.borrow_mut() = map);
}

fn canonical_all(v: &[Slot]) -> Vec<Slot> {
    v.iter().map(|&s| canonical(s)).collect()
}

fn canonical_end(end: End) -> End {
    match end {
        End::Return(v) => End::Return(canonical_all(&v)),
        End::Exit { pc, behind, results } => End::Exit { pc, behind, results: canonical_all(&results) },
        End::Budget => End::Budget,
    }
}

fn compile_far(unit: &Unit) -> Result<CodeObject, CodegenError> {
    let f = lower(unit)?;
    let allocation = allocator(unit.allocator).allocate(&f)?;
    checker::check(&f, &allocation).map_err(|e| CodegenError::Allocation(e.to_string()))?;
    emit(unit, 3, &f, &allocation, Branches::Far)
}

/// Compiles a random unit with every allocator and compares some runs. Says how many ended by a return, by an exit.
fn check(seed: u64, shape: Shape) -> (usize, usize) {
    let mut unit = generate(seed, shape);
    note_comparisons(&unit);
    unit.cold_split = seed.is_multiple_of(3);
    let mut ends = (0, 0);
    for allocator in Allocator::ALL {
        unit.allocator = allocator;
        ends = check_unit(seed, shape, &unit);
    }
    unit.layout = Layout::NanBox;
    unit.allocator = Allocator::ALL[seed as usize / 4 % 3];
    assert_eq!(check_unit(seed, shape, &unit), ends);
    ends
}

fn check_unit(seed: u64, shape: Shape, unit: &Unit) -> (usize, usize) {
    // Every fourth with long branches, as in units of more than a mebibyte.
    let compiled = if seed % 4 == 3 { compile_far(unit) } else { compile(unit, 3) };
    let code = match compiled {
        Ok(code) => code,
        Err(e) => panic!("seed {seed}: {e}\n{}", gsx_ir::text::unit_to_string(unit)),
    };
    assert_eq!(code.words.len(), code.provenance.len());
    let mut rng = Random::new(seed ^ 0x5555);
    let (mut returns, mut exits) = (0, 0);
    for _ in 0..6 {
        let mut value = || match rng.below(10) {
            0 => NIL,
            1 => (1, rng.next_u64() & 1),
            2 | 3 => float(rng.pick(&[0.0, 1.5, -3.25, f64::INFINITY])),
            4 => (Tag::Function as u64, ARENA + OTHER),
            5 => int(rng.next_u64() as i64),
            _ => int(rng.below(10) as i64 - 4),
        };
        let slots: Vec<Slot> = (0..SLOTS).map(|_| value()).collect();
        let globals: Vec<Slot> = (0..GLOBALS).map(|i| if i == 0 { int(0) } else { value() }).collect();
        let mut reference = Evaluator::new(unit, slots.clone(), globals.clone());
        let expected = reference.run();
        if expected == End::Budget {
            continue;
        }
        match expected {
            End::Return(_) => returns += 1,
            _ => exits += 1,
        }
        let (end, slots, globals) = run(&code, unit.layout, &slots, &globals);
        let got = (canonical_end(end), canonical_all(&slots), canonical_all(&globals));
        let expected = (canonical_end(expected), canonical_all(&reference.slots), canonical_all(&reference.globals));
        if got != expected {
            panic!(
                "seed {seed} {shape:?}\nexpected {expected:x?}\ngot      {got:x?}\n{}\n{}",
                gsx_ir::text::unit_to_string(unit),
                common::listing(&code)
            );
        }
    }
    (returns, exits)
}

/// `GSX_SEEDS=50` tries fifty times as many programs.
fn check_many(seeds: std::ops::Range<u64>, shape: Shape) {
    let factor: u64 = std::env::var("GSX_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let seeds = seeds.start * factor..seeds.end * factor;
    let (mut returns, mut exits) = (0, 0);
    for seed in seeds.clone() {
        let (r, e) = check(seed, shape);
        returns += r;
        exits += e;
    }
    println!("{shape:?}: {returns} returns, {exits} exits");
    let runs = (seeds.end - seeds.start) as usize;
    assert!(returns > runs / 4 && exits > runs / 4, "the generator is out of balance");
}

#[test]
fn small_graphs() {
    check_many(0..400, Shape { size: 25, pressure: 0, calls: false, pins: false });
}

#[test]
fn pinned_loops() {
    check_many(1000..1400, Shape { size: 60, pressure: 4, calls: false, pins: true });
}

#[test]
fn calls_and_pins() {
    check_many(2000..2400, Shape { size: 80, pressure: 8, calls: true, pins: true });
}

#[test]
fn more_values_than_registers() {
    check_many(3000..3150, Shape { size: 80, pressure: 60, calls: false, pins: true });
    check_many(4000..4150, Shape { size: 80, pressure: 40, calls: true, pins: true });
}

#[test]
fn spill_code_is_counted() {
    let shape = Shape { size: 80, pressure: 60, calls: true, pins: true };
    for allocator in Allocator::ALL {
        let compiled = |seed| compile(&Unit { allocator, ..generate(seed, shape) }, 0).unwrap();
        let codes: Vec<CodeObject> = (0..200).map(compiled).collect();
        let slots: u32 = codes.iter().map(|c| c.spill_slots).sum();
        let moves: u32 = codes.iter().map(|c| c.spill_instructions).sum();
        println!("{allocator}: {slots} spill slots, {moves} spill instructions");
        assert!(slots > 200 && moves > slots);
    }
}

/// The crate's own checker knows its input only: it finds what it got wrong, not what it was told wrong. The allocation
/// checker looks at the rest.
#[test]
fn regalloc2_agrees_with_its_own_checker() {
    for (seed, shape) in (0..200).flat_map(|seed| {
        let shape = |pressure, calls| Shape { size: 70, pressure, calls, pins: seed % 2 == 0 };
        [(seed, shape(4, true)), (seed, shape(50, seed % 4 == 1))]
    }) {
        let f = lower(&generate(seed, shape)).unwrap();
        let allocation = Regalloc2 { verify: true }.allocate(&f).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{f}"));
        checker::check(&f, &allocation).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{f}"));
    }
}
