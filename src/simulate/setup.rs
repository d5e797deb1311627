//! The first lines: the platform, machines, split rules, LPs and their enrolments.

use super::agenda::Task;
use super::json::{command, list, object, quote};
use super::office::{STRANGER, Wish};
use super::sale::fraction;
use super::station::{CASH_IN_CAP, PLATFORM_CASH_IN, PLATFORM_CASH_OUT};
use super::{DAY, Simulator, places};

/// The example of LUD-01: a pay link that is no wallet and no address.
const LNURL: &str = "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34\
                     X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS";

/// `config.set` of the first day.
pub(super) fn platform_line() -> String {
    command("config.set")
        .text("super_cash_in_fee_fraction", &fraction(PLATFORM_CASH_IN).to_string())
        .text("super_cash_out_fee_fraction", &fraction(PLATFORM_CASH_OUT).to_string())
        .text("super_fee_wallet_id", "wallet-platform")
        .number("max_cash_in_sats", CASH_IN_CAP)
        .text("request_id", "config-0")
        .end()
}

/// One split rule.
fn rule(target: &str, label: &str, ten_thousandths: u16) -> String {
    object()
        .text("target", target)
        .text("label", label)
        .raw("fraction", &quote(&fraction(ten_thousandths).to_string()))
        .end()
}

/// An operator's rules from a week on, of two kinds that it changes between.
pub(super) fn splits_line(operator: &str, week: u64) -> String {
    let wallet = format!("wallet-{operator}");
    let address = format!("payout@{operator}.example");
    let rules = if week.is_multiple_of(2) {
        vec![rule(&wallet, "operator", 7_000), rule(&address, "technician", 3_000)]
    } else {
        vec![
            rule(&wallet, "operator", 6_000),
            rule(&address, "technician", 2_500),
            rule(LNURL, "charity", 1_500),
        ]
    };
    command("splits.set")
        .text("operator_user_id", operator)
        .raw("splits", &list(rules))
        .text("request_id", &format!("splits-{operator}-{week}"))
        .end()
}

impl Simulator {
    pub(super) fn plan_set_up(&mut self, operators: usize) {
        let (machines, lps) = (self.stations.len(), self.lps.len());
        self.later(0, Task::Platform);
        for station in 0..machines {
            self.later(0, Task::Register(station));
        }
        for operator in 0..operators {
            self.later(0, Task::Splits(operator));
        }
        for station in (2..machines).step_by(4) {
            self.later(0, Task::HostSplits(station));
        }
        for lp in 0..lps {
            self.later(0, Task::Enroll(lp));
        }
        if self.options.noise > 0 {
            self.later(0, Task::Stranger);
        }
        for lp in 0..lps {
            let late = self.lps.get(lp).is_some_and(|lp| lp.wish == Wish::Late);
            self.later(if late { 2 * DAY + DAY / 2 } else { 0 }, Task::Onboard(lp));
        }
        self.later(5 * DAY + DAY / 2, Task::Office(0));
    }

    pub(super) fn platform(&mut self) {
        self.accepted(platform_line());
    }

    pub(super) fn register(&mut self, station: usize) {
        let Some(at) = self.stations.get(station) else { return };
        let (line, pairs_later) = (at.register_line(), at.pairs_later);
        self.accepted(line);
        if pairs_later {
            self.later(10 * 3_600, Task::Pair(station));
        }
        // Machines wake up from six o'clock on, one after another.
        self.later(6 * 3_600 + (station as u64 % 60) * 60, Task::Morning(station));
    }

    pub(super) fn pair(&mut self, station: usize) {
        let Some(at) = self.stations.get_mut(station) else { return };
        at.paired_at = Some(self.now);
        if let Some(line) = at.pair_line() {
            self.accepted(line);
        }
    }

    /// When an operator's day begins, and its split rules.
    pub(super) fn splits(&mut self, operator: usize) {
        let id = places::operator(operator);
        let zone = command("operator.set")
            .text("operator_user_id", &id)
            .text("utc_offset", if operator.is_multiple_of(2) { "-06:00" } else { "+01:00" })
            .text("request_id", &format!("zone-{id}"))
            .end();
        self.accepted(zone);
        self.accepted(splits_line(&id, 0));
    }

    /// Whoever gives a machine its place has a share of what it earns.
    pub(super) fn host_splits(&mut self, station: usize) {
        let Some(at) = self.stations.get(station) else { return };
        let rules = [
            rule(&format!("wallet-{}", at.operator), "operator", 7_500),
            rule(&format!("host@{}.example", at.id()), "host of the place", 2_500),
        ];
        let line = command("splits.set")
            .text("operator_user_id", &at.operator)
            .text("machine_id", at.id())
            .raw("splits", &list(rules))
            .text("request_id", &format!("splits-{}", at.id()))
            .end();
        self.accepted(line);
    }

    pub(super) fn enroll(&mut self, lp: usize) {
        let Some(who) = self.lps.get_mut(lp) else { return };
        who.enrolled = true;
        let enrolments = who.enrolments.iter();
        let lines: Vec<(String, String)> = enrolments
            .map(|place| {
                let line = who.enroll_line(&place.client_id, &place.machine_id);
                (place.client_id.clone(), line)
            })
            .collect();
        for (client_id, line) in lines {
            self.accepted(line);
            self.enrolled.insert(client_id, lp);
        }
    }

    /// Somebody who never says where the sats go.
    pub(super) fn stranger(&mut self) {
        let Some(at) = self.stations.first() else { return };
        let line = command("client.enroll")
            .text("id", &format!("{}.{STRANGER}", at.id()))
            .text("machine_id", at.id())
            .text("user_id", STRANGER)
            .end();
        self.accepted(line);
    }

    pub(super) fn onboard(&mut self, lp: usize) {
        let Some(who) = self.lps.get_mut(lp) else { return };
        who.onboarded = true;
        let (line, enrolled) = (who.line(), !who.enrolments.is_empty());
        self.accepted(line);
        if enrolled {
            let first = self.random.between(9 * 3_600, 12 * 3_600);
            self.later(first, Task::Deposit(lp));
        }
    }
}
