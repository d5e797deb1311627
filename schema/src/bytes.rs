//! The one configuration of bincode that canonical bytes are written and read with.

use bincode::{BorrowDecode, Encode, config};

use crate::front::ENTRY_BYTES_MAX;

/// Little-endian, variable-length integers, and no length that could exceed one entry.
pub(crate) type Config =
    config::Configuration<config::LittleEndian, config::Varint, config::Limit<ENTRY_BYTES_MAX>>;

/// Fixed for ever: stored bytes depend on it.
pub(crate) const CONFIG: Config =
    config::standard().with_little_endian().with_variable_int_encoding().with_limit();

/// Appends the canonical bytes of `value` to `out`.
///
/// Encoding into memory fails only past [`ENTRY_BYTES_MAX`].
pub(crate) fn write<T: Encode>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), bincode::error::EncodeError> {
    bincode::encode_into_std_write(value, out, CONFIG).map(|_| ())
}

/// Reads one value and returns it with the bytes behind it.
pub(crate) fn read<'de, T: BorrowDecode<'de, ()>>(
    bytes: &'de [u8],
) -> Result<(T, &'de [u8]), bincode::error::DecodeError> {
    let (value, used) = bincode::borrow_decode_from_slice(bytes, CONFIG)?;
    Ok((value, bytes.get(used..).unwrap_or_default()))
}
