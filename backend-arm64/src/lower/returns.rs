//! How many values a function returns, as far as its bytecode tells.

use gscript::bytecode::{Op, Proto};

/// Counts of results over all reachable returns of a function, taken from the bytecode and not from the graph: an
/// activation that left compiled code returns through the interpreter, perhaps where the graph has an exit only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ReturnCounts {
    /// The fewest.
    pub min: u32,
    /// The most; none when some return is open.
    pub max: Option<u32>,
}

impl ReturnCounts {
    /// Does every return have exactly `n` values?
    pub fn exactly(self, n: u8) -> bool {
        self.min == u32::from(n) && self.max == Some(u32::from(n))
    }

    /// Looks at a function.
    pub fn of(proto: &Proto) -> ReturnCounts {
        let code = &proto.code;
        let mut seen = vec![false; code.len()];
        let mut work = vec![0];
        let mut counts: Option<ReturnCounts> = None;
        while let Some(pc) = work.pop() {
            if pc >= code.len() || std::mem::replace(&mut seen[pc], true) {
                continue;
            }
            let inst = code[pc];
            match inst.op {
                Op::Return => {
                    let here = match inst.b {
                        0 => ReturnCounts { min: 0, max: None },
                        b => ReturnCounts { min: u32::from(b) - 1, max: Some(u32::from(b) - 1) },
                    };
                    counts = Some(counts.map_or(here, |c| ReturnCounts {
                        min: c.min.min(here.min),
                        max: c.max.zip(here.max).map(|(a, b)| a.max(b)),
                    }));
                }
                Op::Jmp => work.push(inst.target(pc)),
                Op::ForPrepLt | Op::ForPrepLe | Op::ForLoopLt | Op::ForLoopLe | Op::TForLoop => {
                    work.extend([pc + 1, inst.target(pc)]);
                }
                Op::Eq | Op::Lt | Op::Le | Op::Test | Op::TestSet => work.extend([pc + 1, pc + 2]),
                Op::LoadBool if inst.c != 0 => work.push(pc + 2),
                _ => work.push(pc + 1),
            }
        }
        counts.unwrap_or(ReturnCounts { min: 0, max: None })
    }
}
