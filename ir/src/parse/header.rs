//! The unit's first line and the lines before its first block.

use std::fmt;

use gscript::bytecode::{Program, ProtoId};

use super::lexer::Kind;
use super::{Header, ParseError, Parser, PinnedText, Ref, SelfEntryText};
use crate::graph::{InlinedCall, Origin};
use crate::unit::{Allocator, FrameStyle, Layout, LoopRegion, Pin, SelfArgs, SlotSet};

impl Parser<'_> {
    pub(super) fn header(&mut self, program: &Program) -> Result<Header, ParseError> {
        self.skip_newlines();
        self.keyword("unit")?;
        let (line, col) = (self.token().line, self.token().col);
        let name = self.name()?;
        let named = program.protos.iter().find(|p| p.name == name).map(|p| p.id);
        let (mut proto, mut slots, mut shared, mut stale) = (named, None, SlotSet::EMPTY, SlotSet::EMPTY);
        let mut entry = Ref { id: 0, line, col };
        let (mut hoist_constants, mut cold_split) = (false, false);
        let (mut loop_header, mut loop_exits) = (None, Vec::new());
        let (mut layout, mut allocator, mut frames) = Default::default();
        while !self.is('{') {
            let field = self.word("`{` or a field of the unit")?;
            self.expect('=')?;
            match field.as_str() {
                "proto" => {
                    let id = self.number("a prototype's index")?;
                    match program.protos.get(id as usize) {
                        Some(p) if p.name == name => proto = Some(ProtoId(id)),
                        Some(p) => {
                            let message = format!("prototype {id} is `{}`, not `{name}`", p.name);
                            return Err(ParseError::new(line, col, message));
                        }
                        None => return Err(self.error(format!("the program has no prototype {id}"))),
                    }
                }
                "slots" => {
                    let n: u16 = self.number("a number of slots")?;
                    if n > SlotSet::CAPACITY {
                        return Err(self.error(format!("a unit has at most {} slots", SlotSet::CAPACITY)));
                    }
                    slots = Some(n);
                }
                "loop" => loop_header = Some(self.number("a pc")?),
                "ends" => {
                    self.expect('{')?;
                    while !self.eat('}') {
                        loop_exits.push(self.number("a pc")?);
                        if !self.is('}') {
                            self.expect(',')?;
                        }
                    }
                }
                "entry" => entry = self.block_ref()?,
                "shared" => shared = self.slot_set()?,
                "constants" => {
                    self.keyword("hoisted")?;
                    hoist_constants = true;
                }
                "cold" => {
                    self.keyword("apart")?;
                    cold_split = true;
                }
                "stale" => stale = self.slot_set()?,
                "layout" => layout = self.choice("layout", &Layout::ALL)?,
                "allocator" => allocator = self.choice("allocator", &Allocator::ALL)?,
                "frames" => frames = self.choice("frame style", &FrameStyle::ALL)?,
                _ => return Err(self.error(format!("a unit has no field `{field}`"))),
            }
        }
        self.expect('{')?;
        self.end_of_line()?;
        let Some(proto) = proto else {
            return Err(ParseError::new(line, col, format!("the program has no function `{name}`")));
        };
        let slots = slots.unwrap_or_else(|| u16::from(program.proto(proto).nregs));
        let region = loop_header.map(|header| LoopRegion { header, exits: loop_exits });
        Ok(Header {
            proto,
            region,
            slots,
            entry,
            shared,
            stale,
            layout,
            allocator,
            frames,
            hoist_constants,
            cold_split,
        })
    }

    pub(super) fn choice<T: Copy + fmt::Display>(&mut self, what: &str, all: &[T]) -> Result<T, ParseError> {
        let (line, col) = (self.token().line, self.token().col);
        let name = self.name()?;
        all.iter().copied().find(|c| c.to_string() == name).ok_or_else(|| {
            let names: Vec<String> = all.iter().map(ToString::to_string).collect();
            ParseError::new(line, col, format!("`{name}` is no {what} (there are: {})", names.join(", ")))
        })
    }

    pub(super) fn slot_set(&mut self) -> Result<SlotSet, ParseError> {
        self.expect('{')?;
        let mut set = SlotSet::EMPTY;
        while !self.eat('}') {
            let slot = self.slot()?;
            if slot >= SlotSet::CAPACITY {
                return Err(self.error(format!("slots end at {}", SlotSet::CAPACITY - 1)));
            }
            set.insert(slot);
            if !self.is('}') {
                self.expect(',')?;
            }
        }
        Ok(set)
    }

    /// `inlined 1 = p2@8 0x40 !5`: callee, slot of its `R[0]`, closure, call.
    pub(super) fn inlined(&mut self, program: &Program) -> Result<(), ParseError> {
        while matches!(self.peek(), Kind::Word(w) if w == "inlined") {
            self.advance();
            let number: usize = self.number("the number of the inlined call")?;
            if number != self.inlined.len() + 1 {
                return Err(self.error(format!("inlined calls are numbered: this is {}", self.inlined.len() + 1)));
            }
            self.expect('=')?;
            let proto = ProtoId(self.numbered('p', "a function such as `p1`")?.id);
            if program.protos.get(proto.index()).is_none() {
                return Err(self.error(format!("the program has no function p{}", proto.0)));
            }
            self.expect('@')?;
            let base = self.slot()?;
            let Some(closure) = self.bits() else {
                return Err(self.expected("the closure's offset in the arena, as 0x…"));
            };
            self.advance();
            let call = self.origin()?;
            self.end_of_line()?;
            self.inlined.push(InlinedCall { proto, closure, base, call });
        }
        Ok(())
    }

    /// `self.entry b1 closure=0x40 args=(0, 1) result=int`
    pub(super) fn self_entry(&mut self) -> Result<Option<SelfEntryText>, ParseError> {
        if !matches!(self.peek(), Kind::Word(w) if w == "self.entry") {
            return Ok(None);
        }
        self.advance();
        let block = self.block_ref()?;
        self.keyword("closure")?;
        self.expect('=')?;
        let Some(closure) = self.bits() else {
            return Err(self.expected("the closure's offset in the arena, as 0x…"));
        };
        self.advance();
        self.keyword("args")?;
        self.expect('=')?;
        let args = if self.eat('(') {
            let mut slots = Vec::new();
            while !self.eat(')') {
                slots.push(self.slot()?);
                if !self.is(')') {
                    self.expect(',')?;
                }
            }
            SelfArgs::Params(slots)
        } else {
            self.keyword("memory")?;
            SelfArgs::Memory
        };
        let header = matches!(self.peek(), Kind::Word(w) if w == "header");
        if header {
            self.advance();
        }
        let mut result = None;
        if *self.peek() != Kind::Newline {
            self.keyword("result")?;
            self.expect('=')?;
            result = Some(self.ty()?);
        }
        self.end_of_line()?;
        Ok(Some(SelfEntryText { block, closure, args, header, result }))
    }

    pub(super) fn pinned(&mut self) -> Result<Vec<PinnedText>, ParseError> {
        let mut out = Vec::new();
        while matches!(self.peek(), Kind::Word(w) if w == "pinned") {
            self.advance();
            let slot = self.numbered('s', "a slot such as `s1`")?.id;
            self.expect('@')?;
            let pin = self.register()?;
            let written = !matches!(self.peek(), Kind::Word(w) if w == "unwritten");
            if !written {
                self.advance();
            }
            self.keyword("in")?;
            let mut blocks = Vec::new();
            while !matches!(self.peek(), Kind::Word(w) if w == "by") {
                blocks.push(self.block_ref()?);
                if !self.eat(',') {
                    break;
                }
            }
            self.keyword("by")?;
            let by = self.name()?;
            self.end_of_line()?;
            out.push(PinnedText { slot, pin, blocks, written, by });
        }
        Ok(out)
    }

    pub(super) fn register(&mut self) -> Result<Pin, ParseError> {
        if let Kind::Word(w) = self.peek() {
            let number = w.get(1..).and_then(|d| d.parse().ok());
            let pin = match (w.as_bytes()[0], number) {
                (b'x', Some(n)) => Some(Pin::X(n)),
                (b'd', Some(n)) => Some(Pin::D(n)),
                _ => None,
            };
            if let Some(pin) = pin {
                self.advance();
                return Ok(pin);
            }
        }
        Err(self.expected("a register such as `x24` or `d8`"))
    }

    pub(super) fn pin(&mut self) -> Result<Option<Pin>, ParseError> {
        if self.eat('@') { self.register().map(Some) } else { Ok(None) }
    }

    /// `!pc`, `!f1:pc` (in an inlined call) or `!p1:pc`; without it, the unit's first instruction.
    pub(super) fn origin(&mut self) -> Result<Origin, ParseError> {
        let mut origin = Origin::new(self.proto, 0);
        if self.eat('!') {
            if matches!(self.peek(), Kind::Word(w) if w.starts_with('f')) {
                origin.frame = self.numbered('f', "an inlined call such as `f1`")?.id;
                match usize::from(origin.frame).checked_sub(1).and_then(|i| self.inlined.get(i)) {
                    Some(c) => origin.proto = c.proto,
                    None => return Err(self.error(format!("there is no inlined call {}", origin.frame))),
                }
                self.expect(':')?;
            } else if !matches!(self.peek(), Kind::Number(_)) {
                origin.proto = ProtoId(self.numbered('p', "a pc, or a function such as `p1`")?.id);
                self.expect(':')?;
            }
            origin.pc = self.number("a pc")?;
        }
        Ok(origin)
    }
}
