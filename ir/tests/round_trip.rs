//! Text to graph and back: every operation, gaps in the ids, all parts of the header.

use std::sync::Arc;

use gscript::bytecode::Program;
use gsx_ir::graph::{BlockId, NodeId, User};
use gsx_ir::parse::{ParseError, parse_unit, synthetic_program};
use gsx_ir::text::{TextOptions, unit_to_string, unit_to_string_with};
use gsx_ir::{Graph, Op, Unit};

fn program() -> Arc<Program> {
    synthetic_program(8, 2, 12)
}

fn parse(text: &str) -> Unit {
    parse_unit(text, &program()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Users in an order that does not depend on history.
fn users(graph: &Graph, n: NodeId) -> Vec<User> {
    let mut users = graph.users(n).to_vec();
    users.sort_by_key(|u| format!("{u:?}"));
    users
}

/// Parses, prints, parses again: the same text, the same nodes, blocks and users.
fn check_round_trip(text: &str) -> Unit {
    let first = parse(text);
    let printed = unit_to_string(&first);
    let second = parse(&printed);
    assert_eq!(unit_to_string(&second), printed);
    assert_eq!(first.graph.node_count(), second.graph.node_count());
    for i in 0..first.graph.node_count() {
        let n = NodeId(i as u32);
        let (mut a, mut b) = (first.graph.node(n).clone(), second.graph.node(n).clone());
        let snapshots = (a.snapshot.take(), b.snapshot.take());
        assert_eq!(a, b, "{n}");
        if let (Some(a), Some(b)) = snapshots {
            assert_eq!(first.graph.snapshot(a), second.graph.snapshot(b), "{n}");
        } else {
            assert_eq!(snapshots, (None, None), "{n}");
        }
        let without_snapshots =
            |g: &Graph| users(g, n).into_iter().filter(|u| !matches!(u, User::Snapshot(_))).collect::<Vec<_>>();
        assert_eq!(without_snapshots(&first.graph), without_snapshots(&second.graph), "users of {n}");
    }
    let blocks = |u: &Unit| u.graph.blocks().collect::<Vec<BlockId>>();
    assert_eq!(blocks(&first), blocks(&second));
    for b in blocks(&first) {
        assert_eq!(first.graph.block(b).params, second.graph.block(b).params, "{b}");
        assert_eq!(first.graph.block(b).effects, second.graph.block(b).effects, "{b}");
        assert_eq!(first.graph.preds(b), second.graph.preds(b), "{b}");
        assert_eq!(first.graph.succs(b), second.graph.succs(b), "{b}");
    }
    assert_eq!((&first.pinned, first.shared, first.frame_slots), (&second.pinned, second.shared, second.frame_slots));
    second
}

const EVERYTHING: &str = r#"
unit test proto=1 slots=9 entry=b2 shared={3, 5} stale={1} {   ; a comment; with a semicolon
    pinned s1 @x24 in b3, b4 by acc-pin
    pinned s2 @d8 unwritten in b3 by "a pass: \"x\""
b2:
    v0 = slot.load.boxed 0                      !1
    v1: guard.tag int v0 [p1@0:3]
    v2 = unbox.int v0
    v3 = iconst -9223372036854775808
    v4 = iadd v2, v3                            !p0:0
    v5 = isub v4, v3
    v6 = imul v5, v5
    v7 = ineg v6
    v10 = fconst -0.0
    v11 = fconst 0x7ff8000000000001
    v12 = fadd v10, v11
    v13 = fsub v12, v10
    v14 = fmul v13, v12
    v15 = fdiv v14, v13
    v16 = fneg v15
    v17 = itof v7
    v18 = icmp.lt v7, v3
    v19 = fcmp.ge v16, v17
    v20 = bnot v18
    v21 = select.float v19, v16, v17
    v22 = box v21
    v23 = unbox.float v22
    v24 = tag v22
    v25 = truthy v22
    v26 = bconst true
    v27 = const nil
    v28 = const bool false
    v29 = const int -5
    v30 = const float 1e300
    v31 = const string 0x12340
    v32: slot.store 2, v27
    v33: slot.store 3, v28
    v34: global.store 4, v29
    v35: upval.store 1, v30
    v36 = global.load 4
    v37 = upval.load 1
    v38 = callee
    v39 = unbox.ptr v37
    v40 = icmp.eq v38, v39
    v41: guard v40 [p1@0:3 open 2, 1, p0@5:0; s0=v2, s4=v21, s6=v31]
    v42: call a=2 nargs=1 results=1 [p1@0:8]
    v43: call.self a=2 nargs=0 results=!2 [p1@0:9; s1=v25]
    v44 = host.compare le 1, 2                  !4
    v45: step                                   !5
    v46 = slot.load.float 1
    v47: slot.store 1, v46
    v48: slot.store 0, v23
    v49: slot.store 0, v24
    v50: slot.store 0, v36
    v51: slot.store 0, v20
    v52: slot.store 0, v26
    v53: slot.store.payload 1, v46
    v54: slot.store.untagged 1, v24
    branch v44, b3(v24, v46), b4(v22)           !6
b3(v60: int @x24 !7, v61: float @d8):
    v62 = iadd v60, v60
    jump b3(v62, v61)
b4(v63: boxed):
    branch v25, b5, b6
b5:
    return 1, 2                                 !11
b6:
    exit [p1@0:10; s0=v63]
b9: unreachable
}
"#;

#[test]
fn every_operation() {
    let unit = check_round_trip(EVERYTHING);
    let printed = unit_to_string(&unit);
    for line in EVERYTHING.lines().filter(|l| l.starts_with("    v")) {
        let line = line.split('!').next().unwrap_or(line).trim_end();
        let bare: String = line.to_owned();
        let found = printed.lines().any(|l| l.starts_with(&bare));
        assert!(found || bare.contains("results="), "{bare} is missing in\n{printed}");
    }
    assert!(printed.contains("call.self a=2 nargs=0 results=!2 [p1@0:9; s1=v25]"), "{printed}");
    assert!(printed.contains("[p1@0:3 open 2, 1, p0@5:0; s0=v2, s4=v21, s6=v31]"), "{printed}");
    assert!(printed.starts_with("unit test proto=1 slots=9 entry=b2 shared={3, 5} stale={1} {\n"), "{printed}");
    assert!(printed.contains("pinned s2 @d8 unwritten in b3 by \"a pass: \\\"x\\\"\""), "{printed}");
}

#[test]
fn gaps_are_dead_placeholders_and_new_ids_come_behind() {
    let mut unit = check_round_trip(
        "unit test slots=4 {\nb1:\n  v7 = iconst 1\n  v3: slot.store 0, v7\n  return 0, 1\nb0:\n jump b1\n}\n",
    );
    assert_eq!(unit.graph.node_count(), 8);
    assert!(unit.graph.users(NodeId(5)).is_empty());
    let origin = unit.graph.node(NodeId(7)).origin;
    let b = unit.graph.add_block(origin);
    assert_eq!(b, BlockId(2));
}

#[test]
fn results_may_be_left_unnamed_when_there_are_none() {
    let unit =
        parse("unit test slots=4 {\nb0:\n v3 = iconst 1\n slot.store 0, v3\n slot.store 1, v3\n return 0, 2\n}\n");
    let effects = &unit.graph.block(BlockId(0)).effects;
    assert_eq!(effects.as_slice(), &[NodeId(4), NodeId(5)]);
    assert_eq!(unit.graph.node(NodeId(5)).op, Op::SlotStore(1));
}

#[test]
fn removed_blocks_leave_gaps() {
    let mut unit = parse(EVERYTHING);
    unit.graph.remove_unreachable();
    let text = unit_to_string(&unit);
    assert!(!text.contains("b9"), "{text}");
    check_round_trip(&text);
}

#[test]
fn wrong_types_and_missing_parts_can_be_written() {
    let text = "unit test slots=4 {\nb0:\n v1 = iconst 1 : float\n v2 = iadd v1\n v3: guard v2\n v4 = slot.store 0 : int @x19\n v5: iadd v1\n slot.store 0, v5\n return 9, 9\n}\n";
    let unit = check_round_trip(text);
    let printed = unit_to_string(&unit);
    assert!(printed.contains("v1 = iconst 1 : float\n"), "{printed}");
    assert!(printed.contains("v4 = slot.store 0 : int @x19\n"), "{printed}");
    assert!(printed.contains("v5: iadd v1\n"), "{printed}");
}

#[test]
fn positions_and_source_are_comments() {
    let unit = parse(EVERYTHING);
    let listing = unit_to_string_with(&unit, TextOptions::LISTING);
    assert_eq!(unit_to_string(&parse(&listing)), unit_to_string(&unit));
    let bare = unit_to_string_with(&unit, TextOptions::BARE);
    assert!(!bare.contains("!1"), "{bare}");
}

#[test]
fn feedback_is_printed_on_request() {
    let lines = "    feedback calls=7 back_edges=100 params(int, int|float)
    feedback 3: count=5 lhs=int rhs=none|x
";
    let good = lines.replace(" rhs=none|x", " rhs=nil|string result=table target=p1 results=2");
    let text = format!(
        "unit test proto=1 slots=8 {{\n{good}    feedback 4: target=builtin 12 0x40 results=many\n    feedback 5: field=3 field=4:1 field=5:2 to=6 field=many beyond=true\nb0:\n    return 0, 0\n}}\n"
    );
    let unit = parse(&text);
    let options = TextOptions { feedback: true, ..TextOptions::default() };
    assert_eq!(unit_to_string_with(&unit, options), text);
    assert!(!unit_to_string(&unit).contains("feedback"));
    assert_eq!(unit.feedback.sites.len(), 12);
    let bad = format!("unit test {{\n{lines}b0: return 0, 0\n}}");
    assert_eq!(error(&bad).to_string(), "3:41: expected a field of the feedback, found `|`");
}

fn error(text: &str) -> ParseError {
    match parse_unit(text, &program()) {
        Ok(_) => panic!("parsed: {text}"),
        Err(e) => e,
    }
}

#[test]
fn errors_name_their_place() {
    let cases = [
        ("", "1:1: expected `unit`, found the end of the text"),
        ("unit nope slots=1 {\n}", "1:6: the program has no function `nope`"),
        ("unit test proto=0 {\n}", "1:6: prototype 0 is `main`, not `test`"),
        ("unit test slots=9999 {\n}", "1:22: a unit has at most 512 slots"),
        ("unit test shared={600} {\n}", "1:22: slots end at 511"),
        ("unit test layout=x {\n}", "1:18: `x` is no layout (there are: tagged-32, nan-box)"),
        ("unit test size=1 {\n}", "1:16: a unit has no field `size`"),
        ("unit test {\n}", "1:6: b0 is not defined"),
        ("unit test {\nb0:\n}", "3:1: expected an operation or the terminator of b0, found `}`"),
        ("unit test {\nb0:\n return 0, 0\nb0: return 0, 0\n}", "4:1: b0 is defined twice"),
        ("unit test {\nb0:\n v1 = iconst 1\n v1 = iconst 2\n return 0, 0\n}", "4:2: v1 is defined twice"),
        ("unit test {\nb0:\n slot.store 0, v7\n return 0, 0\n}", "3:16: v7 is not defined"),
        ("unit test {\nb0:\n jump b4\n}", "3:7: b4 is not defined"),
        ("unit test {\nb0:\n v1 = iadd.x v1\n return 0, 0\n}", "3:7: there is no operation `iadd.x`"),
        ("unit test {\nb0:\n v1 = slot.store 0\n return 0, 0\n}", "3:7: this operation has no result: write `v1: …`"),
        ("unit test {\nb0:\n iconst 0\n return 0, 0\n}", "3:2: this operation has a result: write `v1 = …`"),
        (
            "unit test {\nb0:\n v1 = iconst 99999999999999999999\n return 0, 0\n}",
            "3:14: `99999999999999999999` is not an integer in range",
        ),
        ("unit test {\nb0:\n v1 = const string 5\n return 0, 0\n}", "3:20: expected the object's offset in the arena"),
        (
            "unit test {\nb0:\n guard.tag integer\n return 0, 0\n}",
            "3:2: `integer` is no tag (there are: nil, bool, int",
        ),
        ("unit test {\nb0:\n host.compare gt 1, 2\n return 0, 0\n}", "3:2: `gt` is no comparison"),
        ("unit test {\nb0:\n v9999999 = iconst 1\n return 0, 0\n}", "3:2: ids end at"),
        ("unit test {\nb0:\n return 0\n}", "3:10: expected `,`, found the end of the line"),
        ("unit test {\nb0:\n return 0, 0 0\n}", "3:14: expected the end of the line, found `0`"),
        ("unit test {\nb0(v1: real):\n return 0, 0\n}", "2:8: expected a type"),
        ("unit test {\nb0(v1: int @y3):\n return 0, 0\n}", "2:13: expected a register"),
        ("unit \"test {\n}", "1:6: this name has no closing quote"),
        ("unit test {\nb0: # return 0, 0\n}", "2:5: unexpected character `#`"),
        ("unit test {\nb0: return 0, 0\n} more", "3:3: expected the end of the text, found `more`"),
        ("unit test {\nb0: return 0, 0", "2:1: expected a block such as `b1`, found the end of the text"),
        ("unit test {\nb0: exit [p1@0:1; q]\n}", "2:19: expected a slot such as `s1`, found `q`"),
    ];
    for (text, expected) in cases {
        let found = error(text).to_string();
        assert!(found.starts_with(expected), "{text}\nexpected: {expected}\nfound:    {found}");
    }
}

#[test]
fn no_prefix_of_a_text_crashes_the_parser() {
    let program = program();
    for (i, _) in EVERYTHING.char_indices() {
        let _ = parse_unit(&EVERYTHING[..i], &program);
        let _ = parse_unit(&EVERYTHING[i..], &program);
    }
}
