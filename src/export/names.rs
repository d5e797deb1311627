//! Names of accounts that are legal in Beancount and in hledger, whatever an id is.
//!
//! An id stands in the last part of a name, behind a letter that says of what it is: `M-` of a machine,
//! `W-` of a wallet, `U-` of a user, `C-` of an LP's enrolment. ASCII letters and digits stand for
//! themselves, and so does a `-` between them; every other byte of its UTF-8 is `--` and two hex digits. So
//! two ids never share a name, and an id can be read back from one.

use spireledger_projections::books::Account;
use spireledger_schema::words::LegType;

/// The account's name.
pub(super) fn name(account: &Account) -> String {
    let of = |parent: &str, kind: char, id: &str| format!("{parent}:{kind}-{}", escaped(id));
    match account {
        Account::Wallet(Some(wallet)) => of("Assets:Wallet", 'W', wallet.as_str()),
        // No part of an account that has others below it: what is asserted of one is of it alone.
        Account::Wallet(None) => "Assets:Wallet-Unknown".into(),
        Account::Cash(machine) => of("Assets:Cash", 'M', machine.as_str()),
        Account::Lp(client) => of("Liabilities:LP", 'C', client.as_str()),
        Account::PlatformFee => "Liabilities:Fee:Platform".into(),
        Account::OperatorFee(user) => of("Liabilities:Fee:Operator", 'U', user.as_str()),
        Account::Refund => "Liabilities:Refund".into(),
        Account::Payable(leg_type) => format!("Liabilities:Payable:{}", payable(*leg_type)),
        Account::Holder(wallet) => of("Liabilities:Holder", 'W', wallet.as_str()),
        Account::Exchange(machine) => of("Equity:Exchange", 'M', machine.as_str()),
        Account::Retained(machine) => of("Equity:Retained", 'M', machine.as_str()),
        Account::Routing => "Expenses:Routing".into(),
        Account::Suspense => "Equity:Suspense".into(),
    }
}

const fn payable(leg_type: LegType) -> &'static str {
    match leg_type {
        LegType::Dca => "Dca",
        LegType::SuperFee => "Super-Fee",
        LegType::OperatorSplit => "Operator-Split",
        LegType::Retained => "Settlement",
        LegType::Autoforward => "Autoforward",
        LegType::Refund => "Refund",
    }
}

/// Any text in ASCII letters, digits and `-`; different for different texts.
pub(super) fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        // A `-` before something else than a letter or digit would run into what begins with one.
        let stands = byte == b'-' && bytes.peek().is_some_and(u8::is_ascii_alphanumeric);
        if byte.is_ascii_alphanumeric() || stands {
            out.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(out, "--{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The only way back.
    fn unescaped(mut name: &str) -> Option<String> {
        let mut bytes = Vec::new();
        while let Some(first) = name.bytes().next() {
            if let Some(rest) = name.strip_prefix("--") {
                bytes.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
                name = rest.get(2..)?;
            } else {
                bytes.push(first);
                name = name.get(1..)?;
            }
        }
        String::from_utf8(bytes).ok()
    }

    #[test]
    fn usual_ids_stand_as_they_are() {
        for (id, expected) in [
            ("gt-antigua-01", "gt-antigua-01"),
            ("9f00AB", "9f00AB"),
            ("machine_1", "machine--5f1"),
            ("a:b", "a--3ab"),
            ("a--b", "a--2d-b"),
            ("a-", "a--2d"),
            ("-", "--2d"),
            ("ñ; x", "--c3--b1--3b--20x"),
        ] {
            assert_eq!(escaped(id), expected);
        }
    }

    proptest! {
        #[test]
        fn two_ids_never_share_a_name(text in "[ -~]{0,12}|\\PC{0,8}|[-0-9a-f]{0,10}") {
            let name = escaped(&text);
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
            prop_assert_eq!(unescaped(&name), Some(text));
        }
    }
}
