//! The format: golden bytes of a file that every later version reads.

use super::*;
use crate::outbox::file::{FRAME_HEAD_BYTES, Head, HeadError, Witness, frame, scan};

fn everything() -> Vec<Record> {
    let content = claim(3).numbered(3);
    vec![
        Record::Lost { first: 1, last: 1 },
        Record::Short {
            number: 2,
            at: 5,
            payment_hash: hash(2),
            digest: [9; 32],
            receipt: receipt(1),
        },
        Record::Kept { number: 3, at: 6, payment_hash: hash(3), content },
        Record::Sent { at: 7, sends: vec![(3, 1)] },
        Record::SetBack { number: 3, refusal: refusal("unknown_machine") },
        Record::Refused { number: 3, refusal: refusal("unbalanced") },
        Record::Again { number: 3, at: 8 },
        done(3),
    ]
}

/// blake3 of a whole file with every record.
const GOLDEN: &str = "4f5e9eed173891f456fc473f927bfff4435ae13a701a6c322d418e47de20e82b";

#[test]
fn the_bytes_of_every_record_stay_as_they_are() {
    let head = Head { generation: 2, base: 3, machine_id: "m1".into() };
    let bytes = [head.encode(), frame(&everything()).unwrap()].concat();
    assert_eq!(
        blake3::hash(&bytes).to_hex().as_str(),
        GOLDEN,
        "another shape of a record is another version of the file"
    );
    let (read, length) = Head::decode(&bytes).unwrap();
    assert_eq!((read, length), (head, 36));
    let scan = scan(&bytes[length..], 36, 0);
    assert_eq!(scan.frames, [(36, everything())]);
    assert_eq!((scan.damage, scan.torn), (Vec::new(), None));
}

#[test]
fn a_head_is_told_from_other_files_other_versions_and_damage() {
    let bytes = Head { generation: 1, base: 0, machine_id: "m1".into() }.encode();
    assert_eq!(Head::decode(b"SPIFLEET"), Err(HeadError::NoOutbox));
    assert_eq!(Head::decode(&bytes[..20]), Err(HeadError::Damaged));
    let mut newer = bytes.clone();
    newer[8] = 2;
    assert_eq!(Head::decode(&newer), Err(HeadError::Version(2)));
    for at in 12..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(Head::decode(&damaged), Err(HeadError::Damaged), "byte {at}");
    }
}

#[test]
fn a_torn_witness_is_none() {
    let witness = Witness { generation: 3, length: 1_000, highest: 7 };
    let bytes = witness.encode();
    assert_eq!(Witness::decode(&bytes), Some(witness));
    for at in 0..bytes.len() {
        let mut damaged = bytes;
        damaged[at] ^= 4;
        assert_eq!(Witness::decode(&damaged), None, "byte {at}");
        assert_eq!(Witness::decode(&bytes[..at]), None, "{at} bytes");
    }
}

#[test]
fn every_changed_bit_of_a_frame_is_seen() {
    let frames = [frame(&[done(1)]).unwrap(), frame(&[done(2)]).unwrap()];
    let bytes = frames.concat();
    assert!(frames[0].len() > FRAME_HEAD_BYTES);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let found = scan(&damaged, 0, bytes.len() as u64);
        assert_eq!(found.damage.len(), 1, "byte {at}: {found:?}");
        assert_eq!(found.frames.len(), 1, "byte {at}: the other frame is read");
        assert_eq!(found.torn, None, "byte {at}: what was durable is not torn");
    }
}
