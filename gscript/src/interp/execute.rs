//! The interpreter loop.
//!
//! `execute` runs the innermost frame until it returns to Rust, and whatever it calls meanwhile. Common cases are inline
//! on raw slots; everything else goes to methods that take and give values. The profiling variant is a separate
//! instance of the same code, so that feedback costs nothing when it is off. So is that for each layout of values.
//!
//! Garbage is collected only at the beginning of `slow!`, before a table is made and before an integer gets a box: there all values that are alive lie in
//! slots. An instruction that may allocate must come by one of them.
//!
//! Unsafe code here relies on three facts. `verify` has checked that operands are registers, constants, globals and
//! upvalues that exist and that jumps stay inside. A frame has `nregs` slots below the stack limit (`push_frame`). Tags
//! are right, so a payload tagged as an object is the guest address of one of that kind.

use super::frame::{CallInfo, FieldCache, RETURN_FLAGS};
use super::unwind::Level;
use super::{Cx, Fail, Vm};
use crate::bytecode::{Inst, Op, SETLIST_OPEN};
use crate::heap::slot::{FLOAT, FUNCTION, INT, NIL, STR, Slots, TABLE};
use crate::jit::Jit;
use crate::layout::{CLOSURE_UPVALS, Layout, MAX_DEPTH, TABLE_ARRAY, TABLE_ARRAY_LEN, TABLE_META, UPVAL_PTR};
use crate::value::{Tag, Value};

impl Vm {
    /// Runs the innermost frame until it returns; gives its results.
    #[inline(never)]
    pub(super) fn execute<const PROFILE: bool>(&mut self, jit: &mut dyn Jit) -> Result<(*mut u8, usize), Fail> {
        let level = Level { thread: self.current, frame: self.frames.len().saturating_sub(1) };
        loop {
            let done = match self.heap.layout() {
                Layout::Tagged => self.execute_frames::<PROFILE, false>(&mut *jit),
                Layout::NanBox => self.execute_frames::<PROFILE, true>(&mut *jit),
            };
            let fail = match done {
                Ok(results) => return Ok(results),
                Err(fail) => fail,
            };
            self.unwind(fail, level)?;
        }
    }

