//! Lines with type feedback.

use gscript::bytecode::{Program, ProtoId};
use gscript::profile::{BuiltinTarget, CallTarget, FieldAccess, ProtoProfile, ResultCount, SiteFeedback, TypeSet};

use super::lexer::Kind;
use super::{ParseError, Parser};
use crate::text::names::tag_named;
use crate::unit::KnownFunction;

impl Parser<'_> {
    /// `feedback calls=… back_edges=… params(int, int|float)` or `feedback 3: lhs=int …`, as far as there are such lines;
    /// `code_len` is how many instructions the function has.
    pub(super) fn feedback(&mut self, code_len: usize) -> Result<ProtoProfile, ParseError> {
        let mut profile = ProtoProfile::default();
        while matches!(self.peek(), Kind::Word(w) if w == "feedback") {
            self.advance();
            profile.sites.resize(code_len, SiteFeedback::default());
            if matches!(self.peek(), Kind::Number(_)) {
                let pc: usize = self.number("a pc")?;
                if pc >= code_len {
                    return Err(self.error(format!("the function has no instruction {pc}")));
                }
                self.expect(':')?;
                profile.sites[pc] = self.site()?;
            } else {
                self.function_feedback(&mut profile)?;
            }
            self.end_of_line()?;
        }
        Ok(profile)
    }

    /// `function 0 = p1 0x40`: what global functions there are.
    pub(super) fn functions(&mut self, program: &Program) -> Result<Vec<KnownFunction>, ParseError> {
        let mut out = Vec::new();
        while matches!(self.peek(), Kind::Word(w) if w == "function") {
            self.advance();
            let global = self.number("a global's index")?;
            self.expect('=')?;
            let proto = ProtoId(self.numbered('p', "a function such as `p1`")?.id);
            if program.protos.get(proto.index()).is_none() {
                return Err(self.error(format!("the program has no function p{}", proto.0)));
            }
            let Some(closure) = self.bits() else {
                return Err(self.expected("the closure's offset in the arena, as 0x…"));
            };
            self.advance();
            self.end_of_line()?;
            out.push(KnownFunction { global, proto, closure });
        }
        Ok(out)
    }

    fn function_feedback(&mut self, profile: &mut ProtoProfile) -> Result<(), ParseError> {
        while *self.peek() != Kind::Newline {
            let field = self.word("`calls`, `back_edges` or `params`")?;
            match field.as_str() {
                "calls" => {
                    self.expect('=')?;
                    profile.calls = self.number("a count")?;
                }
                "back_edges" => {
                    self.expect('=')?;
                    profile.back_edges = self.number("a count")?;
                }
                "params" => {
                    self.expect('(')?;
                    while !self.eat(')') {
                        profile.params.push(self.types()?);
                        if !self.is(')') {
                            self.expect(',')?;
                        }
                    }
                }
                _ => return Err(self.error(format!("feedback has no field `{field}`"))),
            }
        }
        Ok(())
    }

    fn site(&mut self) -> Result<SiteFeedback, ParseError> {
        let mut site = SiteFeedback::default();
        while *self.peek() != Kind::Newline {
            let field = self.word("a field of the feedback")?;
            self.expect('=')?;
            match field.as_str() {
                "count" => site.count = self.number("a count")?,
                "lhs" => site.lhs = self.types()?,
                "rhs" => site.rhs = self.types()?,
                "result" => site.result = self.types()?,
                "target" => {
                    site.target = match self.peek() {
                        Kind::Word(w) if w == "builtin" => {
                            self.advance();
                            site.target = CallTarget::Builtin(self.builtin()?);
                            continue;
                        }
                        Kind::Word(w) if w == "many" => CallTarget::Many,
                        _ => {
                            let id = self.numbered('p', "`builtin`, `many`, or a function such as `p1`")?.id;
                            site.target = CallTarget::Proto(ProtoId(id));
                            continue;
                        }
                    };
                    self.advance();
                }
                "results" => {
                    if matches!(self.peek(), Kind::Word(w) if w == "many") {
                        self.advance();
                        site.results = ResultCount::Many;
                    } else {
                        site.results = ResultCount::Exactly(self.number("a number of results, or `many`")?);
                    }
                }
                "field" => match self.peek() {
                    Kind::Word(w) if w == "many" => {
                        self.advance();
                        site.fields.many = true;
                    }
                    _ => {
                        let access = self.field_access()?;
                        site.fields.insert(access);
                    }
                },
                "beyond" => {
                    self.keyword("true")?;
                    site.beyond = true;
                }
                _ => return Err(self.error(format!("feedback has no field `{field}`"))),
            }
        }
        Ok(site)
    }

    /// `12 0x40`: index in the library, offset of the closure in the arena.
    fn builtin(&mut self) -> Result<BuiltinTarget, ParseError> {
        let index = self.number("a library function's index")?;
        let Some(closure) = self.bits() else {
            return Err(self.expected("the closure's offset in the arena, as 0x…"));
        };
        self.advance();
        Ok(BuiltinTarget { index, closure })
    }

    /// `3`, `3:0`, `3:1 to=4`: shape, slot, shape with the field added.
    fn field_access(&mut self) -> Result<FieldAccess, ParseError> {
        let shape = self.number("a shape's number, or `many`")?;
        let slot = if self.eat(':') { Some(self.number("a field's slot")?) } else { None };
        let mut grows_to = None;
        if matches!(self.peek(), Kind::Word(w) if w == "to") {
            self.advance();
            self.expect('=')?;
            grows_to = Some(self.number("a shape's number")?);
        }
        Ok(FieldAccess { shape, slot, grows_to })
    }

    /// `int|float`, `none`
    fn types(&mut self) -> Result<TypeSet, ParseError> {
        let mut set = TypeSet::EMPTY;
        if matches!(self.peek(), Kind::Word(w) if w == "none") {
            self.advance();
            return Ok(set);
        }
        loop {
            let tag = match self.peek() {
                Kind::Word(w) => tag_named(w),
                _ => None,
            };
            let Some(tag) = tag else { return Err(self.expected("a tag")) };
            self.advance();
            set.insert(tag);
            if !self.eat('|') {
                return Ok(set);
            }
        }
    }
}
