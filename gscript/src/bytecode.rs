//! The register bytecode: what the compiler emits, the interpreter runs and the graph IR is built from.
//!
//! The instruction set has the shape that the seed post prints (`LOADINT`, `LT`, `CALL`, `FORPREP`/`FORLOOP`, `GETTABLE` …).
//! An instruction is eight bytes: an opcode, three register operands and a 32-bit immediate, so that no constant
//! index and no jump distance of a realistic program fails to encode.

use std::fmt;
use std::sync::Arc;

/// Index of a function prototype in [`Program::protos`]; 0 is the main chunk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ProtoId(pub u32);

impl ProtoId {
    /// The main chunk.
    pub const MAIN: ProtoId = ProtoId(0);
    /// As an index into [`Program::protos`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place in the source: 1-based line and column (in bytes); 0 when unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pos {
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in bytes.
    pub col: u32,
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.col)
    }
}

/// Registers that a frame may use. A function that needs more is a compile error.
pub const MAX_REGISTERS: usize = 250;

/// Operations. `R[x]` is a register of the frame, `K[x]` a constant, `U[x]` an upvalue, `imm` the immediate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Op {
    /// `R[A..=A+B] = nil`
    LoadNil,
    /// `R[A] = (B != 0)`; if `C != 0` skip the next instruction.
    LoadBool,
    /// `R[A] = imm` (an integer)
    LoadInt,
    /// `R[A] = K[imm]`
    LoadK,
    /// `R[A] = R[B]`
    Move,
    /// `R[A] = globals[imm]`
    GetGlobal,
    /// `globals[imm] = R[A]`
    SetGlobal,
    /// `R[A] = U[B]`
    GetUpval,
    /// `U[B] = R[A]`
    SetUpval,
    /// `R[A] = {}` with room for `imm` array items and `C` fields (hints).
    NewTable,
    /// `R[A] = R[B][R[C]]`
    GetTable,
    /// `R[A][R[B]] = R[C]`
    SetTable,
    /// `R[A] = R[B].K[imm]`
    GetField,
    /// `R[A].K[imm] = R[C]`
    SetField,
    /// `R[A][imm+i] = R[A+i]` for `i = 1..=B`; `B = 255` stores up to the top left by an open call or vararg.
    SetList,
    /// `R[A] = R[B] + R[C]`
    Add,
    /// `R[A] = R[B] - R[C]`
    Sub,
    /// `R[A] = R[B] * R[C]`
    Mul,
    /// `R[A] = R[B] / R[C]` (always a float)
    Div,
    /// `R[A] = R[B] % R[C]` (floored)
    Mod,
    /// `R[A] = R[B] ** R[C]` (always a float)
    Pow,
    /// `R[A] = -R[B]`
    Unm,
    /// `R[A] = !R[B]`
    Not,
    /// `R[A] = #R[B]`
    Len,
    /// `R[A] = R[B] .. … .. R[C]`
    Concat,
    /// if `(R[B] == R[C]) != (A != 0)` skip the next instruction (always a `Jmp`)
    Eq,
    /// if `(R[B] < R[C]) != (A != 0)` skip the next instruction (always a `Jmp`)
    Lt,
    /// if `(R[B] <= R[C]) != (A != 0)` skip the next instruction (always a `Jmp`)
    Le,
    /// if `truthy(R[A]) != (C != 0)` skip the next instruction (always a `Jmp`)
    Test,
    /// if `truthy(R[B]) != (C != 0)` skip the next instruction (always a `Jmp`), else `R[A] = R[B]`
    TestSet,
    /// `pc = pc + 1 + imm`
    Jmp,
    /// Call `R[A]` with arguments `R[A+1..A+B]` (`B - 1` of them; `B = 0`: up to the top). Results go to
    /// `R[A..A+C-1]` (`C - 1` of them, missing ones nil; `C = 0`: all, and the top is set behind the last).
    Call,
    /// Return `R[A..A+B-1]` (`B - 1` values; `B = 0`: up to the top).
    Return,
    /// `R[A] = closure of protos[imm]` (an index into [`Program::protos`]), capturing as its `upvals` say.
    Closure,
    /// Close all open upvalues at or above `R[A]`.
    Close,
    /// Loop test before the first iteration: if `!(R[A] < R[A+1])` then `pc = pc + 1 + imm` (behind the loop).
    /// `R[A]` is the loop variable itself, `R[A+1]` the limit, `R[A+2]` the step. The compiler emits the `For…`
    /// operations only where nothing can tell them from the loop as written.
    ForPrepLt,
    /// The same for a loop with `<=`.
    ForPrepLe,
    /// `R[A] = R[A] + R[A+2]`; if `R[A] < R[A+1]` then `pc = pc + 1 + imm` (to the body).
    ForLoopLt,
    /// The same for a loop with `<=`.
    ForLoopLe,
    /// `R[A+3..A+3+C] = R[A](R[A+1], R[A+2])`: one step of a range loop; `R[A]` may be a channel.
    TForCall,
    /// if `R[A+3] != nil` then `R[A+2] = R[A+3]` and `pc = pc + 1 + imm` (to the body).
    TForLoop,
    /// `R[A..A+B-1] = ...` (`B - 1` values; `B = 0`: all, and the top is set).
    Vararg,
    /// `R[A+1] = R[B]`; `R[A] = R[B].K[imm]`: method lookup.
    SelfGet,
    /// Start a goroutine: `go R[A](R[A+1..A+B])` (`B` as for `Call`: `B - 1` arguments; `B = 0`: up to the top).
    Go,
    /// `R[A] = make(chan, R[B])`; `C = 0`: unbuffered and `B` is ignored.
    MakeChan,
    /// `R[A] <- R[B]`
    Send,
    /// `R[A] = <-R[B]`
    Recv,
}

