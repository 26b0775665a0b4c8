#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""natscreds.py PORT: server.conf of a nats-server in operator mode, user.creds which it
knows, and stranger.creds which it does not (an account of nobody's). Keys are made by
openssl(1); nsc, the tool for this, is not packaged.
"""
import base64
import json
import subprocess
import sys

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3  # the nkeys letters O, A, U, S


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc.to_bytes(2, "little")


def base32(data):
    return base64.b32encode(data + crc16(data)).decode().rstrip("=")


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


class Key:
    def __init__(self, kind, name):
        self.kind, self.file = kind, f"{name}.ed25519"
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.file)
        self.secret = openssl("pkey", "-in", self.file, "-outform", "DER")[-32:]
        public = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.public = base32(bytes([kind]) + public)

    def seed(self):
        return base32(bytes([SEED | self.kind >> 5, (self.kind & 31) << 3]) + self.secret)

    def jwt(self, subject, **claims):
        """Claims about `subject`, signed by this key."""
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = {"jti": "TAPLINE", "iat": 1700000000, "iss": self.public, "name": "test",
                "sub": subject.public, "nats": {"version": 2, **claims}}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (head, body))
        with open("to-sign", "w", encoding="ascii") as file:
            file.write(text)
        return text + "." + base64url(openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file,
                                              "-in", "to-sign"))


def write_credentials(path, account, name):
    user = Key(USER, name)
    token = account.jwt(user, type="user", subs=-1, data=-1, payload=-1)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
                   f"-----BEGIN USER NKEY SEED-----\n{user.seed()}\n------END USER NKEY SEED------\n")


def main(port):
    operator, account, nobody = Key(OPERATOR, "operator"), Key(ACCOUNT, "account"), Key(ACCOUNT, "nobody")
    limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    known = operator.jwt(account, type="account", limits={**limits, "wildcards": True})
    with open("server.conf", "w", encoding="ascii") as file:
        file.write(f"listen: 127.0.0.1:{port}\noperator: {operator.jwt(operator, type='operator')}\n"
                   f"resolver: MEMORY\nresolver_preload: {{ {account.public}: {known} }}\n")
    write_credentials("user.creds", account, "user")
    write_credentials("stranger.creds", nobody, "stranger")


if __name__ == "__main__":
    main(sys.argv[1])
