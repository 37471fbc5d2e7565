//! Loops in bytecode: what an entry at a loop's header covers.

use std::collections::BTreeSet;

use gscript::bytecode::Proto;

use super::liveness::successors;

/// A natural loop of a function's bytecode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BytecodeLoop {
    /// The instruction that backward jumps lead to.
    pub header: usize,
    /// Its instructions, inner loops among them.
    pub body: BTreeSet<usize>,
    /// Instructions outside that it can go on at, ascending.
    pub exits: Vec<usize>,
}

impl BytecodeLoop {
    /// The loop that begins at `header`; none if nothing jumps back there.
    pub fn at(proto: &Proto, header: usize) -> Option<BytecodeLoop> {
        // What can be reached from the header, and from there leads back to it.
        let mut reached = BTreeSet::from([header]);
        let mut work = vec![header];
        let mut latches = Vec::new();
        let mut preds: Vec<Vec<usize>> = vec![Vec::new(); proto.code.len()];
        while let Some(pc) = work.pop() {
            for next in successors(proto, pc).into_iter().filter(|&n| n < proto.code.len()) {
                preds[next].push(pc);
                if next == header {
                    latches.push(pc);
                }
                if reached.insert(next) {
                    work.push(next);
                }
            }
        }
        // A way that leads back through the header of a loop around belongs to that one.
        latches.retain(|&pc| pc >= header);
        if latches.is_empty() {
            return None;
        }
        // Loops are in one piece. One that is entered in its middle, at its test, is left behind its last backward jump, too.
        let last = latches.iter().copied().max().unwrap_or(header);
        let mut body = BTreeSet::from([header]);
        while let Some(pc) = latches.pop() {
            if (header..=last).contains(&pc) && body.insert(pc) {
                latches.extend(&preds[pc]);
            }
        }
        let exits: BTreeSet<usize> =
            body.iter().flat_map(|&pc| successors(proto, pc)).filter(|next| !body.contains(next)).collect();
        Some(BytecodeLoop { header, body, exits: exits.into_iter().collect() })
    }

    /// All loops of a function by their headers, ascending: a loop before those in it.
    pub fn all(proto: &Proto) -> Vec<BytecodeLoop> {
        let mut headers = BTreeSet::new();
        for pc in 0..proto.code.len() {
            headers.extend(successors(proto, pc).into_iter().filter(|&next| next <= pc));
        }
        let mut all: Vec<BytecodeLoop> = headers.into_iter().filter_map(|h| BytecodeLoop::at(proto, h)).collect();
        all.sort_by_key(|l| (l.header, std::cmp::Reverse(l.body.len())));
        all
    }

    /// Does the loop contain another one?
    pub fn contains(&self, other: &BytecodeLoop) -> bool {
        self.header != other.header && self.body.contains(&other.header)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gscript::bytecode::Source;

    use super::*;

    #[test]
    fn inner_loops_and_ways_out_are_found() {
        let text = "func f(n) {\n\
                    s := 0\n\
                    for i := 0; i < n; i++ {\n\
                        j := 0\n\
                        for j < i {\n\
                            if j == 7 { break }\n\
                            j = j + 1\n\
                        }\n\
                        if s > 100 { return s }\n\
                        s = s + j\n\
                    }\n\
                    return s\n\
                    }\n";
        let source = Source { name: "t.gs".into(), text: text.into() };
        let program = gscript::compiler::compile(Arc::new(source)).expect("a program");
        let proto = program.protos.iter().find(|p| p.name == "f").expect("f");
        let all = BytecodeLoop::all(proto);
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[0].contains(&all[1]) && !all[1].contains(&all[0]));
        assert!(all[1].body.is_subset(&all[0].body));
        // The inner one goes on in the outer one only; that one's two returns are outside of it.
        assert!(all[1].exits.iter().all(|e| all[0].body.contains(e)), "{all:?}");
        assert_eq!(all[0].exits.len(), 2, "{all:?}");
    }
}
