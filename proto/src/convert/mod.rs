//! From the wire to the vocabulary, with validation, and back.
