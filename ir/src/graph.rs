//! The graph: nodes, blocks, snapshots, and def-use links.

mod flow;
mod parts;

use std::fmt;

use gscript::bytecode::ProtoId;
use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::{EdgeRef, NodeIndexable};
use smallvec::SmallVec;

pub use flow::DomTree;
use flow::Flow;

use crate::op::{Op, Type};
use crate::unit::Pin;

/// A node of the value graph. Ids are never reused, so two stages of one unit can be compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub u32);

/// A basic block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BlockId(pub u32);

/// A snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SnapshotId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl BlockId {
    fn index(self) -> NodeIndex {
        NodeIndex::new(self.0 as usize)
    }
}

/// Where a node comes from: a bytecode instruction, in an activation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    /// Function.
    pub proto: ProtoId,
    /// Instruction.
    pub pc: u32,
    /// Activation: 0 is the unit's own, `n` that of the inlined call `n - 1` of [`Graph::inlined`].
    pub frame: u16,
}

impl Origin {
    /// An instruction of the unit's own activation.
    pub fn new(proto: ProtoId, pc: u32) -> Origin {
        Origin { proto, pc, frame: 0 }
    }
}

/// A call whose callee's graph stands in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InlinedCall {
    /// The callee.
    pub proto: ProtoId,
    /// Its closure: the offset in the arena.
    pub closure: u64,
    /// Slot of its `R[0]`, in the unit's numbering: where the callee's frame would be. The slot below is its header.
    pub base: u16,
    /// The call instruction, in the caller's activation.
    pub call: Origin,
}

/// Arguments of a node.
pub type Args = SmallVec<[NodeId; 3]>;

/// A node.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// Operation.
    pub op: Op,
    /// Arguments.
    pub args: Args,
    /// Type of the result; none for pure effects such as stores and guards.
    pub ty: Option<Type>,
    /// Where to go on in the interpreter when the operation leaves.
    pub snapshot: Option<SnapshotId>,
    /// For block parameters: the register that the parameter lives in.
    pub pin: Option<Pin>,
    /// Block of an effect or of a block parameter; none for other pure nodes.
    pub block: Option<BlockId>,
    /// Provenance.
    pub origin: Origin,
}

/// A jump target with the arguments for its parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Block.
    pub block: BlockId,
    /// One argument per parameter of the block.
    pub args: Args,
}

impl Target {
    /// A target without arguments.
    pub fn new(block: BlockId) -> Target {
        Target { block, args: Args::new() }
    }

    /// A target with arguments.
    pub fn with_args(block: BlockId, args: &[NodeId]) -> Target {
        Target { block, args: args.into() }
    }
}

/// How a block ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Terminator {
    /// Unconditional jump.
    Jump(Target),
    /// Two-way branch on a bool.
    Branch {
        /// Condition.
        cond: NodeId,
        /// Where to go when it is true.
        then: Target,
        /// Where to go when it is false.
        other: Target,
    },
    /// Returns the values of `count` slots from `first` on.
    Return {
        /// First slot.
        first: u16,
        /// How many.
        count: u16,
    },
    /// Returns one value of the type that the unit's self entry returns: in a register to self calls there, boxed in the
    /// frame's first slot to others.
    ReturnValue(NodeId),
    /// Leaves to the interpreter unconditionally.
    Exit(SnapshotId),
    /// Nothing can get here.
    Unreachable,
}

impl Terminator {
    /// The targets.
    pub fn targets(&self) -> SmallVec<[&Target; 2]> {
        match self {
            Terminator::Jump(t) => SmallVec::from_slice(&[t]),
            Terminator::Branch { then, other, .. } => SmallVec::from_slice(&[then, other]),
            _ => SmallVec::new(),
        }
    }

    /// The targets, to be changed. Only arguments may be: use [`Graph::set_term`] to go elsewhere.
    fn targets_mut(&mut self) -> SmallVec<[&mut Target; 2]> {
        let mut out = SmallVec::new();
        match self {
            Terminator::Jump(t) => out.push(t),
            Terminator::Branch { then, other, .. } => {
                out.push(then);
                out.push(other);
            }
            _ => {}
        }
        out
    }

