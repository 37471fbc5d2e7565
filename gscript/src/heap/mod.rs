//! The arena and the objects in it.
