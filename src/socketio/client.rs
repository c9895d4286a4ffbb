//! The whole client without I/O.
