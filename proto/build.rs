//! Compiles the protos without a system `protoc`.

use prost::Message;
use std::{env, error::Error, path::PathBuf};

const PROTOS: [&str; 10] = [
    "v1/types.proto",
    "v1/scheduler.proto",
    "v1/executor.proto",
    "v1/agent.proto",
    "v1/operator.proto",
    "storage/v1/registry.proto",
    "storage/v1/journal.proto",
    "storage/v1/launcher.proto",
    "storage/v1/framework.proto",
    "storage/v1/objects.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=v1");
    println!("cargo::rerun-if-changed=storage");
    let descriptors = protox::compile(PROTOS, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".proffer.v1.FileChunk.bytes").btree_map(".").compile_fds(descriptors)?;
    Ok(())
}
