//! `string`

use super::pattern::{Capture, Matcher};
use super::{Args, Builtin, format, plain};
use crate::heap::HeapError;
use crate::heap::strings::STRING_MAX;
use crate::interp::{Cx, Fail, Vm};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Builtin] = &[
    plain("string.format", format::format),
    plain("string.len", len),
    plain("string.sub", sub),
    plain("string.upper", |vm, _, a| map(vm, a, "string.upper", |s| s.make_ascii_uppercase())),
    plain("string.lower", |vm, _, a| map(vm, a, "string.lower", |s| s.make_ascii_lowercase())),
    plain("string.reverse", |vm, _, a| map(vm, a, "string.reverse", |s| s.reverse())),
    plain("string.rep", rep),
    plain("string.byte", byte),
    plain("string.char", char),
    plain("string.find", |vm, _, a| search(vm, a, true)),
    plain("string.match", |vm, _, a| search(vm, a, false)),
    plain("string.gmatch", gmatch),
    plain("string.gsub", gsub),
    plain("string.split", split),
    plain("string.trim", trim),
    plain("string.startswith", |vm, _, a| test(vm, a, "string.startswith", |s, x| s.starts_with(x))),
    plain("string.endswith", |vm, _, a| test(vm, a, "string.endswith", |s, x| s.ends_with(x))),
    plain("string.contains", |vm, _, a| test(vm, a, "string.contains", |s, x| find_plain(s, x, 0).is_some())),
];

pub(super) const GMATCH_NEXT: Builtin = plain("string.gmatch", gmatch_next);

/// Matcher steps that cost as much as one step of the budget.
const STEPS_PER_BUDGET: u64 = 64;

fn len(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = args.get(0);
    let n = if v.tag == Tag::Str { vm.str_bytes(v).len() } else { vm.arg_bytes(&args, 0, "string.len")?.len() };
    args.ret(Value::int(n as i64), vm)
}

/// Offsets of a Lua range: 1-based, negative from the end, clamped.
fn range(len: usize, first: i64, last: i64) -> std::ops::Range<usize> {
    let len = len as i64;
    let first = if first < 0 { (len + first + 1).max(1) } else { first.max(1) };
    let last = if last < 0 { len + last + 1 } else { last.min(len) };
    if first > last { 0..0 } else { first as usize - 1..last as usize }
}

fn sub(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let first = vm.opt_int(&args, 1, "string.sub", 1)?.max(i64::MIN / 2);
    let last = vm.opt_int(&args, 2, "string.sub", -1)?.max(i64::MIN / 2);
    let v = args.get(0);
    if v.tag != Tag::Str {
        let s = vm.arg_bytes(&args, 0, "string.sub")?;
        let r = range(s.len(), first, last);
        return vm.ret_str(&args, &s[r]);
    }
    let s = vm.str_bytes(v);
    let part = &s[range(s.len(), first, last)];
    let mut small = [0u8; 64];
    if let Some(copy) = small.get_mut(..part.len()) {
        copy.copy_from_slice(part);
        let n = part.len();
        return vm.ret_str(&args, &small[..n]);
    }
    let part = part.to_vec();
    vm.ret_str(&args, &part)
}

fn map(vm: &mut Vm, args: Args, name: &str, f: fn(&mut [u8])) -> Result<usize, Fail> {
    let mut s = vm.arg_bytes(&args, 0, name)?;
    f(&mut s);
    vm.ret_str(&args, &s)
}

fn test(vm: &mut Vm, args: Args, name: &str, f: fn(&[u8], &[u8]) -> bool) -> Result<usize, Fail> {
    let (s, x) = (vm.arg_bytes(&args, 0, name)?, vm.arg_bytes(&args, 1, name)?);
    args.ret(Value::bool(f(&s, &x)), vm)
}

fn rep(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let s = vm.arg_bytes(&args, 0, "string.rep")?;
    let n = vm.arg_int(&args, 1, "string.rep")?.max(0);
    let sep = if args.get(2).is_nil() { Vec::new() } else { vm.arg_bytes(&args, 2, "string.rep")? };
    let size = (s.len() as u128 + sep.len() as u128) * n as u128;
    if size > STRING_MAX as u128 || size > u128::from(vm.heap().limit()) {
        return Err(vm.error("resulting string too large"));
    }
    let mut out = Vec::with_capacity(size as usize);
    if size > 0 {
        for i in 0..n {
            if i > 0 {
                out.extend_from_slice(&sep);
            }
            out.extend_from_slice(&s);
        }
    }
    vm.ret_str(&args, &out)
}

