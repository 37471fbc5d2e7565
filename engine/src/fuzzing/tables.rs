//! Random functions about arrays: counted from 0 and from 1, with holes, growing and shrinking, nested, with all kinds of
//! keys, under two names.

use super::kernel::Kernel;
use super::shapes::Shape;

/// The shapes of this file.
pub(super) const SHAPES: &[Shape] = &[
    Shape { name: "arr", write: array },
    Shape { name: "mat", write: matrix },
    Shape { name: "sv", write: sieve },
    Shape { name: "key", write: keys },
    Shape { name: "stk", write: stack },
    Shape { name: "al", write: aliases },
];

/// A table constructor with some numbers.
pub(super) fn constructor(k: &mut Kernel<'_>) -> String {
    let count = k.choices.below(6);
    let items: Vec<String> = (0..count).map(|_| k.literal()).collect();
    match k.choices.below(6) {
        0 => format!("{{[0]: 1, {}}}", items.join(", ")),
        1 => format!("{{x: 1, {}}}", items.join(", ")),
        _ => format!("{{{}}}", items.join(", ")),
    }
}

/// Filled in a loop, then random statements, then a sum.
fn array(k: &mut Kernel<'_>, name: &str) {
    // One that lives on, so that it is not what it was when the function was compiled.
    let old = constructor(k);
    k.line(&format!("kept{name} := {old}"));
    k.function(name, |k| {
        let new = constructor(k);
        k.line(&format!("a := {new}"));
        k.line(&format!("b := kept{name}"));
        k.arrays.extend(["a".into(), "b".into()]);
        k.number_local("s", "0");
        let first = k.choices.pick(&["0", "1", "2", "(-2)"]);
        let value = k.number(1);
        k.block(&format!("for i := {first}; i <= n; i++"), |k| k.line(&format!("a[i] = {value}")));
        k.counted("n", |k| k.statements(6));
        let or = k.literal();
        k.block("for i := 0; i <= n + 2; i++", |k| {
            k.line(&format!("s = s + i * (a[i] || {or})"));
            if k.choices.one_in(3) {
                k.line("if a[i] == nil { s = s + 0.5 }");
            }
        });
        k.finish(name);
    });
}

/// Rows in a table, sometimes one row twice or none at all.
fn matrix(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        let base = k.choices.below(2);
        let value = k.choices.pick(&["i * n + j", "i - j + 0.5", "(i * 7 + j * 3) % 5", "i / (j + 1)"]);
        k.line("m := {}");
        k.number_local("s", ["0", "0.0"][base]);
        k.block(&format!("for i := {base}; i < n; i++"), |k| {
            k.line("row := {}");
            k.line(&format!("for j := {base}; j < n; j++ {{ row[j] = {value} }}"));
            k.line("m[i] = row");
        });
        match k.choices.below(4) {
            0 => k.line("m[2] = m[1]"),
            1 => k.line("m[1] = {[0]: 0.5, 1, 2}"),
            2 => k.line("m[0] = nil"),
            _ => {}
        }
        k.block("for i := 0; i < n; i++", |k| {
            k.line("row := m[i] || {}");
            k.arrays.push("row".into());
            k.fixed.push("i".into());
            k.block("for j := 0; j < n; j++", |k| {
                k.fixed.push("j".into());
                k.line("s = s + (row[j] || 1) * ((m[j] || {0.25})[i] || 2)");
                k.statements(2);
            });
        });
        k.line("show(digest(m, 2))");
        k.finish(name);
    });
}

/// Booleans, written at strides.
fn sieve(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        let first = k.choices.below(3);
        let limit = k.choices.pick(&["n * 5", "n", "n * 2 + 0.5", "30"]);
        k.line(&format!("flags, count, limit := {{}}, 0, {limit}"));
        k.line(&format!("for i := {first}; i <= limit; i++ {{ flags[i] = true }}"));
        k.block("for i := 2; i * i <= limit; i++", |k| {
            let off = k.choices.pick(&["false", "nil", "0"]);
            k.block("if flags[i]", |k| k.line(&format!("for j := i * i; j <= limit; j += i {{ flags[j] = {off} }}")));
        });
        let check = k.choices.pick(&["flags[i]", "flags[i] == true", "!flags[i]", "flags[i] != nil"]);
        k.line(&format!("for i := 0; i <= limit + 1; i++ {{ if {check} {{ count = count + i }} }}"));
        k.line("show(#flags, digest(flags, 1))");
        k.numbers.push("count".into());
        k.finish(name);
    });
}

