//! `stuck`: what waits, since when, and the next safe step.

use spireledger::payer::{open_settlements, read_settlement, stuck};
use spireledger_schema::time::Timestamp;

use super::{Context, Outcome, open, output};

/// How long it has to wait to be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what has waited for longer than this: 90s, 30m, 12h, 7d.
    #[arg(long, default_value = "0s", value_parser = parse_duration, value_name = "DURATION")]
    older_than: i64,
}

/// Seconds.
fn parse_duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no duration; write 90s, 30m, 12h or 7d");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: i64 = digits.parse().ok().filter(|number| *number >= 0).ok_or_else(wrong)?;
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let reader = open::reader(context)?;
    let now = open::clock()();
    let until = now.seconds().saturating_sub(args.older_than);
    // What was recorded a moment ago waits, too, whatever fraction of a second it has.
    let until = Timestamp::from_seconds(until.saturating_add(1)).unwrap_or(Timestamp::EPOCH);
    let mut all = Vec::new();
    for hash in open_settlements(&reader)? {
        if let Some(settlement) = read_settlement(&reader, &hash)?.filter(|s| !s.status.is_final())
        {
            all.extend(stuck(&settlement, now, until));
        }
    }
    all.sort_by_key(|waiting| (waiting.since, waiting.payment_hash));
    if context.json {
        output::print_json(&all)?;
    } else if all.is_empty() {
        output::print_line("nothing waits")?;
    } else {
        let mut table =
            output::table(&["since", "settlement", "leg", "what", "next safe step"], &[]);
        for waiting in &all {
            let leg = waiting
                .leg_id
                .as_ref()
                .map(|id| id.as_str().rsplit(':').next().unwrap_or_default());
            table.add_row([
                output::time(waiting.since),
                super::log::shorten(&waiting.payment_hash.to_string()),
                leg.unwrap_or_default().to_owned(),
                waiting.what.clone(),
                waiting.action.clone(),
            ]);
        }
        output::print_line(&table.to_string())?;
    }
    Ok(if all.is_empty() { Outcome::Yes } else { Outcome::No })
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn durations_have_a_unit() {
        let read = ["90s", "30m", "12h", "7d", "0s"].map(|text| parse_duration(text).unwrap());
        assert_eq!(read, [90, 1_800, 43_200, 604_800, 0]);
        for wrong in ["", "7", "d", "-1s", "1.5h", "99999999999999999d", "1w"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
