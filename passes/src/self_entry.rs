//! Makes the entry for self calls, which several passes use: a block that such calls come in at, behind the checks of the
//! unit's entry.

use std::collections::BTreeMap;

use gscript::value::{Tag, Value};
use gsx_ir::graph::{Graph, Origin, Target, Terminator, User};
use gsx_ir::op::{CallKind, Op, Type};
use gsx_ir::unit::{KnownFunction, SelfArgs, SelfEntry};
use gsx_ir::{BlockId, NodeId, Unit};

use crate::PassContext;
use crate::support::{counted, is_memory_right_at, resume_at};

/// Parameters that are passed in registers: as many as there are registers for boxed ones.
const MOST_PARAMS: u8 = 7;

/// Why there can be no self entry.
pub type Refusal = String;

/// The calls of the function itself that have been proved to be that, in order of blocks.
pub fn self_calls(graph: &Graph) -> Vec<NodeId> {
    let mut out = Vec::new();
    for b in graph.reverse_postorder() {
        let is_self = |n: &NodeId| matches!(graph.node(*n).op, Op::Call { kind: CallKind::SelfCall, .. });
        out.extend(graph.block(b).effects.iter().copied().filter(is_self));
    }
    out
}

/// The one global that holds the function itself.
fn own_global(unit: &Unit) -> Option<KnownFunction> {
    let mut own = unit.functions.iter().filter(|f| f.proto == unit.proto);
    match (own.next(), own.next()) {
        (Some(f), None) => Some(*f),
        _ => None,
    }
}

/// Is the function whose self call this is known to be the closure that the self entry is for? A guard of the global that
/// holds it, before the call in its block, says so.
fn calls_known_closure(unit: &Unit, call: NodeId, f: &KnownFunction) -> bool {
    let graph = &unit.graph;
    let node = graph.node(call);
    // The callee is what the global held when it was guarded, as a constant.
    node.args.first().is_some_and(|&callee| graph.node(callee).op == Op::BoxedConst(f.value()))
}

/// Makes a self entry if there is none. `in_registers`: the parameters are passed as values, else in the callee's frame.
///
/// # Errors
/// Why there can be none.
pub fn establish(unit: &mut Unit, in_registers: bool) -> Result<(), Refusal> {
    if unit.self_entry.is_some() {
        return Ok(());
    }
    if unit.region.is_some() {
        return Err("the unit is a loop, which nothing calls".into());
    }
    let Some(f) = own_global(unit) else { return Err("no single global holds the function itself".into()) };
    let nparams = unit.bytecode().nparams;
    if in_registers && nparams > MOST_PARAMS {
        return Err(format!("more than {MOST_PARAMS} parameters"));
    }
    if !unit.shared.is_empty() {
        return Err("an inner function captures variables of it".into());
    }
    let entry = Entry::of(unit, nparams)?;
    let needs_header = !in_registers
        || unit.graph.blocks().any(|b| {
            let effects = &unit.graph.block(b).effects;
            effects.iter().any(|&n| reads_header(&unit.graph, n))
        });
    let block = if in_registers { entry.with_params(unit) } else { entry.in_memory(unit) };
    let args = if in_registers { SelfArgs::Params((0..u16::from(nparams)).collect()) } else { SelfArgs::Memory };
    unit.self_entry = Some(SelfEntry { block, closure: f.closure, args, header: needs_header, result: None });
    Ok(())
}

/// Does an effect look at the function value in the frame's header?
fn reads_header(graph: &Graph, n: NodeId) -> bool {
    matches!(
        graph.node(n).op,
        Op::Callee | Op::UpvalLoad(_) | Op::UpvalStore(_) | Op::CloseFrame | Op::Step | Op::HostCompare { .. }
    )
}

/// What the entry block does, as far as the self entry can take it over.
struct Entry {
    entry: BlockId,
    target: Target,
    origin: Origin,
    /// By parameter: the type that the entry guards it to have.
    types: Vec<Option<Type>>,
    /// By argument of the jump: the parameter that it is the value of.
    passed: Vec<u16>,
    /// Guards that are not about parameters.
    guards: Vec<NodeId>,
}

