//! GScript: Go syntax, Lua semantics.
//!
//! Source text → syntax tree ([`syntax`]) → register bytecode ([`compiler`], [`bytecode`]) → meaning ([`interp`], over
//! the values and objects of [`value`] and [`heap`]). The interpreter is the definition of the language for the rest of
//! the workspace: whatever compiled code does must agree with it bit for bit. While it runs it can collect type
//! feedback ([`profile`]), and it shares its frames and heap with compiled code ([`layout`], [`jit`]).

pub mod bytecode;
pub mod compiler;
pub mod diagnostic;
pub mod disasm;
pub mod error;
pub mod heap;
pub mod interp;
pub mod jit;
pub mod layout;
pub mod library;
pub mod nanbox;
pub mod profile;
pub mod random;
pub mod syntax;
pub mod value;