fn byte(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let first = vm.opt_int(&args, 1, "string.byte", 1)?.max(i64::MIN / 2);
    let last = vm.opt_int(&args, 2, "string.byte", first)?.max(i64::MIN / 2);
    let v = args.get(0);
    if v.tag != Tag::Str {
        vm.arg_bytes(&args, 0, "string.byte")?;
    }
    let s = vm.str_bytes(v);
    let values: Vec<Value> = s[range(s.len(), first, last)].iter().map(|&b| Value::int(i64::from(b))).collect();
    if values.len() > 1 << 20 {
        return Err(vm.error("string slice too long"));
    }
    vm.ret_many(&args, &values)
}

fn char(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let mut out = Vec::with_capacity(args.n);
    for i in 0..args.n {
        match u8::try_from(vm.arg_int(&args, i, "string.char")?) {
            Ok(b) => out.push(b),
            Err(_) => return Err(vm.bad_argument(i, "string.char", "value out of range")),
        }
    }
    vm.ret_str(&args, &out)
}

/// First place of `needle` at or behind `from`.
fn find_plain(s: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    if needle.is_empty() {
        return Some(from);
    }
    s.get(from..)?.windows(needle.len()).position(|w| w == needle).map(|i| from + i)
}

/// Argument `i` as a string's address. Strings never move, so patterns match them where they are.
fn text(vm: &mut Vm, args: &Args, i: usize, name: &str) -> Result<u64, Fail> {
    let v = args.get(i);
    if v.tag == Tag::Str {
        return Ok(v.bits);
    }
    let bytes = vm.arg_bytes(args, i, name)?;
    vm.heap_mut().new_string(&bytes).map_err(|e| vm.heap_error(e))
}

/// The value of a capture in the string at `s`; an unfinished one is an error.
fn capture_value(vm: &mut Vm, s: u64, c: Capture) -> Result<Value, Fail> {
    match c {
        Capture::Range(a, b) => {
            let part = vm.heap().bytes(s)[a..b].to_vec();
            vm.heap_mut().string_value(&part).map_err(|e| vm.heap_error(e))
        }
        Capture::Position(p) => Ok(Value::int(p as i64 + 1)),
        Capture::Open(_) => Err(vm.error("unfinished capture")),
    }
}

/// Captures of a match, or the whole match if the pattern has none.
fn captures(vm: &mut Vm, s: u64, m: &Found) -> Result<Vec<Value>, Fail> {
    if m.captures.is_empty() {
        return Ok(vec![capture_value(vm, s, Capture::Range(m.start, m.end))?]);
    }
    m.captures.iter().map(|&c| capture_value(vm, s, c)).collect()
}

/// A match.
struct Found {
    start: usize,
    end: usize,
    captures: Vec<Capture>,
}

/// The first match of a pattern in a string at or behind `from`.
fn first_match(vm: &mut Vm, s: u64, pat: u64, from: usize) -> Result<Option<Found>, Fail> {
    let (src, pat) = (vm.heap().bytes(s), vm.heap().bytes(pat));
    let (anchored, pat) = match pat.first() {
        Some(b'^') => (true, &pat[1..]),
        _ => (false, pat),
    };
    let mut m = Matcher::new(src, pat);
    let last = if anchored { from } else { src.len() };
    let found = (from..=last).find_map(|start| m.match_at(start).map(|end| Some((start, end?))).transpose());
    let (work, captures) = (m.work(), m.captures);
    vm.spend(work / STEPS_PER_BUDGET);
    match found {
        Some(Ok((start, end))) => Ok(Some(Found { start, end, captures })),
        Some(Err(what)) => Err(vm.error(what)),
        None => Ok(None),
    }
}

