//! The verifier accepts what is right and names what is wrong, one kind of error per case.

use std::sync::Arc;

use gscript::bytecode::{Inst, Op as BytecodeOp, Program};
use gsx_ir::graph::{Block, BlockId, Node, NodeId, Origin, Terminator};
use gsx_ir::parse::{SYNTHETIC_PROTO, parse_unit, synthetic_program};
use gsx_ir::verify::{VerifyErrors, verify};
use gsx_ir::{Graph, Op, Type, Unit};

/// Eight slots, all live everywhere; the instruction at 9 is a call, the one at 10 a comparison.
fn program() -> Arc<Program> {
    let mut program = synthetic_program(8, 2, 12);
    let proto = &mut Arc::make_mut(&mut program).protos[SYNTHETIC_PROTO.index()];
    proto.code[9] = Inst { op: BytecodeOp::Call, a: 2, b: 2, c: 2, imm: 0 };
    proto.code[10] = Inst { op: BytecodeOp::Lt, a: 1, b: 0, c: 1, imm: 0 };
    program
}

fn parse(text: &str) -> Unit {
    parse_unit(text, &program()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn errors(unit: &Unit) -> VerifyErrors {
    match verify(unit) {
        Ok(()) => panic!("accepted:\n{}", gsx_ir::text::unit_to_string(unit)),
        Err(e) => e,
    }
}

/// A loop with a pinned accumulator, guards, a call and an exit.
const GOOD: &str = "
unit test slots=20 shared={7} {
    pinned s1 @x24 in b1, b2 by acc-pin
    pinned s0 @x23 unwritten in b1, b2 by acc-pin
b0:
    v0 = slot.load.boxed 0
    v1: guard.tag int v0 [p1@0:0]
    v2 = unbox.int v0
    v3 = iconst 0
    v4 = fconst 1.5
    v5 = itof v2
    v6 = fadd v4, v5
    v7: slot.store 3, v6
    jump b1(v3, v2)
b1(v10: int @x24, v11: int @x23):
    v12 = icmp.lt v10, v11
    branch v12, b2, b3
b2:
    v20 = iadd v10, v2
    v21 = icmp.ne v20, v3
    v22: guard v21 [p1@0:3; s1=v20]
    v23 = slot.load.boxed 0
    v24: guard.tag int v23 [p1@0:4; s1=v20]
    jump b1(v20, v11)
b3:
    v30: slot.store 1, v10
    v31: call a=2 nargs=1 results=1 [p1@0:9]
    v32 = host.compare lt 0, 1          !10
    v33: step                           !3
    v34 = callee
    v35 = slot.load.boxed 2
    v36: guard.tag function v35 [p1@0:9, p0@10:0; s12=v35]
    v37 = unbox.ptr v35
    v38 = icmp.eq v34, v37
    branch v38, b4, b5
b4:
    return 2, 1
b5:
    exit [p1@0:5; s3=v6]
b8:
    v80 = slot.load.int 1
    unreachable
}
";

#[test]
fn accepts_a_good_unit() {
    if let Err(e) = verify(&parse(GOOD)) {
        panic!("{e}");
    }
}

/// Replaces `from` by `to` in the good unit; the verifier must say `expected` of `place`.
fn check(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "{from}");
    let unit = parse(&GOOD.replacen(from, to, 1));
    let found = errors(&unit);
    let listed: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    assert!(listed.iter().any(|e| e.contains(expected)), "expected: {expected}\nfound: {listed:#?}");
    let rendered = format!("; ^ error: {}", expected.rsplit(": ").next().unwrap_or(expected));
    assert!(found.text.contains(&rendered) || found.text.contains("; error: "), "{}", found.text);
}

#[test]
fn arguments_and_results() {
    check("itof v2", "itof v2, v2", "v5: takes 1 argument, has 2");
    check("v20 = iadd v10, v2", "v20 = iadd v10", "v20: takes 2 arguments, has 1");
    check("fadd v4, v5", "fadd v4, v3", "v6: v3 is int, must be float");
    check("slot.store 3, v6", "slot.store 3, v1", "v7: v1 is without a type, must be anything but ptr");
    check("slot.store 1, v10", "slot.store 1, v34", "v30: v34 is ptr, must be anything but ptr");
    check("icmp.eq v34, v37", "icmp.eq v34, v10", "v38: compares ptr with int");
    check("icmp.eq v34, v37", "icmp.eq v34, v35", "v38: v35 is boxed, must be int or ptr");
    check("fconst 1.5", "fconst 1.5 : int", "v4: is int, must be float");
    check("iconst 0", "const bool 0x5", "v3: 0x5 is no payload of bool");
    check("itof v2", "itof v2 @d8", "v5: only block parameters can be pinned");
    check("unbox.int v0", "unbox.boxed v0", "v2: unboxes to boxed");
}

#[test]
fn selects() {
    check("v20 = iadd v10, v2", "v20 = select.int v12, v10, v4", "v20: selects int from int and float");
    check("v20 = iadd v10, v2", "v20 = select.int v12, v0, v0", "v20: v0 is boxed, must be anything but boxed");
    check("v20 = iadd v10, v2", "v20 = select.int v10, v10, v2", "v20: v10 is int, must be bool");
}

#[test]
fn jumps() {
    check("jump b1(v3, v2)", "jump b1(v3)", "b0, terminator: b1 takes 2 arguments, gets 1");
    check("jump b1(v3, v2)", "jump b1(v3, v6)", "b0, terminator: v6 is float, v11 of b1 is int");
    check("branch v12, b2, b3", "branch v10, b2, b3", "b1, terminator: branches on v10, which is int");
    check("return 2, 1", "return 19, 2", "b4, terminator: returns up to slot 20 in a frame of 20 slots");
    check("jump b1(v20, v11)", "jump b0", "b0: the entry block has a predecessor, b2");
    check("b0:\n", "b0(v90: int):\n", "b0: the entry block has parameters");
}

#[test]
fn ranges() {
    check("slot.load.boxed 2", "slot.load.boxed 20", "v35: reads s20 to s20 in a frame of 20 slots");
    check("slot.store 3, v6", "slot.store 65535, v6", "v7: writes s65535 to s65535 in a frame of 20 slots");
    check("call a=2 nargs=1", "call a=2 nargs=18", "v31: reads s2 to s20 in a frame of 20 slots");
    check("call a=2 nargs=1 results=1", "call a=2 nargs=1 results=!19", "v31: writes s2 to s20 in a frame");
    check("host.compare lt 0, 1 ", "host.compare lt 0, 21 ", "v32: reads s21 to s21 in a frame");
    check("host.compare lt 0, 1 ", "host.compare lt 0, 2 ", "v32: the instruction at 10 is Lt 0, 1");
    check("v33: step                           !3", "v33: step !10", "v33: Lt at 10 is no straight-line instruction");
    check("v33: step                           !3", "v33: step !12", "v33: the function has no instruction 12");
    check(
        "v33: step                           !3",
        "v33: step !p0:0",
        "v33: the runtime cannot execute another function's",
    );
    check("slot.load.boxed 2", "global.load 8", "v35: the program has 8 globals");
    check("slot.load.boxed 2", "upval.load 4", "v35: the function has 4 upvalues");
}

#[test]
fn dominance() {
    check("iadd v10, v2", "iadd v10, v22 : int", "v20: v22 is without a type");
    check("slot.store 3, v6", "slot.store 3, v10", "b0, v7: uses v10, but b1 does not dominate b0");
    // A floating node is as late as what it is made of.
    let text = GOOD.replace("iadd v10, v2", "iadd v10, v99").replace(
        "v23 = slot.load.boxed 0\n",
        "v23 = slot.load.boxed 0\n    v98 = slot.load.int 4\n    v99 = ineg v98\n",
    );
    let found = errors(&parse(&text));
    let listed: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    assert!(listed.contains(&"b2, v22: uses v98 (through v21) before it is computed".to_owned()), "{listed:#?}");
    check("s3=v6]", "s3=v23]", "b5, terminator: uses v23, but b2 does not dominate b5");
    check("slot.store 1, v10", "slot.store 1, v80", "b3, v30: uses v80, which is in an unreachable block");
}

#[test]
fn cycles() {
    check("iadd v10, v2", "iadd v20, v2", "v20: v20 depends on itself without a block parameter in between");
}

#[test]
fn snapshots() {
    check("v22: guard v21 [p1@0:3; s1=v20]", "v22: guard v21", "v22: can leave, but has no snapshot");
    check("v7: slot.store 3, v6", "v7: slot.store 3, v6 [p1@0:3]", "v7: cannot leave, but has a snapshot");
    check("v1: guard.tag int v0 [p1@0:0]", "v1: guard.tag int v0 []", "v1: the snapshot has no frames");
    check("v0 [p1@0:0]", "v0 [p0@0:0]", "v1: the outermost frame is p0@0, must be the unit's own");
    check("v0 [p1@0:0]", "v0 [p1@1:0]", "v1: the outermost frame is p1@1, must be the unit's own");
    check("v0 [p1@0:0]", "v0 [p1@0:12]", "v1: test has no instruction 12");
    check("p1@0:9, p0@10:0", "p1@0:8, p0@10:0", "v36: test is at Jmp, which calls nobody");
    check("p0@10:0", "p0@0:0", "v36: frame 1 starts at slot 0, not above its caller");
    check("p0@10:0", "p0@20:0", "v36: the frame of main ends at slot 21 of 20");
    check("p0@10:0", "p7@10:0", "v36: the program has no function p7");
    check("p1@0:0]", "p1@0:0 open 7, 2]", "v1: 2 open results from register 7 on in 8 registers");
    check("s12=v35", "s20=v35", "v36: writes s20 in a frame of 20 slots");
    check("s12=v35", "s12=v35, s12=v6", "v36: writes s12 twice");
    check("s12=v35", "s12=v34", "v36: writes v34, a ptr, to s12");
    check("s12=v35", "s12=v31", "v36: writes v31, which has no result, to s12");
}

#[test]
fn pinned_slots() {
    check("s1=v20]", "s2=v20]", "b2, v22: leaves without s1, which x24 holds and pc 3 reads");
    check("slot.load.boxed 0\n    v24", "slot.load.boxed 1\n    v24", "v23: reads s1 in memory, but x24 holds it here");
    check(
        "v23 = slot.load.boxed 0\n",
        "v23 = slot.load.boxed 0\n v25: slot.store 1, v20\n",
        "v25: writes s1 in memory",
    );
    // An unwritten slot may be read, but not written.
    check(
        "v23 = slot.load.boxed 0\n",
        "v23 = slot.load.boxed 0\n v25: slot.store 0, v20\n",
        "v25: writes s0 in memory",
    );
    check("in b1, b2 by acc", "in b1, b2, b5 by acc", "b5, terminator: leaves without s1");
    check("in b1, b2 by acc", "in b1, b2, b3 by acc", "v30: writes s1 in memory");
    check("in b1, b2 by acc", "in b1, b2, b3 by acc", "v32: reads s1 in memory");
    let text = GOOD.replace("return 2, 1", "return 1, 1").replace("in b1, b2 by acc", "in b1, b2, b4 by acc");
    let found = errors(&parse(&text)).to_string();
    assert!(found.contains("b4, terminator: returns s1 from memory, but x24 holds it here"), "{found}");
    check("pinned s1 @x24", "pinned s1 @x25", "pinned slot 0: x25 is no register for values");
    check("pinned s1 @x24", "pinned s20 @x24", "pinned slot 0: a frame of 20 slots has no s20");
    check("pinned s1 @x24", "pinned s7 @x24", "pinned slot 0: s7 is shared with closures and must stay in memory");
    check("pinned s1 @x24", "pinned s1 @x23", "pinned slot 1: x23 holds s1 in b1, too");
}

#[test]
fn a_slot_that_nobody_reads_need_not_be_written_back() {
    let mut program = program();
    let code = &mut Arc::make_mut(&mut program).protos[SYNTHETIC_PROTO.index()].code;
    code[11] = Inst { op: BytecodeOp::Return, a: 0, b: 2, c: 0, imm: 0 };
    code[10].b = 0;
    code[10].c = 0;
    code[9] = Inst { op: BytecodeOp::Jmp, a: 0, b: 0, c: 0, imm: 0 };
    let text = GOOD.replace("s1=v20]", "s2=v20]").replace("host.compare lt 0, 1", "host.compare lt 0, 0");
    let text = text.replace("[p1@0:9, p0@10:0; s12=v35]", "[p1@0:9]");
    let unit = parse_unit(&text, &program).unwrap_or_else(|e| panic!("{e}"));
    if let Err(e) = verify(&unit) {
        panic!("{e}");
    }
}

#[test]
fn pinned_parameters() {
    check("v10: int @x24", "v10: int @d8", "b1, v10: v10 is int, which d8 cannot hold");
    check("v10: int @x24", "v10: int @x26", "b1, v10: v10 is pinned to x26, which is no register for values");
    check("v10: int @x24", "v10: int @x23", "b1, v11: two parameters of b1 are pinned to x23");
    let text = GOOD.replace("v10: int @x24", "v10: float @x24");
    let found = errors(&parse(&text)).to_string();
    assert!(found.contains("v10 is float, which x24 cannot hold"), "{found}");
}

#[test]
fn returns_of_functions_with_captured_slots() {
    let mut program = program();
    Arc::make_mut(&mut program).protos[SYNTHETIC_PROTO.index()].captured.push(7);
    let unit = parse_unit(GOOD, &program).unwrap_or_else(|e| panic!("{e}"));
    let found = errors(&unit).to_string();
    assert!(found.contains("b4, terminator: returns without closing upvalues"), "{found}");
}

fn origin() -> Origin {
    Origin::new(SYNTHETIC_PROTO, 0)
}

fn node(op: Op, args: &[NodeId], ty: Option<Type>, block: Option<BlockId>) -> Node {
    Node { op, args: args.into(), ty, snapshot: None, pin: None, block, origin: origin() }
}

fn with_graph(nodes: Vec<Node>, params: Vec<NodeId>, effects: Vec<NodeId>) -> Vec<String> {
    let mut unit = parse(GOOD);
    unit.pinned.clear();
    let entry = Block { params: Vec::new(), effects: vec![], term: Terminator::Unreachable, origin: origin() };
    let block = Block { params, effects, term: Terminator::Return { first: 0, count: 0 }, origin: origin() };
    unit.graph = Graph::from_parts(nodes, vec![Some(entry), Some(block)], Vec::new(), BlockId(0));
    errors(&unit).errors.iter().map(ToString::to_string).collect()
}

#[test]
fn lists_and_homes() {
    let b1 = Some(BlockId(1));
    let load = || Op::SlotLoad(0, Type::Int);
    let int = Some(Type::Int);
    let store_v1 = || node(Op::SlotStore(0), &[NodeId(1)], None, b1);
    type Case = (Vec<Node>, Vec<u32>, Vec<u32>, &'static str);
    let cases: [Case; 8] = [
        (vec![node(load(), &[], int, None)], vec![], vec![0], "b1 lists v0, which says that it is in no block"),
        (vec![node(load(), &[], int, Some(BlockId(0)))], vec![], vec![0], "b1 lists v0, which says that it is in b0"),
        (vec![node(load(), &[], int, b1)], vec![], vec![0, 0], "b1, v0: v0 is in b1 twice"),
        (vec![node(load(), &[], int, b1)], vec![0], vec![], "v0 is among the parameters of b1 but is no parameter"),
        (vec![node(Op::Param, &[], int, b1)], vec![], vec![0], "v0 is among the effects of b1 but is none"),
        (
            vec![store_v1(), node(Op::IConst(1), &[], int, b1)],
            vec![],
            vec![0],
            "b1, v1: v1 floats, but says that it is in b1",
        ),
        (vec![store_v1(), node(load(), &[], int, b1)], vec![], vec![0], "v1 is used, but b1 does not list it"),
        (vec![store_v1(), node(load(), &[], int, None)], vec![], vec![0], "v1: v1 is used, but is in no block"),
    ];
    for (nodes, params, effects, expected) in cases {
        let ids = |list: Vec<u32>| list.into_iter().map(NodeId).collect();
        let found = with_graph(nodes, ids(params), ids(effects));
        assert!(found.iter().any(|e| e.contains(expected)), "expected: {expected}\nfound: {found:#?}");
    }
}

#[test]
fn errors_stand_below_their_lines() {
    let text = GOOD.replace("itof v2", "itof v2, v2").replace("return 2, 1", "return 30, 1");
    let found = errors(&parse(&text));
    assert_eq!(found.errors.len(), 2);
    let lines: Vec<&str> = found.text.lines().collect();
    let at = lines.iter().position(|l| l.contains("itof v2, v2")).unwrap_or(0);
    assert_eq!(lines[at + 1], "    ; ^ error: takes 1 argument, has 2");
    assert!(found.to_string().starts_with("2 verifier errors:\n  v5: takes 1 argument, has 2\n  b4, terminator:"));
    // What it prints is still text that parses.
    assert!(parse_unit(&found.text, &program()).is_ok());
}
