use super::shapes::{DICTIONARY, MAX_FIELDS};
use super::*;
use crate::layout::{KIND_STRING, KIND_TABLE, TABLE_ARRAY_LEN, TABLE_SHAPE};
use crate::value::Tag;

fn heap(layout: Layout) -> Heap {
    Heap::new(4, 1 << 24, GuestBase::Simulated, layout).unwrap()
}

fn s(h: &mut Heap, text: &str) -> Value {
    h.string_value(text.as_bytes()).unwrap()
}

fn keys(h: &Heap, t: u64) -> Vec<Value> {
    let mut out = Vec::new();
    let mut key = Value::NIL;
    while let Some((k, _)) = h.next(t, key).unwrap() {
        out.push(k);
        key = k;
    }
    out
}

#[test]
fn regions_follow_each_other() {
    for layout in Layout::ALL {
        let h = heap(layout);
        let base = h.guest_base();
        assert_eq!(base, crate::layout::GUEST_BASE);
        assert_eq!(h.global_slot(3), base + crate::layout::GLOBALS + 3 * layout.slot_bytes());
        let (stack, native) = (h.stack(), h.native_stack());
        assert!(h.global_slot(4) <= stack.0 && stack.1 <= native.0 && native.1 <= base + h.len());
        assert_eq!(native.1 - native.0, layout::NATIVE_STACK_BYTES);
        assert!(
            (stack.1 - stack.0) / layout.slot_bytes() >= crate::layout::MAX_DEPTH * crate::layout::FRAME_SLOTS_RESERVED
        );
    }
}

#[test]
fn host_addressing_is_the_identity() {
    for layout in Layout::ALL {
        let mut h = Heap::new(1, 1 << 20, GuestBase::Host, layout).unwrap();
        assert_eq!(h.guest_base(), h.host_ptr() as u64);
        let at = h.global_slot(0);
        h.store(at, Value::float(1.5));
        assert_eq!(h.load(at), Value::float(1.5));
        let first = if layout == Layout::Tagged { Tag::Float as u64 } else { 1.5f64.to_bits() };
        assert_eq!(h.read_u64(at), first);
    }
}

#[test]
#[should_panic(expected = "outside of the arena")]
fn accesses_outside_are_caught() {
    heap(Layout::Tagged).read_u64(crate::layout::GUEST_BASE - 8);
}

#[test]
fn short_strings_are_unique() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let a = h.new_string(b"abc").unwrap();
        assert_eq!(a, h.new_string(b"abc").unwrap());
        assert_ne!(a, h.new_string(b"abd").unwrap());
        assert_eq!(h.word(a, 0) & 0xff, KIND_STRING);
        let long = [b'x'; 41];
        let (x, y) = (h.new_string(&long).unwrap(), h.new_string(&long).unwrap());
        assert!(x != y && h.string_eq(x, y) && !h.string_eq(a, x));
        for i in 0..5000 {
            let text = format!("string {i}");
            let at = h.new_string(text.as_bytes()).unwrap();
            assert_eq!(h.bytes(at), text.as_bytes());
            assert_eq!(at, h.new_string(text.as_bytes()).unwrap());
        }
    }
}

#[test]
fn shapes_are_shared_and_ordered() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let (x, y) = (s(&mut h, "x"), s(&mut h, "y"));
        let (t, u, v) = (h.new_table(0, 0).unwrap(), h.new_table(0, 2).unwrap(), h.new_table(0, 0).unwrap());
        for table in [t, u] {
            h.set(table, x, Value::int(1)).unwrap();
            h.set(table, y, Value::int(2)).unwrap();
        }
        h.set(v, y, Value::int(2)).unwrap();
        h.set(v, x, Value::int(1)).unwrap();
        assert_eq!(h.half(t, TABLE_SHAPE), h.half(u, TABLE_SHAPE));
        assert_ne!(h.half(t, TABLE_SHAPE), h.half(v, TABLE_SHAPE));
        assert_eq!(h.shapes().keys(h.half(t, TABLE_SHAPE)), [x.bits, y.bits]);
        assert_eq!((keys(&h, t), keys(&h, v)), (vec![x, y], vec![y, x]));
        assert_eq!(h.word(t, 0) & 0xff, KIND_TABLE);
    }
}