    /// All nodes it uses, block arguments included.
    pub fn uses(&self) -> Args {
        let mut out = Args::new();
        if let Terminator::Branch { cond: v, .. } | Terminator::ReturnValue(v) = self {
            out.push(*v);
        }
        for t in self.targets() {
            out.extend(t.args.iter().copied());
        }
        out
    }
}

/// A basic block.
#[derive(Clone, PartialEq, Debug)]
pub struct Block {
    /// Parameters ([`Op::Param`] nodes).
    pub params: Vec<NodeId>,
    /// Effects, in order.
    pub effects: Vec<NodeId>,
    /// How it ends.
    pub term: Terminator,
    /// Bytecode position of the block's start: where the interpreter would go on if code left here.
    pub origin: Origin,
}

/// One activation to rebuild at an exit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameState {
    /// Function.
    pub proto: ProtoId,
    /// Slot, in the unit's numbering, of the activation's `R[0]`: 0 for the unit's own frame.
    pub base: u16,
    /// Innermost frame: the instruction to execute next. Outer frames: the call in progress.
    pub pc: u32,
    /// Results of an open call (`C = 0`) just before `pc`, which the instruction at `pc` consumes: their first register and
    /// their number. The interpreter must be told where its top is.
    pub open: Option<(u8, u8)>,
}

/// What the interpreter needs to go on where compiled code leaves: slots that are not up to date in memory, and the
/// activations. All other slots are in memory as the bytecode left them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Activations, outermost first; never empty.
    pub frames: SmallVec<[FrameState; 1]>,
    /// Slots to write, each at most once, with a value of any type but pointer.
    pub writes: Vec<(u16, NodeId)>,
}

/// The activations that an instruction is executed in, outermost first: itself the last, the calls in progress before it.
pub fn activations(inlined: &[InlinedCall], at: Origin) -> SmallVec<[FrameState; 1]> {
    let call = usize::from(at.frame).checked_sub(1).and_then(|i| inlined.get(i));
    let mut frames = call.map_or_else(SmallVec::new, |c| activations(inlined, c.call));
    frames.push(FrameState { proto: at.proto, base: call.map_or(0, |c| c.base), pc: at.pc, open: None });
    frames
}

/// Someone who uses a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum User {
    /// Another node.
    Node(NodeId),
    /// A block's terminator.
    Term(BlockId),
    /// A snapshot.
    Snapshot(SnapshotId),
}

/// A unit's graph.
#[derive(Clone, Debug)]
pub struct Graph {
    cfg: StableDiGraph<Block, ()>,
    /// What follows from the edges between blocks, forgotten when one changes.
    flow: Flow,
    nodes: Vec<Node>,
    users: Vec<SmallVec<[User; 3]>>,
    snapshots: Vec<Snapshot>,
    /// Inlined calls, outer ones before the calls in them.
    pub inlined: Vec<InlinedCall>,
    /// The entry block; it has no predecessors and no parameters.
    pub entry: BlockId,
}

impl Graph {
    /// A graph with an empty entry block.
    pub fn new(origin: Origin) -> Graph {
        let mut graph = Graph {
            cfg: StableDiGraph::new(),
            flow: Flow::default(),
            nodes: Vec::new(),
            users: Vec::new(),
            snapshots: Vec::new(),
            inlined: Vec::new(),
            entry: BlockId(0),
        };
        graph.entry = graph.add_block(origin);
        graph
    }

    // ---- blocks ----

    /// Adds a block that ends in `Unreachable`.
    pub fn add_block(&mut self, origin: Origin) -> BlockId {
        let index =
            self.cfg.add_node(Block { params: Vec::new(), effects: Vec::new(), term: Terminator::Unreachable, origin });
        BlockId(index.index() as u32)
    }

    /// A block.
    pub fn block(&self, b: BlockId) -> &Block {
        &self.cfg[b.index()]
    }

    /// Is there such a block?
    pub fn has_block(&self, b: BlockId) -> bool {
        self.cfg.contains_node(b.index())
    }

