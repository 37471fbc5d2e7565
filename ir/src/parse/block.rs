//! Blocks: parameters, terminators, targets, snapshots.

use gscript::bytecode::ProtoId;
use smallvec::SmallVec;

use super::lexer::Kind;
use super::{BlockText, NodeText, ParseError, Parser, SnapshotText, TargetText, TermText};
use crate::graph::FrameState;
use crate::op::Op;

impl Parser<'_> {
    pub(super) fn block(&mut self) -> Result<BlockText, ParseError> {
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

    pub(super) fn param(&mut self) -> Result<NodeText, ParseError> {
        let id = self.value_ref()?;
        self.expect(':')?;
        let ty = Some(self.ty()?);
        let pin = self.pin()?;
        let origin = self.origin()?;
        Ok(NodeText { id: Some(id), op: Op::Param, ty, args: Vec::new(), snapshot: None, pin, origin })
    }

    pub(super) fn terminator(&mut self) -> Result<Option<TermText>, ParseError> {
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
            "return.value" => {
                self.advance();
                TermText::ReturnValue(self.value_ref()?)
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

    pub(super) fn target(&mut self) -> Result<TargetText, ParseError> {
        let block = self.block_ref()?;
        let mut args = Vec::new();
        if self.eat('(') && !self.eat(')') {
            args = self.value_list()?;
            self.expect(')')?;
        }
        Ok(TargetText { block, args })
    }

    /// `[p1@0:3 open 2, 1, p2@4:0; s1=v2, …]`
    pub(super) fn snapshot(&mut self) -> Result<SnapshotText, ParseError> {
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