#[test]
fn many_fields_become_a_dictionary() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let t = h.new_table(0, 0).unwrap();
        let names: Vec<Value> = (0..100).map(|i| s(&mut h, &format!("field{i}"))).collect();
        for (i, &name) in names.iter().enumerate() {
            h.set(t, name, Value::int(i as i64)).unwrap();
            assert_eq!(h.half(t, TABLE_SHAPE) == DICTIONARY, i >= MAX_FIELDS);
        }
        for (i, &name) in names.iter().enumerate() {
            assert_eq!(h.get(t, name), Value::int(i as i64));
        }
        assert_eq!(keys(&h, t), names);
        for &name in &names[..99] {
            h.set(t, name, Value::NIL).unwrap();
        }
        assert_eq!(keys(&h, t), names[99..]);
    }
}

#[test]
fn arrays_start_at_0_or_1() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        for first in [0, 1] {
            let t = h.new_table(0, 0).unwrap();
            for k in first..100 {
                h.set(t, Value::int(k), Value::int(k * k)).unwrap();
            }
            assert_eq!(h.half(t, TABLE_ARRAY_LEN), 100);
            assert_eq!(h.length(t), 99);
            assert_eq!(h.get(t, Value::int(0)).is_nil(), first == 1);
            assert_eq!(h.get(t, Value::float(7.0)), Value::int(49));
            assert_eq!(keys(&h, t).len() as i64, 100 - first);
        }
    }
}

#[test]
fn length_ignores_key_0_and_hash_keys() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let t = h.new_table(0, 0).unwrap();
        assert_eq!(h.length(t), 0);
        h.set_int_key(t, 0, Value::int(1)).unwrap();
        assert_eq!(h.length(t), 0);
        h.set_int_key(t, 5, Value::int(1)).unwrap();
        assert_eq!(h.length(t), 5);
        h.set_int_key(t, 2000, Value::int(1)).unwrap();
        h.set_int_key(t, -1, Value::int(1)).unwrap();
        assert_eq!(h.length(t), 5);
        h.set_int_key(t, 5, Value::NIL).unwrap();
        assert_eq!((h.length(t), h.array_size(t)), (0, 6));
        h.set_int_key(t, 4, Value::int(1)).unwrap();
        assert_eq!(h.length(t), 4);
    }
}

#[test]
fn appending_pulls_keys_out_of_the_hash_part() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let t = h.new_table(0, 0).unwrap();
        for k in (1024..1100).rev() {
            h.set_int_key(t, k, Value::int(k)).unwrap();
        }
        assert_eq!(h.array_cap(t), 0);
        h.set_int_key(t, 1023, Value::int(1023)).unwrap();
        assert_eq!(h.length(t), 1099);
        assert_eq!(keys(&h, t), (1023..1100).map(Value::int).collect::<Vec<_>>());
    }
}

#[test]
fn keys_of_all_kinds() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let t = h.new_table(0, 0).unwrap();
        let other = Value::object(Tag::Table, h.new_table(0, 0).unwrap());
        let long = s(&mut h, &"k".repeat(100));
        let all = [
            Value::bool(true),
            Value::bool(false),
            Value::float(1.5),
            other,
            long,
            Value::int(-7),
            Value::int(1 << 40),
        ];
        for (i, &k) in all.iter().enumerate() {
            h.set(t, k, Value::int(i as i64)).unwrap();
        }
        for (i, &k) in all.iter().enumerate() {
            assert_eq!(h.get(t, k), Value::int(i as i64));
        }
        let again = s(&mut h, &"k".repeat(100));
        assert_eq!(h.get(t, again), Value::int(4));
        assert_eq!(keys(&h, t), all);
        assert_eq!(h.set(t, Value::NIL, Value::int(1)), Err(HeapError::NilKey));
        assert_eq!(h.set(t, Value::float(f64::NAN), Value::int(1)), Err(HeapError::NanKey));
        assert!(h.get(t, Value::NIL).is_nil() && h.get(t, Value::float(f64::NAN)).is_nil());
        assert_eq!(h.next(t, Value::int(99)), Err(HeapError::BadNextKey));
        h.set(t, Value::float(3.0), Value::int(9)).unwrap();
        assert_eq!(h.get(t, Value::int(3)), Value::int(9));
        h.set(t, Value::float(-0.0), Value::int(8)).unwrap();
        assert_eq!(h.get(t, Value::int(0)), Value::int(8));
    }
}

