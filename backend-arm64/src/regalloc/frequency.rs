//! Allocation by frequency of use: the values that are used most, weighted by loop depth, get registers first; a value
//! that finds none lives in the native frame throughout.
//!
//! This is a priority colouring of the interference graph after coalescing.

use super::coalesce::Classes;
use super::interference::Interference;
use super::liveness::Liveness;
use super::spilling::{Coloured, Work, rounds};
use super::{Allocation, RegisterAllocator};
use crate::code::CodegenError;
use crate::mir::{Function, VReg};
use crate::reg::PReg;

/// The allocator by frequency of use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frequency;

impl RegisterAllocator for Frequency {
    fn allocate(&self, f: &Function) -> Result<Allocation, CodegenError> {
        rounds(f, colour)
    }
}

/// Gives out registers, the most used values first.
fn colour(work: &mut Work) -> Result<Coloured, CodegenError> {
    let vregs = work.general.len();
    let liveness = Liveness::new(work.f, &work.ops, vregs);
    let graph = Interference::new(work.f, &work.ops, &liveness, &work.general);
    let mut classes = Classes::new(work.f, vregs, &graph);
    classes.coalesce(&graph, &work.moves());

    let weights = work.weights();
    let mut roots: Vec<(VReg, u64)> = Vec::new();
    for v in (0..vregs as u32).map(VReg).filter(|&v| classes.find(v) == v && !work.is_spilled(v)) {
        let members = classes.members(v);
        let weight = members.iter().map(|m| weights[m.0 as usize]).fold(0u64, u64::saturating_add);
        let must = classes.fixed(v).is_some() || work.is_temp(v);
        if weight > 0 {
            roots.push((v, if must { u64::MAX } else { weight }));
        }
    }
    roots.sort_by_key(|&(v, weight)| (classes.fixed(v).is_none(), std::cmp::Reverse(weight), v));

    let mut registers: Vec<Option<PReg>> = vec![None; vregs];
    let mut spills = Vec::new();
    for (root, weight) in roots {
        let members = classes.members(root);
        let choice = match classes.fixed(root) {
            Some(fixed) => Some(fixed),
            None => {
                let mut taken = classes.forbidden(root);
                for n in members.iter().flat_map(|&m| graph.of(m)) {
                    if let Some(reg) = registers[n.0 as usize] {
                        taken.insert(reg);
                    }
                }
                work.prefer(root, taken, classes.forbidden(root))
            }
        };
        match choice {
            Some(reg) => {
                for m in members {
                    registers[m.0 as usize] = Some(reg);
                }
            }
            None if weight == u64::MAX => {
                return Err(CodegenError::Allocation("an instruction needs too many registers".into()));
            }
            None => spills.push(members.to_vec()),
        }
    }
    work.whole.get_or_insert(graph);
    Ok(if spills.is_empty() { Coloured::All(registers) } else { Coloured::Spill(spills) })
}
