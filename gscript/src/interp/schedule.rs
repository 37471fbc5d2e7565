//! Goroutines and channels: a deterministic round-robin scheduler.
//!
//! A goroutine runs until it blocks or ends; then the one that has been ready longest goes on. Time is counted by the
//! scheduler: who sleeps less wakes first, and only when all are asleep is real time spent.

use super::frame::{Status, ThreadKind};
use super::{Cx, Fail, Vm};
use crate::bytecode::Op;
use crate::layout::{HEADER, KIND_CHANNEL, OBJECT_ID};
use crate::value::{Tag, Value};
use std::collections::VecDeque;

/// A channel.
#[derive(Default)]
pub(crate) struct Channel {
    /// Guest address of the channel object; 0: the entry is free.
    pub object: u64,
    capacity: usize,
    buffer: VecDeque<Value>,
    receivers: VecDeque<usize>,
    senders: VecDeque<(usize, Value)>,
    closed: bool,
}

/// Who runs next.
#[derive(Default)]
pub(super) struct Scheduler {
    ready: VecDeque<usize>,
    /// Waking time in seconds and thread, in the order in which they fell asleep.
    sleepers: Vec<(f64, usize)>,
    /// Seconds since the program started, as far as sleepers are concerned.
    now: f64,
    /// The thread of the main chain that is blocked: the main thread or a coroutine that it resumed.
    main_leaf: usize,
}

impl Channel {
    /// Does a thread wait for it?
    pub fn has_waiting(&self) -> bool {
        !self.receivers.is_empty() || !self.senders.is_empty()
    }

    /// The values in it.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        self.buffer.iter().copied().chain(self.senders.iter().map(|s| s.1))
    }
}

impl Vm {
    /// `go f(args)`
    pub(super) fn go(&mut self, f: Value, args: &[Value]) -> Result<(), Fail> {
        self.charge()?;
        if f.tag != Tag::Function && self.metamethod(f, self.names.call).is_nil() {
            return Err(self.error(format!("attempt to call a {} value", f.tag.type_name())));
        }
        let id = self.new_thread(ThreadKind::Goroutine, f, args)?;
        self.threads[id].status = Status::Blocked;
        self.scheduler.ready.push_back(id);
        Ok(())
    }

    /// `make(chan, capacity)`
    pub(super) fn make_channel(&mut self, capacity: Value) -> Result<Value, Fail> {
        let capacity = match self.to_integer(capacity) {
            Some(n) if (0..=1 << 31).contains(&n) => n as usize,
            _ => return Err(self.error("channel capacity must be a non-negative integer")),
        };
        // The buffer is on the Rust side, but it counts against the heap limit.
        let object = self.heap.alloc(16 + 16 * capacity as u64).map_err(|e| self.heap_error(e))?;
        self.heap.set_word(object, HEADER, KIND_CHANNEL);
        let channel = Channel { object, capacity, ..Channel::default() };
        let id = match self.free_channels.pop() {
            Some(id) => {
                self.channels[id] = channel;
                id
            }
            None => {
                self.channels.push(channel);
                self.channels.len() - 1
            }
        };
        self.heap.set_half(object, OBJECT_ID, id as u32);
        Ok(Value::object(Tag::Channel, object))
    }

    fn channel(&mut self, v: Value, what: &str) -> Result<usize, Fail> {
        let id = self.heap.half(v.bits, OBJECT_ID) as usize;
        if v.tag == Tag::Channel && self.channels.get(id).is_some_and(|c| c.object == v.bits) {
            Ok(id)
        } else {
            Err(self.error(format!("attempt to {what} a {} value", v.tag.type_name())))
        }
    }

    /// `channel <- v`; another thread may be current afterwards.
    pub(super) fn send(&mut self, channel: Value, v: Value) -> Result<(), Fail> {
        let c = self.channel(channel, "send to")?;
        if self.channels[c].closed {
            return Err(self.error("send on closed channel"));
        }
        if let Some(receiver) = self.channels[c].receivers.pop_front() {
            self.deliver(receiver, v);
            self.wake(receiver);
            return Ok(());
        }
        if self.channels[c].buffer.len() < self.channels[c].capacity {
            self.channels[c].buffer.push_back(v);
            return Ok(());
        }
        self.check_may_block()?;
        self.channels[c].senders.push_back((self.current, v));
        self.block()
    }

    /// `<-channel`, for the `RECV` or range loop in progress; another thread may be current afterwards.
    pub(super) fn receive(&mut self, channel: Value) -> Result<(), Fail> {
        let c = self.channel(channel, "receive from")?;
        let me = self.current;
        let sender = |vm: &mut Vm| {
            let (thread, v) = vm.channels[c].senders.pop_front()?;
            vm.wake(thread);
            Some(v)
        };
        if let Some(v) = self.channels[c].buffer.pop_front() {
            if let Some(next) = sender(self) {
                self.channels[c].buffer.push_back(next);
            }
            self.deliver(me, v);
        } else if let Some(v) = sender(self) {
            self.deliver(me, v);
        } else if self.channels[c].closed {
            self.deliver(me, Value::NIL);
        } else {
            self.check_may_block()?;
            self.channels[c].receivers.push_back(me);
            return self.block();
        }
        Ok(())
    }

