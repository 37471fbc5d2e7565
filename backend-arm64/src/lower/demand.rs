//! Which parts of each value are used, and which nodes become part of their only user's instruction.

use gscript::layout::Layout;
use gscript::value::Tag;
use gsx_ir::graph::{Args, BlockId, Graph, NodeId, SnapshotId, Terminator, User};
use gsx_ir::op::{Op, Type};
use gsx_ir::schedule::Schedule;
use rustc_hash::FxHashMap;

/// Parts of a value that somebody uses.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Parts(u8);

impl Parts {
    /// The tag word.
    pub const TAG: Parts = Parts(1);
    /// The payload word (of a typed value: the value itself), no matter in which class of register.
    pub const PAYLOAD: Parts = Parts(2);
    /// The payload, wanted in a general register.
    pub const IN_X: Parts = Parts(4);
    /// The payload, wanted in a float register.
    pub const IN_D: Parts = Parts(8);
    /// Tag and payload, as a store takes them.
    pub const WHOLE: Parts = Parts(3);
    /// A NaN-boxed word, in a general register.
    pub const WORD: Parts = Parts(2 | 4);
    /// Stored as a whole, wherever: it may be a reference there.
    pub const STORED: Parts = Parts(16);
    /// Known to be a double before anything could collect garbage.
    pub const SOON_FLOAT: Parts = Parts(32);

    pub const fn with(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }
    pub const fn without(self, other: Parts) -> Parts {
        Parts(self.0 & !other.0)
    }
    pub const fn has(self, other: Parts) -> bool {
        self.0 & other.0 != 0
    }
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Does a boxed value need a register for its tag? NaN-boxed ones never do.
    pub const fn wants_tag(self, layout: Layout) -> bool {
        self.has(Parts::TAG) && matches!(layout, Layout::Tagged)
    }
    /// Is a boxed value's payload best kept in a float register?
    pub const fn prefers_d(self) -> bool {
        // The collector looks for references in general registers only.
        let kept = self.has(Parts::STORED) && !self.has(Parts::SOON_FLOAT);
        self.has(Parts::IN_D) && !self.has(Parts::IN_X) && !kept
    }
}

/// Uses of the values of a graph.
pub(super) struct Demand {
    parts: Vec<Parts>,
    fused: Vec<bool>,
}

impl Demand {
    pub fn new(graph: &Graph, schedule: &Schedule, layout: Layout) -> Demand {
        let mut walk = Walk {
            graph,
            layout,
            parts: vec![Parts::default(); graph.node_count()],
            work: Vec::new(),
            incoming: incoming(graph, schedule),
        };
        for &b in schedule.order() {
            for &n in schedule.block(b) {
                walk.root(n);
            }
            if layout == Layout::NanBox {
                walk.soon_floats(schedule.block(b));
            }
            match graph.block(b).term {
                Terminator::Branch { cond, .. } => walk.mark(cond, Parts::PAYLOAD),
                Terminator::ReturnValue(v) => walk.mark(v, Parts::PAYLOAD),
                Terminator::Exit(s) => walk.snapshot(s),
                _ => {}
            }
        }
        walk.run();
        let parts = walk.parts;
        let fused = fused(graph, schedule, &parts);
        Demand { parts, fused }
    }

    /// The parts of `n` that are used.
    pub fn parts(&self, n: NodeId) -> Parts {
        self.parts[n.0 as usize]
    }

    /// Is `n` something that its only user computes itself: a condition right where it branches or selects, a shift or
    /// product in the instruction that adds it?
    pub fn is_fused(&self, n: NodeId) -> bool {
        self.fused[n.0 as usize]
    }
}

/// The arguments that reach each block parameter.
fn incoming(graph: &Graph, schedule: &Schedule) -> FxHashMap<NodeId, Args> {
    let mut out: FxHashMap<NodeId, Args> = FxHashMap::default();
    for &b in schedule.order() {
        for t in graph.block(b).term.targets() {
            for (&p, &a) in graph.block(t.block).params.iter().zip(&t.args) {
                out.entry(p).or_default().push(a);
            }
        }
    }
    out
}

struct Walk<'a> {
    graph: &'a Graph,
    layout: Layout,
    parts: Vec<Parts>,
    work: Vec<NodeId>,
    incoming: FxHashMap<NodeId, Args>,
}

