"""Verifies a proof file and two checkpoints with nothing of ours: pymerkle for the tree, cryptography for
the signatures, blake3 for the entries. Reads JSON on standard input, prints what it found."""

import base64
import hashlib
import json
import sys

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InmemoryTree
from pymerkle.core import _inclusion_path_layout
from pymerkle.proof import InclusionProof, verify_inclusion


def key(vkey):
    """C2SP signed-note, "Verifier keys"."""
    name, key_id, rest = vkey.split("+", 2)
    material = base64.b64decode(rest, validate=True)
    assert hashlib.sha256(name.encode() + b"\n" + material).hexdigest()[:8] == key_id
    return name, key_id, material[0], Ed25519PublicKey.from_public_bytes(material[1:])


def opened(note, vkey):
    """The note's text, if the key has signed it."""
    name, key_id, kind, public = key(vkey)
    at = note.rindex("\n\n") + 1
    text, lines = note[:at], note[at + 1 :].splitlines()
    signatures = [line.split(" ") for line in lines]
    mine = [s for dash, n, s in signatures if dash == "\u2014" and n == name]
    [signature] = [base64.b64decode(s, validate=True) for s in mine]
    assert signature[:4].hex() == key_id
    if kind == 1:
        public.verify(signature[4:], text.encode())
    else:
        assert kind == 4
        time = int.from_bytes(signature[4:12], "big")
        public.verify(signature[12:], f"cosignature/v1\ntime {time}\n{text}".encode())
    return text


def head(text):
    origin, size, root = text.splitlines()
    return origin, int(size), base64.b64decode(root, validate=True)


given = json.load(sys.stdin)

# Both checkpoints: signed, and of these entries.
entries = [bytes.fromhex(entry) for entry in given["entries"]]
tree = InmemoryTree(algorithm="sha256")
for entry in entries:
    tree.append_entry(entry)
for note in given["checkpoints"]:
    origin, size, root = head(opened(note, given["log"]))
    assert tree.get_state(size) == root, f"{size} entries have another root"

# The proof, from its own bytes alone.
lines = given["proof"].split("\n")
assert lines[0] == "c2sp.org/tlog-proof@v1"
extra = base64.b64decode(lines[1].removeprefix("extra "), validate=True)
index = int(lines[2].removeprefix("index "))
end = lines.index("")
path = [base64.b64decode(line, validate=True) for line in lines[3:end]]
note = "\n".join(lines[end + 1 :])
text = opened(note, given["log"])
assert opened(note, given["witness"]) == text
origin, size, root = head(text)
assert extra[0] == 1
entry = blake3(extra[1:]).digest()
leaf = hashlib.sha256(b"\0" + entry).digest()
rule, _ = _inclusion_path_layout(index + 1, size)
verify_inclusion(leaf, root, InclusionProof("sha256", True, size, index + 1, rule, [leaf, *path]))
print(json.dumps({"index": index, "size": size, "entry": entry.hex(), "origin": origin}))
