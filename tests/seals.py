"""Seals for tests: of a predicate as it is given, or of a whole run, signed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deployctl.evidence.canonical import canonical_json
from deployctl.evidence.dsse import IN_TOTO, Envelope
from deployctl.evidence.predicate import NAMESPACE, PREDICATE_TYPE
from deployctl.evidence.seal import SigningKey
from deployctl.evidence.sshsig import certificate, fingerprint, sign
from deployctl.evidence.statement import STATEMENT_TYPE


def sealed(predicate: Mapping[str, Any]) -> bytes:
    """The bytes of a seal, not signed, that says so."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }
    return Envelope(IN_TOTO, canonical_json(statement)).encode()


def new_key(folder: Path, name: str = "id_ed25519") -> paramiko.PKey:
    """A key in a file, with its public half beside it."""
    made = Ed25519PrivateKey.generate()
    file = folder / name
    file.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    file.chmod(0o600)
    key = paramiko.Ed25519Key.from_private_key_file(str(file))
    file.with_suffix(".pub").write_text(f"{key.get_name()} {key.get_base64()} {name}\n")
    return key


def signing(key: paramiko.PKey, namespace: str = NAMESPACE) -> SigningKey:
    return SigningKey(
        fingerprint(key), lambda message: sign(message, namespace, key), certificate(key)
    )


def allowed(
    file: Path, key: paramiko.PKey, principal: str = "ana@example.com", options: str = ""
) -> Path:
    """An allowed signers file."""
    words = filter(None, [principal, options, key.get_name(), key.get_base64()])
    file.write_text(" ".join(words) + "\n")
    return file
