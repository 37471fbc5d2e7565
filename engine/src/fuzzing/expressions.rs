//! Random expressions over what a [`Kernel`] knows: numbers, keys, conditions.

use super::kernel::Kernel;

/// Fields that random code reads and writes.
pub(super) const FIELDS: &[&str] = &["x", "y", "z", "w"];
/// Integers, the negative ones in parentheses: `a<-1` would send to a channel.
const INTS: &[&str] = &["0", "1", "2", "3", "7", "(-1)", "(-5)", "100", "4096", "1000003"];
/// Floats that keep a computation going.
const FLOATS: &[&str] = &["0.5", "1.0", "1.5", "(-2.25)", "0.1", "4.0", "3.75", "1e3"];
/// Numbers that end up as an infinity, as NaN, or on the edge of a type.
pub(super) const EDGES: &[&str] = &[
    "0.0",
    "(-0.0)",
    "(1.0 / 0)",
    "(-1.0 / 0)",
    "(0.0 / 0)",
    "math.huge",
    "1e300",
    "1e15",
    "5e-324",
    "9223372036854775807",
    "140737488355328",
    "(-140737488355329)",
    "2862933555777941757",
    "(-9223372036854775807 - 1)",
    "9007199254740993",
    "9007199254740992.0",
    "9223372036854775808.0",
    "140737488355328",
    "2147483648.0",
];

impl Kernel<'_> {
    /// A number, written out.
    pub fn literal(&mut self) -> String {
        let from = match self.choices.below(12) {
            0 => EDGES,
            1..=6 => INTS,
            _ => FLOATS,
        };
        self.choices.pick(from).to_string()
    }

    /// A float, written out.
    pub fn float(&mut self) -> String {
        self.choices.pick(FLOATS).to_string()
    }

    pub(super) fn name(&mut self, of: fn(&Self) -> &Vec<String>) -> Option<String> {
        match of(self).len() {
            0 => None,
            n => {
                let at = self.choices.below(n);
                Some(of(self)[at].clone())
            }
        }
    }

    /// A name or a literal.
    fn atom(&mut self) -> String {
        let name = match self.choices.below(6) {
            0 => None,
            1 | 2 => self.name(|k| &k.fixed),
            _ => self.name(|k| &k.numbers),
        };
        name.unwrap_or_else(|| self.literal())
    }

    /// An expression that gives a number.
    pub fn number(&mut self, size: usize) -> String {
        if size == 0 {
            return self.atom();
        }
        let (array, record) = (self.name(|k| &k.arrays), self.name(|k| &k.records));
        match (self.choices.below(22), array, record) {
            (0..=2, Some(array), _) => {
                let (index, or) = (self.index(), self.literal());
                format!("({array}[{index}] || {or})")
            }
            (3, Some(array), _) => format!("#{array}"),
            (4..=6, _, Some(record)) => {
                let (field, or) = (self.choices.pick(FIELDS), self.literal());
                format!("({record}.{field} || {or})")
            }
            (7, ..) => format!("math.sqrt({})", self.number(size - 1)),
            (8, ..) => format!("math.floor({})", self.number(size - 1)),
            (9, ..) => format!("math.abs({})", self.number(size - 1)),
            (10, ..) => format!("-({})", self.number(size - 1)),
            (11, ..) => {
                let by = self.choices.pick(&["7", "(-3)", "2.5", "1.0", "1000003"]);
                format!("({} % {by})", self.number(size - 1))
            }
            (12, ..) => {
                let (condition, a, b) = (self.condition(), self.number(size - 1), self.number(size - 1));
                format!("({condition} && {a} || {b})")
            }
            (13, ..) => self.atom(),
            _ => {
                let op = self.choices.pick(&["+", "+", "+", "-", "-", "*", "*", "/"]);
                let (a, b) = (self.number(size - 1), self.number(size - 1));
                format!("({a} {op} {b})")
            }
        }
    }

    /// A key for an array: mostly a small integer.
    pub fn index(&mut self) -> String {
        let i = self.name(|k| &k.fixed).unwrap_or_else(|| "1".into());
        match self.choices.below(16) {
            0..=5 => i,
            6 => format!("{i} + 1"),
            7 => format!("{i} - 1"),
            8 => format!("{i} * 2"),
            9 => format!("{i} % 3"),
            10 => format!("{i} / 2"),
            11 => format!("-{i}"),
            12 => format!("math.floor({})", self.number(1)),
            13 => self.choices.pick(&["0", "1", "2.0", "0.5", "(-1)", "1023", "1024", "5000", "(-0.0)"]).to_string(),
            14 => self.choices.pick(&["\"x\"", "\"y\"", "\"1\"", "true"]).to_string(),
            _ => match self.name(|k| &k.arrays) {
                Some(array) => format!("#{array}"),
                None => "2".into(),
            },
        }
    }

    /// A condition in parentheses.
    pub fn condition(&mut self) -> String {
        let array = self.name(|k| &k.arrays);
        match (self.choices.below(9), array) {
            (0, Some(array)) => {
                let (index, op) = (self.index(), self.choices.pick(&["==", "!="]));
                format!("({array}[{index}] {op} nil)")
            }
            (1, _) => {
                let a = self.number(1);
                format!("({a} != {a})")
            }
            (2, _) => {
                let (a, b) = (self.number(1), self.number(0));
                format!("!({a} < {b})")
            }
            (3, _) => match self.name(|k| &k.fixed) {
                Some(i) => format!("({i} % {} == {})", 2 + self.choices.below(4), self.choices.below(2)),
                None => "(age > 3)".into(),
            },
            (4, _) => format!("(age > {})", self.choices.below(6)),
            _ => {
                let op = self.choices.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let (a, b) = (self.number(1), self.number(1));
                format!("({a} {op} {b})")
            }
        }
    }
}
