//! Guest memory as code sees it, and the rarer kinds of loads and stores.

use super::cpu::Cpu;
use super::op::Op;
use crate::{FaultKind, GuestMemory};

/// The memory of the running call, with the number of valid offsets for each access size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    base: u64,
    ptr: *mut u8,
    /// For accesses of 1, 2, 4, 8, 16 and 32 bytes: how many offsets (from 0 up) are inside.
    valid: [u64; 6],
}

// SAFETY: the pointer is only followed during a call, for which the maker of the `GuestMemory` vouches; between calls
// it is null.
unsafe impl Send for Memory {}

impl Memory {
    /// Memory of which no byte can be accessed.
    pub(super) fn none() -> Memory {
        Memory { base: 0, ptr: std::ptr::null_mut(), valid: [0; 6] }
    }

    pub(super) fn new(memory: &GuestMemory) -> Memory {
        let len = memory.len() as u64;
        let valid = std::array::from_fn(|log2| (len + 1).saturating_sub(1 << log2));
        Memory { base: memory.base(), ptr: memory.ptr(), valid }
    }

    /// Host address of `N` bytes at a guest address, if all of them are inside.
    #[inline(always)]
    fn at<const N: usize>(&self, address: u64) -> Option<*mut u8> {
        let offset = address.wrapping_sub(self.base);
        if offset < self.valid[N.ilog2() as usize] {
            // SAFETY: `offset + N <= len`, so the pointer stays in the range that `GuestMemory::new` vouches for.
            Some(unsafe { self.ptr.add(offset as usize) })
        } else {
            None
        }
    }

    /// Reads `N` bytes.
    #[inline(always)]
    pub(super) fn read<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        // SAFETY: `at` checked the bounds; the maker of the `GuestMemory` vouches for validity and exclusiveness.
        self.at::<N>(address).map(|at| unsafe { at.cast::<[u8; N]>().read_unaligned() })
    }

    /// Writes `N` bytes.
    #[inline(always)]
    pub(super) fn write<const N: usize>(&self, address: u64, bytes: [u8; N]) -> Option<()> {
        // SAFETY: as in `read`.
        self.at::<N>(address).map(|at| unsafe { at.cast::<[u8; N]>().write_unaligned(bytes) })
    }

    /// Reads two 8-byte elements.
    #[inline(always)]
    pub(super) fn read_pair(&self, address: u64) -> Option<(u64, u64)> {
        let both = u128::from_le_bytes(self.read::<16>(address)?);
        Some((both as u64, (both >> 64) as u64))
    }

    /// Writes two 8-byte elements.
    #[inline(always)]
    pub(super) fn write_pair(&self, address: u64, first: u64, second: u64) -> Option<()> {
        self.write::<16>(address, (u128::from(first) | u128::from(second) << 64).to_le_bytes())
    }
}

/// What a load or store does with its register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Kind {
    Load,
    LoadSignedX,
    LoadSignedW,
    Store,
    LoadVector,
    StoreVector,
}

const KINDS: [Kind; 6] =
    [Kind::Load, Kind::LoadSignedX, Kind::LoadSignedW, Kind::Store, Kind::LoadVector, Kind::StoreVector];

impl Kind {
    pub(super) fn is_store(self) -> bool {
        matches!(self, Kind::Store | Kind::StoreVector)
    }
}

/// Kind and element size (as a power of two) of a load or store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Access {
    pub kind: Kind,
    pub log2: u8,
}

impl Access {
    /// As a number for [`Op::a`].
    pub(super) fn number(self) -> u8 {
        (self.kind as u8) << 4 | self.log2
    }
    pub(super) fn from_number(number: u8) -> Access {
        Access { kind: KINDS[usize::from(number >> 4) % KINDS.len()], log2: number & 15 }
    }
}

/// How the address is formed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Mode {
    /// Base plus immediate.
    Offset,
    /// The same, and the base takes the new address.
    Pre,
    /// Base alone, and the base takes base plus immediate.
    Post,
    /// Base plus extended and shifted register; `imm` holds the extension, and the shift from bit 8.
    Register,
}

const PRE: u8 = Mode::Pre as u8;
const POST: u8 = Mode::Post as u8;
const REGISTER: u8 = Mode::Register as u8;

/// SP must be aligned where it is the base.
#[inline(always)]
pub(super) fn check_alignment(cpu: &Cpu, op: &Op) -> Result<(), FaultKind> {
    let base = cpu.x[usize::from(op.n)];
    if base & u64::from(op.t) != 0 { Err(FaultKind::StackAlignment { sp: base }) } else { Ok(()) }
}

