//! The code of expressions and statements.

use super::{code, code_of, program, proto_named, same};
use gscript::bytecode::{Const, ProtoId};

#[test]
fn literals() {
    same(
        &code("func f() { g(nil, true, false, -5, 2147483648, -2.5, \"s\", \"s\", -0.0, 0.0) }"),
        "GETGLOBAL R0 G1
         LOADNIL R1..R1
         LOADBOOL R2 true C0
         LOADBOOL R3 false C0
         LOADINT R4 -5
         LOADK R5 K0
         LOADK R6 K1
         LOADK R7 K2
         LOADK R8 K2
         LOADK R9 K3
         LOADK R10 K4
         CALL R0 B11 C1
         RETURN R0 B1",
    );
    let program = program("func f() { return 4294967296, 9223372036854775808, 1.5, 1.5, 4294967296, \"a\\0\" }");
    let consts = &program.proto(proto_named(&program, "f")).consts;
    let expected =
        [Const::Int(1 << 32), Const::Float(9223372036854775808.0), Const::Float(1.5), Const::Str((*b"a\0").into())];
    assert_eq!(consts[..], expected);
}

#[test]
fn arithmetic_chains_use_one_intermediate_register() {
    same(
        &code("func f(a, b) { return a + b - a * b / 2 }"),
        "ADD R3 R0 R1
         MUL R5 R0 R1
         LOADINT R6 2
         DIV R4 R5 R6
         SUB R2 R3 R4
         RETURN R2 B2",
    );
    same(&code("func f(a) { a = a + a; a += a }"), "ADD R0 R0 R0\nADD R0 R0 R0\nRETURN R0 B1");
    same(
        &code("func f(a) { return 2 ** a ** -a % #a }"),
        "LOADINT R2 2
         UNM R4 R0
         POW R3 R0 R4
         POW R2 R2 R3
         LEN R3 R0
         MOD R1 R2 R3
         RETURN R1 B2",
    );
}

#[test]
fn comparisons() {
    same(
        &code("func f(a, b) { if a > b || a >= b || a != b || !(a <= b) { g() } }"),
        "LT 1 R1 R0
         JMP ->8
         LE 1 R1 R0
         JMP ->8
         EQ 0 R0 R1
         JMP ->8
         LE 1 R0 R1
         JMP ->10
         GETGLOBAL R2 G1
         CALL R2 B1 C1
         RETURN R0 B1",
    );
    same(
        &code("func f(a, b) { x := a < b; return x == !a }"),
        "LT 1 R0 R1
         JMP ->3
         LOADBOOL R2 false C1
         LOADBOOL R2 true C0
         NOT R4 R0
         EQ 1 R2 R4
         JMP ->8
         LOADBOOL R3 false C1
         LOADBOOL R3 true C0
         RETURN R3 B2",
    );
    // Evaluated from left to right, compared the other way round.
    same(
        &code("func f(a, b) { if a.x > b.y { return } }"),
        "GETFIELD R2 R0 K0
         GETFIELD R3 R1 K1
         LT 0 R3 R2
         JMP ->5
         RETURN R0 B1
         RETURN R0 B1",
    );
}

#[test]
fn logical_operators() {
    same(
        &code("func f(a, b, c) { x := a && b || c; return x }"),
        "TESTSET R3 R0 C0
         JMP ->3
         MOVE R3 R1
         TEST R3 C1
         JMP ->6
         MOVE R3 R2
         RETURN R3 B2",
    );
    same(
        &code("func f(a, b, c) { if a && (b || c) && !a { g() } }"),
        "TEST R0 C0
         JMP ->10
         TEST R1 C1
         JMP ->6
         TEST R2 C0
         JMP ->10
         TEST R0 C1
         JMP ->10
         GETGLOBAL R3 G1
         CALL R3 B1 C1
         RETURN R0 B1",
    );
    // The variable must not be written before all operands have been read.
    same(
        &code("func f(a, b) { a = b && a }"),
        "TESTSET R2 R1 C0
         JMP ->3
         MOVE R2 R0
         MOVE R0 R2
         RETURN R0 B1",
    );
}