#[test]
fn deleting_while_iterating_is_fine() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let t = h.new_table(0, 0).unwrap();
        for i in 0..500 {
            h.set(t, Value::float(i as f64 + 0.5), Value::int(i)).unwrap();
        }
        let mut key = Value::NIL;
        let mut seen = 0;
        while let Some((k, _)) = h.next(t, key).unwrap() {
            h.set(t, k, Value::NIL).unwrap();
            seen += 1;
            key = k;
        }
        assert_eq!(seen, 500);
        assert!(h.is_table_empty(t));
        // Deleted entries do not make the table grow for ever.
        let before = h.used();
        for i in 0..100_000 {
            let k = Value::float(f64::from(i) + 0.25);
            h.set(t, k, Value::int(1)).unwrap();
            h.set(t, k, Value::NIL).unwrap();
        }
        assert!(h.used() < before + (1 << 18), "{} {before}", h.used());
    }
}

#[test]
fn the_limit_is_an_error() {
    for layout in Layout::ALL {
        let mut h = Heap::new(0, 1 << 16, GuestBase::Simulated, layout).unwrap();
        let t = h.new_table(0, 0).unwrap();
        let full = (1..).find_map(|k| h.set_int_key(t, k, Value::int(k)).err());
        assert_eq!(full, Some(HeapError::Full));
        assert_eq!(h.new_string(&[b'x'; 1 << 17]), Err(HeapError::Full));
        assert_eq!(h.get_int(t, 1), Value::int(1));
    }
}

#[test]
fn outgrown_blocks_are_reused() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        for _ in 0..100 {
            let t = h.new_table(0, 0).unwrap();
            for k in 1..1000 {
                h.set_int_key(t, k, Value::int(k)).unwrap();
            }
        }
        // Each round leaves the final block and the table; the smaller ones are shared.
        assert!(h.used() < 100 * (1024 * layout.slot_bytes() + 256) + 100_000);
    }
}

#[test]
fn wide_integers_are_boxed_where_the_layout_has_no_room() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let t = h.new_table(0, 2).unwrap();
        let x = s(&mut h, "x");
        let before = h.used();
        let wide = [1 << 47, -(1 << 47) - 1, i64::MAX, i64::MIN];
        for (i, n) in wide.into_iter().enumerate() {
            h.set(t, x, Value::int(n)).unwrap();
            assert_eq!(h.get(t, x), Value::int(n));
            h.store(h.global_slot(0), Value::int(n));
            assert_eq!(h.load(h.global_slot(0)), Value::int(n));
            let boxes = if layout == Layout::NanBox { 2 * (i as u64 + 1) } else { 0 };
            assert_eq!(h.used() - before, boxes * crate::layout::WIDE_BYTES);
        }
        h.set(t, x, Value::int((1 << 47) - 1)).unwrap();
        h.set(t, x, Value::int(-(1 << 47))).unwrap();
        assert_eq!(h.get(t, x), Value::int(-(1 << 47)));
        // As keys: the number counts, not the box.
        for (i, n) in wide.into_iter().enumerate() {
            h.set(t, Value::int(n), Value::int(i as i64)).unwrap();
            h.set(t, Value::int(n), Value::int(n)).unwrap();
        }
        assert_eq!(keys(&h, t).len(), 5);
        assert!(wide.into_iter().all(|n| h.get(t, Value::int(n)) == Value::int(n)));
        assert_eq!(h.get(t, Value::float(-(2f64.powi(63)))), Value::int(i64::MIN));
    }
}

#[test]
fn nan_boxed_records_take_a_third_of_the_memory() {
    let bytes = Layout::ALL.map(|layout| {
        let mut h = heap(layout);
        let names: Vec<Value> = (0..8).map(|i| s(&mut h, &format!("field{i}"))).collect();
        let before = h.used();
        let list = h.new_table(1000, 0).unwrap();
        for k in 1..=1000 {
            let record = h.new_table(0, 8).unwrap();
            for (i, &name) in names.iter().enumerate() {
                h.set(record, name, Value::float(i as f64 + 0.5)).unwrap();
            }
            h.set_int_key(list, k, Value::object(Tag::Table, record)).unwrap();
        }
        h.used() - before
    });
    // 1000 records of 32 bytes and 8 slots each; the list's 32 bytes, and 16 in front of its 1001 slots, in units of 16 bytes.
    assert_eq!(bytes, [1000 * (32 + 256) + 32 + 16 + 1001 * 32, 1000 * (32 + 64) + 32 + 16 + 8016]);
    assert!(bytes[1] * 3 <= bytes[0]);
}
