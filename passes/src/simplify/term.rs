//! Terms: the pure operations of the graph as egg's e-nodes, and their names in rules.

use std::fmt;
use std::sync::OnceLock;

use egg::{Id, Language};
use gscript::value::{Tag, Value};
use gsx_ir::analysis::facts::Fact;
use gsx_ir::{Cond, NodeId, Op, Type};
use smallvec::SmallVec;

/// What a term does with its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Sym {
    /// A value that no rule looks into: a parameter, a load, what a call left.
    Leaf(NodeId),
    /// Integer constant.
    Int(i64),
    /// Float constant (bits).
    Float(u64),
    /// Boolean constant.
    Bool(bool),
    /// A constant GScript value: number of its tag, payload.
    Boxed(u8, u64),
    /// `iadd`
    IAdd,
    /// `isub`
    ISub,
    /// `imul`
    IMul,
    /// `ineg`
    INeg,
    /// `ishl`; the number of bits is an argument here, taken modulo 64, and must be known in the graph.
    IShl,
    /// `fadd`
    FAdd,
    /// `fsub`
    FSub,
    /// `fmul`
    FMul,
    /// `fdiv`
    FDiv,
    /// `fneg`
    FNeg,
    /// `itof`
    IntToFloat,
    /// `icmp.COND`
    ICmp(Cond),
    /// `fcmp.COND`
    FCmp(Cond),
    /// `bnot`
    BNot,
    /// `select`
    Select,
    /// `box`
    Box,
    /// `unbox.TYPE`
    Unbox(Type),
    /// `tag`
    TagOf,
    /// `truthy`
    Truthy,
    /// `log2`: the number of the bit of a power of two. Rules compute with it; no code is ever made for it.
    Log2,
}

/// Types of arguments and results as rules see them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// This type.
    Is(Type),
    /// Int or pointer, the same for both arguments.
    Word,
    /// Any type but boxed, the same for both arms and the result.
    Arm,
    /// Int, float or bool.
    Payload,
}

