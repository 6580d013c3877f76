//! Checksumming and compressing files over the cluster, and checking every byte.

use super::{files::File, say, summary::Part};
use anyhow::Result;
use flate2::read::GzDecoder;
use framework_map::{Environment, Input, Job, Observer, Outcome};
use proffer_framework::{Explanation, MasterAddress};
use sha2::{Digest, Sha256};
use std::{fmt::Write, io::Read};

/// What each task runs: the checksum on a line, then the file compressed.
const SCRIPT: &str = "sha256sum < \"$1\" && gzip -c < \"$1\"";
/// What each task gets. Small, so that several run at once even on a small machine.
const CPUS: f64 = 0.1;
const MEM: f64 = 16.0;
/// How many wrong results are told of.
const COMPLAINTS_MAX: usize = 5;

/// Works on all files, in containers of an image if there is one.
pub(super) async fn run(master: &MasterAddress, files: &[File], image: Option<&str>) -> Result<Part> {
    let (name, kind) = if image.is_some() { ("map-docker", "containers") } else { ("map-process", "processes") };
    say(&format!("sha256sum and gzip of {} files, as {kind}", files.len()));
    let job = Job {
        name: format!("demo {name}"),
        role: None,
        command: ["sh", "-c", SCRIPT, "sh", "{}"].map(str::to_owned).into(),
        inputs: files.iter().map(|file| Input::file(file.path.clone())).collect(),
        docker: image.map(str::to_owned),
        cpus: CPUS,
        mem: MEM,
        retries: 1,
        environment: Environment::new(),
    };
    let mut part = Part::begin(name, files.len());
    let mut checker = Checker { files, right: 0, complaints: 0 };
    framework_map::run(std::slice::from_ref(master), job, &mut checker, std::future::pending()).await?;
    part.end(checker.right == files.len());
    say(&format!("{} of {} results are what this machine computes", checker.right, files.len()));
    Ok(part)
}

/// Compares results with what this machine computes.
struct Checker<'a> {
    files: &'a [File],
    right: usize,
    complaints: usize,
}

impl Observer for Checker<'_> {
    fn outcome(&mut self, outcome: Outcome) {
        let expected = &self.files[outcome.index].content;
        let verdict = if outcome.ok {
            check(&outcome.stdout, expected)
        } else {
            Err(format!("{} {}", outcome.message, String::from_utf8_lossy(&outcome.stderr).trim()))
        };
        match verdict {
            Ok(()) => self.right += 1,
            Err(wrong) => {
                self.complaints += 1;
                if self.complaints <= COMPLAINTS_MAX {
                    say(&format!("{}: {wrong}", outcome.input));
                }
            }
        }
    }

    fn stalled(&mut self, explanation: &Explanation) {
        say(&format!("waiting: {}", explanation.summary));
    }
}

/// Checks what a task wrote against the file's content.
fn check(output: &[u8], expected: &[u8]) -> Result<(), String> {
    let end = output.iter().position(|byte| *byte == b'\n').ok_or("the output has no first line")?;
    let (line, compressed) = (String::from_utf8_lossy(&output[..end]), &output[end + 1..]);
    if line.split_whitespace().next() != Some(&hexadecimal(&Sha256::digest(expected))) {
        return Err(format!("the checksum {line:?} is wrong"));
    }
    let mut content = Vec::with_capacity(expected.len());
    // One byte more than expected shows that there is too much.
    let limit = expected.len() as u64 + 1;
    GzDecoder::new(compressed).take(limit).read_to_end(&mut content).map_err(|error| format!("gzip: {error}"))?;
    if content == expected { Ok(()) } else { Err("the compressed file has another content".to_owned()) }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn every_byte_counts() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"hello").unwrap();
        let compressed = encoder.finish().unwrap();
        let mut output = format!("{}  -\n", hexadecimal(&Sha256::digest(b"hello"))).into_bytes();
        output.extend(&compressed);
        assert_eq!(check(&output, b"hello"), Ok(()));
        assert!(check(&output, b"hallo").is_err());
        assert!(check(&output[..output.len() - 12], b"hello").is_err());
        assert!(check(b"", b"hello").is_err());
    }
}
