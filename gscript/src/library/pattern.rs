//! Lua patterns: a small backtracking matcher. Its work and its depth are limited, so that no pattern hangs or overflows.

/// Most captures of a pattern.
pub(super) const MAX_CAPTURES: usize = 32;
/// Deepest recursion.
const MAX_DEPTH: usize = 220;
/// Most steps of one search, plus [`STEPS_PER_BYTE`] for each byte of the subject.
const MAX_STEPS: u64 = 2_000_000;
const STEPS_PER_BYTE: u64 = 200;

/// What a capture caught.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Capture {
    /// Bytes `start..end` of the subject.
    Range(usize, usize),
    /// A position capture `()`: the offset.
    Position(usize),
    /// Opened at an offset and not closed yet.
    Open(usize),
}

/// A match in progress.
pub(super) struct Matcher<'a> {
    src: &'a [u8],
    pat: &'a [u8],
    /// Captures so far.
    pub captures: Vec<Capture>,
    depth: usize,
    /// Steps left.
    steps: u64,
}

type Match = Result<Option<usize>, &'static str>;

impl<'a> Matcher<'a> {
    /// For a subject and a pattern (without its anchor).
    pub fn new(src: &'a [u8], pat: &'a [u8]) -> Matcher<'a> {
        let steps = MAX_STEPS + STEPS_PER_BYTE * src.len() as u64;
        Matcher { src, pat, captures: Vec::new(), depth: 0, steps }
    }

    /// Steps done so far.
    pub fn work(&self) -> u64 {
        MAX_STEPS + STEPS_PER_BYTE * self.src.len() as u64 - self.steps
    }

    /// The end of the match that starts at `start`, if there is one.
    pub fn match_at(&mut self, start: usize) -> Match {
        self.captures.clear();
        self.depth = 0;
        self.run(start, 0)
    }

    fn spend(&mut self, steps: u64) -> Result<(), &'static str> {
        self.steps = self.steps.checked_sub(steps).ok_or("pattern matching takes too long")?;
        Ok(())
    }

    fn run(&mut self, s: usize, p: usize) -> Match {
        self.depth += 1;
        let result = if self.depth > MAX_DEPTH { Err("pattern too complex") } else { self.run_inner(s, p) };
        self.depth -= 1;
        result
    }

    fn run_inner(&mut self, mut s: usize, mut p: usize) -> Match {
        loop {
            self.spend(1)?;
            let Some(&c) = self.pat.get(p) else { return Ok(Some(s)) };
            match c {
                b'(' if self.pat.get(p + 1) == Some(&b')') => return self.capture(Capture::Position(s), s, p + 2),
                b'(' => return self.capture(Capture::Open(s), s, p + 1),
                b')' => return self.close(s, p + 1),
                b'$' if p + 1 == self.pat.len() => return Ok((s == self.src.len()).then_some(s)),
                b'%' if self.pat.get(p + 1) == Some(&b'b') => match self.balanced(s, p + 2)? {
                    Some(end) => (s, p) = (end, p + 4),
                    None => return Ok(None),
                },
                b'%' if self.pat.get(p + 1) == Some(&b'f') => {
                    let set = p + 2;
                    if self.pat.get(set) != Some(&b'[') {
                        return Err("missing '[' after '%f' in pattern");
                    }
                    let end = self.class_end(set)?;
                    let before = if s == 0 { 0 } else { self.src[s - 1] };
                    let here = self.src.get(s).copied().unwrap_or(0);
                    if self.in_set(before, set, end) || !self.in_set(here, set, end) {
                        return Ok(None);
                    }
                    p = end;
                }
                b'%' if self.pat.get(p + 1).is_some_and(u8::is_ascii_digit) => {
                    match self.back_reference(s, self.pat[p + 1])? {
                        Some(end) => (s, p) = (end, p + 2),
                        None => return Ok(None),
                    }
                }
                _ => {
                    let end = self.class_end(p)?;
                    match self.pat.get(end) {
                        Some(b'?') => {
                            if self.single(s, p, end)
                                && let Some(e) = self.run(s + 1, end + 1)?
                            {
                                return Ok(Some(e));
                            }
                            p = end + 1;
                        }
                        Some(b'+') => {
                            return if self.single(s, p, end) { self.greedy(s + 1, p, end) } else { Ok(None) };
                        }
                        Some(b'*') => return self.greedy(s, p, end),
                        Some(b'-') => return self.lazy(s, p, end),
                        _ => {
                            if !self.single(s, p, end) {
                                return Ok(None);
                            }
                            (s, p) = (s + 1, end);
                        }
                    }
                }
            }
        }
    }

    fn capture(&mut self, capture: Capture, s: usize, p: usize) -> Match {
        if self.captures.len() >= MAX_CAPTURES {
            return Err("too many captures");
        }
        let n = self.captures.len();
        self.captures.push(capture);
        let result = self.run(s, p)?;
        if result.is_none() {
            self.captures.truncate(n);
        }
        Ok(result)
    }

    fn close(&mut self, s: usize, p: usize) -> Match {
        let open = self.captures.iter().rposition(|c| matches!(c, Capture::Open(_)));
        let Some(i) = open else { return Err("invalid pattern capture") };
        let Capture::Open(start) = self.captures[i] else { return Err("invalid pattern capture") };
        self.captures[i] = Capture::Range(start, s);
        let result = self.run(s, p)?;
        if result.is_none() {
            self.captures[i] = Capture::Open(start);
        }
        Ok(result)
    }

    fn balanced(&mut self, s: usize, p: usize) -> Match {
        let (Some(&open), Some(&close)) = (self.pat.get(p), self.pat.get(p + 1)) else {
            return Err("missing arguments to '%b' in pattern");
        };
        if self.src.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for (i, &c) in self.src.iter().enumerate().skip(s + 1) {
            self.spend(1)?;
            if c == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(i + 1));
                }
            } else if c == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    fn back_reference(&mut self, s: usize, digit: u8) -> Match {
        let i = (digit as usize).wrapping_sub(b'1' as usize);
        let Some(&Capture::Range(start, end)) = self.captures.get(i) else { return Err("invalid capture index") };
        let len = end - start;
        let same = self.src.len() - s >= len && self.src[start..end] == self.src[s..s + len];
        Ok(same.then_some(s + len))
    }

    fn greedy(&mut self, s: usize, p: usize, end: usize) -> Match {
        let mut n = 0;
        while self.single(s + n, p, end) {
            n += 1;
        }
        self.spend(n as u64)?;
        loop {
            if let Some(e) = self.run(s + n, end + 1)? {
                return Ok(Some(e));
            }
            if n == 0 {
                return Ok(None);
            }
            n -= 1;
        }
    }

    fn lazy(&mut self, mut s: usize, p: usize, end: usize) -> Match {
        loop {
            if let Some(e) = self.run(s, end + 1)? {
                return Ok(Some(e));
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    /// Does the class at `p..end` match the byte at `s`?
    fn single(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(&c) = self.src.get(s) else { return false };
        match self.pat[p] {
            b'.' => true,
            b'%' => in_class(c, self.pat[p + 1]),
            b'[' => self.in_set(c, p, end),
            literal => literal == c,
        }
    }

    /// Where the class that starts at `p` ends.
    fn class_end(&self, p: usize) -> Result<usize, &'static str> {
        match self.pat[p] {
            b'%' if p + 1 >= self.pat.len() => Err("malformed pattern (ends with '%')"),
            b'%' => Ok(p + 2),
            b'[' => {
                let mut i = p + 1;
                if self.pat.get(i) == Some(&b'^') {
                    i += 1;
                }
                let first = i;
                loop {
                    match self.pat.get(i) {
                        None => return Err("malformed pattern (missing ']')"),
                        Some(b']') if i > first => return Ok(i + 1),
                        Some(b'%') => i += 2,
                        Some(_) => i += 1,
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    /// Is `c` in the set `[…]` at `p..end`?
    fn in_set(&self, c: u8, p: usize, end: usize) -> bool {
        let set = &self.pat[p + 1..end - 1];
        let (negated, set) = match set.first() {
            Some(b'^') => (true, &set[1..]),
            _ => (false, set),
        };
        let mut i = 0;
        let mut found = false;
        while i < set.len() && !found {
            if set[i] == b'%' && i + 1 < set.len() {
                found = in_class(c, set[i + 1]);
                i += 2;
            } else if i + 2 < set.len() && set[i + 1] == b'-' {
                found = (set[i]..=set[i + 2]).contains(&c);
                i += 3;
            } else {
                found = set[i] == c;
                i += 1;
            }
        }
        found != negated
    }
}

fn in_class(c: u8, class: u8) -> bool {
    let found = match class.to_ascii_lowercase() {
        b'a' => c.is_ascii_alphabetic(),
        b'c' => c.is_ascii_control(),
        b'd' => c.is_ascii_digit(),
        b'g' => c.is_ascii_graphic(),
        b'l' => c.is_ascii_lowercase(),
        b'p' => c.is_ascii_punctuation(),
        b's' => c.is_ascii_whitespace() || c == 0x0b,
        b'u' => c.is_ascii_uppercase(),
        b'w' => c.is_ascii_alphanumeric(),
        b'x' => c.is_ascii_hexdigit(),
        _ => return class == c,
    };
    found != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(src: &str, pat: &str) -> Option<(usize, usize)> {
        let mut m = Matcher::new(src.as_bytes(), pat.as_bytes());
        (0..=src.len()).find_map(|i| m.match_at(i).unwrap().map(|e| (i, e)))
    }

    #[test]
    fn classes_and_repetitions() {
        assert_eq!(find("hello world", "o w"), Some((4, 7)));
        assert_eq!(find("abc123", "%d+"), Some((3, 6)));
        assert_eq!(find("abc123", "%a-%d"), Some((0, 4)));
        assert_eq!(find("key = value", "%s*=%s*"), Some((3, 6)));
        assert_eq!(find("x[1]", "%[%d%]"), Some((1, 4)));
        assert_eq!(find("a-b", "[a-]+"), Some((0, 2)));
        assert_eq!(find("]", "[]]"), Some((0, 1)));
        assert_eq!(find("abc", "[^a]+"), Some((1, 3)));
        assert_eq!(find("f(a(b)c)d", "%b()"), Some((1, 8)));
        assert_eq!(find("THE (quick) fox", "%f[%a]%a+%f[%A]"), Some((0, 3)));
        assert_eq!(find("abab", "(ab)%1"), Some((0, 4)));
        assert_eq!(find("abc", "c$"), Some((2, 3)));
        assert_eq!(find("abc", "b$"), None);
    }

    #[test]
    fn bad_patterns_are_errors() {
        for pat in ["%", "[a", "(a", ")", "%1", "%b", "%f"] {
            let mut m = Matcher::new(b"aaa", pat.as_bytes());
            let open = |m: &Matcher| m.captures.iter().any(|c| matches!(c, Capture::Open(_)));
            assert!(m.match_at(0).is_err() || open(&m), "{pat}");
        }
    }

    #[test]
    fn work_is_limited() {
        let src = "a".repeat(60);
        let mut m = Matcher::new(src.as_bytes(), b"a*a*a*a*a*a*a*a*a*a*b");
        assert_eq!(m.match_at(0), Err("pattern matching takes too long"));
        let many = "a?".repeat(500);
        let mut m = Matcher::new(src.as_bytes(), many.as_bytes());
        assert!(m.match_at(0).is_ok());
    }
}
