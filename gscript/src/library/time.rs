//! `time`, and the little of `os` that programs use.

use super::{Action, Args, Builtin, plain};
use crate::interp::{Cx, Fail, Vm};
use crate::value::{Tag, Value};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const FUNCTIONS: &[Builtin] =
    &[plain("time.now", now), plain("time.since", since), Builtin { name: "time.sleep", action: Action::Sleep }];

pub(super) const OS_FUNCTIONS: &[Builtin] = &[plain("os.time", os_time), plain("os.clock", os_clock)];

/// Seconds since 1970 (UTC).
fn unix() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// Year, month and day of a day number (0: 1 January 1970), by Howard Hinnant's civil-from-days algorithm.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// A table of the current time, UTC.
fn now(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let unix = unix();
    let seconds = unix.floor() as i64;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let yearday = before[month as usize - 1] + day + i64::from(leap && month > 2);
    let ints = [
        ("year", year),
        ("month", month),
        ("day", day),
        ("hour", rest / 3600),
        ("min", rest / 60 % 60),
        ("sec", rest % 60),
        ("nsec", ((unix - unix.floor()) * 1e9) as i64),
        ("weekday", (days + 4).rem_euclid(7)),
        ("yearday", yearday),
    ];
    let build = |vm: &mut Vm| {
        let h = vm.heap_mut();
        let t = h.new_table(0, 16)?;
        for (name, n) in ints {
            h.set_field(t, name, Value::int(n))?;
        }
        h.set_field(t, "unix", Value::float(unix))?;
        let tz = h.string_value(b"UTC")?;
        h.set_field(t, "tz", tz)?;
        Ok(t)
    };
    let t = build(vm).map_err(|e| vm.heap_error(e))?;
    args.ret(Value::object(Tag::Table, t), vm)
}

/// Seconds since the time in a table of `time.now`.
fn since(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "time.since")?;
    let then = vm.heap_mut().get_field(t, "unix").map_err(|e| vm.heap_error(e))?;
    match vm.to_float(then) {
        Some(then) => args.ret(Value::float(unix() - then), vm),
        None => Err(vm.bad_argument(0, "time.since", "a table of time.now expected")),
    }
}

fn os_time(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    args.ret(Value::int(unix() as i64), vm)
}

fn os_clock(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    args.ret(Value::float(unix()), vm)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_531), (2026, 3, 19));
    }
}
