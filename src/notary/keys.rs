//! Key files: a secret key in its text form, for its owner only.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::{NotaryError, Store};
use crate::proofs::{Algorithm, KeyError, KeyName, NoteKey, VerifierKey};

/// The file of the key that signs a ledger's checkpoints.
pub const KEY_FILE: &str = "note.key";

/// Reads a secret key from its file. `None` if there is no such file.
pub fn load_key(path: &Path) -> Result<Option<NoteKey>, NotaryError> {
    let io = NotaryError::io(path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mode = file.metadata().map_err(&io)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(NotaryError::KeyIsOpen { path: path.to_owned(), mode });
    }
    let text = io::read_to_string(file).map_err(&io)?;
    let key = NoteKey::parse_secret(text.trim_end());
    key.map(Some).map_err(|error| NotaryError::Key { path: path.to_owned(), error })
}

/// Makes a new key and its file, which must not be there yet. Without a name it is called `prefix/` and the
/// beginning of a hash of its public key: no two are the same.
pub fn make_key(
    path: &Path,
    name: Option<KeyName>,
    prefix: &str,
    algorithm: Algorithm,
) -> Result<NoteKey, NotaryError> {
    let io = NotaryError::io(path);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| io(io::Error::other(error)))?;
    let own = || {
        let hash = blake3::hash(&NoteKey::public_bytes(&seed));
        KeyName::new(&format!("{prefix}/{}", hash.to_hex().get(..12).unwrap_or_default()))
    };
    let wrong = |error: KeyError| NotaryError::Key { path: path.to_owned(), error };
    let name = name.map_or_else(own, Ok).map_err(wrong)?;
    let key = NoteKey::from_seed(name, algorithm, &seed);
    // Beside, and then by its name at once: a crash leaves a whole key or none, and no key is written over.
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&new).map_err(&io)?;
    writeln!(file, "{}", key.to_secret()).and_then(|()| file.sync_all()).map_err(&io)?;
    let linked = std::fs::hard_link(&new, path);
    let _ = std::fs::remove_file(&new);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(NotaryError::KeyExists(path.to_owned()));
        }
        Err(error) => return Err(io(error)),
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(&io)?;
    Ok(key)
}

/// The public key of a ledger directory: of its secret one, or what its checkpoints were last signed with.
/// `None` if it never had one.
pub fn public_key(dir: &Path) -> Result<Option<VerifierKey>, NotaryError> {
    if let Some(key) = load_key(&dir.join(KEY_FILE))? {
        return Ok(Some(key.public().clone()));
    }
    if !dir.join(super::CHECKPOINTS_FILE).exists() {
        return Ok(None);
    }
    Ok(Store::open(dir)?.keys().last().cloned())
}
