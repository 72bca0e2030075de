"""Private keys as people and CI systems keep them, and the public halves beside them."""

import base64
import binascii
import io
import os
import struct
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from deployctl.host.known_hosts import PublicKey, parse_key

_MAGIC = b"openssh-key-v1\0"


class EncryptedKeyError(Exception):
    """The key needs a passphrase, and none (or a wrong one) was given."""


def load_private_key(text: str, passphrase: str | None) -> paramiko.PKey:
    """Raises EncryptedKeyError, ValueError (not a key), SSHException (a type we can't use)."""
    public = _inside(text)
    if public is not None and public.type.startswith("sk-"):
        raise ValueError(
            "it is the handle of a FIDO token's key, and only an SSH agent can have the token sign"
        )
    data = text.encode()
    password = passphrase.encode("utf-8", "surrogateescape") if passphrase else None
    loader = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH" in data
        else serialization.load_pem_private_key
    )
    try:
        loaded = loader(data, password)
    except TypeError as error:  # cryptography's way to say that a password is missing
        raise EncryptedKeyError from error
    except UnsupportedAlgorithm as error:
        raise ValueError(f"{error}") from error
    except ValueError as error:
        if passphrase is not None:
            raise EncryptedKeyError from error
        raise
    for kind, key_class in (
        (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key),
        (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey),
        (rsa.RSAPrivateKey, paramiko.RSAKey),
    ):
        if isinstance(loaded, kind):
            return key_class.from_private_key(io.StringIO(text), passphrase)
    raise ValueError("only Ed25519, ECDSA and RSA keys can be used")


class OpenToOthersError(ValueError):
    """Others may read the file, and ssh refuses a private key that they may."""


def read_key(file: Path) -> str:
    """The text of a key's file. Raises OSError, ValueError, OpenToOthersError as ssh would."""
    text = file.read_text(encoding="utf-8")
    found = file.stat()
    if "PRIVATE KEY" in text and found.st_uid == os.getuid() and found.st_mode & 0o077:
        raise OpenToOthersError(
            f"others may read it (mode {found.st_mode & 0o777:04o}), so ssh refuses it as well"
        )
    return text


def normalized(text: str) -> str:
    """A key as CI systems store it: newlines may be written out, doubled or missing at the end."""
    if "\n" not in text.strip():
        text = text.replace("\\n", "\n")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


def public_half(file: Path) -> PublicKey | None:
    """The public key of a private one, without its passphrase: in `FILE.pub` or in the file.

    The file may also be the public key alone, whose other half is in an agent.
    """
    for place in (file, file.with_name(f"{file.name}.pub")):
        try:
            text = place.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        public = parse_key(text) or _inside(text)
        if public is not None:
            return public
    return None


def _inside(text: str) -> PublicKey | None:
    """The public key that OpenSSH's format holds unencrypted beside the private one."""
    _, begin, rest = text.partition("-----BEGIN OPENSSH PRIVATE KEY-----")
    body, end, _ = rest.partition("-----END OPENSSH PRIVATE KEY-----")
    if not begin or not end:
        return None
    try:
        data = base64.b64decode("".join(body.split()), validate=True)
        if not data.startswith(_MAGIC):
            return None
        at = len(_MAGIC)
        for _ in range(3):  # cipher, key derivation, its options
            at += 4 + struct.unpack_from(">I", data, at)[0]
        (length,) = struct.unpack_from(">I", data, at + 4)  # after the number of keys
        blob = data[at + 8 : at + 8 + length]
        (length,) = struct.unpack_from(">I", blob)
        return PublicKey(blob[4 : 4 + length].decode("ascii"), blob)
    except (binascii.Error, struct.error, UnicodeDecodeError):
        return None
