//! Text and ids: short strings that were checked once, at the door.

use std::fmt;

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Encode};
use compact_str::CompactString;
use serde::{Serialize, Serializer};

use crate::limits::ID_BYTES_MAX;

/// A string that is kept inline while short. Its length is bounded by whoever made it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(CompactString);

impl Text {
    /// Wraps any text.
    pub fn new(text: &str) -> Self {
        Self(CompactString::new(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Encode for Text {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.as_str().encode(encoder)
    }
}

impl<'de, C> BorrowDecode<'de, C> for Text {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Ok(Self::new(<&str>::borrow_decode(decoder)?))
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        ///
        /// 1 to 128 bytes without control characters.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Serialize)]
        #[serde(transparent)]
        pub struct $name(Text);

        impl $name {
            /// `None` if empty, too long, or with a control character.
            pub fn parse(text: &str) -> Option<Self> {
                is_id(text).then(|| Self(Text::new(text)))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// Wraps text that the ledger itself made of checked parts.
            #[allow(dead_code)]
            pub(crate) const fn from_text(text: Text) -> Self {
                Self(text)
            }
        }

        impl<'de, C> BorrowDecode<'de, C> for $name {
            fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
                decoder: &mut D,
            ) -> Result<Self, DecodeError> {
                Self::parse(<&str>::borrow_decode(decoder)?).ok_or(DecodeError::Other("not an id"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

ids! {
    /// A machine of the fleet (`dca_machines.id`).
    MachineId
    /// An LNbits user: an operator, an LP, whoever recorded something.
    UserId
    /// An LNbits wallet.
    WalletId
    /// One LP's enrolment at one machine (`dca_clients.id`).
    ClientId
    /// A recorded deposit of fiat (`dca_deposits.id`).
    DepositId
    /// One planned or made payment of a settlement (`dca_payments.id`).
    LegId
    /// A note on a settlement.
    NoteId
    /// The token with which a processor takes the processing lock of a settlement.
    ProcessingClaim
    /// What a client calls its request, so that a setting can be repeated safely.
    RequestId
}

fn is_id(text: &str) -> bool {
    let in_bounds = (1..=ID_BYTES_MAX).contains(&text.len());
    // Nearly all ids are ASCII, and every one is looked at again when its entry is read.
    let has_control = if text.is_ascii() {
        text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        text.chars().any(char::is_control)
    };
    in_bounds && !has_control
}

/// Three capital letters: an ISO 4217 currency code such as `GTQ`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The code that stands for no currency at all (ISO 4217).
    pub const NONE: Self = Self([b'X'; 3]);

    /// `None` unless three capital letters.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_letters(text.as_bytes().try_into().ok()?)
    }

    fn from_letters(letters: [u8; 3]) -> Option<Self> {
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, C> BorrowDecode<'de, C> for Currency {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::from_letters(<[u8; 3]>::borrow_decode(decoder)?)
            .ok_or(DecodeError::Other("not a currency code"))
    }
}
