//! Runs a GScript file in the interpreter.
use gscript::bytecode::Source;
use gscript::interp::{Output, Vm, VmOptions};
use gscript::jit::NoJit;
use std::sync::Arc;
fn main() {
    let name = std::env::args().nth(1).expect("file");
    let text = std::fs::read_to_string(&name).expect("read");
    let program = match gscript::compiler::compile(Arc::new(Source { name, text })) {
        Ok(p) => Arc::new(p),
        Err(e) => {
            eprintln!("{e:?}");
            std::process::exit(1)
        }
    };
    if std::env::var_os("NEWBENCH").is_some() {
        let t = std::time::Instant::now();
        for _ in 0..1000 {
            let mut vm = Vm::new(program.clone(), VmOptions::default()).expect("vm");
            vm.run_main(&mut NoJit).expect("run");
        }
        println!("{:?} per vm", t.elapsed() / 1000);
        return;
    }
    let profile = std::env::args().nth(2).is_some();
    let mut vm = Vm::new(program, VmOptions { output: Output::Stdout, profile, ..Default::default() }).expect("vm");
    if let Err(e) = vm.run_main(&mut NoJit) {
        eprintln!("{}", e.message);
        for t in e.trace {
            eprintln!("  {t}");
        }
        std::process::exit(1)
    }
}
