//! The recorded fleet, once it is there.
