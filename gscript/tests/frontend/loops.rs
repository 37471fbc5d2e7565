//! Which loops become `FORPREP`/`FORLOOP`, and what the others look like.

use super::{code, same};

/// Does `func f(n, m) {…}` with this body contain a lowered loop?
#[track_caller]
fn lowered(body: &str) -> bool {
    code(&format!("func f(n, m) {{ {body} }}")).contains("FORLOOP")
}

#[test]
fn counted_loops_are_lowered() {
    for body in [
        "for i := 0; i < 10; i++ { g(i) }",
        "for i := 0; i <= 10; i++ {}",
        "for i := n; i < 2.5; i++ {}",
        "for i := 0.0; i < -1; i += 1 {}",
        "for i := 0; i < n; i += 3 {}",
        "for i := g(); i <= n; i = i + 4294967296 {}",
        "for i := 0; (i) < (n); i = (i + 1) {}",
        "n = 5; for i := 0; i < n; i++ { m = i }; n = 6",
        "for i := 0; i < n; i++ { i := 1; i = 2 }",
        "for i := 0; i < n; i++ { n := 1; n = 2 }",
        "for i := 0; i < n; i++ { for j := i; j < i; j++ {} }",
        "for i := 0; i < n; i++ { if i == 3 { break } else { continue } }",
        "for i := 0; i < n; i++ { g = func() { return m } }",
    ] {
        assert!(lowered(body), "{body}");
    }
}

#[test]
fn loops_that_could_show_it_are_not_lowered() {
    for body in [
        "for i := 0; i < 10; i++ { i = i + 1 }",
        "for i := 0; i < 10; i++ { i++ }",
        "for i := 0; i < 10; i++ { func i() {} }",
        "for i := 0; i < 10; i++ { g(func() { return i }) }",
        "for i := 0; i < 10; i++ { g(func() { i = 3 }) }",
        "for i := 0; i < n; i++ { n = n - 1 }",
        "for i := 0; i < n; i++ { a, n = 1, 2 }",
        "for i := 0; i < n; i++ { g(func() { return n }) }",
        "g(func() { n = 1 }); for i := 0; i < n; i++ { g() }",
        "for i := 0; i < n; n++ {}",
        "for i := 0; n < i; i++ {}",
        "for i := 0; i < i; i++ {}",
        "for i := 0; i < g; i++ {}",
        "for i := 0; i < n.x; i++ {}",
        "for i := 0; i < n + 1; i++ {}",
        "for i := 0; i < \"5\"; i++ {}",
        "for i := 0; i != n; i++ {}",
        "for i := 0; i > n; i++ {}",
        "for i := 0; i < n; i-- {}",
        "for i := 0; i < n; i += -1 {}",
        "for i := 0; i < n; i += 0 {}",
        "for i := 0; i < n; i += 0.5 {}",
        "for i := 0; i < n; i += m {}",
        "for i := 0; i < n; i = 1 + i {}",
        "for i := 0; i < n; i = i - 1 {}",
        "for i, j := 0, 1; i < n; i++ {}",
        "for i := 0, 1; i < n; i++ {}",
        "for m = 0; m < n; m++ {}",
    ] {
        assert!(!lowered(body), "{body}");
    }
}

#[test]
fn a_counted_loop_in_the_main_chunk() {
    let program = super::program("for i := 0; i < 3; i++ { print(i) }");
    assert!(super::code_of(&program, gscript::bytecode::ProtoId::MAIN).contains("FORLOOPLT"));
    assert_eq!(program.globals, ["print"]);
    // A limit in a global can change at any time.
    let program = super::program("n := 3 for i := 0; i < n; i++ { print(i) }");
    assert!(!super::code_of(&program, gscript::bytecode::ProtoId::MAIN).contains("FORLOOPLT"));
}

#[test]
fn registers_of_a_loop_are_free_behind_it() {
    let program = super::program("func f() { for i := 0; i < 3; i++ {} for j := 0; j < 3; j++ {} x := 1 return x }");
    same(
        &super::code_of(&program, super::proto_named(&program, "f")),
        "LOADINT R0 0
         LOADINT R1 3
         LOADINT R2 1
         FORPREPLT R0 ->5
         FORLOOPLT R0 ->4
         LOADINT R0 0
         LOADINT R1 3
         LOADINT R2 1
         FORPREPLT R0 ->10
         FORLOOPLT R0 ->9
         LOADINT R0 1
         RETURN R0 B2",
    );
}

