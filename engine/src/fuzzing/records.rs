//! Random functions about records: fields added and removed, different shapes at one place, metatables, methods, lists.

use super::expressions::FIELDS;
use super::kernel::Kernel;
use super::shapes::Shape;

/// The shapes of this file.
pub(super) const SHAPES: &[Shape] = &[
    Shape { name: "rec", write: made_in_a_loop },
    Shape { name: "poly", write: different_shapes },
    Shape { name: "bod", write: bodies },
    Shape { name: "meta", write: metatables },
    Shape { name: "obj", write: methods },
    Shape { name: "lst", write: list },
];

/// A record constructor with fields in some order, sometimes with items of an array as well.
pub(super) fn constructor(k: &mut Kernel<'_>) -> String {
    let mut fields: Vec<&str> = FIELDS.to_vec();
    let mut parts = vec![];
    for _ in 0..k.choices.below(5) {
        let at = k.choices.below(fields.len());
        let field = fields.remove(at);
        let value = k.number(1);
        parts.push(format!("{field}: {value}"));
    }
    if k.choices.one_in(5) {
        parts.push(k.literal());
    }
    format!("{{{}}}", parts.join(", "))
}

/// A new record in each iteration; some live on.
fn made_in_a_loop(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        k.line("all := {}");
        k.number_local("s", "0");
        k.line("o := {x: 1, y: 2.5}");
        k.records.push("o".into());
        k.counted("n", |k| {
            let new = constructor(k);
            k.line(&format!("p := {new}"));
            k.records.push("p".into());
            k.statements(5);
            let keep = k.condition();
            let how = k.choices.pick(&["all[#all + 1] = p", "o = p", "p.next = o", "all.last = p"]);
            k.line(&format!("if {keep} {{ {how} }}"));
            k.line("s = s + (p.x || 0) * 2 + (o.y || 0)");
        });
        k.line("show(digest(all, 3))");
        k.finish(name);
    });
}

/// Records of different shapes at one place: other orders, other fields, many fields, none.
fn different_shapes(k: &mut Kernel<'_>, name: &str) {
    let count = 2 + k.choices.below(4);
    let mut objects: Vec<String> = (0..count).map(|_| constructor(k)).collect();
    match k.choices.below(4) {
        0 => {
            // More than a shape can bear: a dictionary.
            let many: Vec<String> = (0..70).map(|i| format!("f{i}: {i}")).collect();
            objects.push(format!("{{{}, x: 0.5, y: 7}}", many.join(", ")));
        }
        1 => objects.push("{1.5, 2, 3}".into()),
        _ => {}
    }
    k.function(name, |k| {
        k.line(&format!("all := {{{}}}", objects.join(", ")));
        k.number_local("s", "0");
        let (when, which, field) = (k.choices.below(8), 1 + k.choices.below(count), k.choices.pick(FIELDS));
        let change = match k.choices.below(4) {
            0 => format!("all[{which}].{field} = nil"),
            1 => format!("all[{which}] = {}", constructor(k)),
            2 => format!("all[{which}].late = s"),
            _ => format!("all[{which}].{field} = 0.5"),
        };
        k.block("for i := 0; i < n; i++", |k| {
            k.fixed.push("i".into());
            k.line("o := all[i % #all + 1]");
            k.records.push("o".into());
            let (read, write) = (k.choices.pick(FIELDS), k.choices.pick(FIELDS));
            k.line(&format!("s = s + (o.{read} || 1.5)"));
            k.line(&format!("o.{write} = (o.{write} || 0) + i"));
            k.statements(5);
            k.line(&format!("if i == {when} {{ {change} }}"));
        });
        k.line("show(digest(all, 2))");
        k.finish(name);
    });
}

/// Pairs of records of floats that change each other; some fields begin as integers.
fn bodies(k: &mut Kernel<'_>, name: &str) {
    let count = 2 + k.choices.below(3);
    let bodies: Vec<String> = (0..count)
        .map(|_| {
            let [x, y, v, mass] = [k.literal(), k.literal(), k.float(), k.float()];
            format!("{{x: {x}, y: {y}, v: {v}, mass: {mass}}}")
        })
        .collect();
    k.line(&format!("bodies{name} := {{{}}}", bodies.join(", ")));
    k.function(name, |k| {
        k.line(&format!("all := bodies{name}"));
        k.number_local("s", "0.5");
        k.block("for step := 0; step < n; step++", |k| {
            k.fixed.push("step".into());
            k.block("for i := 1; i <= #all; i++", |k| {
                k.line("a := all[i]");
                k.block("for j := i + 1; j <= #all; j++", |k| {
                    k.line("b := all[j]");
                    k.line("dx, dy := a.x - b.x, a.y - b.y");
                    let pull =
                        k.choices.pick(&["dx * dx + dy * dy + 0.5", "math.sqrt(dx * dx + dy * dy) + 1", "dx - dy"]);
                    k.line(&format!("pull := 0.01 / ({pull})"));
                    k.line("a.v = a.v - dx * b.mass * pull");
                    k.line("b.v = b.v + dx * a.mass * pull");
                });
            });
            k.block("for i := 1; i <= #all; i++", |k| {
                k.line("a := all[i]");
                k.line("a.x = a.x + 0.5 * a.v");
                k.line("s = s + a.x");
            });
            if k.choices.one_in(3) {
                let (what, age) = (k.choices.pick(&["x", "y", "v"]), k.choices.below(6));
                k.line(&format!("if age > {age} && step == 2 {{ all[1].{what} = 3 }}"));
            }
        });
        k.line("show(digest(all, 2))");
        k.finish(name);
    });
}

