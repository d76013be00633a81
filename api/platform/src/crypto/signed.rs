//! Signed notes: what is handed out and must come back unchanged, without being kept meanwhile. They can be read by whoever holds them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use super::MasterKey;

/// Signs notes for one purpose: those of another are not good here.
#[derive(Clone)]
pub struct Signer(std::sync::Arc<SecretBox<[u8; 32]>>);

impl Signer {
    /// A signer whose key is derived from the master key.
    pub fn new(master: &MasterKey, purpose: &str) -> Self {
        Self(std::sync::Arc::new(SecretBox::new(Box::new(master.derive(purpose)))))
    }

    /// A note as text that fits into an address.
    pub fn sign(&self, note: &impl Serialize) -> String {
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(note).unwrap_or_default());
        let signature = self.mac(&body).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())).unwrap_or_default();
        format!("{body}.{signature}")
    }

    /// What a note says, if it was signed here.
    pub fn read<T: DeserializeOwned>(&self, text: &str) -> Option<T> {
        let (body, signature) = text.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(body)?.verify_slice(&signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }

    fn mac(&self, body: &str) -> Option<Hmac<Sha256>> {
        Some(Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).ok()?.chain_update(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_good_unchanged_and_for_its_purpose() {
        let master = MasterKey::random();
        let signer = Signer::new(&master, "one");
        let note = signer.sign(&("shop", 7));
        assert_eq!(signer.read::<(String, i32)>(&note), Some(("shop".to_owned(), 7)));
        assert_eq!(Signer::new(&master, "two").read::<(String, i32)>(&note), None);
        let (body, signature) = note.split_once('.').unwrap();
        let other = Signer::new(&MasterKey::random(), "one").sign(&("shop", 8));
        for forged in [format!("{}.{signature}", other.split_once('.').unwrap().0), other, body.to_owned(), format!("{body}."), String::new()] {
            assert_eq!(signer.read::<(String, i32)>(&forged), None, "{forged}");
        }
    }
}