#[test]
fn break_and_continue_of_a_counted_loop() {
    same(
        &code("func f(n) { for i := 1; i <= n; i += 2 { if n { continue } if i { break } g() } }"),
        "LOADINT R1 1
         MOVE R2 R0
         LOADINT R3 2
         FORPREPLE R1 ->13
         TEST R0 C0
         JMP ->7
         JMP ->12
         TEST R1 C0
         JMP ->10
         JMP ->13
         GETGLOBAL R4 G1
         CALL R4 B1 C1
         FORLOOPLE R1 ->4
         RETURN R0 B1",
    );
}

#[test]
fn the_general_loop() {
    same(
        &code("func f(n) { for i := n; i > 0; i-- { if i == n { continue } n = i } return n }"),
        "MOVE R1 R0
         LOADINT R2 0
         LT 0 R2 R1
         JMP ->11
         EQ 0 R1 R0
         JMP ->7
         JMP ->8
         MOVE R0 R1
         LOADINT R2 1
         SUB R1 R1 R2
         JMP ->1
         RETURN R0 B2",
    );
}

#[test]
fn while_and_infinite_loops() {
    same(
        &code("func f(n) { for n != 1 { g(); continue; } for { break } }"),
        "LOADINT R1 1
         EQ 1 R0 R1
         JMP ->7
         GETGLOBAL R1 G1
         CALL R1 B1 C1
         JMP ->0
         JMP ->0
         JMP ->9
         JMP ->7
         RETURN R0 B1",
    );
}

#[test]
fn one_variable_per_loop_and_fresh_locals_per_iteration() {
    // R1 is the loop variable, closed once behind the loop; R2 is the body's local, closed in each iteration.
    same(
        &code(
            "func f(n) { for i := 0; i < n; i++ { x := i; if n { break } if x { continue } g(func() { return i, x }) } }",
        ),
        "LOADINT R1 0
         LT 0 R1 R0
         JMP ->19
         MOVE R2 R1
         TEST R0 C0
         JMP ->8
         CLOSE R2
         JMP ->19
         TEST R2 C0
         JMP ->12
         CLOSE R2
         JMP ->16
         GETGLOBAL R3 G1
         CLOSURE R4 P2
         CALL R3 B2 C1
         CLOSE R2
         LOADINT R3 1
         ADD R1 R1 R3
         JMP ->1
         CLOSE R1
         RETURN R0 B1"
            .replace("LOADINT R3 1", "LOADINT R2 1")
            .replace("ADD R1 R1 R3", "ADD R1 R1 R2")
            .as_str(),
    );
}

#[test]
fn range_loops() {
    same(
        &code("func f(t) { for k, v := range pairs(t) { g(k, v) } }"),
        "GETGLOBAL R1 G1
         MOVE R2 R0
         CALL R1 B2 C4
         JMP ->8
         GETGLOBAL R6 G2
         MOVE R7 R4
         MOVE R8 R5
         CALL R6 B3 C1
         TFORCALL R1 C2
         TFORLOOP R1 ->4
         RETURN R0 B1",
    );
    same(
        &code("func f(ch) { for v := range ch { if v { break } x := func() { return v } } }"),
        "MOVE R1 R0
         LOADNIL R2..R3
         JMP ->9
         TEST R4 C0
         JMP ->7
         CLOSE R4
         JMP ->11
         CLOSURE R5 P2
         CLOSE R4
         TFORCALL R1 C1
         TFORLOOP R1 ->3
         RETURN R0 B1",
    );
}

#[test]
fn a_block_closes_its_variables() {
    same(
        &code("func f(n) { if n { x := n; g = func() { return x } } y := 1 }"),
        "TEST R0 C0
         JMP ->6
         MOVE R1 R0
         CLOSURE R2 P2
         SETGLOBAL R2 G1
         CLOSE R1
         LOADINT R1 1
         RETURN R0 B1",
    );
}
