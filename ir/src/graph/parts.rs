//! Graphs made of finished parts.

use gscript::bytecode::ProtoId;
use petgraph::stable_graph::StableDiGraph;
use smallvec::SmallVec;

use super::{Block, BlockId, Flow, Graph, Node, NodeId, Origin, Snapshot, Terminator, User};

impl Graph {
    /// A graph from its parts, as a parser has them; users and edges are derived. Nodes, blocks and snapshots get their
    /// index as id; `None` is the id of a removed block. Nothing else is checked: that is the verifier's work.
    ///
    /// # Panics
    /// If an id is out of range, or a terminator or the entry names a removed block.
    pub fn from_parts(nodes: Vec<Node>, blocks: Vec<Option<Block>>, snapshots: Vec<Snapshot>, entry: BlockId) -> Graph {
        let mut graph = Graph {
            cfg: StableDiGraph::new(),
            flow: Flow::default(),
            users: vec![SmallVec::new(); nodes.len()],
            nodes,
            snapshots: Vec::new(),
            inlined: Vec::new(),
            entry,
        };
        for i in 0..graph.nodes.len() {
            for a in graph.nodes[i].args.clone() {
                graph.users[a.0 as usize].push(User::Node(NodeId(i as u32)));
            }
        }
        for s in snapshots {
            graph.add_snapshot(s);
        }
        let mut removed = Vec::new();
        let mut terms = Vec::new();
        for block in blocks {
            let index = match block {
                Some(mut block) => {
                    let term = std::mem::replace(&mut block.term, Terminator::Unreachable);
                    let index = graph.cfg.add_node(block);
                    terms.push((BlockId(index.index() as u32), term));
                    continue;
                }
                None => graph.cfg.add_node(Block {
                    params: Vec::new(),
                    effects: Vec::new(),
                    term: Terminator::Unreachable,
                    origin: Origin::new(ProtoId::MAIN, 0),
                }),
            };
            removed.push(index);
        }
        for index in removed {
            graph.cfg.remove_node(index);
        }
        assert!(graph.has_block(entry), "the entry block is missing");
        for (b, term) in terms {
            graph.set_term(b, term);
        }
        graph
    }
}

/// Ways to break a graph, for the verifier's tests.
#[cfg(test)]
impl Graph {
    pub(crate) fn users_mut(&mut self, n: NodeId) -> &mut SmallVec<[User; 3]> {
        &mut self.users[n.0 as usize]
    }

    pub(crate) fn term_mut(&mut self, b: BlockId) -> &mut Terminator {
        &mut self.cfg[b.index()].term
    }
}