impl Sym {
    /// Operations by their names in rules, which are the IR's.
    pub fn operations() -> &'static [(String, Sym)] {
        static ALL: OnceLock<Vec<(String, Sym)>> = OnceLock::new();
        ALL.get_or_init(Sym::named)
    }

    fn named() -> Vec<(String, Sym)> {
        let mut all: Vec<(String, Sym)> = [
            ("iadd", Sym::IAdd),
            ("isub", Sym::ISub),
            ("imul", Sym::IMul),
            ("ineg", Sym::INeg),
            ("ishl", Sym::IShl),
            ("fadd", Sym::FAdd),
            ("fsub", Sym::FSub),
            ("fmul", Sym::FMul),
            ("fdiv", Sym::FDiv),
            ("fneg", Sym::FNeg),
            ("itof", Sym::IntToFloat),
            ("bnot", Sym::BNot),
            ("select", Sym::Select),
            ("box", Sym::Box),
            ("tag", Sym::TagOf),
            ("truthy", Sym::Truthy),
            ("log2", Sym::Log2),
        ]
        .map(|(name, sym)| (name.to_owned(), sym))
        .into();
        for cond in Cond::ALL {
            all.push((format!("icmp.{cond}"), Sym::ICmp(cond)));
            all.push((format!("fcmp.{cond}"), Sym::FCmp(cond)));
        }
        for ty in [Type::Int, Type::Float, Type::Bool] {
            all.push((format!("unbox.{ty}"), Sym::Unbox(ty)));
        }
        all
    }

    /// Sorts of the arguments and of the result.
    pub fn signature(self) -> (&'static [Sort], Sort) {
        const INT: Sort = Sort::Is(Type::Int);
        const FLOAT: Sort = Sort::Is(Type::Float);
        const BOOL: Sort = Sort::Is(Type::Bool);
        const BOXED: Sort = Sort::Is(Type::Boxed);
        match self {
            Sym::IAdd | Sym::ISub | Sym::IMul | Sym::IShl => (&[INT, INT], INT),
            Sym::INeg | Sym::Log2 => (&[INT], INT),
            Sym::FAdd | Sym::FSub | Sym::FMul | Sym::FDiv => (&[FLOAT, FLOAT], FLOAT),
            Sym::FNeg => (&[FLOAT], FLOAT),
            Sym::IntToFloat => (&[INT], FLOAT),
            Sym::ICmp(_) => (&[Sort::Word, Sort::Word], BOOL),
            Sym::FCmp(_) => (&[FLOAT, FLOAT], BOOL),
            Sym::BNot => (&[BOOL], BOOL),
            Sym::Select => (&[BOOL, Sort::Arm, Sort::Arm], Sort::Arm),
            Sym::Box => (&[Sort::Payload], BOXED),
            Sym::Unbox(ty) => (&[BOXED], Sort::Is(ty)),
            Sym::TagOf => (&[BOXED], INT),
            Sym::Truthy => (&[BOXED], BOOL),
            Sym::Int(_) => (&[], INT),
            Sym::Float(_) => (&[], FLOAT),
            Sym::Bool(_) => (&[], BOOL),
            Sym::Boxed(..) | Sym::Leaf(_) => (&[], BOXED),
        }
    }

    /// Is it a constant?
    pub fn is_const(self) -> bool {
        matches!(self, Sym::Int(_) | Sym::Float(_) | Sym::Bool(_) | Sym::Boxed(..))
    }

    /// The term's operation for a node, and its own arguments beside the node's: the bits of a shift. None for what rules
    /// do not look into.
    pub fn of_op(op: Op) -> Option<(Sym, Option<Sym>)> {
        let plain = |sym| Some((sym, None));
        match op {
            Op::IConst(n) => plain(Sym::Int(n)),
            Op::FConst(bits) => plain(Sym::Float(bits)),
            Op::BConst(b) => plain(Sym::Bool(b)),
            Op::BoxedConst(v) => plain(Sym::Boxed(v.tag as u8, v.bits)),
            Op::IAdd => plain(Sym::IAdd),
            Op::ISub => plain(Sym::ISub),
            Op::IMul => plain(Sym::IMul),
            Op::INeg => plain(Sym::INeg),
            Op::IShl(n) => Some((Sym::IShl, Some(Sym::Int(n.into())))),
            Op::FAdd => plain(Sym::FAdd),
            Op::FSub => plain(Sym::FSub),
            Op::FMul => plain(Sym::FMul),
            Op::FDiv => plain(Sym::FDiv),
            Op::FNeg => plain(Sym::FNeg),
            Op::IntToFloat => plain(Sym::IntToFloat),
            Op::ICmp(c) => plain(Sym::ICmp(c)),
            Op::FCmp(c) => plain(Sym::FCmp(c)),
            Op::BNot => plain(Sym::BNot),
            Op::Select => plain(Sym::Select),
            Op::Box => plain(Sym::Box),
            Op::Unbox(ty) if ty != Type::Ptr && ty != Type::Boxed => plain(Sym::Unbox(ty)),
            Op::TagOf => plain(Sym::TagOf),
            Op::Truthy => plain(Sym::Truthy),
            _ => None,
        }
    }

    /// The node's operation, given what is known of the arguments; how many of the arguments it takes follows from the
    /// operation. None if there is no such node.
    pub fn op(self, args: &[Fact]) -> Option<Op> {
        Some(match self {
            Sym::Leaf(_) | Sym::Log2 => return None,
            Sym::Int(n) => Op::IConst(n),
            Sym::Float(bits) => Op::FConst(bits),
            Sym::Bool(b) => Op::BConst(b),
            Sym::Boxed(tag, bits) => Op::BoxedConst(Value { tag: Tag::from_u64(tag.into())?, bits }),
            Sym::IAdd => Op::IAdd,
            Sym::ISub => Op::ISub,
            Sym::IMul => Op::IMul,
            Sym::INeg => Op::INeg,
            Sym::IShl => {
                let bits = args.get(1)?.range.single()?;
                Op::IShl(u8::try_from(bits).ok().filter(|&n| n < 64)?)
            }
            Sym::FAdd => Op::FAdd,
            Sym::FSub => Op::FSub,
            Sym::FMul => Op::FMul,
            Sym::FDiv => Op::FDiv,
            Sym::FNeg => Op::FNeg,
            Sym::IntToFloat => Op::IntToFloat,
            Sym::ICmp(c) => Op::ICmp(c),
            Sym::FCmp(c) => Op::FCmp(c),
            Sym::BNot => Op::BNot,
            Sym::Select => Op::Select,
            Sym::Box => Op::Box,
            Sym::Unbox(ty) => Op::Unbox(ty),
            Sym::TagOf => Op::TagOf,
            Sym::Truthy => Op::Truthy,
        })
    }
}

impl fmt::Display for Sym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sym::Leaf(n) => write!(f, "{n}"),
            Sym::Int(n) => write!(f, "{n}"),
            Sym::Float(bits) if f64::from_bits(*bits).is_finite() => write!(f, "{:?}", f64::from_bits(*bits)),
            Sym::Float(bits) => write!(f, "{bits:#x}"),
            Sym::Bool(b) => write!(f, "{b}"),
            Sym::Boxed(tag, bits) => write!(f, "const:{tag}:{bits:#x}"),
            op => {
                let name = Sym::operations().iter().find(|(_, sym)| sym == op).map(|(name, _)| name.as_str());
                f.write_str(name.unwrap_or_default())
            }
        }
    }
}

/// An e-node.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Term {
    /// What it does.
    pub sym: Sym,
    /// With what.
    pub args: SmallVec<[Id; 3]>,
}

impl Term {
    /// A term.
    pub fn new(sym: Sym, args: impl IntoIterator<Item = Id>) -> Term {
        Term { sym, args: args.into_iter().collect() }
    }
}

impl Language for Term {
    type Discriminant = Sym;

    fn discriminant(&self) -> Sym {
        self.sym
    }
    fn matches(&self, other: &Term) -> bool {
        self.sym == other.sym && self.args.len() == other.args.len()
    }
    fn children(&self) -> &[Id] {
        &self.args
    }
    fn children_mut(&mut self) -> &mut [Id] {
        &mut self.args
    }
}
