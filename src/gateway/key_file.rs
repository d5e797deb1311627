//! A Nostr secret key in a file that nobody else may read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nostr_sdk::{Keys, ToBech32 as _};

/// Why a key file cannot be used. Never shows what is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or made.
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
    /// There is no key in it.
    #[error("{path} holds no Nostr secret key, which is an nsec or 64 hex digits on a line")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The system has no randomness.
    #[error("no key can be written as an nsec")]
    Encode,
}

/// Reads a key. The file holds an nsec or 64 hex digits.
pub fn read_key(path: &Path) -> Result<Keys, KeyFileError> {
    let io = |error| KeyFileError::Io { path: path.to_owned(), error };
    let mut file = File::open(path).map_err(io)?;
    // Of the file that was opened, not of one that may have been put into its place.
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    io::Read::read_to_string(&mut file, &mut text).map_err(io)?;
    Keys::parse(text.trim()).map_err(|_| KeyFileError::Malformed { path: path.to_owned() })
}

/// Makes a new key in a file that is not there yet. It is on the disk when this returns.
pub fn make_key(path: &Path) -> Result<Keys, KeyFileError> {
    let io = |error| KeyFileError::Io { path: path.to_owned(), error };
    let keys = Keys::generate();
    let nsec = keys.secret_key().to_bech32().map_err(|_| KeyFileError::Encode)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(format!("{nsec}\n").as_bytes()).map_err(io)?;
    file.sync_all().map_err(io)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new("."))).and_then(|dir| dir.sync_all()).map_err(io)?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_made_is_read_again_and_only_while_nobody_else_may() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("nostr.key");
        let made = make_key(&path).expect("made");
        assert_eq!(read_key(&path).expect("read").secret_key(), made.secret_key());
        assert!(matches!(make_key(&path), Err(KeyFileError::Io { .. })), "it is never replaced");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
        let refused = read_key(&path).expect_err("others may read it").to_string();
        assert!(refused.contains("mode 640") && !refused.contains("nsec1"), "{refused}");
    }

    #[test]
    fn what_is_no_key_is_not_shown() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("nostr.key");
        make_key(&path).expect("made");
        std::fs::write(&path, "nsec1secretbutbroken").expect("written");
        let refused = read_key(&path).expect_err("no key").to_string();
        assert!(!refused.contains("secretbutbroken"), "{refused}");
    }
}
