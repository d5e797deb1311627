//! The one configuration of bincode that canonical bytes are written and read with.

use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Encode, config};

/// Little-endian, variable-length integers, and no list that would claim more than
/// [`CLAIMED_BYTES_MAX`].
pub(crate) type Config =
    config::Configuration<config::LittleEndian, config::Varint, config::Limit<CLAIMED_BYTES_MAX>>;

/// Most memory that the lists of one value may claim before their items are read, in bytes.
///
/// bincode counts a list's items at their size in memory, which is many times their size in bytes:
/// [`crate::limits::LEGS_MAX`] legs must pass, a forged length must not.
const CLAIMED_BYTES_MAX: usize = 256 * 1024;

/// Fixed for ever: stored bytes depend on it.
pub(crate) const CONFIG: Config =
    config::standard().with_little_endian().with_variable_int_encoding().with_limit();

/// The same bytes of a value that was put together of pieces, whose lists may claim more.
const LONG: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<LONG_CLAIMED_BYTES_MAX>,
> = config::standard().with_little_endian().with_variable_int_encoding().with_limit();

/// Most memory that the lists of a value in pieces may claim: eight times its longest bytes. A rule that
/// was found takes about five times its bytes.
const LONG_CLAIMED_BYTES_MAX: usize = 8 * crate::event::PIECES_BYTES_MAX;

/// Appends the canonical bytes of `value` to `out`. Encoding into memory does not fail.
pub(crate) fn write<T: Encode>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    bincode::encode_into_std_write(value, out, CONFIG).map(|_| ())
}

/// Reads one value and returns it with the bytes behind it.
///
/// Only the canonical bytes of a value are read as that value: bincode itself would also take a
/// number in more bytes than it needs, or a map out of order.
pub(crate) fn read<'de, T: BorrowDecode<'de, ()> + Encode>(
    bytes: &'de [u8],
) -> Result<(T, &'de [u8]), DecodeError> {
    read_with(bytes, CONFIG)
}

/// Reads one value as [`read`] does, of bytes that were put together of pieces.
pub(crate) fn read_long<'de, T: BorrowDecode<'de, ()> + Encode>(
    bytes: &'de [u8],
) -> Result<(T, &'de [u8]), DecodeError> {
    read_with(bytes, LONG)
}

fn read_with<'de, T: BorrowDecode<'de, ()> + Encode>(
    bytes: &'de [u8],
    config: impl config::Config,
) -> Result<(T, &'de [u8]), DecodeError> {
    let (value, used): (T, usize) = bincode::borrow_decode_from_slice(bytes, config)?;
    let (read, rest) = bytes.split_at_checked(used).ok_or(NOT_CANONICAL)?;
    let mut same = Same(read);
    let written = bincode::encode_into_writer(&value, &mut same, CONFIG);
    if written.is_err() || !same.0.is_empty() {
        return Err(NOT_CANONICAL);
    }
    Ok((value, rest))
}

const NOT_CANONICAL: DecodeError = DecodeError::Other("not the canonical bytes of what they say");

/// Writes nothing, but compares with what should be written: cheaper than a copy.
struct Same<'a>(&'a [u8]);

impl Writer for Same<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.strip_prefix(bytes).ok_or(EncodeError::Other("differs"))?;
        Ok(())
    }
}
