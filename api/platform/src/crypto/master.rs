//! The key that wraps all others. On SQLite it lives in a file beside the database; on PostgreSQL it must be given.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

/// 32 bytes that unlock everything.
#[derive(Clone)]
pub struct MasterKey(std::sync::Arc<SecretBox<[u8; 32]>>);

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Not 32 bytes in base64.
    #[error("the master key must be 32 random bytes in base64; make one with `openssl rand -base64 32`")]
    Malformed,
    /// Nothing has a default secret.
    #[error("NOREN_MASTER_KEY is not set; on PostgreSQL every replica needs the same one. Make it once with `openssl rand -base64 32`")]
    Missing,
    /// The key file could not be read or written.
    #[error("cannot use the key file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Others could read the key.
    #[error("the key file {0} can be read by others; run `chmod 600` on it")]
    Exposed(PathBuf),
}

impl MasterKey {
    /// A key from its base64 form.
    pub fn parse(text: &SecretString) -> Result<Self, MasterKeyError> {
        let bytes = STANDARD.decode(text.expose_secret().trim()).map_err(|_| MasterKeyError::Malformed)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| MasterKeyError::Malformed)?;
        Ok(Self::from_bytes(bytes))
    }

    /// A new random key, for a throw-away database.
    pub fn random() -> Self {
        Self::from_bytes(rand::random())
    }

    /// Reads the key file, or makes it (mode 0600) where there is none.
    pub fn from_file(path: &Path) -> Result<Self, MasterKeyError> {
        let file_error = |source| MasterKeyError::File { path: path.to_owned(), source };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(mut file) => {
                let key: [u8; 32] = rand::random();
                file.write_all(format!("{}\n", STANDARD.encode(key)).as_bytes()).and_then(|()| file.sync_all()).map_err(file_error)?;
                Ok(Self::from_bytes(key))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::read_file(path),
            Err(error) => Err(file_error(error)),
        }
    }

    fn read_file(path: &Path) -> Result<Self, MasterKeyError> {
        #[cfg(unix)]
        {
            let metadata = std::fs::metadata(path).map_err(|source| MasterKeyError::File { path: path.to_owned(), source })?;
            if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o077 != 0 {
                return Err(MasterKeyError::Exposed(path.to_owned()));
            }
        }
        let text = std::fs::read_to_string(path).map_err(|source| MasterKeyError::File { path: path.to_owned(), source })?;
        Self::parse(&SecretString::from(text))
    }

    fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(std::sync::Arc::new(SecretBox::new(Box::new(bytes))))
    }

    /// A key of its own for one purpose: what signs cannot unseal, and the other way round.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        // Expanding 32 bytes cannot fail: HKDF-SHA256 gives up to 8,160.
        let _ = Hkdf::<Sha256>::new(Some(b"noren"), self.0.expose_secret()).expand(purpose.as_bytes(), &mut key);
        key
    }
}
