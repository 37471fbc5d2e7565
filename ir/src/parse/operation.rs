//! Lines with an operation.

use gscript::value::{Tag, Value};

use super::lexer::Kind;
use super::{NodeText, ParseError, Parser, Ref};
use crate::op::{CallKind, CallResults, Op, TagHalf, Type};
use crate::text::names::{
    HOST_COMPARISONS, ResultType, SIMPLE, cond_named, result_type, table_part_named, tag_named, type_named,
};

/// An operation with its immediates, the type that its name declares (`select.int`), and values in the list that
/// immediates begin (`slot.store 1, v2`).
type Operation = (Op, Option<Type>, Vec<Ref<u32>>);

impl Parser<'_> {
    /// `v1 = iadd v2, v3`, `v4: guard v1 […]`, `guard v1 […]`
    pub(super) fn node(&mut self) -> Result<NodeText, ParseError> {
        let mut id: Option<Ref<u32>> = None;
        let mut has_result = false;
        if self.is_value() {
            id = Some(self.value_ref()?);
            has_result = self.eat('=');
            if !has_result {
                self.expect(':')?;
            }
        }
        let at = self.token().clone();
        let (op, declared, mut args) = self.operation()?;
        if self.is_value() {
            args.extend(self.value_list()?);
        }
        let snapshot = if self.is('[') { Some(self.snapshot()?) } else { None };
        let mut ty = declared;
        if self.eat(':') {
            ty = Some(self.ty()?);
        } else if let ResultType::Is(natural) = result_type(op) {
            ty = Some(natural);
        }
        if has_result && ty.is_none() {
            let message = "this operation has no result: write `v1: …` instead of `v1 = …`, or give a type behind it";
            return Err(ParseError::new(at.line, at.col, message));
        }
        if id.is_none() && result_type(op) != ResultType::None {
            return Err(ParseError::new(at.line, at.col, "this operation has a result: write `v1 = …`"));
        }
        let pin = self.pin()?;
        let origin = self.origin()?;
        self.end_of_line()?;
        let ty = ty.filter(|_| has_result);
        Ok(NodeText { id, op, ty, args, snapshot, pin, origin })
    }

    /// An operation up to the arguments that no immediate begins.
    fn operation(&mut self) -> Result<Operation, ParseError> {
        let at = self.token().clone();
        let word = self.word("an operation")?;
        let unknown = || ParseError::new(at.line, at.col, format!("there is no operation `{word}`"));
        let mut args = Vec::new();
        let op = match word.as_str() {
            "iconst" => Op::IConst(self.integer()?),
            "fconst" => Op::FConst(self.float_bits()?),
            "bconst" => Op::BConst(self.boolean()?),
            "const" => Op::BoxedConst(self.constant()?),
            "ishl" => Op::IShl(self.list_head(&mut args, "a number of bits")?),
            "slot.store" => Op::SlotStore(self.list_head(&mut args, "a slot number")?),
            "slot.store.payload" => Op::SlotStorePayload(self.list_head(&mut args, "a slot number")?, TagHalf::Right),
            "slot.store.untagged" => Op::SlotStorePayload(self.list_head(&mut args, "a slot number")?, TagHalf::Unread),
            "global.load" => Op::GlobalLoad(self.list_head(&mut args, "a global's index")?),
            "global.store" => Op::GlobalStore(self.list_head(&mut args, "a global's index")?),
            "upval.load" => Op::UpvalLoad(self.list_head(&mut args, "an upvalue's index")?),
            "upval.store" => Op::UpvalStore(self.list_head(&mut args, "an upvalue's index")?),
            "field.load" => Op::FieldLoad(self.list_head(&mut args, "a field's index")?),
            "field.store" => Op::FieldStore(self.list_head(&mut args, "a field's index")?),
            "guard.global" => {
                let i = self.number("a global's index")?;
                self.expect(',')?;
                Op::GuardGlobal(i, self.constant()?)
            }
            "guard.depth" => Op::GuardDepth(self.number("a number of frames")?),
            "guard.tag" => Op::GuardTag(self.tag(at.line, at.col)?),
            "has.tag" => Op::HasTag(self.tag(at.line, at.col)?),
            "call" => self.call(CallKind::Generic)?,
            "call.self" => self.call(CallKind::SelfCall)?,
            "call.entry" => self.call(CallKind::SelfEntry)?,
            "host.compare" => {
                let name = self.word("a comparison")?;
                let found = HOST_COMPARISONS.iter().find(|(n, _)| *n == name);
                let Some(&(_, op)) = found else {
                    let message = format!("`{name}` is no comparison of the runtime (there are: eq, lt, le)");
                    return Err(ParseError::new(at.line, at.col, message));
                };
                let b = self.number("a slot number")?;
                self.expect(',')?;
                Op::HostCompare { op, b, c: self.list_head(&mut args, "a slot number")? }
            }
            name => match name.rsplit_once('.') {
                Some(("icmp", cond)) => Op::ICmp(cond_named(cond).ok_or_else(unknown)?),
                Some(("fcmp", cond)) => Op::FCmp(cond_named(cond).ok_or_else(unknown)?),
                Some(("table", part)) => Op::TableLoad(table_part_named(part).ok_or_else(unknown)?),
                Some(("unbox", ty)) => Op::Unbox(type_named(ty).ok_or_else(unknown)?),
                Some(("select", ty)) => {
                    return Ok((Op::Select, Some(type_named(ty).ok_or_else(unknown)?), args));
                }
                Some(("slot.load", ty)) => {
                    let ty = type_named(ty).ok_or_else(unknown)?;
                    Op::SlotLoad(self.list_head(&mut args, "a slot number")?, ty)
                }
                _ => SIMPLE.iter().find(|(n, op)| *n == name && *op != Op::Param).ok_or_else(unknown)?.1,
            },
        };
        Ok((op, None, args))
    }

    /// A tag's name.
    fn tag(&mut self, line: u32, col: u32) -> Result<Tag, ParseError> {
        let name = self.word("a tag")?;
        tag_named(&name).ok_or_else(|| {
            let names: Vec<String> = Tag::ALL.iter().map(ToString::to_string).collect();
            let message = format!("`{name}` is no tag (there are: {})", names.join(", "));
            ParseError::new(line, col, message)
        })
    }

    /// A number that begins the list of operands, with the values behind it.
    fn list_head<T: std::str::FromStr>(&mut self, args: &mut Vec<Ref<u32>>, what: &str) -> Result<T, ParseError> {
        let n = self.number(what)?;
        if self.eat(',') {
            *args = self.value_list()?;
        }
        Ok(n)
    }

    /// `a=2 nargs=1 results=1`, or `results=!1` where another number of results leaves.
    fn call(&mut self, kind: CallKind) -> Result<Op, ParseError> {
        self.keyword("a")?;
        self.expect('=')?;
        let a = self.number("a slot number")?;
        self.keyword("nargs")?;
        self.expect('=')?;
        let nargs = self.number("a number of arguments")?;
        self.keyword("results")?;
        self.expect('=')?;
        let expect = self.eat('!');
        if matches!(self.peek(), Kind::Word(w) if w == "value") {
            self.advance();
            let results = if expect { CallResults::ExpectValue } else { CallResults::Value };
            return Ok(Op::Call { a, nargs, results, kind });
        }
        let n = self.number("a number of results")?;
        let results = if expect { CallResults::Expect(n) } else { CallResults::Fixed(n) };
        Ok(Op::Call { a, nargs, results, kind })
    }

    /// A decimal integer, or the bits of one in hexadecimal.
    fn integer(&mut self) -> Result<i64, ParseError> {
        match self.bits() {
            Some(bits) => {
                self.advance();
                Ok(bits as i64)
            }
            None => self.number("an integer"),
        }
    }

    /// The next token as a hexadecimal word.
    pub(super) fn bits(&self) -> Option<u64> {
        match self.peek() {
            Kind::Number(text) => u64::from_str_radix(text.strip_prefix("0x")?, 16).ok(),
            _ => None,
        }
    }

    /// A float in decimal, or its bits in hexadecimal.
    fn float_bits(&mut self) -> Result<u64, ParseError> {
        if let Some(bits) = self.bits() {
            self.advance();
            return Ok(bits);
        }
        let parsed = match self.peek() {
            Kind::Number(text) | Kind::Word(text) => text.parse::<f64>().ok(),
            _ => None,
        };
        let Some(x) = parsed else { return Err(self.expected("a float, or its bits as 0x…")) };
        self.advance();
        Ok(x.to_bits())
    }

    fn boolean(&mut self) -> Result<bool, ParseError> {
        match self.peek() {
            Kind::Word(w) if w == "true" || w == "false" => {
                let b = w == "true";
                self.advance();
                Ok(b)
            }
            _ => Err(self.expected("`true` or `false`")),
        }
    }

    /// A GScript value: its tag and payload.
    fn constant(&mut self) -> Result<Value, ParseError> {
        let tag = match self.peek() {
            Kind::Word(w) => tag_named(w),
            _ => None,
        };
        let Some(tag) = tag else { return Err(self.expected("a tag")) };
        self.advance();
        if let Some(bits) = self.bits() {
            self.advance();
            return Ok(Value { tag, bits });
        }
        Ok(match tag {
            Tag::Nil => Value::NIL,
            Tag::Bool => Value::bool(self.boolean()?),
            Tag::Int => Value::int(self.integer()?),
            Tag::Float => Value { tag, bits: self.float_bits()? },
            _ => return Err(self.expected("the object's offset in the arena, as 0x…")),
        })
    }
}
