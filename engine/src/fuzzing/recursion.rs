//! Random functions of the shapes that the passes on calls care about: recursion of several kinds, helpers small enough to
//! be inlined, results that vary in number and type.
//!
//! Recursion counts its first parameter down, and is called with small integers there, mostly.

use super::Choices;

/// A function that random expressions may call.
#[derive(Clone, Debug)]
pub(super) struct Callable {
    /// Name.
    pub name: String,
    /// Parameters. The first one bounds the recursion, if there is any.
    pub params: usize,
    /// The largest first argument for which a call is quick.
    pub most: usize,
    /// Can it give more than one result?
    pub several: bool,
}

/// One or two functions, source and what is known about them. `helpers` may be called from them.
pub(super) fn functions(choices: &mut Choices, number: usize, helpers: &[Callable]) -> (String, Vec<Callable>) {
    let mut g = Shapes { choices, helpers };
    match g.choices.below(9) {
        0 => g.helper(number),
        1 | 2 => g.tree(number),
        3 => g.chain(number),
        4 => g.calls_in_a_loop(number),
        5 => g.mutual(number),
        6 => g.several_results(number),
        7 => g.changing_accumulator(number),
        _ => g.deep(number),
    }
}

struct Shapes<'a> {
    choices: &'a mut Choices,
    helpers: &'a [Callable],
}

const PARAMS: [&str; 3] = ["n", "x", "y"];