#[test]
fn concatenation_is_one_instruction() {
    same(
        &code("func f(a) { return a .. \"x\" .. a + 1 }"),
        "MOVE R2 R0
         LOADK R3 K0
         LOADINT R5 1
         ADD R4 R0 R5
         CONCAT R1 R2..R4
         RETURN R1 B2",
    );
}

#[test]
fn calls_pass_and_return_all_values_at_the_end_of_a_list() {
    same(
        &code("func f(...) { g(1, ...); g(f()); g((f())); g(..., 1) return 1, f() }"),
        "GETGLOBAL R0 G1
         LOADINT R1 1
         VARARG R2 B0
         CALL R0 B0 C1
         GETGLOBAL R0 G1
         GETGLOBAL R1 G0
         CALL R1 B1 C0
         CALL R0 B0 C1
         GETGLOBAL R0 G1
         GETGLOBAL R1 G0
         CALL R1 B1 C2
         CALL R0 B2 C1
         GETGLOBAL R0 G1
         VARARG R1 B2
         LOADINT R2 1
         CALL R0 B3 C1
         LOADINT R0 1
         GETGLOBAL R1 G0
         CALL R1 B1 C0
         RETURN R0 B0",
    );
}

#[test]
fn methods_pass_self_everywhere() {
    same(
        &code("func f(o) { o:m(1); x := o:m(); go o:m(x); o.a.b:m()[1]:n() }"),
        "SELF R1 R0 K0
         LOADINT R3 1
         CALL R1 B3 C1
         SELF R1 R0 K0
         CALL R1 B2 C2
         SELF R2 R0 K0
         MOVE R4 R1
         GO R2 B3
         GETFIELD R2 R0 K1
         GETFIELD R2 R2 K2
         SELF R2 R2 K0
         CALL R2 B2 C2
         LOADINT R3 1
         GETTABLE R2 R2 R3
         SELF R2 R2 K3
         CALL R2 B2 C1
         RETURN R0 B1",
    );
}

#[test]
fn tables_store_all_results() {
    same(
        &code("func f(...) { a := {f()}; b := {1, ...}; c := {..., 1, x: f()} }"),
        "NEWTABLE R0 B1 C0
         GETGLOBAL R1 G0
         CALL R1 B1 C0
         SETLIST R0 open +0
         NEWTABLE R1 B2 C0
         LOADINT R2 1
         VARARG R3 B0
         SETLIST R1 open +0
         NEWTABLE R2 B2 C1
         VARARG R3 B2
         LOADINT R4 1
         GETGLOBAL R5 G0
         CALL R5 B1 C2
         SETFIELD R2 K0 R5
         SETLIST R2 B2 +0
         RETURN R0 B1",
    );
}

#[test]
fn long_tables_are_stored_in_batches() {
    let code = code(&format!("func f() {{ return {{ {} f() }} }}", "1, ".repeat(120)));
    let stores: Vec<_> = code.lines().filter(|line| line.starts_with("SETLIST")).collect();
    assert_eq!(stores, ["SETLIST R0 B50 +0", "SETLIST R0 B50 +50", "SETLIST R0 open +100"]);
}

#[test]
fn computed_keys_come_in_the_order_of_the_text() {
    same(
        &code("func f(a) { return {1, [a]: 2, [\"k\"]: 3, 4} }"),
        "NEWTABLE R1 B2 C2
         LOADINT R2 1
         SETLIST R1 B1 +0
         LOADINT R2 2
         SETTABLE R1 R0 R2
         LOADINT R2 3
         SETFIELD R1 K0 R2
         LOADINT R2 4
         SETLIST R1 B1 +1
         RETURN R1 B2",
    );
}