    /// `close(channel)`
    pub(crate) fn close_channel(&mut self, channel: Value) -> Result<(), Fail> {
        let c = self.channel(channel, "close")?;
        if std::mem::replace(&mut self.channels[c].closed, true) {
            return Err(self.error("close of closed channel"));
        }
        for receiver in std::mem::take(&mut self.channels[c].receivers) {
            self.deliver(receiver, Value::NIL);
            self.wake(receiver);
        }
        for (sender, _) in std::mem::take(&mut self.channels[c].senders) {
            self.threads[sender].wake_error = Some("send on closed channel");
            self.wake(sender);
        }
        Ok(())
    }

    /// Values waiting in a channel's buffer.
    pub(super) fn channel_len(&self, channel: Value) -> usize {
        self.channels.get(self.heap.half(channel.bits, OBJECT_ID) as usize).map_or(0, |c| c.buffer.len())
    }

    /// Hands a received value to the receive operation in progress in a thread.
    fn deliver(&mut self, thread: usize, v: Value) {
        let frames = if thread == self.current { &self.frames } else { &self.threads[thread].frames };
        let Some(ci) = frames.last() else { return };
        // SAFETY: the frame is behind the instruction that receives, whose operands are registers of it.
        unsafe {
            let inst = *ci.pc.sub(1);
            if inst.op == Op::TForCall {
                let to = self.at(ci.base, inst.a as usize + 3);
                self.slots().fill_nil(to, inst.c as usize);
                self.heap.put(to, v);
            } else {
                self.heap.put(self.at(ci.base, inst.a as usize), v);
            }
        }
    }

    fn wake(&mut self, thread: usize) {
        self.scheduler.ready.push_back(thread);
    }

    /// Blocking leaves the interpreter loop's current thread; frames entered from Rust cannot be left that way, except
    /// the main thread's, to which every loop that others run in comes back.
    fn check_may_block(&mut self) -> Result<(), Fail> {
        let mut id = self.current;
        loop {
            let t = &self.threads[id];
            if t.kind != ThreadKind::Main && t.boundaries > 0 {
                return Err(self.error("attempt to block across a library call"));
            }
            match t.kind {
                ThreadKind::Coroutine => id = t.resumer,
                ThreadKind::Main => {
                    self.scheduler.main_leaf = self.current;
                    return Ok(());
                }
                ThreadKind::Goroutine => return Ok(()),
            }
        }
    }

    /// Leaves the current thread, which waits for something, for the next one.
    fn block(&mut self) -> Result<(), Fail> {
        self.threads[self.current].status = Status::Blocked;
        self.run_next()
    }

    /// Runs the next thread that is ready. If there is none and none will wake, the main thread gets an error.
    pub(super) fn run_next(&mut self) -> Result<(), Fail> {
        if self.scheduler.ready.is_empty() {
            self.wake_sleeper();
        }
        let Some(next) = self.scheduler.ready.pop_front() else {
            let leaf = self.scheduler.main_leaf;
            self.switch_to(leaf);
            self.threads[leaf].status = Status::Running;
            for c in &mut self.channels {
                c.receivers.retain(|&t| t != leaf);
                c.senders.retain(|&(t, _)| t != leaf);
            }
            return Err(self.error("all goroutines are asleep (deadlock)"));
        };
        self.switch_to(next);
        self.threads[next].status = Status::Running;
        self.threads[next].fresh = false;
        match self.threads[next].wake_error.take() {
            Some(message) => Err(self.error(message)),
            None => Ok(()),
        }
    }

    fn wake_sleeper(&mut self) {
        let sleepers = &self.scheduler.sleepers;
        let first = (0..sleepers.len()).reduce(|a, b| if sleepers[b].0 < sleepers[a].0 { b } else { a });
        let Some(first) = first else { return };
        let (time, thread) = self.scheduler.sleepers.remove(first);
        let seconds = time - self.scheduler.now;
        if seconds > 0.0 {
            self.scheduler.now = time;
            self.out.flush();
            std::thread::sleep(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default());
        }
        self.wake(thread);
    }

    /// `time.sleep(seconds)`: lets others run meanwhile.
    pub(super) fn sleep(&mut self, cx: &mut Cx, seconds: Value) -> Result<(), Fail> {
        let Some(seconds) = self.to_float(seconds).filter(|s| s.is_finite()) else {
            return Err(self.error("bad argument #1 to 'time.sleep' (number expected)"));
        };
        // The call's results are written now: the thread goes on behind it.
        self.finish_with(cx.at, &[])?;
        self.check_may_block()?;
        let until = self.scheduler.now + seconds.clamp(0.0, 1e9);
        self.scheduler.sleepers.push((until, self.current));
        self.block()
    }
}
