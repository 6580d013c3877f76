//! How a record stands in a file: its length, a checksum, its bytes.

/// Length and checksum, four bytes each, little endian.
const HEAD: usize = 8;

/// A record longer than this is no record: what looks like its length is damage. Twice as long as any message from
/// which one is made.
pub(super) const RECORD_BYTES_MAX: usize = 64 << 20;

/// Appends a record to `buffer`.
///
/// # Errors
/// Its length, if it is so long that nobody would read it. Nothing is appended then.
pub(super) fn write(buffer: &mut Vec<u8>, record: &impl prost::Message) -> Result<(), usize> {
    let length = record.encoded_len();
    let head = u32::try_from(length).ok().filter(|_| length <= RECORD_BYTES_MAX).ok_or(length)?;
    let start = buffer.len();
    buffer.resize(start + HEAD, 0);
    // A Vec grows; encoding into it cannot fail.
    let encoded = record.encode(buffer);
    debug_assert!(encoded.is_ok());
    let sum = crc32fast::hash(&buffer[start + HEAD..]);
    buffer[start..start + 4].copy_from_slice(&head.to_le_bytes());
    buffer[start + 4..start + HEAD].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A whole record, and how many bytes it takes with its head.
    Whole(&'a [u8], usize),
    /// Nothing.
    End,
    /// The beginning of a record that was not written to its end.
    Torn,
    /// Something that is no record.
    Damaged,
}

/// Reads the record at the beginning of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Frame<'_> {
    if bytes.is_empty() {
        return Frame::End;
    }
    let (Some(length), Some(sum)) = (number(bytes, 0), number(bytes, 4)) else { return Frame::Torn };
    let length = length as usize;
    if length == 0 || length > RECORD_BYTES_MAX {
        return Frame::Damaged;
    }
    let Some(body) = bytes.get(HEAD..HEAD + length) else { return Frame::Torn };
    if crc32fast::hash(body) == sum {
        return Frame::Whole(body, HEAD + length);
    }
    // A crash of the machine may leave the last record with its length but not all of its bytes.
    if bytes.len() == HEAD + length { Frame::Torn } else { Frame::Damaged }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_damage_is_seen() {
        let mut bytes = Vec::new();
        write(&mut bytes, &"one".to_owned()).unwrap();
        let first = bytes.len();
        write(&mut bytes, &"two".to_owned()).unwrap();
        let Frame::Whole(_, taken) = read(&bytes) else { panic!("the first record is whole") };
        assert_eq!(taken, first);
        assert_eq!(read(&bytes[..first - 1]), Frame::Torn);
        assert_eq!(read(&bytes[..3]), Frame::Torn);
        assert_eq!(read(&[]), Frame::End);
        bytes[first - 1] ^= 1;
        assert_eq!(read(&bytes), Frame::Damaged);
        assert_eq!(read(&bytes[..first]), Frame::Torn);
    }

    #[test]
    fn what_would_not_be_read_is_not_written() {
        let mut bytes = Vec::new();
        assert!(write(&mut bytes, &"x".repeat(RECORD_BYTES_MAX + 1)).is_err());
        assert!(bytes.is_empty());
    }
}
