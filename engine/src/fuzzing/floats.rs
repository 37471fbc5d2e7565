//! Random functions about floats: unboxed loops, integers among them, NaN and infinities, conversions, comparisons, `math`.

use super::expressions::EDGES;
use super::kernel::Kernel;
use super::shapes::Shape;

/// The shapes of this file.
pub(super) const SHAPES: &[Shape] = &[
    Shape { name: "flo", write: float_loop },
    Shape { name: "orb", write: orbit },
    Shape { name: "mix", write: mixed },
    Shape { name: "cmp", write: comparisons },
    Shape { name: "conv", write: conversions },
    Shape { name: "bi", write: builtins },
    Shape { name: "redef", write: redefined_builtins },
];

/// Accumulators that stay floats, in one or two loops.
fn float_loop(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        for accumulator in ["s", "p", "q"] {
            let start = match k.choices.below(4) {
                0 => k.choices.pick(&["1.0 / 0", "0.0 / 0", "-0.0", "1e300"]).to_string(),
                _ => k.float(),
            };
            k.number_local(accumulator, &start);
        }
        k.number_local("c", "0");
        k.counted("n", |k| {
            for _ in 0..1 + k.choices.below(3) {
                let target = k.choices.pick(&["s", "p", "q"]);
                let (op, value) = (k.choices.pick(&["+", "-", "*", "/"]), k.number(1));
                k.line(&format!("{target} = {target} {op} {value}"));
            }
            if k.choices.one_in(2) {
                k.counted("3", |k| k.line("s = s + p * q"));
            }
            // Among them NaN, for which `!(s < p)` is not `s >= p`.
            for weight in 1..=k.choices.below(4) {
                let op = k.choices.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let condition = k.choices.pick(&["s {} p", "!(s {} q)", "p * p {} 4.0", "q {} q"]).replace("{}", op);
                k.line(&format!("if {condition} {{ c = c + {weight} }}"));
            }
            if k.choices.one_in(3) {
                let limit = k.float();
                k.line(&format!("if s * s + p * p > {limit} {{ break }}"));
            }
        });
        k.finish(name);
    });
}

/// A recurrence of two floats in a loop nest that is left early, and a count of how often it was not.
fn orbit(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        let (steps, limit, op) = (4 + k.choices.below(9), k.float(), k.choices.pick(&[">", ">=", "<", "<="]));
        k.line("inside := 0");
        k.block("for row := 0; row < n; row++", |k| {
            k.line("c := 2.0 * row / n - 1.0");
            k.line("zr, zi, left := 0.0, 0.0, false");
            k.numbers.extend(["c", "zr", "zi"].map(String::from));
            k.fixed.push("row".into());
            let (first, second) = (k.number(2), k.number(2));
            k.block(&format!("for step := 0; step < {steps}; step++"), |k| {
                k.line(&format!("next := zr * zr - zi * zi + {first}"));
                k.line(&format!("zi = 2.0 * zr * zi + {second}"));
                k.line("zr = next");
                k.block(&format!("if zr * zr + zi * zi {op} {limit}"), |k| {
                    k.line("left = true");
                    k.line("break");
                });
            });
            k.line("if !left { inside = inside + 1 }");
            k.line("show(zr, zi)");
        });
        k.numbers.push("inside".into());
        k.finish(name);
    });
}

/// A variable that is an integer in one iteration and a float in another.
fn mixed(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        let start = k.literal();
        k.number_local("s", &start);
        k.number_local("t", "0");
        k.counted("n", |k| {
            let (every, at) = (2 + k.choices.below(3), k.choices.below(3));
            let i = k.fixed[k.fixed.len() - 1].clone();
            let change = k.choices.pick(&["s = s + 0.5", "s = s / 2", "s = math.floor(s)", "s = 1", "s = -s", "s = t"]);
            k.line(&format!("if {i} % {every} == {at} {{ {change} }}"));
            k.statements(3);
            k.line("t = t + s");
        });
        k.finish(name);
    });
}

