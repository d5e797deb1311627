//! Machines, settings and reports that are repeated, contradicted or wrong.

use spireledger_schema::Code;

use super::super::Simulator;
use super::super::day::beacon;
use super::super::json::{command, list, object};
use super::super::setup::platform_line;
use super::super::station::Station;
use super::kinds;

kinds! {
    /// The first settings come once more, by the same `request_id`.
    SetAgain,
    /// Other settings, by a `request_id` that was used.
    SetOtherwise,
    /// A machine is registered once more.
    RegisteredAgain,
    /// A machine is registered once more, in another currency.
    RegisteredOtherwise,
    /// A second machine with the wallet of the first.
    WalletTaken,
    /// A second machine with the key of the first.
    KeyTaken,
    /// A pairing is reported once more.
    PairedAgain,
    /// Split rules that are no whole.
    SplitsOpen,
    /// Split rules for somebody else's machine.
    SplitsForeign,
    /// A beacon comes by a second relay.
    BeaconAgain,
    /// Two beacons of one moment that say different things.
    BeaconOtherwise,
    /// A beacon of a machine that nobody registered.
    BeaconUnknown,
    /// The operator says again what is in the bays.
    BaysAgain,
}

impl Simulator {
    pub(super) fn disturb_fleet(&mut self, kind: Kind) -> Option<()> {
        let number = self.any_station();
        let station = self.stations.get(number)?;
        match kind {
            Kind::SetAgain => self.replayed(platform_line()),
            Kind::SetOtherwise => {
                let line = command("config.set")
                    .text("super_cash_in_fee_fraction", "0.0777")
                    .text("request_id", "config-0");
                self.refused(line.end(), Code::Conflict);
            }
            Kind::RegisteredAgain => {
                let line = station.register_line();
                self.replayed(line);
            }
            Kind::RegisteredOtherwise => {
                let wallet = format!("wallet-{}", station.id());
                let line = register(station.id(), &wallet).text("fiat_code", "CHF");
                self.refused(line.end(), Code::Conflict);
            }
            Kind::WalletTaken => {
                let wallet = format!("wallet-{}", station.id());
                let line = register("xx-copy-01", &wallet).text("fiat_code", "CHF");
                self.refused(line.end(), Code::WalletTaken);
            }
            Kind::KeyTaken if station.has_key() => {
                let line = register("xx-copy-02", "wallet-xx-copy-02")
                    .text("fiat_code", "CHF")
                    .text("machine_npub", &station.key.to_string());
                self.refused(line.end(), Code::NpubTaken);
            }
            Kind::PairedAgain => {
                let line = station.pair_line()?;
                self.replayed(line);
            }
            Kind::SplitsOpen => {
                let line = splits(&station.operator.clone(), None, &["0.5000", "0.4999"]);
                self.refused(line, Code::SplitsSum);
            }
            Kind::SplitsForeign => {
                let line = splits("op-nobody", Some(station), &["1"]);
                self.refused(line, Code::UnknownMachine);
            }
            Kind::BeaconAgain => {
                let line = station.beacon.as_ref()?.1.clone();
                self.replayed(line);
            }
            Kind::BeaconOtherwise => {
                let (at, _) = station.beacon.as_ref()?;
                let line = command("beacon.report")
                    .text("machine_id", station.id())
                    .raw("cash_in", "false")
                    .number("received_at", at.unsigned_abs());
                self.refused(line.end(), Code::Conflict);
            }
            Kind::BeaconUnknown => {
                let line = beacon(station, self.now).replacen(station.id(), "xx-nowhere-99", 1);
                self.refused(line, Code::UnknownMachine);
            }
            Kind::BaysAgain if station.bays.iter().all(|bay| bay.believed > 0) => {
                let line = station.set_line();
                self.replayed(line);
            }
            Kind::KeyTaken | Kind::BaysAgain => return None,
        }
        Some(())
    }
}

/// The beginning of a registration.
fn register(id: &str, wallet: &str) -> super::super::json::Json {
    command("machine.register")
        .text("id", id)
        .text("operator_user_id", "op-copycat")
        .text("wallet_id", wallet)
}

fn splits(operator: &str, station: Option<&Station>, fractions: &[&str]) -> String {
    let rules = fractions.iter().map(|fraction| {
        object().text("target", "wallet-somewhere").text("fraction", fraction).end()
    });
    let line = command("splits.set").text("operator_user_id", operator);
    let line = match station {
        Some(station) => line.text("machine_id", station.id()),
        None => line,
    };
    line.raw("splits", &list(rules)).end()
}
