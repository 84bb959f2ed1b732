//! Time, what is refused, and many descriptors.