fn search(vm: &mut Vm, args: Args, find: bool) -> Result<usize, Fail> {
    let name = if find { "string.find" } else { "string.match" };
    let (s, pat) = (text(vm, &args, 0, name)?, text(vm, &args, 1, name)?);
    let init = vm.opt_int(&args, 2, name, 1)?;
    let (src, pattern) = (vm.heap().bytes(s), vm.heap().bytes(pat));
    let from = if init < 0 { (src.len() as i64).saturating_add(init).max(0) } else { (init - 1).max(0) };
    if from > src.len() as i64 {
        return args.ret(Value::NIL, vm);
    }
    let from = from as usize;
    let plain = find && (args.get(3).truthy() || !pattern.iter().any(|b| b"^$*+?.([%-".contains(b)));
    if plain {
        let n = pattern.len();
        return match find_plain(src, pattern, from) {
            Some(i) => vm.ret_many(&args, &[Value::int(i as i64 + 1), Value::int((i + n) as i64)]),
            None => args.ret(Value::NIL, vm),
        };
    }
    let Some(m) = first_match(vm, s, pat, from)? else { return args.ret(Value::NIL, vm) };
    let mut out = Vec::new();
    if find {
        out.extend([Value::int(m.start as i64 + 1), Value::int(m.end as i64)]);
    }
    if !find || !m.captures.is_empty() {
        out.extend(captures(vm, s, &m)?);
    }
    vm.ret_many(&args, &out)
}

/// The iterator keeps subject, pattern, position and end of the last match in a table.
fn gmatch(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let (s, pat) = (text(vm, &args, 0, "string.gmatch")?, text(vm, &args, 1, "string.gmatch")?);
    let build = |vm: &mut Vm| -> Result<Value, HeapError> {
        let index = vm.hidden.gmatch;
        let h = vm.heap_mut();
        let t = h.new_table(4, 0)?;
        let (s, pat) = (Value::object(Tag::Str, s), Value::object(Tag::Str, pat));
        for (k, v) in [(1, s), (2, pat), (3, Value::int(0)), (4, Value::int(-1))] {
            h.set_int_key(t, k, v)?;
        }
        vm.builtin_value(index, Value::object(Tag::Table, t))
    };
    let f = build(vm).map_err(|e| vm.heap_error(e))?;
    args.ret(f, vm)
}

fn gmatch_next(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.captured(args.callee).bits;
    let h = vm.heap();
    let (s, pat) = (h.get_int(t, 1).bits, h.get_int(t, 2).bits);
    let (mut from, last) = (h.get_int(t, 3).as_int(), h.get_int(t, 4).as_int());
    let len = h.bytes(s).len() as i64;
    while from <= len {
        let Some(m) = first_match(vm, s, pat, from as usize)? else { break };
        // An empty match right behind the last one is none.
        if m.end as i64 == last && m.start == m.end {
            from = m.start as i64 + 1;
            continue;
        }
        let values = captures(vm, s, &m)?;
        for k in [3, 4] {
            vm.heap_mut().set_int_key(t, k, Value::int(m.end as i64)).map_err(|e| vm.heap_error(e))?;
        }
        return vm.ret_many(&args, &values);
    }
    vm.heap_mut().set_int_key(t, 3, Value::int(i64::MAX)).map_err(|e| vm.heap_error(e))?;
    args.ret(Value::NIL, vm)
}

fn gsub(vm: &mut Vm, cx: &mut Cx, args: Args) -> Result<usize, Fail> {
    const NAME: &str = "string.gsub";
    let (s, pat) = (text(vm, &args, 0, NAME)?, text(vm, &args, 1, NAME)?);
    let replacement = args.get(2);
    if !matches!(replacement.tag, Tag::Str | Tag::Int | Tag::Float | Tag::Table | Tag::Function) {
        return Err(vm.bad_argument(2, NAME, "string, function or table expected"));
    }
    let max = vm.opt_int(&args, 3, NAME, i64::MAX)?;
    // Numbers were made strings that nobody else refers to.
    let texts = [Value::object(Tag::Str, s), Value::object(Tag::Str, pat)];
    let (out, count) = vm.with_roots(&texts, |vm| gsub_text(vm, cx, s, pat, replacement, max))?;
    let v = vm.heap_mut().string_value(&out).map_err(|e| vm.heap_error(e))?;
    vm.ret_many(&args, &[v, Value::int(count)])
}

