//! Syntax errors and how they are shown.
