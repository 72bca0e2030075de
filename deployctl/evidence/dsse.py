"""DSSE v1.0: an envelope around a payload, and the bytes that are signed.

https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from deployctl.evidence.canonical import canonical_json

IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Signature:
    keyid: str
    """a hint: which key it may be (`SHA256:…`). It proves nothing."""
    sig: bytes
    """what the signature's own format says; here an armored SSHSIG"""


@dataclass(frozen=True)
class Envelope:
    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...] = ()

    @property
    def pae(self) -> bytes:
        return pae(self.payload_type, self.payload)

    def signed(self, *signatures: Signature) -> "Envelope":
        """The same payload, with these signatures besides."""
        return Envelope(self.payload_type, self.payload, (*self.signatures, *signatures))

    def encode(self) -> bytes:
        """The envelope's one form as a file."""
        return canonical_json(
            {
                "payloadType": self.payload_type,
                "payload": base64.b64encode(self.payload).decode(),
                "signatures": [
                    {"keyid": each.keyid, "sig": base64.b64encode(each.sig).decode()}
                    for each in self.signatures
                ],
            }
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


class _Signature(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    keyid: str = ""
    sig: str


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    payloadType: str  # noqa: N815 - as it is written
    payload: str
    signatures: list[_Signature]


def decode(data: bytes) -> Envelope:
    """Reads an envelope. Raises ValueError for anything but the form that `encode` writes.

    DSSE allows other forms of the same (spaces, base64's other alphabet). With one form only, no
    byte of a seal can be changed without being found.
    """
    try:
        read = _Envelope.model_validate_json(data)
        envelope = Envelope(
            read.payloadType,
            _base64(read.payload),
            tuple(Signature(each.keyid, _base64(each.sig)) for each in read.signatures),
        )
    except ValidationError as error:
        first: Any = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"it is no DSSE envelope: {where}: {first['msg']}") from error
    if envelope.encode() != data:
        raise ValueError("it is a DSSE envelope, but not byte for byte as deployctl writes one")
    return envelope


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"it is no base64: {error}") from error
