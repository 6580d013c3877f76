//! Messages one after the other, each behind its length.

use prost::Message;

/// The largest message: an environment and arguments fill it first. Larger ones are a fault of the other side.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes that arrived, of which the last message may still be incomplete.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    start: usize,
}

/// What arrived is no message.
#[derive(Debug, thiserror::Error)]
#[error("what arrived is no message")]
pub(crate) struct Garbled;

impl Frames {
    /// Writes a message behind its length.
    pub(crate) fn write(message: &impl Message, to: &mut Vec<u8>) {
        let length = u32::try_from(message.encoded_len()).unwrap_or(u32::MAX);
        to.extend_from_slice(&length.to_le_bytes());
        message.encode_raw(to);
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message.
    pub(crate) fn next<M: Message + Default>(&mut self) -> Result<Option<M>, Garbled> {
        let rest = &self.bytes[self.start..];
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > BYTES_MAX {
            return Err(Garbled);
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let message = M::decode(body).map_err(|_| Garbled)?;
        self.start += 4 + length;
        Ok(Some(message))
    }
}