    /// All blocks in order of their ids.
    pub fn blocks(&self) -> impl Iterator<Item = BlockId> + '_ {
        self.cfg.node_indices().map(|i| BlockId(i.index() as u32))
    }

    /// Ids of blocks are below this: the length of a table with a place for each.
    pub fn block_bound(&self) -> usize {
        NodeIndexable::node_bound(&self.cfg)
    }

    /// The control-flow graph, for petgraph's algorithms.
    pub fn cfg(&self) -> &StableDiGraph<Block, ()> {
        &self.cfg
    }

    /// Bytecode position of how a block ends: of the comparison that it branches on, else of the block's start.
    pub fn term_origin(&self, b: BlockId) -> Origin {
        match self.block(b).term {
            Terminator::Branch { cond, .. } => self.node(cond).origin,
            _ => self.block(b).origin,
        }
    }

    /// Sets how a block ends and keeps edges and users in step.
    pub fn set_term(&mut self, b: BlockId, term: Terminator) {
        for n in self.cfg[b.index()].term.uses() {
            self.remove_user(n, User::Term(b));
        }
        for n in term.uses() {
            self.users[n.0 as usize].push(User::Term(b));
        }
        let old = std::mem::replace(&mut self.cfg[b.index()].term, term);
        let blocks = |term: &Terminator| term.targets().iter().map(|t| t.block).collect::<SmallVec<[BlockId; 2]>>();
        let (from, to) = (blocks(&old), blocks(&self.block(b).term));
        if from == to {
            return;
        }
        while let Some(e) = self.cfg.edges(b.index()).next().map(|e| e.id()) {
            self.cfg.remove_edge(e);
        }
        for t in to {
            self.cfg.add_edge(b.index(), t.index(), ());
        }
        self.flow = Flow::default();
    }

    /// Predecessors, each once, in order of their ids.
    pub fn preds(&self, b: BlockId) -> SmallVec<[BlockId; 4]> {
        let mut out: SmallVec<[BlockId; 4]> =
            self.cfg.neighbors_directed(b.index(), Direction::Incoming).map(|i| BlockId(i.index() as u32)).collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Edges that lead to `b`; a branch with both targets here counts two.
    pub fn incoming_edges(&self, b: BlockId) -> usize {
        self.cfg.edges_directed(b.index(), Direction::Incoming).count()
    }

    /// Changes the arguments (and, edges being kept in step, the blocks) of `b`'s targets.
    pub fn edit_targets(&mut self, b: BlockId, mut edit: impl FnMut(&mut Target)) {
        let mut term = self.block(b).term.clone();
        for t in term.targets_mut() {
            edit(t);
        }
        self.set_term(b, term);
    }

    /// Successors, each once, first target first.
    pub fn succs(&self, b: BlockId) -> SmallVec<[BlockId; 2]> {
        let mut out = SmallVec::new();
        for t in self.block(b).term.targets() {
            if !out.contains(&t.block) {
                out.push(t.block);
            }
        }
        out
    }

    /// Removes blocks that cannot be reached, with their effects. Returns how many.
    pub fn remove_unreachable(&mut self) -> usize {
        let reachable = self.reverse_postorder();
        let mut is_dead = vec![true; self.block_bound()];
        for b in reachable {
            is_dead[b.0 as usize] = false;
        }
        let dead: Vec<BlockId> = self.blocks().filter(|b| is_dead[b.0 as usize]).collect();
        for &b in &dead {
            self.set_term(b, Terminator::Unreachable);
            for n in std::mem::take(&mut self.cfg[b.index()].effects) {
                self.detach(n);
            }
        }
        for &b in &dead {
            self.cfg.remove_node(b.index());
        }
        dead.len()
    }

    /// Ends a block behind its first `at` effects: the others and the terminator move to a new block, with this origin, that
    /// it jumps to.
    pub fn split_block(&mut self, b: BlockId, at: usize, origin: Origin) -> BlockId {
        let rest = self.add_block(origin);
        let moved = self.cfg[b.index()].effects.split_off(at);
        for &n in &moved {
            self.nodes[n.0 as usize].block = Some(rest);
        }
        self.cfg[rest.index()].effects = moved;
        let term = self.block(b).term.clone();
        self.set_term(b, Terminator::Jump(Target::new(rest)));
        self.set_term(rest, term);
        rest
    }

    /// Appends the only successor of a block to it, if the block is the only predecessor of that and jumps there.
    pub fn merge_successor(&mut self, b: BlockId) -> bool {
        let Terminator::Jump(target) = self.block(b).term.clone() else { return false };
        let next = target.block;
        if next == b || next == self.entry || self.incoming_edges(next) != 1 {
            return false;
        }
        let params = std::mem::take(&mut self.cfg[next.index()].params);
        for (&p, &a) in params.iter().zip(&target.args) {
            self.replace_uses(p, a);
            self.nodes[p.0 as usize].block = None;
        }
        let term = self.block(next).term.clone();
        self.set_term(next, Terminator::Unreachable);
        self.set_term(b, term);
        let moved = std::mem::take(&mut self.cfg[next.index()].effects);
        for &n in &moved {
            self.nodes[n.0 as usize].block = Some(b);
        }
        self.cfg[b.index()].effects.extend(moved);
        self.cfg.remove_node(next.index());
        true
    }

    /// Puts an empty block on the edge to the `which`-th target of `from`'s terminator and returns it. The arguments move
    /// to the new block's jump.
    pub fn split_edge(&mut self, from: BlockId, which: usize) -> BlockId {
        let origin = self.block(from).origin;
        let middle = self.add_block(origin);
        let mut term = self.block(from).term.clone();
        let old = {
            let mut targets = term.targets_mut();
            std::mem::replace(&mut *targets[which], Target::new(middle))
        };
        self.set_term(from, term);
        self.set_term(middle, Terminator::Jump(old));
        middle
    }

    // ---- nodes ----

    /// A node.
    pub fn node(&self, n: NodeId) -> &Node {
        &self.nodes[n.0 as usize]
    }

    /// How many nodes there ever were; ids are below this.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Who uses `n` (someone who uses it twice is listed twice).
    pub fn users(&self, n: NodeId) -> &[User] {
        &self.users[n.0 as usize]
    }

    fn add_node(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        for &a in &node.args {
            self.users[a.0 as usize].push(User::Node(id));
        }
        self.nodes.push(node);
        self.users.push(SmallVec::new());
        id
    }

    /// Adds a pure node.
    pub fn pure(&mut self, op: Op, args: &[NodeId], ty: Type, origin: Origin) -> NodeId {
        debug_assert!(op.is_pure() && op != Op::Param, "{op:?} is not pure");
        self.add_node(Node { op, args: args.into(), ty: Some(ty), snapshot: None, pin: None, block: None, origin })
    }

    /// Adds a parameter to a block; the predecessors' terminators must be given the argument.
    pub fn add_param(&mut self, b: BlockId, ty: Type, pin: Option<Pin>, origin: Origin) -> NodeId {
        let id = self.add_node(Node {
            op: Op::Param,
            args: Args::new(),
            ty: Some(ty),
            snapshot: None,
            pin,
            block: Some(b),
            origin,
        });
        self.cfg[b.index()].params.push(id);
        id
    }

    /// Replaces the parameters of a block with one predecessor by what that passes.
    ///
    /// # Panics
    /// If the block has another number of incoming edges than one, or gets too few arguments.
    pub fn inline_params(&mut self, b: BlockId) {
        assert_eq!(self.incoming_edges(b), 1, "{b} must have one incoming edge");
        let pred = self.preds(b)[0];
        let passed = self.block(pred).term.targets().iter().find(|t| t.block == b).map(|t| t.args.clone());
        let params = std::mem::take(&mut self.cfg[b.index()].params);
        for (p, a) in params.into_iter().zip(passed.unwrap_or_default()) {
            self.replace_uses(p, a);
            self.nodes[p.0 as usize].block = None;
        }
        self.edit_targets(pred, |t| {
            if t.block == b {
                t.args.clear();
            }
        });
    }

    /// Removes a block's parameter, which must have no users left, and what the predecessors pass for it.
    ///
    /// # Panics
    /// If the block has no such parameter.
    pub fn remove_param(&mut self, b: BlockId, param: NodeId) {
        let index = self.block(b).params.iter().position(|&p| p == param).expect("a parameter of the block");
        for pred in self.preds(b) {
            self.edit_targets(pred, |t| {
                if t.block == b {
                    t.args.remove(index);
                }
            });
        }
        self.cfg[b.index()].params.remove(index);
        self.nodes[param.0 as usize].block = None;
    }

    /// Makes an effect node that is in no block yet, for [`Graph::insert_effect`].
    fn effect_node(
        &mut self,
        op: Op,
        args: &[NodeId],
        ty: Option<Type>,
        snapshot: Option<SnapshotId>,
        origin: Origin,
    ) -> NodeId {
        debug_assert!(op.is_effect(), "{op:?} is not an effect");
        self.add_node(Node { op, args: args.into(), ty, snapshot, pin: None, block: None, origin })
    }

    /// Appends an effect to a block.
    pub fn effect(
        &mut self,
        b: BlockId,
        op: Op,
        args: &[NodeId],
        ty: Option<Type>,
        snapshot: Option<SnapshotId>,
        origin: Origin,
    ) -> NodeId {
        let at = self.block(b).effects.len();
        self.insert_effect(b, at, op, args, ty, snapshot, origin)
    }

    /// Inserts an effect at position `at` of a block's effects.
    #[allow(clippy::too_many_arguments)] // each is a part of the node; a struct would only rename them
    pub fn insert_effect(
        &mut self,
        b: BlockId,
        at: usize,
        op: Op,
        args: &[NodeId],
        ty: Option<Type>,
        snapshot: Option<SnapshotId>,
        origin: Origin,
    ) -> NodeId {
        let id = self.effect_node(op, args, ty, snapshot, origin);
        self.nodes[id.0 as usize].block = Some(b);
        self.cfg[b.index()].effects.insert(at, id);
        id
    }

    /// Takes an effect out of its block. Its result must have no users left.
    pub fn remove_effect(&mut self, n: NodeId) {
        if let Some(b) = self.nodes[n.0 as usize].block {
            self.cfg[b.index()].effects.retain(|&e| e != n);
        }
        self.detach(n);
    }

    /// Ends a removed node's uses of others. Its snapshot goes with it.
    fn detach(&mut self, n: NodeId) {
        let node = &mut self.nodes[n.0 as usize];
        node.block = None;
        let args = std::mem::take(&mut node.args);
        let snapshot = node.snapshot.take();
        for a in args {
            self.remove_user(a, User::Node(n));
        }
        if let Some(s) = snapshot {
            self.set_snapshot_writes(s, Vec::new());
        }
    }

    fn remove_user(&mut self, n: NodeId, user: User) {
        let users = &mut self.users[n.0 as usize];
        if let Some(i) = users.iter().position(|&u| u == user) {
            users.swap_remove(i);
        }
    }

    /// Changes a node's operation and arguments in place; type, block and snapshot stay.
    pub fn rewrite(&mut self, n: NodeId, op: Op, args: &[NodeId]) {
        debug_assert_eq!(op.is_effect(), self.node(n).op.is_effect());
        for a in std::mem::take(&mut self.nodes[n.0 as usize].args) {
            self.remove_user(a, User::Node(n));
        }
        for &a in args {
            self.users[a.0 as usize].push(User::Node(n));
        }
        let node = &mut self.nodes[n.0 as usize];
        node.op = op;
        node.args = args.into();
    }

    /// Sets the register that a block parameter lives in.
    pub fn set_pin(&mut self, n: NodeId, pin: Option<Pin>) {
        self.nodes[n.0 as usize].pin = pin;
    }

    /// Makes every user of `old` use `new` instead.
    pub fn replace_uses(&mut self, old: NodeId, new: NodeId) {
        self.replace_uses_by(old, new, |_, _| true);
    }

    /// Makes those users of `old` that are chosen use `new` instead.
    pub fn replace_uses_by(&mut self, old: NodeId, new: NodeId, mut choose: impl FnMut(&Graph, User) -> bool) {
        if old == new {
            return;
        }
        let users = std::mem::take(&mut self.users[old.0 as usize]);
        let (chosen, kept): (SmallVec<[User; 3]>, SmallVec<[User; 3]>) =
            users.into_iter().partition(|&u| choose(self, u));
        self.users[old.0 as usize] = kept;
        for user in chosen {
            match user {
                User::Node(n) => replace(&mut self.nodes[n.0 as usize].args, old, new),
                User::Term(b) => {
                    let term = &mut self.cfg[b.index()].term;
                    if let Terminator::Branch { cond: v, .. } | Terminator::ReturnValue(v) = term
                        && *v == old
                    {
                        *v = new;
                    }
                    for t in term.targets_mut() {
                        replace(&mut t.args, old, new);
                    }
                }
                User::Snapshot(s) => {
                    for (_, v) in &mut self.snapshots[s.0 as usize].writes {
                        if *v == old {
                            *v = new;
                        }
                    }
                }
            }
            self.users[new.0 as usize].push(user);
        }
    }

    // ---- activations ----

    /// Slot of the `R[0]` of an activation.
    pub fn frame_base(&self, frame: u16) -> u16 {
        self.inlined_frame(frame).map_or(0, |c| c.base)
    }

    /// The inlined call that an activation is of; none for the unit's own.
    pub fn inlined_frame(&self, frame: u16) -> Option<&InlinedCall> {
        self.inlined.get(usize::from(frame).checked_sub(1)?)
    }

    /// How many activations of the unit lie outside of this one.
    pub fn nesting(&self, frame: u16) -> u8 {
        self.inlined_frame(frame).map_or(0, |c| self.nesting(c.call.frame) + 1)
    }

    /// The activations, outermost first, for going on at an instruction.
    pub fn frames_at(&self, at: Origin, open: Option<(u8, u8)>) -> SmallVec<[FrameState; 1]> {
        let mut frames = activations(&self.inlined, at);
        if let Some(innermost) = frames.last_mut() {
            innermost.open = open;
        }
        frames
    }

    // ---- snapshots ----

    /// Adds a snapshot.
    pub fn add_snapshot(&mut self, snapshot: Snapshot) -> SnapshotId {
        let id = SnapshotId(self.snapshots.len() as u32);
        for &(_, v) in &snapshot.writes {
            self.users[v.0 as usize].push(User::Snapshot(id));
        }
        self.snapshots.push(snapshot);
        id
    }

    /// A snapshot.
    pub fn snapshot(&self, s: SnapshotId) -> &Snapshot {
        &self.snapshots[s.0 as usize]
    }

    /// How many snapshots there ever were; ids are below this.
    pub fn snapshot_count(&self) -> usize {
        self.snapshots.len()
    }

    /// Replaces a snapshot's writes.
    pub fn set_snapshot_writes(&mut self, s: SnapshotId, writes: Vec<(u16, NodeId)>) {
        let old = std::mem::take(&mut self.snapshots[s.0 as usize].writes);
        for (_, v) in old {
            self.remove_user(v, User::Snapshot(s));
        }
        for &(_, v) in &writes {
            self.users[v.0 as usize].push(User::Snapshot(s));
        }
        self.snapshots[s.0 as usize].writes = writes;
    }

    /// The snapshots in use, with the node or block that leaves through each, in reverse postorder.
    pub fn live_snapshots(&self) -> Vec<(SnapshotId, User)> {
        let mut out = Vec::new();
        for b in self.reverse_postorder() {
            for &n in &self.block(b).effects {
                if let Some(s) = self.node(n).snapshot {
                    out.push((s, User::Node(n)));
                }
            }
            if let Terminator::Exit(s) = self.block(b).term {
                out.push((s, User::Term(b)));
            }
        }
        out
    }
}

fn replace(args: &mut Args, old: NodeId, new: NodeId) {
    for a in args {
        if *a == old {
            *a = new;
        }
    }
}