/// The address accessed, and what the base register becomes.
fn addresses(cpu: &Cpu, op: &Op) -> (u64, u64) {
    let base = cpu.x[usize::from(op.n)];
    match op.s {
        PRE => (base.wrapping_add(op.imm), base.wrapping_add(op.imm)),
        POST => (base, base.wrapping_add(op.imm)),
        REGISTER => {
            let index = super::alu::extend(cpu.x[usize::from(op.m)], op.imm as u8, (op.imm >> 8) as u8);
            (base.wrapping_add(index), base)
        }
        _ => (base.wrapping_add(op.imm), base),
    }
}

fn fault(address: u64, size: u32) -> FaultKind {
    FaultKind::Memory { address, size }
}

/// Reads an element, zero-extended.
fn read(memory: &Memory, address: u64, log2: u8) -> Option<u128> {
    Some(match log2 {
        0 => u128::from(memory.read::<1>(address)?[0]),
        1 => u128::from(u16::from_le_bytes(memory.read(address)?)),
        2 => u128::from(u32::from_le_bytes(memory.read(address)?)),
        3 => u128::from(u64::from_le_bytes(memory.read(address)?)),
        _ => u128::from_le_bytes(memory.read(address)?),
    })
}

fn write(memory: &Memory, address: u64, log2: u8, value: u128) -> Option<()> {
    match log2 {
        0 => memory.write(address, [value as u8]),
        1 => memory.write(address, (value as u16).to_le_bytes()),
        2 => memory.write(address, (value as u32).to_le_bytes()),
        3 => memory.write(address, (value as u64).to_le_bytes()),
        _ => memory.write(address, value.to_le_bytes()),
    }
}

/// Puts a loaded element into its register.
fn put(cpu: &mut Cpu, access: Access, register: u8, value: u128) {
    let unused = 64 - (8 << access.log2.min(3));
    let extended = ((value as i64) << unused >> unused) as u64;
    let register = usize::from(register);
    match access.kind {
        Kind::Load => cpu.x[register] = value as u64,
        Kind::LoadSignedX => cpu.x[register] = extended,
        Kind::LoadSignedW => cpu.x[register] = u64::from(extended as u32),
        _ => (cpu.v[register], cpu.vh[register]) = (value as u64, (value >> 64) as u64),
    }
}

/// The register that is stored.
fn get(cpu: &Cpu, access: Access, register: u8) -> u128 {
    let register = usize::from(register);
    match access.kind {
        Kind::StoreVector => u128::from(cpu.v[register]) | u128::from(cpu.vh[register]) << 64,
        _ => u128::from(cpu.x[register]),
    }
}

/// A load or store of one register, in any form.
pub(super) fn single(cpu: &mut Cpu, op: &Op) -> Result<(), FaultKind> {
    check_alignment(cpu, op)?;
    let access = Access::from_number(op.a);
    let (address, base) = addresses(cpu, op);
    if access.kind.is_store() {
        write(&cpu.memory, address, access.log2, get(cpu, access, op.d))
    } else {
        read(&cpu.memory, address, access.log2).map(|value| put(cpu, access, op.d, value))
    }
    .ok_or(fault(address, 1 << access.log2))?;
    if matches!(op.s, PRE | POST) {
        cpu.x[usize::from(op.n)] = base;
    }
    Ok(())
}

/// A load or store of a pair, in any form. Nothing is written unless both elements are inside.
pub(super) fn pair(cpu: &mut Cpu, op: &Op) -> Result<(), FaultKind> {
    check_alignment(cpu, op)?;
    let access = Access::from_number(op.a);
    let (address, base) = addresses(cpu, op);
    let size = 1u64 << access.log2;
    let outside = fault(address, 2 << access.log2);
    let inside = match access.log2 {
        2 => cpu.memory.at::<8>(address),
        3 => cpu.memory.at::<16>(address),
        _ => cpu.memory.at::<32>(address),
    };
    if inside.is_none() {
        return Err(outside);
    }
    let next = address.wrapping_add(size);
    if access.kind.is_store() {
        write(&cpu.memory, address, access.log2, get(cpu, access, op.d))
            .and_then(|()| write(&cpu.memory, next, access.log2, get(cpu, access, op.m)))
            .ok_or(outside)?;
    } else {
        let first = read(&cpu.memory, address, access.log2);
        let second = read(&cpu.memory, next, access.log2);
        let (Some(first), Some(second)) = (first, second) else {
            return Err(outside);
        };
        put(cpu, access, op.d, first);
        put(cpu, access, op.m, second);
    }
    if matches!(op.s, PRE | POST) {
        cpu.x[usize::from(op.n)] = base;
    }
    Ok(())
}