#[test]
fn assignments() {
    same(
        &code("func f(a, b) { a, b = b, a; t[a], a = 1, 2; t.x = a; t[\"y\"] = b; a = g(a) }"),
        "MOVE R2 R1
         MOVE R3 R0
         MOVE R0 R2
         MOVE R1 R3
         LOADINT R2 1
         LOADINT R3 2
         GETGLOBAL R4 G1
         SETTABLE R4 R0 R2
         MOVE R0 R3
         GETGLOBAL R2 G1
         SETFIELD R2 K0 R0
         GETGLOBAL R2 G1
         SETFIELD R2 K1 R1
         GETGLOBAL R2 G2
         MOVE R3 R0
         CALL R2 B2 C2
         MOVE R0 R2
         RETURN R0 B1",
    );
}

#[test]
fn the_last_value_of_a_list_is_expanded() {
    same(
        &code("func f(...) { p, q, r := 0, m(); a, b := ...; var c, d; e := 1, m(); x, y = m() }"),
        "LOADINT R0 0
         GETGLOBAL R1 G1
         CALL R1 B1 C3
         VARARG R3 B3
         LOADNIL R5..R6
         LOADINT R7 1
         GETGLOBAL R8 G1
         CALL R8 B1 C2
         GETGLOBAL R8 G1
         CALL R8 B1 C3
         SETGLOBAL R8 G2
         SETGLOBAL R9 G3
         RETURN R0 B1",
    );
}

#[test]
fn compound_assignments_evaluate_their_target_once() {
    same(
        &code("func f(t, k) { t[k] += 1; t.x.y *= k; t[g()]--; z /= 2 }"),
        "GETTABLE R2 R0 R1
         LOADINT R3 1
         ADD R2 R2 R3
         SETTABLE R0 R1 R2
         GETFIELD R2 R0 K0
         GETFIELD R3 R2 K1
         MUL R3 R3 R1
         SETFIELD R2 K1 R3
         GETGLOBAL R2 G1
         CALL R2 B1 C2
         GETTABLE R3 R0 R2
         LOADINT R4 1
         SUB R3 R3 R4
         SETTABLE R0 R2 R3
         GETGLOBAL R2 G2
         LOADINT R3 2
         DIV R2 R2 R3
         SETGLOBAL R2 G2
         RETURN R0 B1",
    );
}

/// `a` is captured by a closure that `g` may call: its value is taken when its turn comes.
#[test]
fn captured_locals_are_read_in_order() {
    same(
        &code("func f(a) { h = func() { a = 1 }; return a + g(), a[g()], a < g() }"),
        "CLOSURE R1 P2
         SETGLOBAL R1 G1
         MOVE R2 R0
         GETGLOBAL R3 G2
         CALL R3 B1 C2
         ADD R1 R2 R3
         MOVE R2 R0
         GETGLOBAL R3 G2
         CALL R3 B1 C2
         GETTABLE R2 R2 R3
         MOVE R4 R0
         GETGLOBAL R5 G2
         CALL R5 B1 C2
         LT 1 R4 R5
         JMP ->16
         LOADBOOL R3 false C1
         LOADBOOL R3 true C0
         RETURN R1 B4",
    );
}

#[test]
fn globals_locals_and_upvalues() {
    let program = program("x := 1 y = x func f() { x := x; y = x; g := func() { x = y; return func() { x++ } } }");
    assert_eq!(program.globals, ["x", "y", "f"]);
    same(
        &code_of(&program, ProtoId::MAIN),
        "LOADINT R0 1
         SETGLOBAL R0 G0
         GETGLOBAL R0 G0
         SETGLOBAL R0 G1
         CLOSURE R0 P1
         SETGLOBAL R0 G2
         RETURN R0 B1",
    );
    same(
        &code_of(&program, proto_named(&program, "f")),
        "GETGLOBAL R0 G0
         SETGLOBAL R0 G1
         CLOSURE R1 P2
         RETURN R0 B1",
    );
    same(&code_of(&program, ProtoId(2)), "GETGLOBAL R0 G1\nSETUPVAL R0 U0\nCLOSURE R0 P3\nRETURN R0 B2");
    same(
        &code_of(&program, ProtoId(3)),
        "GETUPVAL R0 U0
         LOADINT R1 1
         ADD R0 R0 R1
         SETUPVAL R0 U0
         RETURN R0 B1",
    );
    let upvals: Vec<_> = program.protos.iter().flat_map(|p| &p.upvals).map(|u| (u.from_register, u.index)).collect();
    assert_eq!(upvals, [(true, 0), (false, 0)]);
    assert_eq!(program.protos[1].captured, [0]);
}

