//! NaN-boxed words: what they are made of, what is in them, and how their tags are tested.
//!
//! The payload half of a boxed value is the whole word here, and there is no tag half.

use gscript::nanbox;
use gscript::value::{Tag, Value};
use gsx_ir::graph::NodeId;
use gsx_ir::op::Type;

use super::demand::exit_source;
use super::{Half, Lower, Parts, Val};
use crate::code::CodegenError;
use crate::mir::{AluOp, Cc, ExitValue, ExitWrite, Inst, LogicOp, Reg, Test, VReg};
use crate::reg::Class;

type Lowered<T> = Result<T, CodegenError>;

/// The word of a constant; objects are given by their offset.
pub(super) fn constant(v: Value) -> Half {
    match nanbox::encode(v) {
        _ if v.tag.is_object() => Half::Tagged(v.tag, v.bits),
        Some(word) => Half::Imm(word),
        None => Half::Wide(v.as_int()),
    }
}

/// The top part of a tag as a shifted word shows it.
fn signed_top(tag: u64) -> i64 {
    ((tag << nanbox::SHIFT) as i64) >> nanbox::SHIFT
}

impl Lower<'_> {
    /// Loads the word at `base + offset` if it is used.
    pub(super) fn load_word(&mut self, parts: Parts, base: Reg, offset: i32) -> Val {
        if parts.is_empty() {
            return Val::typed(Half::Unused);
        }
        let class = if parts.prefers_d() { Class::D } else { Class::X };
        Val::typed(Half::Reg(self.load(class, base, offset)))
    }

    /// Loads an element of an array part if it is used.
    pub(super) fn load_indexed_word(&mut self, parts: Parts, block: NodeId, key: NodeId) -> Lowered<Val> {
        if parts.is_empty() {
            return Ok(Val::typed(Half::Unused));
        }
        let (base, index) = (self.x_copy(block)?.into(), self.x_of(key)?);
        let d = self.f.vreg(if parts.prefers_d() { Class::D } else { Class::X });
        self.emit(Inst::LdrIndex { d: d.into(), base, index });
        Ok(Val::typed(Half::Reg(d)))
    }

    /// Writes an element of an array part.
    pub(super) fn store_indexed_word(&mut self, value: NodeId, block: NodeId, key: NodeId) -> Lowered<()> {
        let word = self.word(value)?;
        let s = self.any(word)?;
        let (base, index) = (self.x_copy(block)?.into(), self.x_of(key)?);
        self.emit(Inst::StrIndex { s, base, index });
        Ok(())
    }

    /// The word of any node that a slot can hold.
    pub(super) fn word(&mut self, n: NodeId) -> Lowered<Half> {
        let half = self.half(n)?;
        match self.graph.node(n).ty {
            Some(Type::Boxed) => Ok(half),
            ty => match ty.and_then(Type::tag) {
                Some(tag) => self.word_of(tag, half),
                None => Err(CodegenError::Malformed(format!("{n} has a type that no slot holds"))),
            },
        }
    }

    /// The word of a typed value.
    pub(super) fn word_of(&mut self, tag: Tag, half: Half) -> Lowered<Half> {
        if let Half::Imm(bits) = half
            && let Some(word) = nanbox::encode(Value { tag, bits })
        {
            return Ok(Half::Imm(word));
        }
        // The only NaNs that arithmetic gives are those that are no tagged words.
        if tag == Tag::Float {
            return Ok(half);
        }
        let s = self.x_vreg(half)?;
        if tag == Tag::Int {
            return Ok(Half::Reg(self.box_int(s)));
        }
        let d = self.f.vreg(Class::X);
        self.emit(Inst::Logic { op: LogicOp::Orr, d: d.into(), n: s.into(), mask: nanbox::FALSE });
        Ok(Half::Reg(d))
    }

    /// The word of an integer.
    pub(super) fn box_int(&mut self, s: VReg) -> VReg {
        let d = self.f.vreg(Class::X);
        self.emit(Inst::BoxInt { d: d.into(), s: s.into() });
        d
    }

    /// An address as the word of an object.
    pub(super) fn set_top(&mut self, address: VReg, tag: Tag) -> VReg {
        let d = self.f.vreg(Class::X);
        let top = nanbox::top(tag).unwrap_or_default() as u16;
        self.emit(Inst::SetTop { d: d.into(), n: address.into(), top });
        d
    }

    /// The address in the word of an object.
    pub(super) fn payload(&mut self, word: VReg) -> VReg {
        let d = self.f.vreg(Class::X);
        self.emit(Inst::Logic { op: LogicOp::And, d: d.into(), n: word.into(), mask: nanbox::PAYLOAD });
        d
    }

    /// What is in a word, as a type.
    pub(super) fn unbox_word(&mut self, word: Half, ty: Type) -> Lowered<Val> {
        let known = match word {
            Half::Imm(word) => nanbox::decode(word).ok(),
            Half::Wide(n) => Some(Value::int(n)),
            Half::Tagged(_, offset) if ty == Type::Ptr => return Ok(Val::typed(Half::Object(offset))),
            _ => None,
        };
        if let Some(v) = known {
            return Ok(Val::typed(Half::Imm(v.bits)));
        }
        Ok(Val::typed(Half::Reg(match ty {
            Type::Float => self.d(word)?,
            Type::Int => {
                let s = self.x_vreg(word)?;
                self.unbox_int(s)
            }
            Type::Bool => {
                let s = self.x_vreg(word)?;
                let d = self.f.vreg(Class::X);
                self.emit(Inst::Logic { op: LogicOp::And, d: d.into(), n: s.into(), mask: 1 });
                d
            }
            Type::Ptr | Type::Boxed => {
                let s = self.x_vreg(word)?;
                self.payload(s)
            }
        })))
    }

    fn unbox_int(&mut self, s: VReg) -> VReg {
        let d = self.f.vreg(Class::X);
        self.emit(Inst::UnboxInt { d: d.into(), s: s.into() });
        d
    }

    /// The value in a slot, whose tag is known.
    pub(super) fn load_unboxed(&mut self, ty: Type, base: Reg, offset: i32) -> Lowered<Val> {
        Ok(match ty {
            Type::Float => Val::typed(Half::Reg(self.load(Class::D, base, offset))),
            Type::Bool => {
                // The payload is the low half's lowest bit, and nothing else is in it.
                let d = self.f.vreg(Class::X);
                self.emit(Inst::LdrW { d: d.into(), base, offset });
                Val::typed(Half::Reg(d))
            }
            ty => {
                let word = self.load(Class::X, base, offset);
                self.unbox_word(Half::Reg(word), ty)?
            }
        })
    }

    // ---- tags ----

    /// The test that holds when a boxed value has this tag.
    pub(super) fn word_has_tag(&mut self, n: NodeId, tag: Tag) -> Lowered<Test> {
        let word = self.half(n)?;
        self.half_has_tag(word, tag)
    }

    fn known_tag(word: Half) -> Option<Tag> {
        match word {
            Half::Imm(word) => nanbox::decode(word).ok().map(|v| v.tag),
            Half::Tagged(tag, _) => Some(tag),
            Half::Wide(_) => Some(Tag::Int),
            _ => None,
        }
    }

    pub(super) fn half_has_tag(&mut self, word: Half, tag: Tag) -> Lowered<Test> {
        if let Some(known) = Self::known_tag(word) {
            return Ok(if known == tag { Test::Always } else { Test::Never });
        }
        let word: Reg = self.x_vreg(word)?.into();
        let top = |lower: &mut Self, shift: u32| {
            let d = lower.f.vreg(Class::X);
            lower.emit(Inst::Asr { d: d.into(), n: word, shift: shift as u8 });
            Reg::V(d)
        };
        Ok(Test::Flags(match tag {
            Tag::Float => {
                let n = top(self, nanbox::SHIFT);
                self.emit(Inst::CmpImm { n, value: signed_top(nanbox::FIRST) });
                Cc::Lo
            }
            // In line or in a box: the tags differ in the lowest bit.
            Tag::Int => {
                let n = top(self, nanbox::SHIFT + 1);
                self.emit(Inst::CmpImm { n, value: -1 });
                Cc::Eq
            }
            Tag::Nil => {
                let m = self.x(Half::Imm(nanbox::NIL))?;
                self.emit(Inst::Cmp { n: word, m });
                Cc::Eq
            }
            Tag::Coroutine | Tag::Channel => self.other_has_tag(word, tag)?,
            tag => {
                let n = top(self, nanbox::SHIFT);
                self.emit(Inst::CmpImm { n, value: signed_top(nanbox::top(tag).unwrap_or_default()) });
                Cc::Eq
            }
        }))
    }

    /// Coroutines and channels share a tag with nil: the bit for channels tells the two, and nil has no payload.
    fn other_has_tag(&mut self, word: Reg, tag: Tag) -> Lowered<Cc> {
        let mask = self.x(Half::Imm(!nanbox::PAYLOAD | nanbox::CHANNEL))?;
        let bits = self.alu(AluOp::And, word, mask);
        let channel = if tag == Tag::Channel { nanbox::CHANNEL } else { 0 };
        let expected = self.x(Half::Imm(nanbox::NIL | channel))?;
        let difference = self.alu(AluOp::Eor, bits.into(), expected);
        let nil = self.x(Half::Imm(nanbox::NIL))?;
        self.emit(Inst::Cmp { n: word, m: nil });
        // Where it is nil, flags that say "not equal".
        self.emit(Inst::CcmpImm { n: difference.into(), value: 0, nzcv: 0, cc: Cc::Ne });
        Ok(Cc::Eq)
    }

    /// Falsy are nil and false, each one word.
    pub(super) fn word_is_truthy(&mut self, n: NodeId) -> Lowered<Test> {
        let word = self.half(n)?;
        match word {
            Half::Imm(word) => {
                let falsy = matches!(word, nanbox::NIL | nanbox::FALSE);
                return Ok(if falsy { Test::Never } else { Test::Always });
            }
            Half::Tagged(..) | Half::Wide(_) => return Ok(Test::Always),
            _ => {}
        }
        let word: Reg = self.x_vreg(word)?.into();
        let nil = self.x(Half::Imm(nanbox::NIL))?;
        let other = self.f.vreg(Class::X);
        self.emit(Inst::Logic { op: LogicOp::Eor, d: other.into(), n: word, mask: nanbox::FALSE });
        self.emit(Inst::Cmp { n: word, m: nil });
        // Where it is nil, flags that say "equal".
        self.emit(Inst::CcmpImm { n: other.into(), value: 0, nzcv: 4, cc: Cc::Ne });
        Ok(Test::Flags(Cc::Ne))
    }

    /// The number of a boxed value's tag.
    pub(super) fn tag_number(&mut self, n: NodeId) -> Lowered<VReg> {
        let word = self.half(n)?;
        if let Some(tag) = Self::known_tag(word) {
            return self.x_vreg(Half::Imm(tag as u64));
        }
        let mut number = self.x_vreg(Half::Imm(Tag::Float as u64))?;
        for tag in Tag::ALL.into_iter().filter(|&t| t != Tag::Float) {
            let this = self.x_vreg(Half::Imm(tag as u64))?;
            let Test::Flags(cc) = self.half_has_tag(word, tag)? else { continue };
            let d = self.f.vreg(Class::X);
            self.emit(Inst::Csel { d: d.into(), n: this.into(), m: number.into(), cc });
            number = d;
        }
        Ok(number)
    }

    /// Leaves unless a word is that of a double. In a float register all that is no NaN is one; NaNs are looked at more
    /// closely, out of line.
    pub(super) fn guard_float(&mut self, n: NodeId, word: VReg, reason: String) -> Lowered<()> {
        let (behind, unusual) = (self.new_block(false), self.new_block(true));
        self.emit(Inst::Fcmp { n: word.into(), m: word.into() });
        self.emit(Inst::Branch { test: Test::Flags(Cc::Vs), then: unusual, other: behind });
        self.cur = unusual;
        let test = self.half_has_tag(Half::Reg(word), Tag::Float)?.inverted();
        self.leave_if(test, n, reason)?;
        self.emit(Inst::Jump { to: behind });
        self.cur = behind;
        Ok(())
    }

    // ---- exits ----

    /// What an exit writes for a value: its word, or else its payload, to be boxed by the host.
    pub(super) fn exit_word(&self, slot: u16, n: NodeId) -> Lowered<(ExitWrite, Option<Tag>)> {
        let n = exit_source(self.graph, n);
        let half = self.half(n)?;
        let tag = match self.graph.node(n).ty {
            Some(Type::Boxed) => None,
            ty => match ty.and_then(Type::tag) {
                Some(tag) => Some(tag),
                None => return Err(CodegenError::Malformed(format!("{n} has a type that no slot holds"))),
            },
        };
        let (half, raw) = match (half, tag) {
            (Half::Imm(bits), Some(tag)) => match nanbox::encode(Value { tag, bits }) {
                Some(word) => (Half::Imm(word), None),
                None => (half, Some(tag)),
            },
            (Half::Wide(n), _) => (Half::Imm(n as u64), Some(Tag::Int)),
            (_, Some(Tag::Float) | None) => (half, None),
            (_, tag) => (half, tag),
        };
        let payload = match half {
            Half::Imm(word) => ExitValue::Imm(word),
            Half::Object(offset) => ExitValue::Object(offset),
            Half::Tagged(tag, offset) => ExitValue::Tagged(tag, offset),
            Half::Reg(v) => ExitValue::Reg(v),
            Half::Wide(_) | Half::Unused => {
                return Err(CodegenError::Malformed("an exit needs an unused word".into()));
            }
        };
        Ok((ExitWrite { slot, tag: None, payload }, raw))
    }
}