/// All comparisons between values at the edges of both types, as conditions and as values.
fn comparisons(k: &mut Kernel<'_>, name: &str) {
    let values: Vec<String> = (0..5).map(|_| k.choices.pick(EDGES).to_string()).collect();
    let common = [k.literal(), k.literal()];
    k.function(name, |k| {
        k.line(&format!("a := {{{}, {}, x, y, n}}", values.join(", "), common.join(", ")));
        k.number_local("c", "0");
        k.line("last := false");
        k.block("for i := 1; i <= #a; i++", |k| {
            k.block("for j := 1; j <= #a; j++", |k| {
                for weight in [1, 2, 4, 8] {
                    let op = k.choices.pick(&["<", "<=", ">", ">=", "==", "!="]);
                    let condition = match k.choices.below(3) {
                        0 => format!("!(a[i] {op} a[j])"),
                        _ => format!("a[i] {op} a[j]"),
                    };
                    match k.choices.below(4) {
                        0 => k.line(&format!("last = {condition}")),
                        _ => k.line(&format!("if {condition} {{ c = c + {weight} }}")),
                    }
                }
                k.line("c = (c * 31) % 1000003");
            });
        });
        k.line("show(last)");
        k.finish(name);
    });
}

/// Floats as loop variables, limits and keys; integers from floats and back.
fn conversions(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        k.line("a := {1, 2.5, 3, 4.0}");
        k.arrays.push("a".into());
        let start = k.literal();
        k.number_local("s", &start);
        let step = k.choices.pick(&["0.5", "1.0", "0.75", "0.1"]);
        k.block(&format!("for f := 0.0; f <= n; f += {step}"), |k| {
            k.fixed.push("f".into());
            k.line("s = s + (a[f] || 0.25)");
            k.statements(2);
        });
        let (limit, value) = (k.choices.pick(&["n / 2", "n + 0.5", "n * 0.99", "n + 0.0"]), k.number(2));
        k.block(&format!("for i := 0; i < {limit}; i++"), |k| {
            k.fixed.push("i".into());
            k.line(&format!("a[i / 2] = {value}"));
            k.line("a[math.floor(i / 2) + 0.0] = s");
            k.line("s = s + i / 2 + math.floor(i / 2)");
        });
        k.finish(name);
    });
}

/// `math.sqrt`, `floor` and `abs` of all kinds of arguments, through the table, a local and an alias of the table.
fn builtins(k: &mut Kernel<'_>, name: &str) {
    k.function(name, |k| {
        let f = k.choices.pick(&["sqrt", "floor", "abs"]);
        let edge = k.choices.pick(EDGES);
        k.line(&format!("direct, m := math.{f}, math"));
        k.number_local("s", edge);
        k.number_local("t", "0");
        k.counted("n", |k| {
            let values = [k.number(2), k.number(1), k.number(0)];
            k.line(&format!("t = t + math.sqrt({})", values[0]));
            k.line(&format!("s = s + math.floor({}) - math.abs({})", values[1], values[2]));
            k.line(&format!("t = t + direct(s) + m.{f}(t)"));
        });
        k.line(&format!("show(direct({edge}), math.floor({edge}), math.abs({edge}), math.sqrt({edge}))"));
        k.line(&format!("show(math.{f}(\"16.5\"), pcall(math.{f}), pcall(math.{f}, \"no\"))"));
        k.finish(name);
    });
}

/// The program gives the functions of `math` another meaning: before the loop, in it, in a callee, and only when it is old.
fn redefined_builtins(k: &mut Kernel<'_>, name: &str) {
    let f = k.choices.pick(&["sqrt", "floor", "abs"]);
    let new = k.choices.pick(&["v + 1", "0.5", "v", "-v", "7"]);
    let change = match k.choices.below(4) {
        0 => format!("math = {{sqrt: other{name}, floor: other{name}, abs: other{name}}}"),
        1 => format!("math[\"{f}\"] = other{name}"),
        _ => format!("math.{f} = other{name}"),
    };
    k.line(&format!("func other{name}(v) {{ return {new} }}"));
    k.line(&format!("func change{name}() {{ {change} }}"));
    k.function(name, |k| {
        k.line(&format!("whole, old := math, math.{f}"));
        k.number_local("s", "0.5");
        let (when, age) = (k.choices.below(6), k.choices.below(6));
        let value = k.number(1);
        match k.choices.below(3) {
            0 => k.line(&format!("if age > {age} {{ change{name}() }}")),
            1 => k.line(&format!("change{name}()")),
            _ => {}
        }
        k.block("for i := 0; i < n; i++", |k| {
            k.fixed.push("i".into());
            k.line(&format!("s = s + math.{f}(i * 2.25 - 3) + math.{f}({value})"));
            k.line(&format!("if i == {when} {{ change{name}() }}"));
        });
        // Without its functions math would be of little use to what comes later.
        k.line("math = whole");
        k.line(&format!("math.{f} = old"));
        k.line(&format!("show(s, math.{f}(6.25))"));
        k.finish(name);
    });
}
