//! `bench`: placeholder
use super::{Context, Outcome};
#[derive(Debug, clap::Args)]
pub struct Args {}
pub fn run(_: &Context, _: &Args) -> anyhow::Result<Outcome> {
    anyhow::bail!("not built")
}