/// One instruction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Inst {
    /// Operation.
    pub op: Op,
    /// First register operand (or flag).
    pub a: u8,
    /// Second register operand (or flag).
    pub b: u8,
    /// Third register operand (or flag).
    pub c: u8,
    /// Immediate: integer, constant index, global index, or jump distance.
    pub imm: i32,
}

impl Inst {
    /// The pc that a jump at `pc` goes to.
    pub fn target(self, pc: usize) -> usize {
        (pc as i64 + 1 + i64::from(self.imm)) as usize
    }
}

/// `B` of [`Op::SetList`] when it stores up to the top.
pub const SETLIST_OPEN: u8 = 255;

/// A constant of a prototype.
#[derive(Clone, PartialEq, Debug)]
pub enum Const {
    /// An integer outside of the range of `LOADINT`.
    Int(i64),
    /// A float.
    Float(f64),
    /// A byte string.
    Str(Arc<[u8]>),
}

/// Where a closure finds an upvalue when it is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpvalDesc {
    /// The variable's name.
    pub name: String,
    /// True: register `index` of the enclosing function. False: upvalue `index` of the enclosing function.
    pub from_register: bool,
    /// Register or upvalue index.
    pub index: u8,
}

/// A local variable's name and extent, for listings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalVar {
    /// Name in the source.
    pub name: String,
    /// Register.
    pub reg: u8,
    /// First pc at which the register holds the variable.
    pub start: u32,
    /// First pc at which it no longer does.
    pub end: u32,
}

/// A compiled function.
#[derive(Clone, Debug)]
pub struct Proto {
    /// Index in [`Program::protos`].
    pub id: ProtoId,
    /// Name for messages: `fib`, `main`, or `function@12:5` for an anonymous one.
    pub name: String,
    /// Where the function starts.
    pub pos: Pos,
    /// Fixed parameters; they arrive in `R[0..nparams]`.
    pub nparams: u8,
    /// Takes `...`.
    pub is_vararg: bool,
    /// Registers of the frame (at least one more than the highest one used).
    pub nregs: u8,
    /// The code. Ends in `Return`.
    pub code: Vec<Inst>,
    /// Source position of each instruction, same length as `code`.
    pub spans: Vec<Pos>,
    /// Constants.
    pub consts: Vec<Const>,
    /// Upvalues.
    pub upvals: Vec<UpvalDesc>,
    /// Registers that some inner closure captures: memory the function shares with others.
    pub captured: Vec<u8>,
    /// Locals, for listings.
    pub locals: Vec<LocalVar>,
}

impl Proto {
    /// Is `reg` ever captured by an inner closure?
    pub fn is_captured(&self, reg: u8) -> bool {
        self.captured.contains(&reg)
    }

    /// The name of the local that lives in `reg` at `pc`, if any.
    pub fn local_name(&self, reg: u8, pc: usize) -> Option<&str> {
        self.locals
            .iter()
            .rev()
            .find(|l| l.reg == reg && (l.start as usize..l.end as usize).contains(&pc))
            .map(|l| l.name.as_str())
    }
}

/// Source text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    /// File name as shown in messages.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Source {
    /// Line `line` (1-based), without its end.
    pub fn line(&self, line: u32) -> Option<&str> {
        self.text.lines().nth(line.checked_sub(1)? as usize)
    }
}

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Program {
    /// The source it came from.
    pub source: Arc<Source>,
    /// All functions; index 0 is the main chunk, which takes no arguments.
    pub protos: Vec<Proto>,
    /// Names of all globals that occur, by global index (library names such as `print` among them).
    pub globals: Vec<String>,
}

impl Program {
    /// The prototype with this id.
    pub fn proto(&self, id: ProtoId) -> &Proto {
        &self.protos[id.index()]
    }

    /// Index of the global with this name.
    pub fn global_index(&self, name: &str) -> Option<usize> {
        self.globals.iter().position(|g| g == name)
    }
}