impl Walk<'_> {
    fn mark(&mut self, n: NodeId, parts: Parts) {
        let old = self.parts[n.0 as usize];
        let new = old.with(parts);
        if new != old {
            self.parts[n.0 as usize] = new;
            self.work.push(n);
        }
    }

    fn stored(&mut self, n: NodeId) {
        let parts =
            if self.graph.node(n).ty == Some(Type::Boxed) { Parts::WHOLE.with(Parts::STORED) } else { Parts::PAYLOAD };
        self.mark(n, parts);
    }

    fn snapshot(&mut self, s: SnapshotId) {
        for &(_, v) in &self.graph.snapshot(s).writes {
            match self.layout {
                Layout::Tagged => self.stored(v),
                Layout::NanBox => self.stored(exit_source(self.graph, v)),
            }
        }
    }

    /// Marks the values of a block that are loaded and then guarded to be doubles, with nothing in between that may collect
    /// garbage: that includes boxing an integer.
    fn soon_floats(&mut self, nodes: &[NodeId]) {
        let mut fresh: Vec<NodeId> = Vec::new();
        for &n in nodes {
            let node = self.graph.node(n);
            match node.op {
                Op::GuardTag(Tag::Float) if fresh.contains(&node.args[0]) => {
                    self.mark(node.args[0], Parts::SOON_FLOAT);
                }
                op if op.is_load() => fresh.push(n),
                op if op.is_guard() => {}
                Op::Box => fresh.clear(),
                op if op.is_pure() => {}
                _ => fresh.clear(),
            }
        }
    }

    /// What an effect uses, whether its result is used or not.
    fn root(&mut self, n: NodeId) {
        let node = self.graph.node(n);
        match node.op {
            Op::GuardTag(tag) => {
                let parts = match self.layout {
                    Layout::Tagged => Parts::TAG,
                    // That a word is a double shows in a float register too, usually.
                    Layout::NanBox if tag == Tag::Float => Parts::PAYLOAD,
                    Layout::NanBox => Parts::WORD,
                };
                self.mark(node.args[0], parts);
            }
            Op::Guard => self.mark(node.args[0], Parts::PAYLOAD),
            Op::SlotStorePayload(..) => self.mark(node.args[0], Parts::PAYLOAD),
            Op::SlotStore(_) | Op::GlobalStore(_) | Op::UpvalStore(_) => self.stored(node.args[0]),
            Op::FieldStore(_) | Op::ElemStore => {
                if let [address @ .., value] = &node.args[..] {
                    address.iter().for_each(|&a| self.mark(a, Parts::PAYLOAD.with(Parts::IN_X)));
                    self.stored(*value);
                }
            }
            Op::Call { .. } => {
                for &a in &node.args {
                    self.stored(a);
                }
            }
            _ => {}
        }
        if let Some(s) = node.snapshot {
            self.snapshot(s);
        }
    }

    fn run(&mut self) {
        let graph = self.graph;
        while let Some(n) = self.work.pop() {
            let node = graph.node(n);
            let parts = self.parts[n.0 as usize];
            match node.op {
                Op::Param => {
                    for a in self.incoming.get(&n).cloned().unwrap_or_default() {
                        self.mark(a, parts.without(Parts::SOON_FLOAT));
                    }
                }
                Op::Unbox(Type::Float) => self.mark(node.args[0], Parts::PAYLOAD.with(Parts::IN_D)),
                Op::Unbox(_) => self.mark(node.args[0], Parts::PAYLOAD.with(Parts::IN_X)),
                Op::TagOf | Op::HasTag(_) => {
                    let parts = if self.layout == Layout::Tagged { Parts::TAG } else { Parts::WORD };
                    self.mark(node.args[0], parts);
                }
                Op::Truthy => self.mark(node.args[0], Parts::WHOLE.with(Parts::IN_X)),
                Op::Box if !parts.has(Parts::PAYLOAD) => {}
                op if op.is_pure() || op.is_load() => {
                    for &a in &node.args {
                        self.mark(a, Parts::PAYLOAD);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whose value an exit writes for `n`, in NaN-boxed slots: the host boxes what it can by itself.
pub(super) fn exit_source(graph: &Graph, n: NodeId) -> NodeId {
    let node = graph.node(n);
    if node.op == Op::Box { node.args[0] } else { n }
}

/// The shift or product among the arguments of an addition or subtraction that could become part of its instruction, if
/// nothing else uses it.
fn operand_to_fuse(graph: &Graph, n: NodeId) -> Option<NodeId> {
    let node = graph.node(n);
    let (a, b) = (node.args[0], node.args[1]);
    let candidate = |m: NodeId| match graph.node(m).op {
        Op::IShl(1..) => true,
        // A product with a constant may be a shift, and needs the constant in a register anyway.
        Op::IMul => graph.node(m).args.iter().all(|&x| !graph.node(x).op.is_const()),
        _ => false,
    };
    let adds = node.op == Op::IAdd;
    if graph.node(b).op.is_const() || adds && graph.node(a).op.is_const() {
        return None; // an immediate
    }
    if candidate(b) {
        return Some(b);
    }
    (adds && candidate(a)).then_some(a)
}

/// Finds the conditions whose only user is a branch, guard or select of the same block (perhaps through `!`), and the
/// shifts and products that become part of an addition.
fn fused(graph: &Graph, schedule: &Schedule, parts: &[Parts]) -> Vec<bool> {
    let mut place: Vec<Option<BlockId>> = vec![None; graph.node_count()];
    for &b in schedule.order() {
        for &n in schedule.block(b) {
            place[n.0 as usize] = Some(b);
        }
    }
    let mut out = vec![false; graph.node_count()];
    // Users come after what they use, so that going backwards decides a `!` before its argument.
    for &b in schedule.order() {
        for &n in schedule.block(b).iter().rev() {
            let is_condition = matches!(
                graph.node(n).op,
                Op::ICmp(_) | Op::FCmp(_) | Op::InBounds | Op::HasTag(_) | Op::BNot | Op::Truthy
            );
            let is_operand = matches!(graph.node(n).op, Op::IShl(1..) | Op::IMul);
            if !(is_condition || is_operand) || parts[n.0 as usize].is_empty() {
                continue;
            }
            let live = |u: &&User| match **u {
                User::Node(m) => graph.node(m).op.is_effect() || !parts[m.0 as usize].is_empty(),
                User::Term(t) => schedule.order().contains(&t),
                User::Snapshot(_) => true,
            };
            let mut users = graph.users(n).iter().filter(live);
            let (Some(user), None) = (users.next(), users.next()) else {
                continue;
            };
            out[n.0 as usize] = match *user {
                User::Term(t) => t == b && matches!(graph.block(t).term, Terminator::Branch { cond, .. } if cond == n),
                User::Node(m) if place[m.0 as usize] == Some(b) => match graph.node(m).op {
                    Op::IAdd | Op::ISub => is_operand && operand_to_fuse(graph, m) == Some(n),
                    _ if is_operand => false,
                    Op::Guard => true,
                    Op::Select => graph.node(m).args[0] == n,
                    Op::BNot => out[m.0 as usize],
                    _ => false,
                },
                _ => false,
            };
        }
    }
    out
}