impl Entry {
    /// Looks at the entry block.
    fn of(unit: &Unit, nparams: u8) -> Result<Entry, Refusal> {
        let graph = &unit.graph;
        let entry = graph.entry;
        let Terminator::Jump(target) = &graph.block(entry).term else {
            return Err("the entry block does not end in a jump".into());
        };
        let mut types = vec![None; usize::from(nparams)];
        let mut guards = Vec::new();
        for &n in &graph.block(entry).effects {
            let node = graph.node(n);
            match node.op {
                Op::SlotLoad(slot, _) if slot < u16::from(nparams) => {}
                Op::GuardTag(tag) => {
                    let load = graph.node(node.args[0]).op;
                    match load {
                        Op::SlotLoad(slot, _) if usize::from(slot) < types.len() => {
                            types[usize::from(slot)] = Type::of_tag(tag);
                        }
                        _ => return Err("the entry checks something that is no parameter".into()),
                    }
                }
                Op::GuardGlobal(..) | Op::GuardDepth(_) => guards.push(n),
                _ => return Err("the entry block does more than check parameters".into()),
            }
        }
        let passed = target.args.iter().map(|&a| parameter_value(graph, a, &types)).collect::<Option<Vec<_>>>();
        let Some(passed) = passed else { return Err("the entry block computes values".into()) };
        let origin = graph.block(target.block).origin;
        let this = Entry { entry, target: target.clone(), origin, types, passed, guards };
        this.check_values(graph)?;
        Ok(this)
    }

    /// Nothing that the entry block computes may be used behind it but through the jump.
    fn check_values(&self, graph: &Graph) -> Result<(), Refusal> {
        let effects = &graph.block(self.entry).effects;
        let own: Vec<_> = effects.iter().filter_map(|&n| graph.node(n).snapshot).collect();
        let mut work = effects.clone();
        while let Some(v) = work.pop() {
            for user in graph.users(v) {
                let inside = match *user {
                    User::Node(m) if graph.node(m).op.is_pure() => {
                        work.push(m);
                        true
                    }
                    User::Node(m) => graph.node(m).block == Some(self.entry),
                    User::Term(b) => b == self.entry,
                    User::Snapshot(s) => own.contains(&s),
                };
                if !inside {
                    return Err("a value of the entry block is used behind it".into());
                }
            }
        }
        Ok(())
    }

    /// Type in which a parameter is passed.
    fn ty(&self, slot: u16) -> Type {
        self.types[usize::from(slot)].unwrap_or(Type::Boxed)
    }

    /// The value of a parameter in the entry block.
    fn value_in_entry(&self, unit: &mut Unit, slot: u16) -> NodeId {
        let graph = &mut unit.graph;
        let loads = graph.block(self.entry).effects.clone();
        let load = loads.into_iter().find(|&n| graph.node(n).op == Op::SlotLoad(slot, Type::Boxed));
        let load = load.unwrap_or_else(|| {
            graph.effect(self.entry, Op::SlotLoad(slot, Type::Boxed), &[], Some(Type::Boxed), None, self.origin)
        });
        match self.ty(slot) {
            Type::Boxed => load,
            ty => graph.pure(Op::Unbox(ty), &[load], ty, self.origin),
        }
    }

    /// The self entry with a block parameter for each parameter.
    fn with_params(&self, unit: &mut Unit) -> BlockId {
        let block = unit.graph.add_block(self.origin);
        let mut to_block = Target::new(block);
        let mut params = Vec::new();
        for slot in 0..self.types.len() as u16 {
            let value = self.value_in_entry(unit, slot);
            to_block.args.push(value);
            // A parameter that lives in a register from here on arrives in it.
            let passed_on = self.passed.iter().position(|&s| s == slot);
            let header = unit.graph.block(self.target.block);
            let pin = passed_on.and_then(|i| unit.graph.node(header.params[i]).pin);
            params.push(unit.graph.add_param(block, self.ty(slot), pin, self.origin));
        }
        for (slot, &p) in params.iter().enumerate() {
            unit.graph.effect(block, Op::SlotStore(slot as u16), &[p], None, None, self.origin);
        }
        self.move_guards(unit, block);
        let mut onwards = Target::new(self.target.block);
        for (i, &slot) in self.passed.iter().enumerate() {
            let p = params[usize::from(slot)];
            let wanted = unit.graph.block(self.target.block).params[i];
            let wanted = unit.graph.node(wanted).ty;
            onwards.args.push(match (unit.graph.node(p).ty, wanted) {
                (Some(Type::Boxed), Some(ty)) if ty != Type::Boxed => {
                    unit.graph.pure(Op::Unbox(ty), &[p], ty, self.origin)
                }
                (Some(have), Some(Type::Boxed)) if have != Type::Boxed => {
                    unit.graph.pure(Op::Box, &[p], Type::Boxed, self.origin)
                }
                _ => p,
            });
        }
        unit.graph.set_term(self.entry, Terminator::Jump(to_block));
        unit.graph.set_term(block, Terminator::Jump(onwards));
        // One value for each parameter, not one here and another there.
        if unit.graph.incoming_edges(self.target.block) == 1 {
            unit.graph.inline_params(self.target.block);
        }
        block
    }

