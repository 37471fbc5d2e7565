//! Lowering of the entry for self calls: which registers its arguments are in, what a call there does, and what is
//! returned to it.

use gscript::layout::{self, Layout};
use gscript::value::Tag;
use gsx_ir::graph::{BlockId, NodeId};
use gsx_ir::op::Type;
use gsx_ir::unit::{FrameStyle, SelfArgs};

use super::{Half, Lower, Parts, Val, class_of_type, pinned_register};
use crate::code::CodegenError;
use crate::mir::{Inst, SelfEntry, VReg};
use crate::reg::{BASE, Class, PReg};

/// General registers that carry arguments, and as many for doubles.
const ARGUMENT_REGISTERS: u8 = 16;

impl Lower<'_> {
    /// How the self entry is reached and left.
    pub(super) fn self_entry(&self) -> Option<SelfEntry> {
        let entry = self.unit.self_entry.as_ref()?;
        let result = entry.result.and_then(Type::tag);
        Some(SelfEntry {
            block: self.blocks[&entry.block],
            // A result in a register is no result for other callers, and a body that preserves no registers needs
            // someone to do it.
            wrapped: result.is_some() || self.unit.frames == FrameStyle::Compact,
            result,
            header: (!entry.header).then_some(entry.closure),
        })
    }

    /// The registers in which the arguments of self calls arrive: pins, else X0, X1, … and D0, D1, …
    pub(super) fn self_entry_params(&mut self, b: BlockId) {
        let (mut next_x, mut next_d) = (0u8, 0u8);
        for &p in &self.graph.block(b).params {
            let node = self.graph.node(p);
            let parts = self.demand.parts(p);
            let mut fixed = |f: &mut crate::mir::Function, class: Class| {
                let (next, make): (&mut u8, fn(u8) -> PReg) = match class {
                    Class::X => (&mut next_x, PReg::x),
                    Class::D => (&mut next_d, PReg::d),
                };
                *next += 1;
                // Past the registers there are, the check in `self_entry_arguments` refuses.
                let number = (*next - 1).min(ARGUMENT_REGISTERS - 1);
                Half::Reg(f.fixed(make(number)))
            };
            let class = node.ty.map_or(Class::X, class_of_type);
            let val = match node.ty {
                _ if parts.is_empty() => Val::typed(Half::Unused),
                Some(Type::Boxed) => {
                    let wants_tag = parts.wants_tag(self.unit.layout);
                    let tag = if wants_tag { fixed(&mut self.f, Class::X) } else { Half::Unused };
                    let payload = if parts.has(Parts::PAYLOAD) { fixed(&mut self.f, Class::X) } else { Half::Unused };
                    Val { tag, payload }
                }
                _ => match pinned_register(node, class) {
                    Some(reg) => {
                        self.f.pinned.insert(reg);
                        Val::typed(Half::Reg(self.f.fixed(reg)))
                    }
                    None => Val::typed(fixed(&mut self.f, class)),
                },
            };
            self.params.insert(p, val);
        }
        self.too_many_arguments = next_x.max(next_d) > ARGUMENT_REGISTERS;
    }

    /// Puts the arguments of a call at the self entry where they are expected: the values of `args` (callee first) or, if
    /// there are none, the slots from `a` on. Gives the registers that the call reads.
    pub(super) fn self_entry_arguments(
        &mut self,
        a: u8,
        nargs: u8,
        args: &[NodeId],
        distance: i32,
    ) -> Result<Vec<VReg>, CodegenError> {
        let Some(entry) = &self.unit.self_entry else {
            return Err(CodegenError::Malformed("there is no self entry".into()));
        };
        if self.too_many_arguments {
            return Err(CodegenError::Malformed("more arguments than argument registers".into()));
        }
        let SelfArgs::Params(slots) = &entry.args else {
            // Parameters that the call does not give are nil; what it gives too much is not looked at.
            let nparams = self.unit.bytecode().nparams;
            self.copy_frame(a, nargs.min(nparams), args, distance)?;
            for missing in nargs..nparams {
                let at = distance + self.layout().slot_offset(missing.into()) as i32;
                self.store_nil(BASE.into(), at)?;
            }
            return Ok(Vec::new());
        };
        if entry.header {
            let header = distance - self.layout().slot_offset(layout::FRAME_HEADER_SLOTS) as i32;
            match self.layout() {
                Layout::Tagged => {
                    let tag = self.x(Half::Imm(Tag::Function as u64))?;
                    let payload = self.x(Half::Object(entry.closure))?;
                    self.store_pair(tag, payload, BASE.into(), header);
                }
                Layout::NanBox => {
                    let s = self.x(Half::Tagged(Tag::Function, entry.closure))?;
                    self.emit(Inst::Str { s, base: BASE.into(), offset: header });
                }
            }
        }
        let mut pairs = Vec::new();
        for (&p, &slot) in self.graph.block(entry.block).params.iter().zip(slots) {
            let to = self.params[&p];
            let Some(&given) = args.get(usize::from(slot) + 1) else {
                return Err(CodegenError::Malformed(format!("argument {slot} of a self call is missing")));
            };
            let given = self.val(given)?;
            for (to, from) in [(to.tag, given.tag), (to.payload, given.payload)] {
                if let Half::Reg(to) = to
                    && let Some(reg) = self.f.vregs[to.0 as usize].fixed
                {
                    pairs.push((self.f.fixed(reg), from));
                }
            }
        }
        let registers = pairs.iter().map(|p| p.0).collect();
        self.edge_moves(pairs)?;
        Ok(registers)
    }

    /// Returns a value to self calls.
    pub(super) fn return_value(&mut self, v: NodeId) -> Result<(), CodegenError> {
        let half = self.half(v)?;
        let class = self.graph.node(v).ty.map_or(Class::X, class_of_type);
        let value = self.f.fixed(if class == Class::D { PReg::d(0) } else { PReg::x(0) });
        self.edge_moves(vec![(value, half)])?;
        self.emit(Inst::RetValue { value });
        Ok(())
    }
}
