"""A real sshd on loopback, as the current user, with keys of its own and an empty home."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deployctl.host import programs
from deployctl.host.address import HostAddress
from deployctl.host.connection import Host

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


def keygen(file: Path, *words: str) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file, *words],
        check=True,
    )
    return file


def public(file: Path) -> str:
    """The public key of a private one, without its comment."""
    return " ".join(Path(f"{file}.pub").read_text().split()[:2])


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def sshd_children(pid: int) -> Iterator[int]:
    with suppress(OSError):  # it may end while we look
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            if Path(f"/proc/{child}/comm").read_text().startswith("sshd"):
                yield from sshd_children(child)
                yield child


@dataclass(frozen=True)
class Sshd:
    directory: Path
    port: int
    host_key: Path
    user_key: Path
    known_hosts: Path
    process: "subprocess.Popen[bytes]"

    @property
    def address(self) -> HostAddress:
        return HostAddress(
            host="127.0.0.1",
            port=self.port,
            key_file=self.user_key,
            known_hosts=self.known_hosts,
            connect_timeout=5.0,
        )

    def knowing(self, *lines: str) -> HostAddress:
        """The address, with a known_hosts file of just these lines."""
        file = self.directory / f"known_hosts.{time.monotonic_ns()}"
        file.write_text("".join(f"{line}\n" for line in lines))
        return replace(self.address, known_hosts=file)

    @property
    def name(self) -> str:
        return f"[127.0.0.1]:{self.port}"

    def sessions(self) -> list[int]:
        """sshd's processes that serve connections: one each for root, else one and its child."""
        return list(sshd_children(self.process.pid))

    def kill_sessions(self, number: signal.Signals = signal.SIGKILL) -> None:
        for pid in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


StartSshd = Callable[..., Sshd]


def without_penalties() -> list[str]:
    """From 9.8 on sshd shuts out, for a while, who fails as often as these tests do."""
    told = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    found = re.match(r"OpenSSH_(\d+)\.(\d+)", told)
    new = found is not None and (int(found[1]), int(found[2])) >= (9, 8)
    return ["PerSourcePenalties no"] if new else []


@pytest.fixture(scope="session")
def start_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartSshd]:
    """Starts an sshd: `start_sshd("Option value", host_key=FILE)`."""
    if SSHD is None:
        pytest.skip("OpenSSH's sshd is not installed")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    started: list[Sshd] = []

    def start(*options: str, host_key: Path | None = None, user_key: Path | None = None) -> Sshd:
        directory = tmp_path_factory.mktemp("sshd")
        key = host_key or keygen(directory / "host_key")
        user = user_key or keygen(directory / "id_ed25519")
        shutil.copy(f"{user}.pub", directory / "authorized_keys")
        port = free_port()
        config = directory / "sshd_config"
        lines = [
            *options,  # sshd takes the first value of each
            f"Port {port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {key}",
            f"AuthorizedKeysFile {directory}/authorized_keys",
            f"PidFile {directory}/pid",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            # of this one sshd takes the last value
            *([] if any("MaxStartups" in option for option in options) else ["MaxStartups 100"]),
            "PrintMotd no",
            *without_penalties(),
            # bash sources ~/.bashrc even here; what that does on this machine is not ours to test.
            f"SetEnv HOME={directory}",
        ]
        config.write_text("".join(f"{line}\n" for line in lines))
        log = (directory / "log").open("wb")
        process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", config], stderr=log)
        known_hosts = directory / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{port} {public(key)}\n")
        sshd = Sshd(directory, port, key, user, known_hosts, process)
        started.append(sshd)
        for _ in range(250):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except ConnectionRefusedError:
                if process.poll() is not None:
                    raise AssertionError((directory / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return sshd
        raise AssertionError((directory / "log").read_text())

    yield start
    for sshd in started:
        sshd.kill_sessions()
        sshd.process.kill()
        sshd.process.wait()


@pytest.fixture(scope="session")
def sshd(start_sshd: StartSshd) -> Sshd:
    return start_sshd()


@pytest.fixture(scope="module")
def host(sshd: Sshd) -> Iterator[Host]:
    with Host.connect(sshd.address) as host:
        yield host


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home of its own, so that nobody's keys, agent or configuration take part."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a program of the given text and returns its name."""
    texts: dict[str, str] = {}
    original = programs.program_text

    def text_of(name: str) -> str:
        return texts[name] if name in texts else original(name)

    monkeypatch.setattr(programs, "program_text", text_of)

    def make(text: str, name: str = "") -> str:
        name = name or f"test-{len(texts)}"
        texts[name] = text
        return name

    return make
