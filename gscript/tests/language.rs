//! Runs every program in `tests/programs` and compares what it prints (and how it fails) with the `.out` file beside it.
//!
//! Each program runs plainly, with profiling, at host addresses, and under two stand-ins for compiled code; all must
//! agree. `GSX_BLESS=1` writes the `.out` files anew. Comments at the head of a program may set `// budget: N` (steps)
//! and `// heap: N` (bytes).

use gscript::bytecode::{Op, Program, ProtoId, Source};
use gscript::compiler::compile;
use gscript::error::RuntimeError;
use gscript::interp::{GuestBase, Vm, VmOptions};
use gscript::jit::{Jit, NoJit, Results, ResumeFrame};
use gscript::layout::Layout;
use gscript::value::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn directive(text: &str, name: &str) -> Option<u64> {
    let prefix = format!("// {name}: ");
    text.lines().take_while(|l| l.starts_with("//")).find_map(|l| l.strip_prefix(&prefix)?.trim().parse().ok())
}

fn load(path: &Path) -> (Arc<Program>, VmOptions) {
    let text = fs::read_to_string(path).unwrap();
    let options = VmOptions {
        step_budget: directive(&text, "budget").unwrap_or(u64::MAX),
        heap_limit: directive(&text, "heap").unwrap_or(1 << 28),
        ..VmOptions::default()
    };
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let source = Arc::new(Source { name, text });
    match compile(source) {
        Ok(program) => (Arc::new(program), options),
        Err(e) => panic!("{}: {e:?}", path.display()),
    }
}

/// Printed text, and the error with its trace if there was one.
fn run(program: &Arc<Program>, options: VmOptions, jit: &mut dyn Jit) -> String {
    let mut vm = Vm::new(program.clone(), options).unwrap();
    let result = vm.run_main(jit);
    let mut out = String::from_utf8_lossy(&vm.take_output()).into_owned();
    if let Err(e) = result {
        out.push_str(&format!("error ({:?}): {}\n", e.kind, e.message));
        for line in e.trace {
            out.push_str(&format!(
                "  in {line}
"
            ));
        }
    }
    out
}

/// "Compiled code" that leaves at once: the whole activation is a side exit.
struct ExitJit;

impl Jit for ExitJit {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        let depth = vm.depth();
        vm.resume(self, &[ResumeFrame { proto, base, pc: 0 }], depth).map(Some)
    }
    fn hot(&mut self, vm: &mut Vm, proto: ProtoId) {
        vm.set_compiled(proto, 0x1000);
    }
}

/// "Compiled code" that does control flow itself and asks the interpreter for each single other instruction.
struct StepJit;

fn truthy(vm: &Vm, slot: u64) -> bool {
    vm.heap().load(slot).truthy()
}

impl StepJit {
    fn call(&mut self, vm: &mut Vm, frame: ResumeFrame, a: u8, b: u8, c: u8, depth: u64) -> Result<(), RuntimeError> {
        let program = vm.program().clone();
        let slot_bytes = vm.heap().layout().slot_bytes();
        let callee = frame.base + (u64::from(program.proto(frame.proto).nregs) + 1) * slot_bytes;
        let n = u64::from(b) - 1;
        for i in 0..=n {
            let v = vm.heap().load(frame.base + (u64::from(a) + i) * slot_bytes);
            vm.heap_mut().store(callee + i * slot_bytes - slot_bytes, v);
        }
        vm.set_native_caller(frame);
        let r = vm.call_frame(self, callee, n, depth)?;
        for i in 0..u64::from(c) - 1 {
            let v = if i < r.count { vm.heap().load(r.addr + i * slot_bytes) } else { Value::NIL };
            vm.heap_mut().store(frame.base + (u64::from(a) + i) * slot_bytes, v);
        }
        Ok(())
    }
}