/// One place that stores and loads under keys of all types.
fn keys(k: &mut Kernel<'_>, name: &str) {
    let pool = [
        "0",
        "1",
        "2.0",
        "3",
        "-1",
        "0.5",
        "\"x\"",
        "\"1\"",
        "true",
        "false",
        "1024",
        "9007199254740993",
        "1e300",
        "math.huge",
        "-0.0",
        "\"a longer key\"",
        "1e18",
        "5",
    ];
    let count = 2 + k.choices.below(6);
    let keys: Vec<&str> = (0..count).map(|_| k.choices.pick(&pool)).collect();
    k.function(name, |k| {
        let new = constructor(k);
        k.line(&format!("keys, a := {{{}}}, {new}", keys.join(", ")));
        k.number_local("s", "0");
        k.block("for i := 0; i < n; i++", |k| {
            k.line("key := keys[i % #keys + 1]");
            k.fixed.push("i".into());
            let value = k.number(1);
            let store = match k.choices.below(4) {
                0 => "nil".to_string(),
                1 => "(a[key] || 0) + 1".to_string(),
                _ => value,
            };
            k.line("s = s + (a[key] || 0.5)");
            match k.choices.below(3) {
                0 => k.line(&format!("if i % 2 == 0 {{ a[key] = {store} }}")),
                _ => k.line(&format!("a[key] = {store}")),
            }
            k.line("s = s + #a");
        });
        k.arrays.push("a".into());
        k.finish(name);
    });
}

/// Items added and taken at the end.
fn stack(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        let new = constructor(k);
        k.line(&format!("a := {new}"));
        k.arrays.push("a".into());
        k.number_local("s", "0");
        k.counted("n", |k| {
            let values = [k.number(1), k.number(1)];
            k.line(&format!("a[#a + 1] = {}", values[0]));
            let pop = k.condition();
            k.block(&format!("if {pop}"), |k| {
                k.line("s = s + (a[#a] || 0.5)");
                k.line("a[#a] = nil");
            });
            if k.choices.one_in(2) {
                k.line(&format!("a[#a + 1] = {}", values[1]));
            }
        });
        k.block("for #a > 0", |k| {
            k.line("s = s * 3 + (a[#a] || 0)");
            k.line("a[#a] = nil");
            k.line("if #a > 40 { break }");
        });
        k.finish(name);
    });
}

/// Two names for one table, or for two, as it happens: what is stored under one is loaded under the other.
fn aliases(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        k.line("a, b := {1, 2, 3, x: 1, y: 2}, {4, 5, 6, x: 3, y: 4}");
        k.number_local("s", "0");
        let condition = k.condition();
        k.line(&format!("c := {condition} && a || b"));
        if k.choices.one_in(2) {
            k.line("d := c");
            k.arrays.push("d".into());
        }
        for table in ["a", "b", "c"] {
            k.arrays.push(table.into());
            k.records.push(table.into());
        }
        k.counted("n", |k| {
            let (field, other) = (k.choices.pick(&["x", "y", "z"]), k.choices.pick(&["x", "y", "z"]));
            let (index, at) = (k.index(), k.index());
            k.line(&format!("s = s + (a.{field} || 1) + (a[{index}] || 2)"));
            k.line(&format!("c.{other} = s"));
            k.line(&format!("c[{at}] = s"));
            k.line(&format!("s = s + (a.{field} || 1) - (a[{index}] || 2)"));
            k.statements(4);
            if k.choices.one_in(4) {
                k.line("a, b = b, a");
            }
        });
        k.finish(name);
    });
}
