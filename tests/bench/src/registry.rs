//! What admitting an agent costs, from its connection to its answer: the registry is a log in a real ZooKeeper, so that a
//! write should cost the same however many agents there are.

use crate::{
    agents::{Agent, connect},
    figures::{Figures, median},
    ground::Masters,
};
use anyhow::{Context, Result};
use coordination::Detector;
use e2e::wait::PATIENCE;
use std::{ops::Range, time::Instant};
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// Agents in the registry when it is measured.
const SIZES: [usize; 2] = [1_000, 50_000];

/// Agents admitted to measure how many are in a second.
const SAMPLE: usize = 4_000;

/// Agents that register at once.
const AT_ONCE: usize = 64;

/// Agents admitted one after the other, to measure what one write takes.
const WRITES: usize = 500;

pub(crate) async fn run(figures: &Figures) -> Result<()> {
    // Agents that were admitted go again; nobody is to look for them meanwhile.
    let masters = Masters::start(1, &["--ping-interval", "1h"]).await?;
    let detector = Detector::new(masters.address.parse().context("address of ZooKeeper")?);
    let leader = detector.leader(PATIENCE).await.map_err(anyhow::Error::msg)?.address;
    let mut channels = Vec::new();
    for _ in 0..AT_ONCE {
        channels.push(connect(&leader).await?);
    }
    let (mut admitted, mut writes) = (0, Vec::new());
    for size in SIZES {
        admit(&channels, admitted..size).await?;
        let start = Instant::now();
        admit(&channels, size..size + SAMPLE).await?;
        let rate = SAMPLE as f64 / start.elapsed().as_secs_f64();
        figures.print(&format!("admissions_per_second_at_{size}"), rate, "1/s");
        admitted = size + SAMPLE + WRITES;
        let mut times = Vec::new();
        for index in size + SAMPLE..admitted {
            let start = Instant::now();
            Agent::new(index, 1).register(channels[0].clone()).await?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        let write = median(&mut times);
        figures.print(&format!("write_ms_at_{size}"), write, "ms");
        writes.push(write);
    }
    if let [small, large] = writes[..] {
        figures.print("write_ratio", large / small, "1");
    }
    Ok(())
}

/// Has agents admitted, over all channels at once.
async fn admit(channels: &[Channel], agents: Range<usize>) -> Result<()> {
    let mut working = JoinSet::new();
    for (number, channel) in channels.iter().enumerate() {
        let (mine, channel) = (agents.clone().skip(number).step_by(channels.len()), channel.clone());
        working.spawn(async move {
            for index in mine {
                Agent::new(index, 1).register(channel.clone()).await?;
            }
            anyhow::Ok(())
        });
    }
    working.join_all().await.into_iter().collect()
}
