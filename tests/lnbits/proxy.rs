//! Between the payer and LNbits answers get lost, come too late, or say what is not so.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::http::{Request, listen};
use crate::server;
use crate::world::{SHARES, World};

/// What becomes of a payment's answer.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is paid, and nobody hears of it.
    AnswerLost,
    /// It is paid, and said to have failed.
    SaidToHaveFailed,
    /// It never arrives.
    NeverSent,
    /// It arrives twice, and the second answer is told.
    SentTwice,
}

/// LNbits itself.
fn forward(url: &str, request: &Request) -> (u16, String) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{url}{}", request.path());
    let key = request.head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-api-key").then(|| value.trim().to_owned())
    });
    let key = key.unwrap_or_default();
    let mut answer = if request.line.starts_with("GET") {
        agent.get(url).header("X-Api-Key", key).call()
    } else {
        let post = agent.post(url).header("X-Api-Key", key);
        post.header("Content-Type", "application/json").send(&request.body)
    }
    .expect("LNbits answers");
    (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
}

/// An LNbits of which the first few payments meet a fate.
fn fated(url: String, fate: Fate, payments: u64) -> String {
    let met = AtomicU64::new(0);
    let address = listen(move |request| {
        let is_payment = request.body.contains("\"out\":true");
        if !is_payment || met.fetch_add(1, Ordering::SeqCst) >= payments {
            return Some(forward(&url, request));
        }
        match fate {
            Fate::AnswerLost => {
                forward(&url, request);
                None
            }
            Fate::SaidToHaveFailed => {
                forward(&url, request);
                Some((520, r#"{"detail":"no route","status":"failed"}"#.into()))
            }
            Fate::NeverSent => None,
            Fate::SentTwice => {
                forward(&url, request);
                let second = forward(&url, request);
                assert_eq!(second.0, 520, "{second:?}");
                Some(second)
            }
        }
    });
    format!("http://{address}")
}

#[test]
fn whatever_becomes_of_the_answers_every_leg_is_paid_once() {
    let Some(server) = server::shared() else { return };
    for fate in [Fate::AnswerLost, Fate::SaidToHaveFailed, Fate::NeverSent, Fate::SentTwice] {
        let world = World::new(&server, None);
        world.write_wallets(&fated(server.url.clone(), fate, 2));
        let run = world.pay(&["--wait", "30"], None).ends_with(0);
        assert_eq!(world.sats(), SHARES, "{fate:?}: {run:#?}");
        world.is_paid_once();
    }
}

#[test]
fn no_key_is_ever_printed() {
    let Some(server) = server::shared() else { return };
    let world = World::new(&server, None);
    let nobody = listen(|_| Some((500, "out of order".into())));
    world.write_wallets(&format!("http://{nobody}"));
    let run = world.pay(&["--once", "-vvv"], None).ends_with(1);
    for wallet in &world.wallets {
        for key in [&wallet.admin_key, &wallet.invoice_key] {
            assert!(!run.out.contains(key) && !run.err.contains(key), "{run:#?}");
        }
    }
}