/// A table gets a metatable, before the loop or in it.
fn metatables(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        let new = constructor(k);
        k.line(&format!("o, base, writes := {new}, {{x: 10, y: 0.5, [3]: 30}}, 0"));
        k.number_local("s", "0");
        let handler = k.choices.pick(&[
            "__index: base",
            "__index: func(t, key) { return 4 }",
            "__newindex: func(t, key, v) { writes = writes + 1 }",
            "__newindex: base",
            "__add: func(a, b) { return 5 }, __unm: func(a) { return 0.5 }",
            "__len: func(t) { return 9 }",
            "__call: func(t, v) { return v }",
            "__index: setmetatable({z: 3}, {__index: base})",
        ]);
        k.line(&format!("meta := {{{handler}}}"));
        let (when, value) = (k.choices.below(5), k.number(1));
        k.block("for i := 0; i < n; i++", |k| {
            k.fixed.push("i".into());
            k.line(&format!("if i == {when} {{ setmetatable(o, meta) }}"));
            let (read, write) = (k.choices.pick(FIELDS), k.choices.pick(FIELDS));
            k.line(&format!("s = s + (o.{read} || 1) + (o[i] || 2) + #o"));
            k.line(&format!("o.{write} = {value}"));
            k.line("o[i] = s");
            match k.choices.below(4) {
                0 => k.line("if meta.__add != nil && i > 0 { s = s + (o + 1) - -o }"),
                1 => k.line("if meta.__call != nil { s = s + o(i) }"),
                2 => k.line("if i == 4 { meta.__index = nil }"),
                _ => {}
            }
        });
        k.line("setmetatable(o, nil)");
        k.records.push("o".into());
        k.line("show(writes, digest(base, 1))");
        k.finish(name);
    });
}

/// Functions in fields, called with their table; sometimes replaced, sometimes found through a metatable.
fn methods(k: &mut Kernel<'_>, name: &str) {
    let [first, second] = [0; 2].map(|_| k.choices.pick(&["self.x + d", "self.x * 0.5 + d", "d - self.x", "self.x"]));
    k.line(&format!("class{name} := {{}}"));
    k.line(&format!("class{name}.__index = class{name}"));
    k.line(&format!("class{name}.move = func(self, d) {{ self.x = {first} return self.x }}"));
    k.function(name, |k| {
        k.number_local("s", "0");
        let inherits = k.choices.one_in(2);
        match inherits {
            true => k.line(&format!("o := setmetatable({{x: 1}}, class{name})")),
            false => k.line(&format!("o := {{x: 1, move: class{name}.move}}")),
        }
        k.records.push("o".into());
        let when = k.choices.below(8);
        k.block("for i := 0; i < n; i++", |k| {
            k.fixed.push("i".into());
            let value = k.number(1);
            let call = k.choices.pick(&["o:move({})", "o.move(o, {})"]).replace("{}", &value);
            k.line(&format!("s = s + {call}"));
            k.line(&format!("if i == {when} {{ o.move = func(self, d) {{ return {second} }} }}"));
            k.statements(1);
        });
        k.line("show(s, o.x)");
        k.line("o.move = nil");
        k.finish(name);
    });
}

/// A linked list or a tree, built and walked.
fn list(k: &mut Kernel<'_>, name: &str) {
    let leaf = k.choices.pick(&["{}", "{x: 1}", "{x: 0.5, left: nil}", "{1}"]);
    k.block(&format!("func tree{name}(depth)"), |k| {
        k.line(&format!("if depth < 1 {{ return {leaf} }}"));
        k.line(&format!("return {{left: tree{name}(depth - 1), x: depth, right: tree{name}(depth - 1)}}"));
    });
    k.block(&format!("func walk{name}(t)"), |k| {
        k.line("if t.left == nil { return t.x || 3 }");
        k.line(&format!("return 1 + walk{name}(t.left) * 2 - walk{name}(t.right)"));
    });
    k.function(name, |k| {
        let depth = k.choices.below(5);
        k.number_local("s", &format!("walk{name}(tree{name}({depth}))"));
        k.line("head := nil");
        k.counted("n", |k| {
            let value = k.number(2);
            k.line(&format!("head = {{next: head, x: {value}}}"));
        });
        k.line("at := head");
        k.block("for at != nil", |k| {
            k.line("s = s * 3 + at.x");
            if k.choices.one_in(2) {
                k.line("at.y = s");
            }
            k.line("at = at.next");
        });
        k.line("show(digest(head, 4))");
        k.finish(name);
    });
}
