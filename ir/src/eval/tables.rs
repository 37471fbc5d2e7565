//! Accesses to the parts of tables.

use gscript::heap::Heap;
use gscript::layout::{HEADER, KIND_TABLE, TABLE_BYTES};

use super::pure::Val;
use crate::op::{Op, TablePart, Type};

/// Executes one of the operations on tables; the error says what is wrong with its arguments.
///
/// Addresses are looked at more closely than machine code would: a table must be one, and a block must lie in the heap.
pub(super) fn access(heap: &mut Heap, op: Op, args: &[Val]) -> Result<Option<Val>, String> {
    let (at, value) = match (op, args) {
        (Op::TableLoad(part), &[Val::Ptr(table)]) => return part_of(heap, table, part).map(Some),
        (Op::FieldLoad(i), &[Val::Ptr(block)]) => (slot_of(heap, block, i.into())?, None),
        (Op::FieldStore(i), &[Val::Ptr(block), v]) => (slot_of(heap, block, i.into())?, Some(v)),
        (Op::ElemLoad, &[Val::Ptr(block), Val::Int(k)]) => (slot_of(heap, block, k)?, None),
        (Op::ElemStore, &[Val::Ptr(block), Val::Int(k), v]) => (slot_of(heap, block, k)?, Some(v)),
        _ => return Err(format!("{op:?} of {args:?}")),
    };
    match value {
        None => Ok(Some(Val::Boxed(heap.load(at)))),
        Some(v) => {
            heap.store(at, v.boxed().ok_or("stores a pointer")?);
            Ok(None)
        }
    }
}

fn part_of(heap: &Heap, table: u64, part: TablePart) -> Result<Val, String> {
    if !heap.contains(table, TABLE_BYTES) || heap.read_u64(table + HEADER) & 0xff != KIND_TABLE {
        return Err(format!("there is no table at {table:#x}"));
    }
    let at = table + part.offset();
    let word = if part.is_half() { heap.read_u32(at).into() } else { heap.read_u64(at) };
    Ok(match part.ty() {
        Type::Ptr => Val::Ptr(word),
        _ => Val::Int(word as i64),
    })
}

fn slot_of(heap: &Heap, block: u64, i: i64) -> Result<u64, String> {
    let bytes = heap.layout().slot_bytes();
    let at = block.wrapping_add((i as u64).wrapping_mul(bytes));
    if block == 0 || i < 0 || !heap.contains(at, bytes) {
        return Err(format!("slot {i} of the block at {block:#x} is none"));
    }
    Ok(at)
}