/// The string after at most `max` replacements, and their number.
fn gsub_text(vm: &mut Vm, cx: &mut Cx, s: u64, pat: u64, replacement: Value, max: i64) -> Result<(Vec<u8>, i64), Fail> {
    let anchored = vm.heap().bytes(pat).first() == Some(&b'^');
    let len = vm.heap().bytes(s).len();
    let mut out = Vec::with_capacity(len);
    let (mut at, mut count) = (0, 0);
    while count < max {
        let Some(m) = first_match(vm, s, pat, at)? else { break };
        count += 1;
        out.extend_from_slice(&vm.heap().bytes(s)[at..m.start]);
        let values = captures(vm, s, &m)?;
        let whole = vm.heap().bytes(s)[m.start..m.end].to_vec();
        substitute(vm, cx, &mut out, replacement, &values, &whole)?;
        if out.len() as u64 > vm.heap().limit() {
            return Err(vm.error("resulting string too large"));
        }
        at = m.end;
        if m.start == m.end {
            let Some(&b) = vm.heap().bytes(s).get(at) else { break };
            out.push(b);
            at += 1;
        }
        if anchored || at > len {
            break;
        }
    }
    out.extend_from_slice(vm.heap().bytes(s).get(at..).unwrap_or_default());
    Ok((out, count))
}

/// Appends what replaces a match.
fn substitute(
    vm: &mut Vm,
    cx: &mut Cx,
    out: &mut Vec<u8>,
    replacement: Value,
    captures: &[Value],
    whole: &[u8],
) -> Result<(), Fail> {
    let v = match replacement.tag {
        Tag::Function => vm.call_values_1(cx, replacement, captures)?,
        Tag::Table => vm.index(cx, replacement, captures[0])?,
        _ => {
            let mut template = Vec::new();
            vm.push_display(&mut template, replacement);
            let mut bytes = template.iter();
            while let Some(&b) = bytes.next() {
                if b != b'%' {
                    out.push(b);
                    continue;
                }
                match bytes.next() {
                    Some(b'%') => out.push(b'%'),
                    Some(b'0') => out.extend_from_slice(whole),
                    Some(d @ b'1'..=b'9') => match captures.get((d - b'1') as usize) {
                        Some(&c) => vm.push_display(out, c),
                        None => return Err(vm.error("invalid capture index in replacement string")),
                    },
                    _ => return Err(vm.error("invalid use of '%' in replacement string")),
                }
            }
            return Ok(());
        }
    };
    match v.tag {
        Tag::Nil => out.extend_from_slice(whole),
        Tag::Bool if !v.truthy() => out.extend_from_slice(whole),
        Tag::Str | Tag::Int | Tag::Float => vm.push_display(out, v),
        _ => {
            let name = vm.type_name(v);
            return Err(vm.error(format!("invalid replacement value (a {name})")));
        }
    }
    Ok(())
}

/// `string.split(s, sep)`: the parts between separators; an empty separator splits into bytes.
fn split(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let (s, sep) = (vm.arg_bytes(&args, 0, "string.split")?, vm.arg_bytes(&args, 1, "string.split")?);
    let mut parts: Vec<&[u8]> = Vec::new();
    if sep.is_empty() {
        parts.extend(s.chunks(1));
    } else {
        let mut at = 0;
        while let Some(i) = find_plain(&s, &sep, at) {
            parts.push(&s[at..i]);
            at = i + sep.len();
        }
        parts.push(&s[at..]);
    }
    let build = |vm: &mut Vm| -> Result<u64, HeapError> {
        let h = vm.heap_mut();
        let t = h.new_table(parts.len() as u32, 0)?;
        for (i, part) in parts.iter().enumerate() {
            let v = h.string_value(part)?;
            h.set_int_key(t, i as i64 + 1, v)?;
        }
        Ok(t)
    };
    let t = build(vm).map_err(|e| vm.heap_error(e))?;
    args.ret(Value::object(Tag::Table, t), vm)
}

fn trim(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let s = vm.arg_bytes(&args, 0, "string.trim")?;
    vm.ret_str(&args, s.trim_ascii())
}