#[test]
fn nested_functions_assign_a_variable_of_their_name() {
    same(
        &code("func f() { g := nil; func g() { return g }; func h() {}; if g { func g() {} } }"),
        "LOADNIL R0..R0
         CLOSURE R0 P2
         CLOSURE R1 P3
         SETGLOBAL R1 G1
         TEST R0 C0
         JMP ->7
         CLOSURE R0 P4
         RETURN R0 B1",
    );
}

#[test]
fn an_initialiser_sees_the_variable_before() {
    same(
        &code("func f(a) { a := a + 1; g := func() { g() } return a }"),
        "LOADINT R2 1
         ADD R1 R0 R2
         CLOSURE R2 P2
         RETURN R1 B2",
    );
}

#[test]
fn named_extra_arguments_are_a_table() {
    let program = program("func f(a, rest...) { return rest, ... }");
    let id = proto_named(&program, "f");
    same(
        &code_of(&program, id),
        "NEWTABLE R1 B0 C0
         VARARG R2 B0
         SETLIST R1 open +0
         MOVE R2 R1
         VARARG R3 B0
         RETURN R2 B0",
    );
    assert_eq!((program.proto(id).nparams, program.proto(id).is_vararg), (1, true));
}

#[test]
fn channels_and_goroutines() {
    same(
        &code("func f() { ch := make(chan); d := make(chan, 3); ch <- <-d; <-ch; go f(1, f()) }"),
        "MAKECHAN R0
         LOADINT R2 3
         MAKECHAN R1 R2
         RECV R2 R1
         SEND R0 R2
         RECV R2 R0
         GETGLOBAL R2 G0
         LOADINT R3 1
         GETGLOBAL R4 G0
         CALL R4 B1 C0
         GO R2 B0
         RETURN R0 B1",
    );
}

#[test]
fn branches() {
    same(
        &code("func f(a, b) { if a { x = 1 } else if b { return } else { x = 3 } }"),
        "TEST R0 C0
         JMP ->5
         LOADINT R2 1
         SETGLOBAL R2 G1
         JMP ->10
         TEST R1 C0
         JMP ->8
         RETURN R0 B1
         LOADINT R2 3
         SETGLOBAL R2 G1
         RETURN R0 B1",
    );
}

#[test]
fn names_places_and_extents() {
    let program = program("func f(a) {\n  b := a +\n    1\n  return func() { return b }\n}");
    let f = program.proto(proto_named(&program, "f"));
    assert_eq!(program.protos[2].name, "function@4:10");
    assert_eq!(program.protos[2].pos.to_string(), "4:10");
    assert_eq!(f.pos.to_string(), "1:1");
    let spans: Vec<_> = f.spans.iter().map(|pos| pos.to_string()).collect();
    assert_eq!(spans, ["3:5", "2:10", "4:10", "4:3"]);
    let locals: Vec<_> = f.locals.iter().map(|l| (l.name.as_str(), l.reg, l.start, l.end)).collect();
    assert_eq!(locals, [("a", 0, 0, 4), ("b", 1, 2, 4)]);
    assert_eq!(f.local_name(1, 2), Some("b"));
    assert_eq!(f.local_name(1, 1), None);
    // Calls are placed at the function's name, where it has one.
    let program = super::program("a.b.c(1)\nf(2)(3)\nobj:m()");
    let calls = program.protos[0].code.iter().zip(&program.protos[0].spans);
    let calls = calls.filter(|(inst, _)| inst.op == gscript::bytecode::Op::Call);
    let places: Vec<_> = calls.map(|(_, pos)| pos.to_string()).collect();
    assert_eq!(places, ["1:5", "2:1", "2:5", "3:5"]);
}
