//! Command lines, written by hand: only the fields that are given, in the order in which they read
//! best.

use spireledger_schema::time::Timestamp;

/// An object that is being written.
pub(super) struct Json(String);

/// Begins a command of a type.
pub(super) fn command(type_name: &str) -> Json {
    Json(format!("{{\"type\":\"{type_name}\""))
}

/// Begins an object within a command.
pub(super) fn object() -> Json {
    Json("{".into())
}

impl Json {
    /// A field whose value is JSON already.
    pub(super) fn raw(mut self, name: &str, value: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(value);
        self
    }

    /// A string, escaped.
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &quote(value))
    }

    /// A whole number.
    pub(super) fn number(self, name: &str, value: u64) -> Self {
        self.raw(name, &value.to_string())
    }

    /// A moment as a person writes it, from seconds since 1970.
    pub(super) fn moment(self, name: &str, seconds: i64) -> Self {
        let moment = Timestamp::from_seconds(seconds).unwrap_or(Timestamp::EPOCH);
        self.text(name, &moment.to_string())
    }

    /// An amount of whole units of a currency.
    pub(super) fn fiat(self, name: &str, units: u64) -> Self {
        self.raw(name, &format!("\"{units}.00\""))
    }

    /// The finished line.
    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A JSON string.
pub(super) fn quote(text: &str) -> String {
    // A string always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

/// A JSON list.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// Appends a whole number.
pub(super) fn push_number(out: &mut String, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut from = digits.len();
    loop {
        from -= 1;
        if let Some(digit) = digits.get_mut(from) {
            *digit = ascii(number % 10);
        }
        number /= 10;
        if number == 0 || from == 0 {
            break;
        }
    }
    push_ascii(out, digits.get(from..).unwrap_or_default());
}

/// Appends a number of 10⁻⁸ as plain decimal digits, without trailing zeros.
pub(super) fn push_decimal8(out: &mut String, number: u64) {
    push_number(out, number / 100_000_000);
    let mut rest = number % 100_000_000;
    if rest == 0 {
        return;
    }
    let mut digits = [b'0'; 8];
    for digit in digits.iter_mut().rev() {
        *digit = ascii(rest % 10);
        rest /= 10;
    }
    let used = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    out.push('.');
    push_ascii(out, digits.get(..used).unwrap_or_default());
}

/// Appends 32 bytes as hex.
pub(super) fn push_hex(out: &mut String, bytes: &[u8; 32]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [b'0'; 64];
    for (two, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = two {
            *high = DIGITS[usize::from(byte >> 4)];
            *low = DIGITS[usize::from(byte & 15)];
        }
    }
    push_ascii(out, &digits);
}

/// The digit of a number below ten.
fn ascii(number: u64) -> u8 {
    b'0' + u8::try_from(number).unwrap_or(0)
}

fn push_ascii(out: &mut String, digits: &[u8]) {
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_format_writes_them() {
        for number in [0, 7, 10, 99, 100, 123_456_789, u64::MAX] {
            let mut out = String::new();
            push_number(&mut out, number);
            assert_eq!(out, number.to_string());
        }
        let mut out = String::new();
        push_hex(&mut out, &[0xA5; 32]);
        assert_eq!(out, "a5".repeat(32));
    }

    #[test]
    fn decimals_have_no_trailing_zeros() {
        let check = |number, text: &str| {
            let mut out = String::new();
            push_decimal8(&mut out, number);
            assert_eq!(out, text);
        };
        check(12_951_450_000, "129.5145");
        check(100_000_000, "1");
        check(1, "0.00000001");
        check(0, "0");
        check(50_000_000, "0.5");
    }

    #[test]
    fn objects_are_json() {
        let inner = object().number("n", 1).fiat("f", 20).end();
        let line = command("a.b").text("t", "\"Cobán\"\n").raw("o", &inner).moment("m", 0).end();
        assert_eq!(
            line,
            r#"{"type":"a.b","t":"\"Cobán\"\n","o":{"n":1,"f":"20.00"},"m":"1970-01-01T00:00:00Z"}"#
        );
    }
}