    /// The self entry with its arguments in the frame.
    fn in_memory(&self, unit: &mut Unit) -> BlockId {
        let block = unit.graph.add_block(self.origin);
        self.move_guards(unit, block);
        let mut onwards = Target::new(self.target.block);
        for (i, &slot) in self.passed.iter().enumerate() {
            let wanted = unit.graph.block(self.target.block).params[i];
            let ty = unit.graph.node(wanted).ty.unwrap_or(Type::Boxed);
            onwards.args.push(unit.graph.effect(block, Op::SlotLoad(slot, ty), &[], Some(ty), None, self.origin));
        }
        unit.graph.set_term(self.entry, Terminator::Jump(Target::new(block)));
        unit.graph.set_term(block, Terminator::Jump(onwards));
        block
    }

    /// Guards that self calls must pass, too, move to the block that these come in at.
    fn move_guards(&self, unit: &mut Unit, block: BlockId) {
        for &n in &self.guards {
            let node = unit.graph.node(n).clone();
            let snapshot = resume_at(&mut unit.graph, self.origin);
            unit.graph.effect(block, node.op, &node.args, None, Some(snapshot), node.origin);
            unit.graph.remove_effect(n);
        }
    }
}

/// The parameter whose value `v` is, boxed or unboxed as the entry guards it.
fn parameter_value(graph: &Graph, v: NodeId, types: &[Option<Type>]) -> Option<u16> {
    let node = graph.node(v);
    match node.op {
        Op::SlotLoad(slot, _) if usize::from(slot) < types.len() => Some(slot),
        Op::Unbox(ty) => {
            let slot = parameter_value(graph, node.args[0], types)?;
            (types[usize::from(slot)] == Some(ty)).then_some(slot)
        }
        _ => None,
    }
}

/// The types that calls at the self entry must give each parameter; boxed where any will do.
pub fn parameter_types(unit: &Unit) -> Vec<Type> {
    let Some(entry) = &unit.self_entry else { return Vec::new() };
    let nparams = usize::from(unit.bytecode().nparams);
    match entry.args {
        SelfArgs::Params(_) => {
            let params = &unit.graph.block(entry.block).params;
            params.iter().map(|&p| unit.graph.node(p).ty.unwrap_or(Type::Boxed)).collect()
        }
        SelfArgs::Memory => {
            let types = Entry::of(unit, nparams as u8).map(|e| e.types).unwrap_or_default();
            (0..nparams).map(|i| types.get(i).copied().flatten().unwrap_or(Type::Boxed)).collect()
        }
    }
}

/// Lets a self call come in at the self entry, with its arguments guarded to have the types that this wants. Gives the new
/// call, or why it stays as it is.
pub fn redirect(unit: &mut Unit, cx: &mut PassContext, call: NodeId) -> Result<NodeId, Refusal> {
    let (Some(f), Some(entry)) = (own_global(unit), unit.self_entry.clone()) else {
        return Err("there is no self entry".into());
    };
    if !calls_known_closure(unit, call, &f) {
        return Err("the callee is not known to be the function itself".into());
    }
    let node = unit.graph.node(call).clone();
    let (Op::Call { a, nargs, results, .. }, Some(block), Some(snapshot)) = (node.op, node.block, node.snapshot) else {
        return Err("it is no call".into());
    };
    let types = parameter_types(unit);
    if usize::from(nargs) < types.len() {
        return Err("it passes fewer arguments than there are parameters".into());
    }
    for (i, &ty) in types.iter().enumerate() {
        let have = unit.graph.node(node.args[i + 1]).ty;
        if ty != Type::Boxed && have != Some(Type::Boxed) && have != Some(ty) {
            return Err(format!("argument {} is no {ty}", i + 1));
        }
    }
    if !cx.permits(|| format!("self call {call} skips the entry's checks")) {
        return Err("the limit of rewrites is reached".into());
    }
    let mut args = node.args.clone();
    for (i, &ty) in types.iter().enumerate() {
        let given = args[i + 1];
        let have = unit.graph.node(given).ty.unwrap_or(Type::Boxed);
        if have == ty {
            continue;
        }
        if ty == Type::Boxed {
            if matches!(entry.args, SelfArgs::Params(_)) {
                args[i + 1] = unit.graph.pure(Op::Box, &[given], Type::Boxed, node.origin);
            }
            continue;
        }
        let copy = unit.graph.snapshot(snapshot).clone();
        let copy = unit.graph.add_snapshot(copy);
        let at = position(&unit.graph, block, call);
        let tag = ty.tag().unwrap_or(Tag::Nil);
        unit.graph.insert_effect(block, at, Op::GuardTag(tag), &[given], None, Some(copy), node.origin);
        args[i + 1] = unit.graph.pure(Op::Unbox(ty), &[given], ty, node.origin);
    }
    unit.graph.rewrite(call, Op::Call { a, nargs, results, kind: CallKind::SelfEntry }, &args);
    // Where results are returned in a register, a call whose result is a value takes it from there.
    Ok(entry.result.map_or(call, |ty| retype(unit, call, ty)))
}

