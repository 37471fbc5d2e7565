//! The seed's kernels have the seed's bytecode.

use super::{code_of, program, proto_named, same};

const FIB: &str = "
func fib(n) {
    if n < 2 { return n }
    return fib(n-1) + fib(n-2)
}
";

const ACK: &str = "
func ack(m, n) {
    if m == 0 { return n + 1 }
    if n == 0 { return ack(m - 1, 1) }
    return ack(m - 1, ack(m, n - 1))
}
";

const CALL_MANY: &str = "
func add(a, b) { return a + b }
func callMany() {
    var x = 0
    for i := 0; i < 10000; i++ {
        x = add(x, 1)
    }
    return x
}
";

#[test]
fn fib() {
    let program = program(FIB);
    let id = proto_named(&program, "fib");
    same(
        &code_of(&program, id),
        "LOADINT R1 2
         LT 0 R0 R1
         JMP ->4
         RETURN R0 B2
         GETGLOBAL R2 G0
         LOADINT R4 1
         SUB R3 R0 R4
         CALL R2 B2 C2
         GETGLOBAL R3 G0
         LOADINT R5 2
         SUB R4 R0 R5
         CALL R3 B2 C2
         ADD R1 R2 R3
         RETURN R1 B2",
    );
    assert_eq!(program.proto(id).nregs, 7);
    assert_eq!(program.globals, ["fib"]);
}

#[test]
fn ack() {
    let program = program(ACK);
    same(
        &code_of(&program, proto_named(&program, "ack")),
        "LOADINT R2 0
         EQ 0 R0 R2
         JMP ->6
         LOADINT R3 1
         ADD R2 R1 R3
         RETURN R2 B2
         LOADINT R2 0
         EQ 0 R1 R2
         JMP ->15
         GETGLOBAL R2 G0
         LOADINT R4 1
         SUB R3 R0 R4
         LOADINT R4 1
         CALL R2 B3 C0
         RETURN R2 B0
         GETGLOBAL R2 G0
         LOADINT R4 1
         SUB R3 R0 R4
         GETGLOBAL R4 G0
         MOVE R5 R0
         LOADINT R7 1
         SUB R6 R1 R7
         CALL R4 B3 C0
         CALL R2 B0 C0
         RETURN R2 B0",
    );
}

#[test]
fn call_many() {
    let program = program(CALL_MANY);
    same(
        &code_of(&program, proto_named(&program, "callMany")),
        "LOADINT R0 0
         LOADINT R1 0
         LOADINT R2 10000
         LOADINT R3 1
         FORPREPLT R1 ->11
         GETGLOBAL R4 G0
         MOVE R5 R0
         LOADINT R6 1
         CALL R4 B3 C2
         MOVE R0 R4
         FORLOOPLT R1 ->5
         RETURN R0 B2",
    );
    same(
        &code_of(&program, proto_named(&program, "add")),
        "ADD R2 R0 R1
         RETURN R2 B2",
    );
}

#[test]
fn a_listing_names_what_it_shows() {
    let program = program(FIB);
    let listing = gscript::disasm::proto_to_string(&program, proto_named(&program, "fib"));
    let head = "function fib (proto 1) at test.gs:2:1: 1 parameters, 7 registers, 0 upvalues, 14 instructions\n";
    assert!(listing.starts_with(head), "{listing}");
    assert!(listing.contains("    4  GETGLOBAL  R2 G0          ; 4:12     fib\n"), "{listing}");
    assert!(listing.contains("   12  ADD        R1 R2 R3       ; 4:21\n"), "{listing}");
    assert!(gscript::disasm::program_to_string(&program).starts_with("function main (proto 0)"));
}