    fn execute_frames<const PROFILE: bool, const NAN_BOX: bool>(
        &mut self,
        jit: &mut dyn Jit,
    ) -> Result<(*mut u8, usize), Fail> {
        // SAFETY: see the head of the file.
        unsafe {
            // `Heap::host`, with what it needs in registers.
            let (arena, guest_base, arena_len) = (self.heap.host_ptr(), self.heap.guest_base(), self.heap.len());
            // `Vm::slots`, with a layout that the compiler knows.
            let layout = if NAN_BOX { Layout::NanBox } else { Layout::Tagged };
            let s = Slots { layout, arena, guest_base, len: arena_len };
            let (size, slot_bytes) = (layout.slot_bytes() as usize, layout.slot_bytes());
            let globals = self.heap.host(self.heap.global_slot(0));
            let mut base: *mut u8;
            let mut pc: *const Inst;
            let mut rt;
            let mut consts: *const Value;

            macro_rules! frame {
                () => {
                    self.frames.as_mut_ptr().add(self.frames.len() - 1)
                };
            }
            // Takes over the innermost frame.
            macro_rules! load_frame {
                () => {{
                    let ci = frame!();
                    base = (*ci).base;
                    pc = (*ci).pc;
                    rt = (*ci).rt;
                    consts = (*rt).consts;
                }};
            }
            macro_rules! save {
                () => {
                    (*frame!()).pc = pc
                };
            }
            // Runs something that may fail or call back into the program.
            macro_rules! slow {
                (|$cx:ident| $e:expr) => {{
                    save!();
                    self.safe_point()?;
                    let depth = (*frame!()).depth;
                    let free = base.add((*rt).nregs as usize * size);
                    #[allow(unused_mut, unused_variables)]
                    let mut $cx = Cx { jit: &mut *jit, at: free, depth };
                    #[allow(unused_variables)]
                    let $cx = &mut $cx;
                    $e?
                }};
            }
            macro_rules! host {
                ($guest:expr) => {{
                    let offset = ($guest).wrapping_sub(guest_base);
                    arena.wrapping_add(if offset < arena_len { (offset & !7) as usize } else { 0 })
                }};
            }
            // Writes a value; an integer may need a box, and so a safe point.
            macro_rules! put {
                ($p:expr, $v:expr) => {{
                    let (p, v) = ($p, $v);
                    if !s.try_store(p, v) {
                        save!();
                        self.safe_point()?;
                        self.heap.put(p, v);
                    }
                }};
            }
            macro_rules! put_int {
                ($p:expr, $n:expr) => {
                    put!($p, Value::int($n))
                };
            }
            macro_rules! reg {
                ($i:expr) => {
                    base.add($i as usize * size)
                };
            }
            macro_rules! charge {
                () => {{
                    self.budget -= 1;
                    if self.budget == 0 {
                        save!();
                        return Err(self.budget_error());
                    }
                }};
            }
            // Jumps by `imm` from the instruction behind the jump.
            macro_rules! jump {
                ($imm:expr) => {{
                    let distance = $imm as isize;
                    if distance < 0 {
                        charge!();
                        self.back_edges += 1;
                        if PROFILE {
                            self.observe_back_edge(rt);
                        }
                        pc = pc.offset(distance);
                        let counter = (*rt).loops.offset(pc.offset_from((*rt).code));
                        *counter = (*counter).wrapping_sub(1);
                        if *counter == 0 {
                            save!();
                            self.loop_is_hot(&mut *jit)?;
                            load_frame!();
                        }
                    } else {
                        pc = pc.offset(distance);
                    }
                }};
            }
            // The jump behind a test is taken, or skipped.
            macro_rules! branch {
                ($skip:expr) => {{
                    let distance = (*pc).imm;
                    pc = pc.add(1);
                    if !$skip {
                        jump!(distance);
                    }
                }};
            }
            macro_rules! arith {
                ($i:expr, $int:expr, $float:expr) => {{
                    let (b, c) = (reg!($i.b), reg!($i.c));
                    let (tb, tc) = (s.tag(b), s.tag(c));
                    if tb == INT && tc == INT {
                        let f: fn(i64, i64) -> i64 = $int;
                        put_int!(reg!($i.a), f(s.int(b), s.int(c)));
                    } else if tb == FLOAT && tc == FLOAT {
                        let f: fn(f64, f64) -> f64 = $float;
                        s.set_float(reg!($i.a), f(s.float(b), s.float(c)));
                    } else if let (Some(x), Some(y)) = (float_of(s, b, tb), float_of(s, c, tc)) {
                        let f: fn(f64, f64) -> f64 = $float;
                        s.set_float(reg!($i.a), f(x, y));
                    } else {
                        let v = slow!(|cx| self.arith(cx, $i.op, s.load(b), s.load(c)));
                        put!(reg!($i.a), v);
                    }
                }};
            }
            // `R[x] op R[y]` for `<` and `<=`.
            macro_rules! compare {
                ($x:expr, $y:expr, $int:expr, $float:expr, $slow:ident) => {{
                    let (x, y) = ($x, $y);
                    let (tx, ty) = (s.tag(x), s.tag(y));
                    if tx == INT && ty == INT {
                        let f: fn(i64, i64) -> bool = $int;
                        f(s.int(x), s.int(y))
                    } else if tx == FLOAT && ty == FLOAT {
                        let f: fn(f64, f64) -> bool = $float;
                        f(s.float(x), s.float(y))
                    } else {
                        slow!(|cx| self.$slow(cx, s.load(x), s.load(y)))
                    }
                }};
            }
            macro_rules! less_than {
                ($x:expr, $y:expr) => {
                    compare!($x, $y, |a, b| a < b, |a, b| a < b, less_than)
                };
            }
            macro_rules! less_equal {
                ($x:expr, $y:expr) => {
                    compare!($x, $y, |a, b| a <= b, |a, b| a <= b, less_equal)
                };
            }
            macro_rules! cache {
                () => {
                    (*rt).caches.offset(pc.offset_from((*rt).code) - 1)
                };
            }
            macro_rules! upvalue {
                ($n:expr) => {{
                    let closure = host!(s.bits(base.sub(size)));
                    let cell = closure.add(CLOSURE_UPVALS as usize + 8 * $n as usize).cast::<u64>().read();
                    host!(host!(cell).add(UPVAL_PTR as usize).cast::<u64>().read())
                }};
            }

            load_frame!();
            loop {
                let i = *pc;
                pc = pc.add(1);
                if PROFILE {
                    save!();
                    let ci = *frame!();
                    self.observe_before(&ci, i);
                }
                match i.op {
                    Op::LoadNil => s.fill_nil(reg!(i.a), i.b as usize + 1),
                    Op::LoadBool => {
                        put!(reg!(i.a), Value::bool(i.b != 0));
                        if i.c != 0 {
                            pc = pc.add(1);
                        }
                    }
                    Op::LoadInt => put_int!(reg!(i.a), i64::from(i.imm)),
                    Op::LoadK => put!(reg!(i.a), *consts.add(i.imm as usize)),
                    Op::Move => s.copy(reg!(i.a), reg!(i.b)),
                    Op::GetGlobal => {
                        s.copy(reg!(i.a), globals.add(i.imm as usize * size));
                        if PROFILE {
                            self.observe_loaded(i.a);
                        }
                    }
                    Op::SetGlobal => s.copy(globals.add(i.imm as usize * size), reg!(i.a)),
                    Op::GetUpval => {
                        s.copy(reg!(i.a), upvalue!(i.b));
                        if PROFILE {
                            self.observe_loaded(i.a);
                        }
                    }
                    Op::SetUpval => s.copy(upvalue!(i.b), reg!(i.a)),
                    Op::NewTable => {
                        save!();
                        self.safe_point()?;
                        let made = self.heap.new_table(i.imm as u32, u32::from(i.c));
                        let t = match made {
                            Ok(t) => t,
                            Err(e) => slow!(|cx| Err::<u64, Fail>(self.heap_error(e))),
                        };
                        put!(reg!(i.a), Value::object(Tag::Table, t));
                    }
                    Op::GetTable => {
                        let (t, k) = (reg!(i.b), reg!(i.c));
                        let mut done = false;
                        if s.tag(t) == TABLE {
                            let table = host!(s.bits(t));
                            let key = s.bits(k);
                            if s.tag(k) == INT {
                                if key < u64::from(table.add(TABLE_ARRAY_LEN as usize).cast::<u32>().read()) {
                                    let array = table.add(TABLE_ARRAY as usize).cast::<u64>().read();
                                    let v = host!(array.wrapping_add(key * slot_bytes));
                                    if s.tag(v) != NIL || table.add(TABLE_META as usize).cast::<u32>().read() == 0 {
                                        s.copy(reg!(i.a), v);
                                        done = true;
                                    }
                                }
                            } else if s.tag(k) == STR {
                                let v = self.heap.get_str(s.bits(t), key);
                                if !v.is_nil() || table.add(TABLE_META as usize).cast::<u32>().read() == 0 {
                                    put!(reg!(i.a), v);
                                    done = true;
                                }
                            }
                        }
                        if !done {
                            let v = slow!(|cx| self.index(cx, s.load(t), s.load(k)));
                            put!(reg!(i.a), v);
                        }
                        if PROFILE {
                            self.observe_loaded(i.a);
                        }
                    }
                    Op::SetTable => {
                        let (t, k, v) = (reg!(i.a), reg!(i.b), reg!(i.c));
                        let mut done = false;
                        if s.tag(t) == TABLE {
                            let table = host!(s.bits(t));
                            let key = s.bits(k);
                            if s.tag(k) == INT {
                                if key < u64::from(table.add(TABLE_ARRAY_LEN as usize).cast::<u32>().read()) {
                                    let array = table.add(TABLE_ARRAY as usize).cast::<u64>().read();
                                    let to = host!(array.wrapping_add(key * slot_bytes));
                                    if table.add(TABLE_META as usize).cast::<u32>().read() == 0 || s.tag(to) != NIL {
                                        s.copy(to, v);
                                        done = true;
                                    }
                                } else if table.add(TABLE_META as usize).cast::<u32>().read() == 0
                                    && !self.heap.collection_due()
                                {
                                    // Otherwise the general way, which has a safe point.
                                    done = self.heap.set_int_key(s.bits(t), key as i64, s.load(v)).is_ok();
                                }
                            } else if s.tag(k) == STR
                                && table.add(TABLE_META as usize).cast::<u32>().read() == 0
                                && !self.heap.collection_due()
                            {
                                done = self.heap.set_str(s.bits(t), key, s.load(v)).is_ok();
                            }
                        }
                        if !done {
                            slow!(|cx| self.set_index(cx, s.load(t), s.load(k), s.load(v)));
                        }
                    }
                    Op::GetField => {
                        let t = reg!(i.b);
                        let mut done = false;
                        if s.tag(t) == TABLE
                            && let Some(v) = Self::cached_field(layout, cache!(), host!(s.bits(t)))
                            && let v = host!(v)
                            && s.tag(v) != NIL
                        {
                            s.copy(reg!(i.a), v);
                            done = true;
                        }
                        if !done {
                            let (c, k) = (cache!(), *consts.add(i.imm as usize));
                            let v = slow!(|cx| self.get_field_uncached(cx, c, s.load(t), k));
                            put!(reg!(i.a), v);
                        }
                        if PROFILE {
                            self.observe_loaded(i.a);
                        }
                    }
                    Op::SetField => {
                        let (t, v) = (reg!(i.a), reg!(i.c));
                        if s.tag(t) != TABLE || !self.store_cached_field(s, cache!(), host!(s.bits(t)), v) {
                            let (c, k) = (cache!(), *consts.add(i.imm as usize));
                            slow!(|cx| self.set_field_uncached(cx, c, s.load(t), k, s.load(v)));
                        }
                    }
                    Op::SelfGet => {
                        let object = s.load(reg!(i.b));
                        let mut done = false;
                        if object.tag == Tag::Table
                            && let Some(v) = Self::cached_field(layout, cache!(), host!(object.bits))
                            && let v = host!(v)
                            && s.tag(v) != NIL
                        {
                            let v = s.load(v);
                            put!(reg!(i.a), v);
                            done = true;
                        }
                        if !done {
                            let (c, k): (*mut FieldCache, Value) = (cache!(), *consts.add(i.imm as usize));
                            let v = slow!(|cx| self.get_field_uncached(cx, c, object, k));
                            put!(reg!(i.a), v);
                        }
                        put!(reg!(i.a + 1), object);
                        if PROFILE {
                            self.observe_loaded(i.a);
                        }
                    }
                    Op::SetList => {
                        let n = if i.b == SETLIST_OPEN {
                            (self.top as usize - reg!(i.a) as usize) / size - 1
                        } else {
                            i.b as usize
                        };
                        let a = reg!(i.a);
                        slow!(|cx| self.set_list(a, i64::from(i.imm), n));
                    }
                    Op::Add => arith!(i, |a, b| a.wrapping_add(b), |a, b| a + b),
                    Op::Sub => arith!(i, |a, b| a.wrapping_sub(b), |a, b| a - b),
                    Op::Mul => arith!(i, |a, b| a.wrapping_mul(b), |a, b| a * b),
                    Op::Div => {
                        let (b, c) = (reg!(i.b), reg!(i.c));
                        if let (Some(x), Some(y)) = (float_of(s, b, s.tag(b)), float_of(s, c, s.tag(c))) {
                            s.set_float(reg!(i.a), x / y);
                        } else {
                            let v = slow!(|cx| self.arith(cx, i.op, s.load(b), s.load(c)));
                            put!(reg!(i.a), v);
                        }
                    }
                    Op::Mod => {
                        let (b, c) = (reg!(i.b), reg!(i.c));
                        if s.tag(b) == INT && s.tag(c) == INT && s.int(c) > 0 {
                            put_int!(reg!(i.a), s.int(b).rem_euclid(s.int(c)));
                        } else {
                            let v = slow!(|cx| self.arith(cx, i.op, s.load(b), s.load(c)));
                            put!(reg!(i.a), v);
                        }
                    }
                    Op::Pow => {
                        let (b, c) = (s.load(reg!(i.b)), s.load(reg!(i.c)));
                        let v = slow!(|cx| self.arith(cx, i.op, b, c));
                        put!(reg!(i.a), v);
                    }
                    Op::Unm => {
                        let b = reg!(i.b);
                        match s.tag(b) {
                            INT => put_int!(reg!(i.a), s.int(b).wrapping_neg()),
                            FLOAT => s.set_float(reg!(i.a), -s.float(b)),
                            _ => {
                                let v = slow!(|cx| self.negate(cx, s.load(b)));
                                put!(reg!(i.a), v);
                            }
                        }
                    }
                    Op::Not => {
                        let v = Value::bool(!s.truthy(reg!(i.b)));
                        put!(reg!(i.a), v);
                    }
                    Op::Len => {
                        let b = s.load(reg!(i.b));
                        let v = slow!(|cx| self.length(cx, b));
                        put!(reg!(i.a), v);
                    }
                    Op::Concat => {
                        let v = slow!(|cx| self.concat(cx, base, i.b, i.c));
                        put!(reg!(i.a), v);
                    }
                    Op::Eq => {
                        let (x, y) = (reg!(i.b), reg!(i.c));
                        let equal =
                            if s.tag(x) == s.tag(y) && (s.bits(x) == s.bits(y) || s.tag(x) == INT) && s.tag(x) != FLOAT
                            {
                                s.bits(x) == s.bits(y)
                            } else {
                                slow!(|cx| self.equal(cx, s.load(x), s.load(y)))
                            };
                        branch!(equal != (i.a != 0));
                    }
                    Op::Lt => {
                        let less = less_than!(reg!(i.b), reg!(i.c));
                        branch!(less != (i.a != 0));
                    }
                    Op::Le => {
                        let less = less_equal!(reg!(i.b), reg!(i.c));
                        branch!(less != (i.a != 0));
                    }
                    Op::Test => branch!(s.truthy(reg!(i.a)) != (i.c != 0)),
                    Op::TestSet => {
                        let skip = s.truthy(reg!(i.b)) != (i.c != 0);
                        if !skip {
                            s.copy(reg!(i.a), reg!(i.b));
                        }
                        branch!(skip);
                    }
                    Op::Jmp => jump!(i.imm),
                    Op::Call => {
                        let f = reg!(i.a);
                        let n = if i.b == 0 { (self.top as usize - f as usize) / size - 1 } else { i.b as usize - 1 };
                        if s.tag(f) == FUNCTION {
                            let index = (host!(s.bits(f)).cast::<u64>().read() >> 32) as u32;
                            if (index as usize) < self.protos.len() {
                                let callee = *self.protos.as_ptr().add(index as usize);
                                (*callee).countdown = (*callee).countdown.wrapping_sub(1);
                                let new = base.add(((*rt).nregs as usize + 1) * size);
                                let ci = frame!();
                                let depth = (*ci).depth + 1;
                                if (*callee).countdown != 0
                                    && depth <= MAX_DEPTH
                                    && self.budget > 1
                                    && new.add((*callee).nregs as usize * size) <= self.stack_limit
                                    && self.frames.len() < self.frames.capacity()
                                {
                                    self.budget -= 1;
                                    (*ci).pc = pc;
                                    let wanted = (*callee).nparams as usize;
                                    let given = n.min(wanted);
                                    if i.b != 0 {
                                        let (mut from, mut to) = (f.add(size), new);
                                        for _ in 0..given {
                                            s.copy(to, from);
                                            from = from.add(size);
                                            to = to.add(size);
                                        }
                                    } else {
                                        // An open list may reach into the new frame.
                                        s.copy_n(new, f.add(size), given);
                                    }
                                    s.fill_nil(new.add(given * size), wanted - given);
                                    s.copy(new.sub(size), f);
                                    rt = callee;
                                    base = new;
                                    pc = (*rt).code;
                                    consts = (*rt).consts;
                                    let len = self.frames.len();
                                    self.frames.as_mut_ptr().add(len).write(CallInfo {
                                        base,
                                        pc,
                                        rt,
                                        nvarargs: 0,
                                        flags: 0,
                                        depth,
                                    });
                                    self.frames.set_len(len + 1);
                                    if PROFILE {
                                        self.observe_entry(rt, base);
                                    }
                                    continue;
                                }
                            }
                        }
                        slow!(|cx| self.call_op(cx, s.load(f), f.add(size), n, 0));
                        load_frame!();
                    }
                    Op::Return => {
                        let from = reg!(i.a);
                        let n = if i.b == 0 { (self.top as usize - from as usize) / size } else { i.b as usize - 1 };
                        if (*rt).captures && !self.open.is_empty() {
                            self.close_range(base, base, base.add((*rt).nregs as usize * size));
                        }
                        if (*frame!()).flags & RETURN_FLAGS == 0 {
                            self.frames.set_len(self.frames.len() - 1);
                            load_frame!();
                            let call = *pc.sub(1);
                            if call.c == 2 {
                                let to = reg!(call.a);
                                if n != 0 {
                                    s.copy(to, from);
                                } else {
                                    s.set_nil(to);
                                }
                                if PROFILE {
                                    self.observe_results(to, n);
                                }
                            } else {
                                self.finish_call(from, n)?;
                                load_frame!();
                            }
                        } else {
                            save!();
                            if let Some(results) = self.return_special(from, n)? {
                                return Ok(results);
                            }
                            load_frame!();
                        }
                    }
                    Op::Closure => {
                        let nregs = (*rt).nregs;
                        slow!(|cx| self.make_closure(base, nregs, i.a, i.imm).map_err(|e| self.heap_error(e)));
                    }
                    Op::Close => {
                        if !self.open.is_empty() {
                            self.close_range(reg!(i.a), base, base.add((*rt).nregs as usize * size));
                        }
                    }
                    Op::ForPrepLt => {
                        if !less_than!(reg!(i.a), reg!(i.a + 1)) {
                            jump!(i.imm);
                        }
                    }
                    Op::ForPrepLe => {
                        if !less_equal!(reg!(i.a), reg!(i.a + 1)) {
                            jump!(i.imm);
                        }
                    }
                    Op::ForLoopLt | Op::ForLoopLe => {
                        let (v, limit, step) = (reg!(i.a), reg!(i.a + 1), reg!(i.a + 2));
                        let (tv, ts) = (s.tag(v), s.tag(step));
                        if tv == INT && ts == INT {
                            put_int!(v, s.int(v).wrapping_add(s.int(step)));
                        } else if tv == FLOAT && ts == FLOAT {
                            s.set_float(v, s.float(v) + s.float(step));
                        } else {
                            let sum = slow!(|cx| self.arith(cx, Op::Add, s.load(v), s.load(step)));
                            put!(v, sum);
                        }
                        let again = if i.op == Op::ForLoopLt { less_than!(v, limit) } else { less_equal!(v, limit) };
                        if again {
                            jump!(i.imm);
                        }
                    }
                    Op::TForCall => {
                        let f = reg!(i.a);
                        slow!(|cx| self.range_step(cx, f, i.c as usize));
                        load_frame!();
                    }
                    Op::TForLoop => {
                        let v = reg!(i.a + 3);
                        if s.tag(v) != NIL {
                            s.copy(reg!(i.a + 2), v);
                            jump!(i.imm);
                        }
                    }
                    Op::Vararg => {
                        slow!(|cx| self.varargs(i.a as usize, i.b as usize));
                        load_frame!();
                    }
                    Op::Go => {
                        let f = reg!(i.a);
                        let n = if i.b == 0 { (self.top as usize - f as usize) / size - 1 } else { i.b as usize - 1 };
                        let args = self.values_at(f.add(size), n);
                        slow!(|cx| self.go(s.load(f), &args));
                    }
                    Op::MakeChan => {
                        let capacity = if i.c == 0 { Value::int(0) } else { s.load(reg!(i.b)) };
                        let v = slow!(|cx| self.make_channel(capacity));
                        put!(reg!(i.a), v);
                    }
                    Op::Send => {
                        slow!(|cx| self.send(s.load(reg!(i.a)), s.load(reg!(i.b))));
                        load_frame!();
                    }
                    Op::Recv => {
                        slow!(|cx| self.receive(s.load(reg!(i.b))));
                        load_frame!();
                    }
                }
            }
        }
    }
}

/// The number in a slot as a float.
///
/// # Safety
/// `p` is the host address of a slot with this tag.
#[inline(always)]
unsafe fn float_of(s: Slots, p: *const u8, tag: u64) -> Option<f64> {
    // SAFETY: by the contract.
    unsafe {
        match tag {
            FLOAT => Some(s.float(p)),
            INT => Some(s.int(p) as f64),
            _ => None,
        }
    }
}
