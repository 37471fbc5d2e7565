//! Graphviz reads the pictures.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use gsx_ir::dot::to_dot;
use gsx_ir::parse::{SYNTHETIC_PROTO, parse_unit, synthetic_program};

fn picture() -> String {
    let mut program = synthetic_program(8, 2, 12);
    // A name that must be escaped everywhere.
    Arc::make_mut(&mut program).protos[SYNTHETIC_PROTO.index()].name = "<f> & \"g\"\\".to_owned();
    let text = r#"
unit "<f> & \"g\"\\" proto=1 {
b0:
    v0 = slot.load.int 0
    v1 = iconst 3
    v2 = icmp.lt v0, v1
    branch v2, b1(v0), b2
b1(v3: int @x24):
    v4 = iadd v3, v1
    v5: slot.store 0, v4
    v6: call a=2 nargs=1 results=1 [p1@0:8; s0=v4, s1=v3, s2=v1, s3=v4, s4=v4, s5=v4, s6=v4, s7=v4]
    jump b2
b2:
    return 0, 1
}
"#;
    to_dot(&parse_unit(text, &program).unwrap_or_else(|e| panic!("{e}")))
}

#[test]
fn shows_blocks_operations_and_edges() {
    let dot = picture();
    assert!(dot.contains("b0 -> b1 [label=\"true\""), "{dot}");
    assert!(dot.contains("b0 -> b2 [label=\"false\""), "{dot}");
    assert!(dot.contains("b1 -> b2;"), "{dot}");
    assert!(dot.contains("v2 = icmp.lt v0, v1"), "{dot}");
    assert!(dot.contains(r#"label="<f> & \"g\"\\ (prototype 1)""#), "{dot}");
    assert!(dot.contains('…'), "long snapshots are cut: {dot}");
}

#[test]
fn graphviz_accepts_it() {
    let Ok(mut child) =
        Command::new("dot").arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    else {
        // The test harness hides what is printed through its macros; this line must be seen.
        let _ = writeln!(std::io::stderr(), "skipped: graphviz is not installed");
        return;
    };
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(picture().as_bytes()).expect("dot reads its input");
    }
    let output = child.wait_with_output().expect("dot ends");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && messages.trim().is_empty(), "{messages}");
    let svg = String::from_utf8_lossy(&output.stdout);
    assert!(svg.contains("icmp.lt v0, v1"), "{svg}");
}
