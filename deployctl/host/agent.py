"""The SSH agent: which keys it holds, and having it sign. draft-ietf-sshm-ssh-agent.

Our own, because paramiko knows only the agent of the environment and gives up on all of an agent's
keys when it can't read one of them (a certificate, a FIDO token's).
"""

import os
import socket
import struct
import threading

import paramiko
from paramiko.message import Message

from deployctl.host.known_hosts import PublicKey

LIST_SECONDS = 5.0
SIGN_SECONDS = 120.0
"""a person may have to touch a token or to say yes"""
MAX_ANSWER_BYTES = 1024 * 1024
_LIST, _KEYS = 11, 12
_SIGN, _SIGNATURE = 13, 14
_FLAGS = {"rsa-sha2-256": 2, "rsa-sha2-512": 4}


class Agent:
    """One connection to an agent; usable by several threads."""

    def __init__(self, path: str) -> None:
        """Raises OSError when nobody listens there."""
        self._lock = threading.Lock()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.settimeout(LIST_SECONDS)
            self._sock.connect(path)
        except OSError:
            self._sock.close()
            raise

    def keys(self) -> list["AgentKey"]:
        """Raises OSError (TimeoutError included) and SSHException."""
        kind, answer = self._ask(bytes([_LIST]), LIST_SECONDS)
        if kind != _KEYS:
            raise paramiko.SSHException("the agent does not tell its keys")
        keys = []
        for _ in range(answer.get_int()):
            blob, comment = answer.get_binary(), answer.get_binary().decode("utf-8", "replace")
            if not blob:  # also what is read past the end
                raise paramiko.SSHException("the agent's answer makes no sense")
            key_type = Message(blob).get_binary().decode("ascii", "replace")
            keys.append(AgentKey(self, PublicKey(key_type, blob), comment))
        return keys

    def sign(self, blob: bytes, data: bytes, flags: int) -> bytes:
        """The signature. Raises OSError, SSHException (the agent or its person said no)."""
        message = Message()
        message.add_byte(bytes([_SIGN]))
        message.add_string(blob)
        message.add_string(data)
        message.add_int(flags)
        kind, answer = self._ask(message.asbytes(), SIGN_SECONDS)
        if kind != _SIGNATURE:
            raise paramiko.SSHException("the agent refused to sign")
        return answer.get_binary()

    def _ask(self, request: bytes, timeout: float) -> tuple[int, Message]:
        with self._lock:
            self._sock.settimeout(timeout)
            self._sock.sendall(struct.pack(">I", len(request)) + request)
            (length,) = struct.unpack(">I", self._read(4))
            if not 0 < length <= MAX_ANSWER_BYTES:
                raise paramiko.SSHException("the agent's answer makes no sense")
            answer = self._read(length)
        return answer[0], Message(answer[1:])

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._sock.recv(length - len(data))
            if not more:
                raise ConnectionResetError("the agent closed the connection")
            data += more
        return data


class AgentKey(paramiko.PKey):
    """A key of any type that the agent signs with; it may be a certificate itself."""

    def __init__(self, agent: Agent, public: PublicKey, comment: str) -> None:
        self.public_blob = None
        self.public = public
        self.comment = comment
        self._agent = agent

    def asbytes(self) -> bytes:
        return self.public.blob

    def get_name(self) -> str:
        return self.public.type

    @property
    def _fields(self) -> tuple[str, bytes]:
        """What paramiko compares keys by."""
        return self.public.type, self.public.blob

    def can_sign(self) -> bool:
        return True

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Message:
        wanted = (algorithm or "").removesuffix("-cert-v01@openssh.com")
        return Message(self._agent.sign(self.public.blob, data, _FLAGS.get(wanted, 0)))


def agent_keys(path: str | None) -> list[AgentKey]:
    """The keys of the agent at `path`, or else of the environment's; none is no fault."""
    path = os.environ.get("SSH_AUTH_SOCK", "") if path is None else path
    if not path:
        return []
    try:
        return Agent(path).keys()
    except (OSError, paramiko.SSHException):
        return []
