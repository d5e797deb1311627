//! Notes, keys and checkpoints: the published examples, and what is refused.

use super::world::{key, log_key, receipt, witness_key};
use crate::proofs::{
    Algorithm, CheckpointError, KeyError, KeyName, Note, NoteError, NoteKey, SignedCheckpoint,
    TreeHash, VerifierKey,
};

/// The examples of C2SP signed-note.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

#[test]
fn the_published_note_is_verified_by_the_published_key() {
    let key = VerifierKey::parse(VKEY).expect("a key");
    assert_eq!(key.to_string(), VKEY);
    let note = Note::parse(NOTE).expect("a note");
    assert_eq!(note.to_string(), NOTE);
    assert_eq!(note.text(), "This is an example message.\n");
    assert!(note.signed_by(&key).is_ok());
    let changed = Note::parse(&NOTE.replace("example message", "example massage")).expect("a note");
    assert_eq!(changed.signed_by(&key).err(), Some(NoteError::Forged(key.name().clone())));
    let other = log_key();
    let by_other = note.signed_by(other.public()).err();
    assert_eq!(by_other, Some(NoteError::NotSigned(other.public().name().clone())));
}

/// The key pair of the documentation of golang.org/x/mod/sumdb/note.
#[test]
fn secret_keys_are_go_s() {
    let text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let key = NoteKey::parse_secret(text).expect("a key");
    assert_eq!(key.to_secret(), text);
    let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(key.public().to_string(), public);
    assert!(!format!("{key:?}").contains("AYEK"), "a secret in a log");
}

