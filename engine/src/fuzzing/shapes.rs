//! All shapes of random functions that compute with data.

use super::kernel::Kernel;
use super::recursion::Callable;
use super::{Choices, changes, floats, records, tables};

/// A kind of function.
pub(super) struct Shape {
    /// What the names of such functions begin with.
    pub name: &'static str,
    /// Writes one with the given name.
    pub write: fn(&mut Kernel<'_>, &str),
}

const FILES: &[&[Shape]] = &[floats::SHAPES, tables::SHAPES, records::SHAPES, changes::SHAPES];

/// What the names of functions of each shape begin with.
pub fn shape_names() -> impl Iterator<Item = &'static str> {
    FILES.iter().copied().flatten().map(|shape| shape.name)
}

/// A function of some shape, and what it needs beside it.
pub(super) fn function(choices: &mut Choices, number: usize) -> (String, Callable) {
    let file = FILES[choices.below(FILES.len())];
    let shape = &file[choices.below(file.len())];
    let name = format!("{}{number}", shape.name);
    let mut kernel = Kernel::new(choices);
    (shape.write)(&mut kernel, &name);
    (kernel.out, Callable { name, params: 3, most: 12, several: false })
}
