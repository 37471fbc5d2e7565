//! Mutation fuzzing of the interpreter.
use gscript::bytecode::*;
use gscript::error::RuntimeError;
use gscript::interp::*;
use gscript::jit::*;
use std::sync::Arc;
struct ExitJit;
impl Jit for ExitJit {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        let depth = vm.depth();
        vm.resume(self, &[ResumeFrame { proto, base, pc: 0 }], depth).map(Some)
    }
    fn hot(&mut self, vm: &mut Vm, proto: ProtoId) {
        vm.set_compiled(proto, 1);
    }
}
fn run(p: &Arc<Program>, profile: bool, jit: bool) -> String {
    let mut vm = match Vm::new(
        p.clone(),
        VmOptions {
            profile,
            step_budget: 300_000,
            heap_limit: 1 << 24,
            hot_calls: if jit { 3 } else { u32::MAX },
            ..Default::default()
        },
    ) {
        Ok(v) => v,
        Err(e) => return e.message,
    };
    let r = if jit { vm.run_main(&mut ExitJit) } else { vm.run_main(&mut NoJit) };
    let mut o = String::from_utf8_lossy(&vm.take_output()).into_owned();
    if let Err(e) = r {
        if e.kind == gscript::error::ErrorKind::Program { o.push_str(&e.message) } else { return "limit".into() }
    }
    if o.contains("too many nested") || o.contains("across a library") {
        return "limit".into();
    }
    o
}
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let secs: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let mut seed: u64 = std::env::args().nth(3).unwrap().parse().unwrap();
    let mut rnd = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % n.max(1)
    };
    let files: Vec<(String, String)> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "gs"))
        .map(|p| {
            (
                p.display().to_string(),
                std::fs::read_to_string(p).unwrap().replace("time.sleep", "type").replace("time.now", "type"),
            )
        })
        .collect();
    let start = std::time::Instant::now();
    let (mut n, mut ok) = (0, 0);
    let tok = |s: &str| -> Vec<String> {
        let mut v: Vec<String> = vec![];
        let mut cur = String::new();
        let mut ins = false;
        for c in s.chars() {
            if c == '"' {
                ins = !ins;
                cur.push(c);
                continue;
            }
            if ins {
                cur.push(c);
                continue;
            }
            if c.is_alphanumeric() || c == '_' || c == '.' {
                cur.push(c)
            } else {
                if !cur.is_empty() {
                    v.push(std::mem::take(&mut cur))
                }
                v.push(c.to_string())
            }
        }
        if !cur.is_empty() {
            v.push(cur)
        }
        v
    };
    while start.elapsed().as_secs() < secs {
        let (_, text) = &files[rnd(files.len())];
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        let keep = 1 + rnd(lines.len());
        if rnd(3) == 0 {
            lines.truncate(keep)
        }
        if rnd(3) == 0 {
            let o = &files[rnd(files.len())].1;
            let ol: Vec<&str> = o.lines().collect();
            for _ in 0..rnd(6) {
                let l = ol[rnd(ol.len())].to_string();
                let at = rnd(lines.len() + 1);
                lines.insert(at, l)
            }
        }
        for _ in 0..1 + rnd(6) {
            if lines.is_empty() {
                break;
            }
            let li = rnd(lines.len());
            let mut t = tok(&lines[li]);
            if t.is_empty() {
                continue;
            }
            let a = rnd(t.len());
            let b = rnd(t.len());
            match rnd(6) {
                0 => {
                    t.remove(a);
                }
                1 => t.swap(a, b),
                2 => {
                    let x = t[a].clone();
                    t.insert(b, x)
                }
                3 => {
                    let o = tok(&lines[rnd(lines.len())]);
                    if !o.is_empty() {
                        t[a] = o[rnd(o.len())].clone()
                    }
                }
                4 => {
                    t[a] = [
                        "nil",
                        "0",
                        "-1",
                        "1.5",
                        "{}",
                        "...",
                        "\"x\"",
                        "9223372036854775807",
                        "print",
                        "t",
                        "1e300",
                        "unpack(t)",
                        "pcall",
                        "coroutine.yield()",
                        "func() { }",
                    ][rnd(15)]
                    .into()
                }
                _ => {
                    let l = lines[li].clone();
                    let at = rnd(lines.len() + 1);
                    lines.insert(at, l);
                    continue;
                }
            }
            lines[li] = t.concat();
        }
        let text = lines.join("\n");
        n += 1;
        if std::env::var_os("SAVE").is_some() {
            std::fs::write("/tmp/fuzz_last.gs", &text).unwrap();
        }
        let Ok(p) = gscript::compiler::compile(Arc::new(Source { name: "f".into(), text: text.clone() })) else {
            continue;
        };
        ok += 1;
        let p = Arc::new(p);
        let r = std::panic::catch_unwind(|| (run(&p, false, false), run(&p, true, false), run(&p, false, true)));
        match r {
            Err(_) => {
                std::fs::write("/tmp/fuzz_panic.gs", &text).unwrap();
                println!("PANIC");
                return;
            }
            Ok((a, b, c)) => {
                if a != "limit" && c != "limit" && b != "limit" && (a != b || a != c) {
                    std::fs::write("/tmp/fuzz_diff.gs", &text).unwrap();
                    std::fs::write("/tmp/d1", a).unwrap();
                    std::fs::write("/tmp/d2", b).unwrap();
                    std::fs::write("/tmp/d3", c).unwrap();
                    println!("DIFF");
                    return;
                }
            }
        }
    }
    println!("{n} programs, {ok} compiled");
}
