//! Which store the memory of each frame slot comes from.
//!
//! A forward must-analysis over whole paths: at a point, a slot has a *reaching store* if its memory was written by that one
//! store on every path to the point, and by nothing else since. The value of that store dominates the point, so it may be
//! used there in place of the memory.

use gsx_ir::effects::may_write;
use gsx_ir::{BlockId, NodeId, Op, SmallMap, Type, Unit};

use crate::PassContext;

/// Slots with a reaching store; the others come from several, or from elsewhere.
pub type Reaching = SmallMap<u16, NodeId>;

/// The reaching stores at the end of every block.
pub struct ReachingStores {
    /// By block; none for those that were not visited.
    at_end: Vec<Option<Reaching>>,
}

impl ReachingStores {
    /// Solves the analysis. `forget` is called behind every operation that may run other code, and may drop stores.
    pub fn new(unit: &Unit, order: &[BlockId], forget: &dyn Fn(&Unit, NodeId, &mut Reaching)) -> ReachingStores {
        let mut stores = ReachingStores { at_end: vec![None; unit.graph.block_bound()] };
        // Optimistic: an unvisited predecessor does not count. The maps only shrink, so this ends.
        loop {
            let mut changed = false;
            for &b in order {
                let mut state = stores.at_start(unit, b);
                for &n in &unit.graph.block(b).effects {
                    transfer(unit, n, &mut state, forget);
                }
                let end = &mut stores.at_end[b.0 as usize];
                if end.as_ref() != Some(&state) {
                    *end = Some(state);
                    changed = true;
                }
            }
            if !changed || unit.graph.is_acyclic() {
                return stores;
            }
        }
    }

    /// The reaching stores at the start of a block. Nothing is known where the unit is entered.
    pub fn at_start(&self, unit: &Unit, b: BlockId) -> Reaching {
        let is_self_entry = unit.self_entry.as_ref().is_some_and(|e| e.block == b);
        if b == unit.graph.entry || is_self_entry {
            return Reaching::new();
        }
        let mut meet: Option<Reaching> = None;
        for pred in unit.graph.preds(b) {
            let Some(end) = self.at_end(pred) else { continue };
            match &mut meet {
                None => meet = Some(end.clone()),
                Some(m) => m.retain(|slot, store| end.get(slot) == Some(store)),
            }
        }
        meet.unwrap_or_default()
    }

    /// The reaching stores at the end of a block.
    pub fn at_end(&self, b: BlockId) -> Option<&Reaching> {
        self.at_end.get(b.0 as usize)?.as_ref()
    }
}

/// Brings the state from before effect `n` to behind it.
pub fn transfer(unit: &Unit, n: NodeId, state: &mut Reaching, forget: &dyn Fn(&Unit, NodeId, &mut Reaching)) {
    match unit.graph.node(n).op {
        Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) if unit.shared.contains(slot) => {
            state.remove(&slot);
        }
        Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) => {
            state.insert(slot, n);
        }
        op => {
            for slot in may_write(unit, n).iter() {
                state.remove(&slot);
            }
            if op.may_run_code() {
                forget(unit, n, state);
            }
        }
    }
}

/// For [`ReachingStores::new`]: drops nothing.
pub fn keep_all(_: &Unit, _: NodeId, _: &mut Reaching) {}

/// Replaces loads by the values of their reaching stores, where `wanted` says so of the store. Returns how many loads went.
pub fn forward(unit: &mut Unit, cx: &mut PassContext, wanted: &dyn Fn(&Unit, NodeId) -> bool) -> u64 {
    let order = unit.graph.reverse_postorder();
    let stores = ReachingStores::new(unit, &order, &keep_all);
    let mut found = Vec::new();
    for &b in &order {
        let mut state = stores.at_start(unit, b);
        for &n in &unit.graph.block(b).effects {
            if let Op::SlotLoad(slot, ty) = unit.graph.node(n).op
                && let Some(&store) = state.get(&slot)
                && wanted(unit, store)
            {
                found.push((n, ty, store));
            }
            transfer(unit, n, &mut state, &keep_all);
        }
    }
    let mut forwarded = 0;
    for (load, ty, store) in found {
        let value = unit.graph.node(store).args[0];
        let origin = unit.graph.node(load).origin;
        let new = match (unit.graph.node(value).ty, ty) {
            (Some(have), want) if have == want => value,
            (Some(Type::Int | Type::Float | Type::Bool), Type::Boxed) => {
                unit.graph.pure(Op::Box, &[value], Type::Boxed, origin)
            }
            // The tag was proved where the load was made a typed one.
            (Some(Type::Boxed), want) => unit.graph.pure(Op::Unbox(want), &[value], want, origin),
            _ => continue,
        };
        if !cx.permits(|| format!("load {load} becomes {new}")) {
            continue;
        }
        unit.graph.replace_uses(load, new);
        unit.graph.remove_effect(load);
        forwarded += 1;
    }
    forwarded
}
