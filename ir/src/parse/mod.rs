//! Reads the text form ([`mod@crate::text`]) back into a graph.
//!
//! The parser checks what it needs to build a graph: that every word is known and that every node and block that is
//! used is defined, once. All the rest (types, dominance, snapshots …) is the verifier's, so that wrong graphs can be
//! written down, too. A node without a result may stand without its id; it then gets one behind all others.

mod build;
mod lexer;
mod operation;
mod synthetic;

use std::fmt;
use std::sync::Arc;

use gscript::bytecode::{Program, ProtoId};
use smallvec::SmallVec;

use crate::graph::{FrameState, Origin};
use crate::op::{Op, Type};
use crate::text::names::type_named;
use crate::unit::{Allocator, FrameStyle, Layout, Pin, SlotSet, Unit};

use lexer::{Kind, Token};

pub use synthetic::{SYNTHETIC_PROTO, synthetic_program};

/// Text that is no graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in characters.
    pub col: u32,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    fn new(line: u32, col: u32, message: impl Into<String>) -> ParseError {
        ParseError { line, col, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.col, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Reads a unit. `program` gives the function its bytecode; see [`synthetic_program`] where there is none.
pub fn parse_unit(text: &str, program: &Arc<Program>) -> Result<Unit, ParseError> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, proto: ProtoId::MAIN };
    let header = parser.header(program)?;
    parser.proto = header.proto;
    let pinned = parser.pinned()?;
    let mut blocks = Vec::new();
    while !parser.eat('}') {
        blocks.push(parser.block()?);
    }
    parser.skip_newlines();
    if *parser.peek() != Kind::End {
        return Err(parser.expected("the end of the text"));
    }
    build::unit(program, header, pinned, blocks)
}

/// A mention of something with an id, and where it stands.
#[derive(Clone, Copy, Debug)]
struct Ref<T> {
    id: T,
    line: u32,
    col: u32,
}

/// The first line.
struct Header {
    proto: ProtoId,
    slots: u16,
    entry: Ref<u32>,
    shared: SlotSet,
    layout: Layout,
    allocator: Allocator,
    frames: FrameStyle,
}

/// A pinned slot, as written.
struct PinnedText {
    slot: u16,
    pin: Pin,
    blocks: Vec<Ref<u32>>,
    written: bool,
    by: String,
}

/// A node, as written.
struct NodeText {
    id: Option<Ref<u32>>,
    op: Op,
    ty: Option<Type>,
    args: Vec<Ref<u32>>,
    snapshot: Option<SnapshotText>,
    pin: Option<Pin>,
    origin: Origin,
}

/// A snapshot, as written.
struct SnapshotText {
    frames: SmallVec<[FrameState; 1]>,
    writes: Vec<(u16, Ref<u32>)>,
}

/// A jump target, as written.
struct TargetText {
    block: Ref<u32>,
    args: Vec<Ref<u32>>,
}

/// A terminator, as written.
enum TermText {
    Jump(TargetText),
    Branch(Ref<u32>, TargetText, TargetText),
    Return(u16, u16),
    Exit(SnapshotText),
    Unreachable,
}

/// A block, as written.
struct BlockText {
    id: Ref<u32>,
    params: Vec<NodeText>,
    nodes: Vec<NodeText>,
    term: TermText,
    origin: Origin,
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The unit's function, for provenance without one.
    proto: ProtoId,
}