#[test]
fn what_is_no_key_is_refused_and_a_secret_is_not_repeated() {
    let long = format!("{}+00000000+AAAA", "n".repeat(256));
    for (text, expected) in [
        ("", "NAME+ID+BASE64"),
        ("example.com/foo", "NAME+ID+BASE64"),
        ("example.com/foo+530d903a+AekyeRrm", "no Ed25519 key"),
        ("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "should be 530d"),
        ("example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "should be"),
        ("example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "in way 6"),
        ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "no name of a key"),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "no name of a key"),
        // All zeros, a point of small order: anything could be signed by it.
        ("z+c1a41ad5+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "no Ed25519 key"),
        (long.as_str(), "no name of a key"),
    ] {
        let error = VerifierKey::parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let secret = log_key().to_secret();
    let changed = secret.replace("PRIVATE+KEY", "PRIVATE-KEY");
    let error = NoteKey::parse_secret(&changed).expect_err("no key").to_string();
    assert_eq!(error, KeyError::SecretParts.to_string());
    for cut in 0..secret.len() {
        let error = NoteKey::parse_secret(&secret[..cut]).expect_err("cut").to_string();
        assert!(!error.contains("BwcH"), "{error}");
    }
}

#[test]
fn what_is_no_note_is_refused() {
    let signature = NOTE.split_once("\n\n").expect("two parts").1;
    let many = format!("text\n\n{}", signature.repeat(65));
    for (text, expected) in [
        (String::new(), NoteError::NoSignatures),
        ("text\n".into(), NoteError::NoSignatures),
        (format!("text\n{signature}"), NoteError::NoSignatures),
        (format!("text\r\n\n{signature}"), NoteError::NotANote),
        (format!("text\n\n{}", signature.trim_end()), NoteError::SignatureLine(1)),
        (format!("text\n\n{signature}— name\n"), NoteError::SignatureLine(2)),
        (format!("text\n\n{signature}- name AAAAAAA=\n"), NoteError::SignatureLine(2)),
        (format!("text\n\n{signature}— name AAAA\n"), NoteError::SignatureLine(2)),
        (format!("text\n\n{signature}— name AAAAAAB=\n"), NoteError::SignatureLine(2)),
        (many, NoteError::SignatureLine(65)),
    ] {
        assert_eq!(Note::parse(&text).err(), Some(expected), "{text:?}");
    }
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let signature = NOTE.split_once("\n\n").expect("two parts").1;
    let root = TreeHash::empty().to_string();
    let parse = |text: &str| SignedCheckpoint::parse(&format!("{text}\n{signature}"));
    for text in [
        format!("origin\n0\n{root}\n"),
        format!("origin\n18446744073709551615\n{root}\n"),
        format!("origin\n7\n{root}\nan extension\n"),
    ] {
        assert!(parse(&text).is_ok(), "{text}");
    }
    for text in [
        format!("origin\n0{root}\n"),
        format!("\n0\n{root}\n"),
        format!("origin\n00\n{root}\n"),
        format!("origin\n+1\n{root}\n"),
        format!("origin\n1 \n{root}\n"),
        format!("origin\n18446744073709551616\n{root}\n"),
        format!("origin\n1\n{root} \n"),
        format!("origin\n1\n{}\n", root.trim_end_matches('=')),
        format!("origin\n1\n{root}\n\nmore\n"),
        "origin\n1\n".to_owned(),
    ] {
        assert_eq!(parse(&text).err(), Some(CheckpointError::Text), "{text}");
    }
}

#[test]
fn a_log_is_its_key_and_its_origin() {
    let checkpoint = receipt(0, 1).checkpoint;
    assert_eq!(checkpoint.verify(log_key().public()), Ok(()));
    let same_seed = key("ledger.example/other", Algorithm::Ed25519, 7);
    let other_seed = key("ledger.example/gt", Algorithm::Ed25519, 9);
    let as_witness = key("ledger.example/gt", Algorithm::Cosignature, 7);
    assert!(matches!(checkpoint.verify(same_seed.public()), Err(CheckpointError::Origin { .. })));
    assert!(matches!(
        checkpoint.verify(other_seed.public()),
        Err(CheckpointError::Note(NoteError::NotSigned(_)))
    ));
    assert!(matches!(checkpoint.verify(as_witness.public()), Err(CheckpointError::Key(_))));
    assert!(matches!(checkpoint.cosign(&log_key(), 1), Err(CheckpointError::Key(_))));
}

#[test]
fn a_witness_counts_if_it_signed_and_a_forged_one_spoils_the_note() {
    let checkpoint = receipt(0, 1).checkpoint;
    let (witness, stranger) = (witness_key(), key("w2", Algorithm::Cosignature, 11));
    let all = [witness.public().clone(), stranger.public().clone()];
    let cosigned = checkpoint.cosigned(&all).expect("one of them");
    let names: Vec<(&str, u64)> =
        cosigned.iter().map(|c| (c.witness.as_str(), c.seconds)).collect();
    assert_eq!(names, [("witness.example/w1", 1_767_225_700)]);
    // The same witness once more, later.
    let again = checkpoint.cosign(&witness, 1_767_225_800).expect("a witness's key");
    let twice = checkpoint.clone().with(again.clone()).with(again);
    assert_eq!(twice.note().signatures().len(), 2);
    assert_eq!(twice.cosigned_by(witness.public()).expect("signed").seconds, 1_767_225_800);
    // The time is signed, too: its last byte stands at the end of the first eight.
    let line = checkpoint.note().signatures()[1].to_string();
    let (front, base64) = line.rsplit_once(' ').expect("three parts");
    let mut bytes = super::super::lines::decode(base64).expect("base64");
    bytes[11] ^= 1;
    let forged = format!("{front} {}", super::super::lines::encode(&bytes));
    let forged = checkpoint.to_string().replace(&line, &forged);
    let forged = SignedCheckpoint::parse(&forged).expect("of the form");
    let error = CheckpointError::Note(NoteError::Forged(witness.public().name().clone()));
    assert_eq!(forged.cosigned(&all), Err(error));
    assert_eq!(KeyName::new("a+b").err(), Some(KeyError::Name("a+b".into())));
}