impl Shapes<'_> {
    /// Mostly integer arithmetic over these names.
    fn arithmetic(&mut self, names: &[&str], size: usize) -> String {
        if size == 0 || self.choices.one_in(4) {
            return match self.choices.below(4) {
                0 => self.choices.pick(&["0", "1", "2", "3", "7", "100", "4095", "4096", "10000", "0.5"]).to_string(),
                _ => self.choices.pick(names).to_string(),
            };
        }
        let (a, b) = (self.arithmetic(names, size - 1), self.arithmetic(names, size - 1));
        match self.choices.below(12) {
            0..=4 => format!("({a} + {b})"),
            5..=7 => format!("({a} - {b})"),
            8 => format!("{a} * {}", self.choices.pick(&["2", "3", "-1", "8"])),
            9 => format!("{a} % 5"),
            10 => format!("({a} / 2)"),
            _ => match self.helpers {
                [] => format!("-({b})"),
                helpers => {
                    let h = &helpers[self.choices.below(helpers.len())];
                    let second = if h.params > 1 { format!(", {b}") } else { String::new() };
                    format!("{}({a}{second})", h.name)
                }
            },
        }
    }

    fn comparison(&mut self, names: &[&str]) -> String {
        let op = self.choices.pick(&["<", "<=", ">", ">=", "==", "!="]);
        let (a, b) = (self.arithmetic(names, 0), self.arithmetic(names, 1));
        format!("{a} {op} {b}")
    }

    fn params(&mut self) -> &'static [&'static str] {
        let count = 1 + self.choices.below(3);
        &PARAMS[..count]
    }

    /// A call of `name` one or two further down, with other values for the other parameters.
    fn down(&mut self, name: &str, params: &[&str]) -> String {
        let by = 1 + self.choices.below(2);
        let rest: Vec<String> = params[1..].iter().map(|_| format!(", {}", self.arithmetic(params, 1))).collect();
        format!("{name}(n - {by}{})", rest.concat())
    }

    /// A statement before the recursion: a change of a parameter, or an early return.
    fn prelude(&mut self, params: &[&str]) -> String {
        let last = params[params.len() - 1];
        match self.choices.below(5) {
            0 if params.len() > 1 => format!("    {last} = {}\n", self.arithmetic(params, 2)),
            1 => format!("    if {} {{ return {} }}\n", self.comparison(params), self.arithmetic(params, 1)),
            2 if params.len() > 1 => {
                let (condition, value) = (self.comparison(params), self.arithmetic(params, 1));
                format!("    if {condition} {{ {last} = {value} }}\n")
            }
            _ => String::new(),
        }
    }

    /// No recursion, no loop: one or two ways to return.
    fn helper(&mut self, number: usize) -> (String, Vec<Callable>) {
        let name = format!("h{number}");
        let params = ["n", "x"];
        let value = self.arithmetic(&params, 2);
        let early = match self.choices.below(2) {
            0 => format!("if {} {{ return {} }} ", self.comparison(&params), self.arithmetic(&params, 1)),
            _ => String::new(),
        };
        let source = format!("func {name}(n, x) {{ {early}return {value} }}\n");
        (source, vec![Callable { name, params: 2, most: 1000, several: false }])
    }

    /// Two self calls, as in fib.
    fn tree(&mut self, number: usize) -> (String, Vec<Callable>) {
        let (name, params) = (format!("r{number}"), self.params());
        let base = self.arithmetic(params, 1);
        let prelude = self.prelude(params);
        let (a, b) = (self.down(&name, params), self.down(&name, params));
        let value = match self.choices.below(5) {
            0 => format!("{a} + {b} * 2"),
            1 => format!("1 + {a} - {b}"),
            2 => format!("{a} + {b} + {}", self.arithmetic(params, 1)),
            3 if params.len() > 1 => {
                let nested = format!(", {a}{}", if params.len() > 2 { ", 1" } else { "" });
                format!("{name}(n - 2{nested}) + {b}")
            }
            _ => format!("{a} + {b}"),
        };
        let limit = 1 + self.choices.below(2);
        let source = format!(
            "func {name}({}) {{\n    if n < {limit} {{ return {base} }}\n{prelude}    return {value}\n}}\n",
            params.join(", ")
        );
        (source, vec![Callable { name, params: params.len(), most: 9, several: false }])
    }

    /// One self call, in the middle of an expression or as the last thing.
    fn chain(&mut self, number: usize) -> (String, Vec<Callable>) {
        let (name, params) = (format!("r{number}"), self.params());
        let (base, prelude, call) = (self.arithmetic(params, 1), self.prelude(params), self.down(&name, params));
        let value = match self.choices.below(5) {
            0 => call,
            1 => format!("1 + {call}"),
            2 => format!("{call} * 3 + {}", self.arithmetic(params, 1)),
            3 => format!("{} - {call}", self.arithmetic(params, 1)),
            _ => format!("2 * {call}"),
        };
        let keep =
            if self.choices.one_in(3) { format!("r := {value}\n    return r") } else { format!("return {value}") };
        let source = format!(
            "func {name}({}) {{\n    if n <= 0 {{ return {base} }}\n{prelude}    {keep}\n}}\n",
            params.join(", ")
        );
        (source, vec![Callable { name, params: params.len(), most: 40, several: false }])
    }

    /// Recursion and a loop in one function, the calls in it or behind it.
    fn calls_in_a_loop(&mut self, number: usize) -> (String, Vec<Callable>) {
        let (name, params) = (format!("r{number}"), &PARAMS[..2]);
        let names = ["n", "x", "s", "i"];
        let step = self.arithmetic(&names, 1);
        let call = self.down(&name, params);
        let (within, behind) = match self.choices.below(3) {
            0 => (format!("s = s + {call}"), String::new()),
            1 => (format!("if i == 1 {{ s = s - {call} }}"), String::new()),
            _ => (format!("x = x + {step}"), format!(" + {call}")),
        };
        let source = format!(
            "func {name}(n, x) {{\n    s := {}\n    if n < 1 {{ return s + x }}\n    for i := 0; i < 2; i++ {{\n        \
             s = s + {step}\n        {within}\n    }}\n    return s{behind}\n}}\n",
            self.choices.pick(&["0", "1", "0.5", "x"])
        );
        (source, vec![Callable { name, params: 2, most: 6, several: false }])
    }

    /// Two functions that call each other.
    fn mutual(&mut self, number: usize) -> (String, Vec<Callable>) {
        let (a, b) = (format!("even{number}"), format!("odd{number}"));
        let params = &PARAMS[..2];
        let source = format!(
            "func {a}(n, x) {{\n    if n < 1 {{ return {} }}\n    return {}\n}}\n\
             func {b}(n, x) {{\n    if n < 1 {{ return {} }}\n    return {} + 1\n}}\n",
            self.arithmetic(params, 1),
            self.down(&b, params),
            self.arithmetic(params, 1),
            self.down(&a, params),
        );
        let callable = |name| Callable { name, params: 2, most: 30, several: false };
        (source, vec![callable(a), callable(b)])
    }

    /// One, two or three results, its own or those of an open self call.
    fn several_results(&mut self, number: usize) -> (String, Vec<Callable>) {
        let name = format!("m{number}");
        let params = &PARAMS[..2];
        let [a, b, c] = [0; 3].map(|_| self.arithmetic(params, 1));
        let open = if self.choices.one_in(2) { self.down(&name, params) } else { c.clone() };
        let source = format!(
            "func {name}(n, x) {{\n    if n < 1 {{ return {a} }}\n    if n % 3 == 0 {{ return {b}, {c} }}\n    \
             if n % 3 == 1 {{ return {open} }}\n    return {c}, {a}, n\n}}\n"
        );
        (source, vec![Callable { name, params: 2, most: 12, several: true }])
    }

    /// A loop whose accumulator becomes a float, or something else, on the way.
    fn changing_accumulator(&mut self, number: usize) -> (String, Vec<Callable>) {
        let name = format!("acc{number}");
        let names = ["n", "s", "i"];
        let start = self.choices.pick(&["0", "1", "x", "0.5", "-1"]);
        let when = self.choices.below(9);
        let change = self.choices.pick(&["s = s / 2", "s = s + 0.5", "s = 7", "s = x", "n = n - 1"]);
        let (step, last) = (self.arithmetic(&names, 2), self.arithmetic(&names[..2], 1));
        let source = format!(
            "func {name}(n, x) {{\n    s := {start}\n    for i := 0; i < n; i++ {{\n        s = s + {step}\n        \
             if i == {when} {{ {change} }}\n        if s == 12345 {{ return s, i }}\n    }}\n    return s + {last}\n}}\n"
        );
        (source, vec![Callable { name, params: 2, most: 20, several: true }])
    }

    /// Recursion deeper than any stack of the host's would bear, sometimes past the limit, where it is caught.
    fn deep(&mut self, number: usize) -> (String, Vec<Callable>) {
        let (name, start) = (format!("deep{number}"), format!("down{number}"));
        let call = match self.choices.below(4) {
            // The overflow unwinds everything.
            0 => format!("{name}(-1, x)"),
            _ => format!("{name}({}, x)", 1000 + 4000 * self.choices.below(2)),
        };
        let value =
            self.choices.pick(&["1 + {}", "{} + x", "{}", "x - {}"]).replace("{}", &format!("{name}(n - 1, x)"));
        let source = format!(
            "func {name}(n, x) {{\n    if n == 0 {{ return x }}\n    return {value}\n}}\n\
             func {start}(n, x) {{\n    ok, e := pcall(func() {{ return {call} }})\n    return e\n}}\n"
        );
        let callables = vec![
            Callable { name, params: 2, most: 60, several: false },
            Callable { name: start, params: 2, most: 3, several: false },
        ];
        (source, callables)
    }
}