/// A call at the self entry whose result is a value gives it without its tag. Gives the new call.
pub fn retype(unit: &mut Unit, call: NodeId, ty: Type) -> NodeId {
    let node = unit.graph.node(call).clone();
    let (Op::Call { results, .. }, Some(block)) = (node.op, node.block) else { return call };
    if !results.is_value() {
        return call;
    }
    if node.ty == Some(ty) {
        return call;
    }
    let graph = &mut unit.graph;
    let snapshot = node.snapshot.map(|s| graph.snapshot(s).clone());
    let snapshot = snapshot.map(|s| graph.add_snapshot(s));
    let at = position(graph, block, call);
    let typed = graph.insert_effect(block, at, node.op, &node.args, Some(ty), snapshot, node.origin);
    let boxed = graph.pure(Op::Box, &[typed], Type::Boxed, node.origin);
    graph.replace_uses(call, boxed);
    graph.remove_effect(call);
    typed
}

/// Position of an effect in its block.
pub fn position(graph: &Graph, block: BlockId, n: NodeId) -> usize {
    graph.block(block).effects.iter().position(|&e| e == n).unwrap_or(0)
}

/// The function itself as a constant, if a global holds it.
pub fn own_value(unit: &Unit) -> Option<(u32, Value)> {
    own_global(unit).map(|f| (f.global, f.value()))
}

/// A self call is guarded: the global holds the function. What it calls may rely on that, until something could have
/// changed the global. So the entry guards it, too, for the others who come in, and guards go that find it unchanged.
/// Gives how many.
pub fn guard_at_entry(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let (Some(f), Some(entry)) = (own_global(unit), unit.self_entry.clone()) else { return 0 };
    let guard = Op::GuardGlobal(f.global, f.value());
    let Some((needless, unproved)) = needless_guards(unit, guard, entry.block) else { return 0 };
    if needless.len() <= unproved.len() || !is_memory_right_at(unit, unit.graph.block(entry.block).origin) {
        return 0;
    }
    if !cx.permits(|| format!("the entry guards global {} for {}", f.global, counted(needless.len() as u64, "guard"))) {
        return 0;
    }
    let origin = unit.graph.block(entry.block).origin;
    let snapshot = resume_at(&mut unit.graph, origin);
    unit.graph.effect(unit.graph.entry, guard, &[], None, Some(snapshot), origin);
    for &call in &unproved {
        let node = unit.graph.node(call).clone();
        let (Some(block), Some(snapshot)) = (node.block, node.snapshot) else { continue };
        let copy = unit.graph.snapshot(snapshot).clone();
        let copy = unit.graph.add_snapshot(copy);
        let at = position(&unit.graph, block, call);
        unit.graph.insert_effect(block, at, guard, &[], None, Some(copy), node.origin);
    }
    for &n in &needless {
        unit.graph.remove_effect(n);
    }
    (needless.len() - unproved.len()) as u64
}

/// The guards that are needless if the global is known to hold the function at the self entry, and the self calls that
/// would then come in there without its being known: they must guard it themselves.
fn needless_guards(unit: &Unit, guard: Op, at: BlockId) -> Option<(Vec<NodeId>, Vec<NodeId>)> {
    let graph = &unit.graph;
    let order = graph.reverse_postorder();
    let Op::GuardGlobal(global, _) = guard else { return None };
    let behind = |n: NodeId, known: bool| match graph.node(n).op {
        op if op == guard => true,
        Op::GlobalStore(g) if g == global => false,
        op if op.may_run_code() => false,
        _ => known,
    };
    // By block: is it known at the end? Optimistic, so that loops that change nothing keep it.
    let mut at_end: BTreeMap<BlockId, bool> = BTreeMap::new();
    let at_start = |b: BlockId, at_end: &BTreeMap<BlockId, bool>| {
        b == at || b != graph.entry && graph.preds(b).iter().all(|p| at_end.get(p).copied().unwrap_or(true))
    };
    loop {
        let mut changed = false;
        for &b in &order {
            let end = graph.block(b).effects.iter().fold(at_start(b, &at_end), |known, &n| behind(n, known));
            changed |= at_end.insert(b, end) != Some(end);
        }
        if !changed {
            break;
        }
    }
    let (mut needless, mut unproved) = (Vec::new(), Vec::new());
    for &b in &order {
        let mut known = at_start(b, &at_end);
        for &n in &graph.block(b).effects {
            match graph.node(n).op {
                op if op == guard && known => needless.push(n),
                Op::Call { kind: CallKind::SelfEntry, .. } if !known => unproved.push(n),
                _ => {}
            }
            known = behind(n, known);
        }
    }
    Some((needless, unproved))
}