impl Jit for StepJit {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        let program = vm.program().clone();
        let p = program.proto(proto);
        let depth = vm.depth();
        let slot_bytes = vm.heap().layout().slot_bytes();
        let reg = |i: u8| base + u64::from(i) * slot_bytes;
        let mut pc = 0;
        let mut steps = 0;
        loop {
            let i = p.code[pc];
            let frame = ResumeFrame { proto, base, pc };
            steps += 1;
            if steps > 300 {
                // Compiled code may leave anywhere.
                return vm.resume(self, &[frame], depth).map(Some);
            }
            pc = match i.op {
                Op::Jmp => i.target(pc),
                Op::Test => pc + 1 + usize::from(truthy(vm, reg(i.a)) != (i.c != 0)),
                Op::TestSet => {
                    let skip = truthy(vm, reg(i.b)) != (i.c != 0);
                    if !skip {
                        let v = vm.heap().load(reg(i.b));
                        vm.heap_mut().store(reg(i.a), v);
                    }
                    pc + 1 + usize::from(skip)
                }
                Op::Eq | Op::Lt | Op::Le => pc + 1 + usize::from(vm.compare(self, frame, depth)? != (i.a != 0)),
                Op::LoadBool if i.c != 0 => {
                    vm.step(self, frame, depth)?;
                    pc + 2
                }
                Op::Return if i.b != 0 => {
                    vm.close_upvalues(base);
                    return Ok(Some(Results { addr: reg(i.a), count: u64::from(i.b) - 1 }));
                }
                Op::Return | Op::ForPrepLt | Op::ForPrepLe | Op::ForLoopLt | Op::ForLoopLe | Op::TForLoop => {
                    return vm.resume(self, &[frame], depth).map(Some);
                }
                Op::Call if i.b != 0 && i.c != 0 => {
                    self.call(vm, frame, i.a, i.b, i.c, depth)?;
                    pc + 1
                }
                _ => {
                    vm.step(self, frame, depth)?;
                    pc + 1
                }
            };
        }
    }
    fn hot(&mut self, vm: &mut Vm, proto: ProtoId) {
        vm.set_compiled(proto, 0x1000);
    }
}

fn programs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "gs"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// Both layouts, each with these options; only the first may bless.
fn check_all(options: impl Fn(VmOptions) -> VmOptions, jit: &mut dyn Jit, may_bless: bool) {
    let bless = may_bless && std::env::var_os("GSX_BLESS").is_some();
    let mut failed = Vec::new();
    for path in programs() {
        let (program, o) = load(&path);
        for layout in Layout::ALL {
            let actual = run(&program, options(VmOptions { layout, ..o.clone() }), jit);
            let out = path.with_extension("out");
            if bless && layout == Layout::Tagged {
                fs::write(&out, &actual).unwrap();
            }
            let expected = fs::read_to_string(&out).unwrap_or_default();
            if actual != expected {
                let first = actual.lines().zip(expected.lines()).find(|(a, e)| a != e);
                failed.push(format!("{}, {layout}: first difference (actual, expected): {first:?}", path.display()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn programs_print_what_they_should() {
    check_all(|o| o, &mut NoJit, true);
}

#[test]
fn profiling_changes_nothing() {
    check_all(|o| VmOptions { profile: true, ..o }, &mut NoJit, false);
}

#[test]
fn addresses_change_nothing() {
    check_all(|o| VmOptions { guest_base: GuestBase::Host, ..o }, &mut NoJit, false);
}

/// Programs that allocate until the limit is reached take too long with a collection at every step.
fn stressed(o: VmOptions, every: u32) -> VmOptions {
    VmOptions { gc_stress: if o.heap_limit < 1 << 28 { 1000 } else { every }, ..o }
}

#[test]
fn collections_change_nothing() {
    check_all(|o| stressed(o, 1), &mut NoJit, false);
    check_all(|o| stressed(VmOptions { profile: true, ..o }, 7), &mut NoJit, false);
    check_all(|o| stressed(VmOptions { hot_calls: 2, ..o }, 3), &mut ExitJit, false);
    check_all(|o| stressed(VmOptions { hot_calls: 2, ..o }, 3), &mut StepJit, false);
}

#[test]
fn side_exits_change_nothing() {
    check_all(|o| VmOptions { hot_calls: 2, ..o }, &mut ExitJit, false);
}

#[test]
fn single_steps_change_nothing() {
    check_all(|o| VmOptions { hot_calls: 2, ..o }, &mut StepJit, false);
}
