//! A Nostr secret key, a machine's or the ledger's, in a file that nobody else may read.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nostr_sdk::Keys;
use spireledger_schema::identity::PublicKey;

/// Longest file that is read as a key.
const BYTES_MAX: u64 = 1_024;

/// A secret key.
#[derive(Clone)]
pub struct Secret(Keys);

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Others may read it.
    #[error(
        "{path} has mode {mode:03o}, so others may read the key in it; `chmod 600` it (and make a new \
         key, if anybody did)"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is no key. Never says what was found.
    #[error("{0} holds no secret key: `nsec1…` or 64 hex digits")]
    NoKey(PathBuf),
}

/// A key is never shown.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key of {}", self.public_key())
    }
}

impl Secret {
    /// A new key.
    pub fn generate() -> Self {
        Self(Keys::generate())
    }

    /// Reads a key file.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let io = |error| SecretError::Io { path: path.to_owned(), error };
        let meta = fs::metadata(path).map_err(io)?;
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Open { path: path.to_owned(), mode });
        }
        let no_key = || SecretError::NoKey(path.to_owned());
        if meta.len() > BYTES_MAX {
            return Err(no_key());
        }
        let bytes = fs::read(path).map_err(io)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| no_key())?;
        Keys::parse(text.trim()).map(Self).map_err(|_| no_key())
    }

    /// Writes it into a file that is not there yet, durably.
    pub fn write(&self, path: &Path) -> Result<(), SecretError> {
        let write = || {
            // Named only when it is whole: an interrupted write leaves no half of a key.
            let new = path.with_extension("new");
            let mut options = fs::OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            writeln!(file, "{}", self.0.secret_key().to_secret_hex())?;
            file.sync_all()?;
            // Fails where there is a key: none is ever written over.
            fs::hard_link(&new, path)?;
            fs::remove_file(&new)?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|error| SecretError::Io { path: path.to_owned(), error })
    }

    /// The public key: by which others know whose it is.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.public_key().to_bytes())
    }

    /// Both keys, to sign and encrypt with.
    pub const fn keys(&self) -> &Keys {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_and_is_shown_to_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let secret = Secret::generate();
        secret.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Secret::read(&path).unwrap();
        assert_eq!(read.public_key(), secret.public_key());
        let hex = secret.0.secret_key().to_secret_hex();
        assert!(!format!("{read:?}").contains(&hex));
        assert!(matches!(Secret::generate().write(&path), Err(SecretError::Io { .. })));
        assert_eq!(Secret::read(&path).unwrap().public_key(), secret.public_key());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Secret::read(&path), Err(SecretError::Open { mode: 0o640, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, format!("{hex}x")).unwrap();
        let error = Secret::read(&path).unwrap_err();
        assert!(matches!(error, SecretError::NoKey(_)) && !error.to_string().contains(&hex));
    }
}
