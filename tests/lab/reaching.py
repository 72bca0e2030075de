"""A client's side of SSH, and what `ssh HOST true` and deployctl each make of it.

Everything is on loopback: an sshd of the test's own, as the current user.
"""

import base64
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.unit.host.conftest import Sshd


@dataclass(frozen=True)
class Told:
    """How one of the two got on."""

    reached: bool
    said: str
    """why not; for deployctl also the next step"""


@dataclass
class Place:
    """A home of its own: ssh and deployctl read the same configuration, and nothing of ours."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "state"),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        }

    @property
    def config(self) -> Path:
        return self.home / ".ssh" / "config"

    def write(self, text: str) -> None:
        self.config.write_text(text)

    def host(self, sshd: Sshd, name: str = "vps", more: str = "", *, key: bool = True) -> str:
        """A block that leads to that sshd; `more` goes before what it says."""
        identity = f" IdentityFile {sshd.user_key}\n" if key else ""
        return (
            f"Host {name}\n{more} HostName 127.0.0.1\n Port {sshd.port}\n{identity}"
            f" UserKnownHostsFile {sshd.known_hosts}\n"
        )

    def ssh(self, host: str = "vps", *words: str) -> Told:
        """What `ssh HOST true` makes of it, with nobody at the keyboard."""
        options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]
        done = subprocess.run(
            ["ssh", "-F", str(self.config), *options, *words, host, "true"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Told(done.returncode == 0, done.stderr.decode("utf-8", "replace"))

    def settings(self, host: str, changes: dict[str, Any]) -> Path:
        """Of a project that the host has never heard of: reaching it is all that is asked."""
        file = self.home / "deployctl.yml"
        target = {"host": host, "connect_timeout": "5s", **changes}
        content = {
            "version": 1,
            "project": "nobodys-project",
            "image": "nobodys-image",
            "services": ["api"],
            "gates": {"health": {"path": "/"}},
            "targets": {"there": target},
        }
        file.write_text(yaml.safe_dump(content))
        return file

    def argv(self, command: str, host: str = "vps", **changes: Any) -> list[str]:
        config = self.settings(host, changes)
        return [sys.executable, "-m", "deployctl", command, "--config", str(config)]

    def doctor(self, host: str = "vps", **changes: Any) -> dict[str, dict[str, Any]]:
        """The doctor's checks by their names."""
        done = subprocess.run(
            [*self.argv("doctor", host, **changes), "--output", "json"],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        told = done.stderr.decode("utf-8", "replace")
        assert not re.search("^Traceback", told, re.MULTILINE), told
        assert done.returncode in {0, 23}, told
        return {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    def deployctl(self, host: str = "vps", **changes: Any) -> Told:
        check = self.doctor(host, **changes)["connection"]
        return Told(check["state"] == "ok", f"{check['detail']} {check['next']}")

    def status(self, host: str = "vps", **changes: Any) -> tuple[int, str]:
        """The exit code of `deployctl status` and all that it says."""
        done = subprocess.run(
            self.argv("status", host, **changes),
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, " ".join(done.stderr.split())

    @contextmanager
    def agent(self, *keys: Path) -> Iterator[str]:
        """An agent with those keys, which the environment names; yields its socket."""
        path = str(self.home / f"agent{len(list(self.home.iterdir()))}")
        process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
        try:
            self.environment["SSH_AUTH_SOCK"] = path
            _wait_for(path)
            for key in keys:
                subprocess.run(
                    ["ssh-add", "-q", key], env=self.environment, check=True, capture_output=True
                )
            yield path
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            self.environment.pop("SSH_AUTH_SOCK", None)


def _wait_for(path: str) -> None:
    for _ in range(200):
        with socket.socket(socket.AF_UNIX) as trial:
            try:
                trial.connect(path)
            except OSError:
                threading.Event().wait(0.02)
            else:
                return
    raise AssertionError(f"nobody listens on {path}")


def sign(authority: Path, key: Path, *words: str) -> Path:
    """A certificate for `key`, beside it."""
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "test", *words, f"{key}.pub"]
    subprocess.run(command, check=True, capture_output=True)
    return key.with_name(f"{key.name}-cert.pub")


class Token:
    """An agent with the key of a FIDO token, whose touch is always given."""

    APPLICATION = b"ssh:"

    def __init__(self, path: Path) -> None:
        self._key = Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes_raw()
        name = b"sk-ssh-ed25519@openssh.com"
        self.blob = b"".join(_string(part) for part in (name, public, self.APPLICATION))
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            peer, _ = self._server.accept()
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rwb") as stream:
            while len(header := stream.read(4)) == 4:
                request = stream.read(struct.unpack(">I", header)[0])
                if request[0] == 11:
                    answer = b"\x0c" + struct.pack(">I", 1) + _string(self.blob) + _string(b"token")
                elif request[0] == 13:
                    answer = b"\x0e" + _string(self._signature(_strings(request[1:])[1]))
                else:
                    answer = b"\x05"
                stream.write(_string(answer))
                stream.flush()

    def _signature(self, data: bytes) -> bytes:
        touched = b"\x01" + struct.pack(">I", 7)
        signed = self._key.sign(_sha256(self.APPLICATION) + touched + _sha256(data))
        return _string(b"sk-ssh-ed25519@openssh.com") + _string(signed) + touched


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _strings(data: bytes) -> list[bytes]:
    found, at = [], 0
    for _ in range(2):
        (length,) = struct.unpack_from(">I", data, at)
        found.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def _sha256(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


def token_handle(file: Path) -> Path:
    """The file that `ssh-keygen -t ed25519-sk` writes: it is of no use without its token."""
    name = b"sk-ssh-ed25519@openssh.com"
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    blob = b"".join(_string(part) for part in (name, public, b"ssh:"))
    private = b"".join(
        (
            b"\x00" * 8,
            *(_string(part) for part in (name, public, b"ssh:")),
            b"\x01",
            *(_string(part) for part in (b"handle", b"", b"a comment")),
        )
    )
    private += bytes(range(1, 9 - len(private) % 8)) if len(private) % 8 else b""
    head = b"openssh-key-v1\0" + _string(b"none") + _string(b"none") + _string(b"")
    data = head + struct.pack(">I", 1) + _string(blob) + _string(private)
    text = base64.encodebytes(data).decode()
    file.write_text(
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}-----END OPENSSH PRIVATE KEY-----\n"
    )
    file.chmod(0o600)
    return file


class Screen:
    """A command with a terminal of its own, and what it shows there."""

    def __init__(self, place: Place, argv: list[str]) -> None:
        self._ours, self.terminal = os.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            cwd=place.home,
            env={**place.environment, "TERM": "xterm"},
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
        )
        self.shown = b""

    def until(self, text: bytes) -> None:
        while text not in self.shown:
            assert self._more(60), f"it never showed {text!r}: {self.shown!r}"

    def until_still(self) -> None:
        """Reads until nothing comes for as long as four pictures of the live view take."""
        while self._more(0.5):
            pass

    def type(self, data: bytes) -> None:
        os.write(self._ours, data)

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def end(self) -> int:
        while self.process.poll() is None:
            self._more(0.2)
        self.until_still()
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self.terminal)

    def _more(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if ready:
            self.shown += os.read(self._ours, 65536)
        return bool(ready)