impl Parser<'_> {
    // ---- tokens ----

    fn token(&self) -> &Token {
        // The last token is `End` and is never passed.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Kind {
        &self.token().kind
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        let t = self.token();
        ParseError::new(t.line, t.col, message)
    }

    fn expected(&self, what: &str) -> ParseError {
        self.error(format!("expected {what}, found {}", self.peek().describe()))
    }

    fn is(&self, c: char) -> bool {
        *self.peek() == Kind::Punct(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.is(c);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, c: char) -> Result<(), ParseError> {
        if self.eat(c) { Ok(()) } else { Err(self.expected(&format!("`{c}`"))) }
    }

    fn skip_newlines(&mut self) {
        while *self.peek() == Kind::Newline {
            self.advance();
        }
    }

    fn end_of_line(&mut self) -> Result<(), ParseError> {
        if *self.peek() != Kind::Newline {
            return Err(self.expected("the end of the line"));
        }
        self.skip_newlines();
        Ok(())
    }

    fn word(&mut self, what: &str) -> Result<String, ParseError> {
        match self.peek() {
            Kind::Word(w) => {
                let w = w.clone();
                self.advance();
                Ok(w)
            }
            _ => Err(self.expected(what)),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<(), ParseError> {
        if matches!(self.peek(), Kind::Word(w) if w == word) {
            self.advance();
            return Ok(());
        }
        Err(self.expected(&format!("`{word}`")))
    }

    fn name(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Kind::Word(s) | Kind::Quoted(s) => {
                let s = s.clone();
                self.advance();
                Ok(s)
            }
            _ => Err(self.expected("a name")),
        }
    }

    /// A number of some integer type, decimal.
    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, ParseError> {
        let Kind::Number(text) = self.peek() else { return Err(self.expected(what)) };
        let Ok(n) = text.parse() else {
            return Err(self.error(format!("{} is not {what} in range", self.peek().describe())));
        };
        self.advance();
        Ok(n)
    }

    /// A word that is `letter` and a number: `v12`, `b3`, `p1`, `s0`, `x24`.
    fn numbered<T: std::str::FromStr>(&mut self, letter: char, what: &str) -> Result<Ref<T>, ParseError> {
        let (line, col) = (self.token().line, self.token().col);
        if let Kind::Word(w) = self.peek()
            && let Some(digits) = w.strip_prefix(letter)
            && digits.bytes().all(|b| b.is_ascii_digit())
            && let Ok(id) = digits.parse()
        {
            self.advance();
            return Ok(Ref { id, line, col });
        }
        Err(self.expected(what))
    }

    fn value_ref(&mut self) -> Result<Ref<u32>, ParseError> {
        self.numbered('v', "a value such as `v1`")
    }

    fn block_ref(&mut self) -> Result<Ref<u32>, ParseError> {
        self.numbered('b', "a block such as `b1`")
    }

    fn is_value(&self) -> bool {
        matches!(self.peek(), Kind::Word(w) if w.strip_prefix('v').is_some_and(|d| {
            !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit())
        }))
    }

    /// `v1, v2, …`
    fn value_list(&mut self) -> Result<Vec<Ref<u32>>, ParseError> {
        let mut out = vec![self.value_ref()?];
        while self.eat(',') {
            out.push(self.value_ref()?);
        }
        Ok(out)
    }

    fn ty(&mut self) -> Result<Type, ParseError> {
        match self.peek() {
            Kind::Word(w) if type_named(w).is_some() => {
                let ty = type_named(w);
                self.advance();
                Ok(ty.unwrap_or(Type::Boxed))
            }
            _ => Err(self.expected("a type (boxed, int, float, bool, ptr)")),
        }
    }

    fn slot(&mut self) -> Result<u16, ParseError> {
        self.number("a slot number")
    }

    // ---- parts ----

    fn header(&mut self, program: &Program) -> Result<Header, ParseError> {
        self.skip_newlines();
        self.keyword("unit")?;
        let (line, col) = (self.token().line, self.token().col);
        let name = self.name()?;
        let named = program.protos.iter().find(|p| p.name == name).map(|p| p.id);
        let (mut proto, mut slots, mut shared) = (named, None, SlotSet::EMPTY);
        let mut entry = Ref { id: 0, line, col };
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
                "entry" => entry = self.block_ref()?,
                "shared" => shared = self.slot_set()?,
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
        Ok(Header { proto, slots, entry, shared, layout, allocator, frames })
    }

    fn choice<T: Copy + fmt::Display>(&mut self, what: &str, all: &[T]) -> Result<T, ParseError> {
        let (line, col) = (self.token().line, self.token().col);
        let name = self.name()?;
        all.iter().copied().find(|c| c.to_string() == name).ok_or_else(|| {
            let names: Vec<String> = all.iter().map(ToString::to_string).collect();
            ParseError::new(line, col, format!("`{name}` is no {what} (there are: {})", names.join(", ")))
        })
    }

    fn slot_set(&mut self) -> Result<SlotSet, ParseError> {
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

    fn pinned(&mut self) -> Result<Vec<PinnedText>, ParseError> {
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

    fn register(&mut self) -> Result<Pin, ParseError> {
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

    fn pin(&mut self) -> Result<Option<Pin>, ParseError> {
        if self.eat('@') { self.register().map(Some) } else { Ok(None) }
    }

    /// `!pc` or `!p1:pc`; without it, the unit's first instruction.
    fn origin(&mut self) -> Result<Origin, ParseError> {
        let mut origin = Origin { proto: self.proto, pc: 0 };
        if self.eat('!') {
            if !matches!(self.peek(), Kind::Number(_)) {
                origin.proto = ProtoId(self.numbered('p', "a pc, or a function such as `p1`")?.id);
                self.expect(':')?;
            }
            origin.pc = self.number("a pc")?;
        }
        Ok(origin)
    }

    fn block(&mut self) -> Result<BlockText, ParseError> {
        let id = self.block_ref()?;
        let mut params = Vec::new();
        if self.eat('(') {
            while !self.eat(')') {
                params.push(self.param()?);
                if !self.is(')') {
                    self.expect(',')?;
                }
            }
        }
        self.expect(':')?;
        self.skip_newlines();
        let mut nodes = Vec::new();
        loop {
            if let Some(term) = self.terminator()? {
                let origin = self.origin()?;
                self.end_of_line()?;
                return Ok(BlockText { id, params, nodes, term, origin });
            }
            let block_head = matches!(self.peek(), Kind::Word(w) if w.starts_with('b')
                && w.len() > 1 && w[1..].bytes().all(|b| b.is_ascii_digit()));
            if block_head || !matches!(self.peek(), Kind::Word(_)) {
                return Err(self.expected(&format!("an operation or the terminator of b{}", id.id)));
            }
            nodes.push(self.node()?);
        }
    }

    fn param(&mut self) -> Result<NodeText, ParseError> {
        let id = self.value_ref()?;
        self.expect(':')?;
        let ty = Some(self.ty()?);
        let pin = self.pin()?;
        let origin = self.origin()?;
        Ok(NodeText { id: Some(id), op: Op::Param, ty, args: Vec::new(), snapshot: None, pin, origin })
    }

    fn terminator(&mut self) -> Result<Option<TermText>, ParseError> {
        let Kind::Word(word) = self.peek() else { return Ok(None) };
        let word = word.clone();
        let term = match word.as_str() {
            "jump" => {
                self.advance();
                TermText::Jump(self.target()?)
            }
            "branch" => {
                self.advance();
                let cond = self.value_ref()?;
                self.expect(',')?;
                let then = self.target()?;
                self.expect(',')?;
                TermText::Branch(cond, then, self.target()?)
            }
            "return" => {
                self.advance();
                let first = self.slot()?;
                self.expect(',')?;
                TermText::Return(first, self.number("a number of results")?)
            }
            "exit" => {
                self.advance();
                TermText::Exit(self.snapshot()?)
            }
            "unreachable" => {
                self.advance();
                TermText::Unreachable
            }
            _ => return Ok(None),
        };
        Ok(Some(term))
    }

    fn target(&mut self) -> Result<TargetText, ParseError> {
        let block = self.block_ref()?;
        let mut args = Vec::new();
        if self.eat('(') && !self.eat(')') {
            args = self.value_list()?;
            self.expect(')')?;
        }
        Ok(TargetText { block, args })
    }

    /// `[p1@0:3 open 2, 1, p2@4:0; s1=v2, …]`
    fn snapshot(&mut self) -> Result<SnapshotText, ParseError> {
        self.expect('[')?;
        let mut frames = SmallVec::new();
        while !self.is(']') && !self.is(';') {
            let proto = ProtoId(self.numbered('p', "a function such as `p1`")?.id);
            self.expect('@')?;
            let base = self.slot()?;
            self.expect(':')?;
            let pc = self.number("a pc")?;
            let mut open = None;
            if matches!(self.peek(), Kind::Word(w) if w == "open") {
                self.advance();
                let first = self.number("a register")?;
                self.expect(',')?;
                open = Some((first, self.number("a number of results")?));
            }
            frames.push(FrameState { proto, base, pc, open });
            if !self.is(']') && !self.is(';') {
                self.expect(',')?;
            }
        }
        let mut writes = Vec::new();
        if self.eat(';') {
            while !self.is(']') {
                let slot = self.numbered('s', "a slot such as `s1`")?.id;
                self.expect('=')?;
                writes.push((slot, self.value_ref()?));
                if !self.is(']') {
                    self.expect(',')?;
                }
            }
        }
        self.expect(']')?;
        Ok(SnapshotText { frames, writes })
    }

}
