"""Signs each request of schemathesis with a Nostr key (NIP-98), whatever is in it."""

import base64
import hashlib
import json
import os
import time

import coincurve
import requests
import schemathesis

SECRET = bytes.fromhex(os.environ["SPIRELEDGER_SECRET"])
KEY = coincurve.PrivateKey(SECRET)
PUBLIC = KEY.public_key.format(compressed=True)[1:].hex()


class Nip98(requests.auth.AuthBase):
    """Every event differs by a nonce: each is good for one request."""

    def __call__(self, request):
        tags = [["u", request.url], ["method", request.method], ["nonce", os.urandom(8).hex()]]
        if request.body:
            body = request.body if isinstance(request.body, bytes) else request.body.encode()
            tags.append(["payload", hashlib.sha256(body).hexdigest()])
        event = {"pubkey": PUBLIC, "created_at": int(time.time()), "kind": 27235, "tags": tags, "content": ""}
        said = [0, PUBLIC, event["created_at"], event["kind"], tags, ""]
        text = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).digest()
        event["id"] = digest.hex()
        event["sig"] = KEY.sign_schnorr(digest).hex()
        sealed = base64.b64encode(json.dumps(event).encode()).decode()
        request.headers["Authorization"] = f"Nostr {sealed}"
        return request


schemathesis.auth.set_from_requests(Nip98())
