//! Random functions whose surroundings change: globals, what they were compiled for, captured variables; and strings.

use super::kernel::Kernel;
use super::records;
use super::shapes::Shape;
use super::tables;

/// The shapes of this file.
pub(super) const SHAPES: &[Shape] = &[
    Shape { name: "glo", write: globals },
    Shape { name: "late", write: late_change },
    Shape { name: "clo", write: closures },
    Shape { name: "upv", write: shared_upvalues },
    Shape { name: "str", write: strings },
];

/// A global variable changes its type: in the loop, in a callee, between calls.
fn globals(k: &mut Kernel<'_>, name: &str) {
    let (global, start) = (format!("g{name}"), k.literal());
    k.line(&format!("{global} := {start}"));
    let new = match k.choices.below(6) {
        0 => "\"7\"".to_string(),
        1 => "tostring(v)".to_string(),
        2 => "v".to_string(),
        3 => "nil".to_string(),
        _ => k.literal(),
    };
    k.line(&format!("func set{name}(v) {{ {global} = {new} }}"));
    k.function(name, |k| {
        k.number_local("s", "0");
        let (when, age, value) = (k.choices.below(8), k.choices.below(6), k.number(1));
        if k.choices.one_in(2) {
            k.line(&format!("if age > {age} {{ set{name}({value}) }}"));
        }
        k.block("for i := 0; i < n; i++", |k| {
            k.fixed.push("i".into());
            k.line(&format!("s = s + ({global} || 1)"));
            match k.choices.below(4) {
                0 => k.line(&format!("{global} = ({global} || 0) + i")),
                1 => k.line(&format!("{global} = s")),
                _ => {}
            }
            k.line(&format!("if i == {when} {{ set{name}({value}) }}"));
            k.statements(2);
        });
        k.line(&format!("show({global})"));
        if k.choices.one_in(2) {
            k.line(&format!("{global} = {start}"));
        }
        k.finish(name);
    });
}

/// Tables that live on are what they were for some calls, and then they are not: the calls behind the warm-up meet what no
/// feedback has shown.
fn late_change(k: &mut Kernel<'_>, name: &str) {
    let (record, array) = (records::constructor(k), tables::constructor(k));
    k.line(&format!("record{name}, array{name} := {record}, {array}"));
    k.function(name, |k| {
        let age = 1 + k.choices.below(5);
        let value = k.literal();
        let change = match k.choices.below(12) {
            0 => format!("record{name}.x = 0.5"),
            1 => format!("record{name}.new = {value}"),
            2 => format!("record{name}.x = nil"),
            3 => format!("record{name} = {{y: 1, x: {value}}}"),
            4 => format!("setmetatable(record{name}, {{__index: func(t, key) {{ return 2.5 }}}})"),
            5 => format!("array{name}[2] = nil"),
            6 => format!("array{name}[1] = {value}"),
            7 => format!("array{name}[0] = {value}"),
            8 => format!("array{name} = {{[0]: 0.5, 1, 2, 3, 4}}"),
            9 => format!("array{name} = {{}}"),
            10 => format!("array{name}[#array{name} + 1] = 1.5"),
            _ => format!("array{name}.x = {value}"),
        };
        k.line(&format!("if age == {age} {{ {change} }}"));
        k.line(&format!("o, a := record{name}, array{name}"));
        k.records.push("o".into());
        k.arrays.push("a".into());
        k.number_local("s", "0");
        k.counted("n", |k| {
            let i = k.fixed[k.fixed.len() - 1].clone();
            k.line(&format!("s = s + (o.x || 3) + (a[{i}] || 0)"));
            k.statements(5);
        });
        k.finish(name);
    });
}

/// Closures that are made in a loop capture what is new in each iteration, and what they share.
fn closures(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        k.line("all := {}");
        let start = k.literal();
        k.number_local("s", &start);
        k.block("for i := 0; i < n; i++", |k| {
            k.fixed.push("i".into());
            let own = k.number(1);
            k.line(&format!("v := {own}"));
            k.numbers.push("v".into());
            let (change, shared) = (k.number(1), k.choices.pick(&["s + d", "v", "s + i", "d * 0.5"]));
            k.block("all[i] = func(d)", |k| {
                k.numbers.push("d".into());
                k.line(&format!("v = v + {change}"));
                k.line(&format!("s = {shared}"));
                k.statements(1);
                k.line("return v");
            });
            let now = k.condition();
            k.line(&format!("if {now} {{ v = all[i](1) }}"));
        });
        let argument = k.number(1);
        k.block("for i := 0; i < n; i++", |k| {
            k.line(&format!("s = s + all[i]({argument})"));
            k.line("show(all[i](0.5), s)");
        });
        k.finish(name);
    });
}

/// Closures over one variable, which a loop uses as well.
fn shared_upvalues(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        let start = k.literal();
        k.number_local("s", &start);
        k.number_local("c", "0");
        let (when, value, change) = (k.choices.below(6), k.literal(), k.number(1));
        k.block("add := func(v)", |k| {
            k.line("s = s + v");
            k.line("c = c + 1");
            k.line(&format!("if c == {when} {{ s = {value} }}"));
            k.line("return s");
        });
        k.line("get := func() { return s }");
        k.counted("n", |k| {
            let own = k.number(1);
            k.line(&format!("t := add({own})"));
            k.numbers.push("t".into());
            k.statements(2);
            k.line(&format!("s = s + get() * 0.5 + {change}"));
        });
        let inner = k.number(1);
        k.block("loop := func(m)", |k| {
            k.block("for i := 0; i < m; i++", |k| k.line(&format!("s = s + {inner}")));
        });
        k.line("loop(3)");
        k.line("show(get())");
        k.finish(name);
    });
}

/// Strings made of numbers, as keys and in comparisons.
fn strings(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        k.line("text, t := \"\", {k0: 1, k1: 2.5}");
        k.number_local("s", "0");
        k.block("for i := 0; i < n; i++", |k| {
            k.fixed.push("i".into());
            let (key, value) = (k.choices.pick(&["i % 3", "i", "i / 2", "s", "-i"]), k.number(1));
            k.line(&format!("key := \"k\" .. {key}"));
            k.line(&format!("t[key] = (t[key] || 0) + {value}"));
            let joined = k.number(1);
            k.line(&format!("text = text .. {joined} .. \",\""));
            k.line("if #text > 60 { text = \"\" }");
            let (op, other) =
                (k.choices.pick(&["<", "<=", ">", "==", "!="]), k.choices.pick(&["\"k1\"", "text", "\"\""]));
            k.line(&format!("if key {op} {other} {{ s = s + 1 }}"));
            k.line("s = s + (t.k1 || 0) + #key");
        });
        k.line("show(text, digest(t, 1))");
        k.finish(name);
    });
}
