//! Starting and stopping: what was answered is there, and nothing that was begun is left hanging.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::world::{World, claim, hash};

fn terminate(world: &World) {
    let told = Command::new("kill").args(["-TERM", &world.child.id().to_string()]).status();
    assert!(told.expect("kill").success());
}

#[test]
fn whoever_is_told_to_stop_answers_what_was_begun_and_closes_the_ledger() {
    let mut world = World::with_fleet();
    let claims: Vec<_> = (1..=200).map(claim).collect();
    let accepted = std::thread::scope(|scope| {
        let asked: Vec<_> = claims
            .chunks(20)
            .map(|part| {
                let world = &world;
                scope.spawn(move || {
                    let body = serde_json::Value::Array(part.to_vec());
                    let answers = world.command(&world.machine, &body).json();
                    let answers = answers.as_array().cloned().unwrap_or_default();
                    answers.iter().filter(|answer| answer["status"] == "accepted").count()
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(20));
        terminate(&world);
        asked.into_iter().filter_map(|asked| asked.join().ok()).sum::<usize>()
    });
    let ended = world.child.wait().expect("ended");
    assert!(ended.success(), "{ended:?}");
    world.restart();
    let found = world.get(&world.admin, "/v1/settlements?limit=1000").is(200);
    let found = found["rows"].as_array().expect("rows").len();
    assert!(found >= accepted, "{found} of {accepted} that were accepted");
}

#[test]
fn what_was_answered_survives_a_kill() {
    let mut world = World::with_fleet();
    for number in 1..=5 {
        world.command(&world.machine, &claim(number)).is(201);
        world.restart();
    }
    for number in 1..=5 {
        world.get(&world.admin, &format!("/v1/settlements/{}", hash(number))).is(200);
    }
}

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_stops() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let ledger = dir.path().join("ledger");
    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.arg("--ledger").arg(&ledger);
        command
    };
    assert!(program().arg("init").status().expect("run").success());
    let mut served = program();
    served.args(["serve", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path);
    let begun = Instant::now();
    let mut child = served.spawn().expect("started");
    let heard = || {
        let mut text = [0; 64];
        let len = socket.recv(&mut text).expect("a message");
        String::from_utf8_lossy(&text[..len]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(told.expect("kill").success());
    assert_eq!(heard(), "STOPPING=1");
    assert!(child.wait().expect("ended").success());
}

#[test]
fn a_configuration_that_cannot_be_is_told_by_its_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = dir.path().join("ledger");
    let program = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.arg("--ledger").arg(&ledger).args(args).output().expect("run")
    };
    assert!(program(&["init"]).status.success());
    let path = dir.path().join("serve.toml");
    let path = path.to_str().expect("UTF-8");
    for (text, says) in [
        ("[http]\nlisten = 7", "listen"),
        ("[http]\ncolour = \"red\"", "colour"),
        ("[[identities]]\nkey = \"abc\"\nrole = \"super\"", "identity 1"),
        ("[[identities]]\nkey = \"abc\"\nrole = \"king\"", "king"),
    ] {
        std::fs::write(path, text).expect("written");
        let said = program(&["serve", "--listen", "127.0.0.1:0", "--config", path]);
        let err = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(2), "{err}");
        assert!(err.contains(says), "no `{says}` in {err}");
    }
}
