"""Which keys are offered, in which order, and when a person is asked."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployctl.errors import ConfigError, UnreachableError
from deployctl.host.connection import Host
from deployctl.host.keys import Keyring
from tests.cases import works
from tests.unit.host.conftest import Sshd, StartSshd, keygen

PASSPHRASE = "correct horse"


class Person:
    """Somebody at a terminal, who types these in turn."""

    def __init__(self, *typed: str) -> None:
        self.typed = list(typed)
        self.asked: list[str] = []

    def __call__(self, origin: str) -> str | None:
        self.asked.append(origin)
        return self.typed.pop(0) if self.typed else None


@pytest.fixture
def encrypted(sshd: Sshd, tmp_path: Path) -> Path:
    return lock(sshd, tmp_path)


def lock(sshd: Sshd, folder: Path) -> Path:
    """The right key, with a passphrase."""
    file = folder / "encrypted"
    shutil.copy(sshd.user_key, file)
    shutil.copy(f"{sshd.user_key}.pub", f"{file}.pub")
    words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", str(file)]
    subprocess.run(words, check=True, capture_output=True)
    return file


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """An ssh-agent; call it with a key to add."""
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True)
    values = dict(re.findall(r"(SSH_\w+)=([^;]+);", started.stdout))
    monkeypatch.setenv("SSH_AUTH_SOCK", values["SSH_AUTH_SOCK"])

    def add(key: Path) -> None:
        subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True)

    yield add
    os.kill(int(values["SSH_AGENT_PID"]), 15)


def connects(sshd: Sshd, keyring: Keyring | None = None, **changes: object) -> bool:
    address = replace(sshd.address, **{"key_file": None, **changes})  # type: ignore[arg-type]
    with Host.connect(address, keyring) as host:
        return host.alive()


class TestPassphrases:
    def test_nobody_there_to_be_asked(self, sshd: Sshd, encrypted: Path) -> None:
        with pytest.raises(ConfigError, match="needs a passphrase") as caught:
            connects(sshd, key_file=encrypted)
        assert caught.value.next_step == f"Add it to the agent first: ssh-add {encrypted}"
        with pytest.raises(ConfigError, match="nobody is here"):
            connects(sshd, key_data=encrypted.read_text())

    def test_a_person_is_asked_once_even_over_reconnects(self, sshd: Sshd, encrypted: Path) -> None:
        person = Person("wrong", PASSPHRASE)
        address = replace(sshd.address, key_file=encrypted)
        with Host.connect(address, Keyring(person)) as host, host.reconnect() as again:
            assert again.alive()
        assert person.asked == [str(encrypted)] * 2

    def test_a_person_may_give_up(self, sshd: Sshd, encrypted: Path) -> None:
        with pytest.raises(ConfigError, match="the one that was typed is wrong"):
            connects(sshd, Keyring(Person("a", "b", "c", PASSPHRASE)), key_file=encrypted)
        person = Person("")
        with pytest.raises(ConfigError, match="none was typed"):
            connects(sshd, Keyring(person), key_file=encrypted)
        assert len(person.asked) == 1

    def test_bytes_that_are_no_text_are_a_wrong_one(self, sshd: Sshd, encrypted: Path) -> None:
        with pytest.raises(ConfigError, match="the one that was typed is wrong"):
            connects(sshd, Keyring(Person(*["\udcff"] * 3)), key_file=encrypted)

    @works("Reaching a host", "a passphrase that takes longer to type than LoginGraceTime")
    def test_a_host_that_hung_up_meanwhile_is_connected_to_again(
        self, start_sshd: StartSshd, tmp_path: Path
    ) -> None:
        sshd = start_sshd("LoginGraceTime 1")
        locked = lock(sshd, tmp_path)
        person = Person(PASSPHRASE)

        def slow(origin: str) -> str | None:
            while sshd.sessions():
                time.sleep(0.1)
            return person(origin)

        assert connects(sshd, Keyring(slow), key_file=locked)
        assert len(person.asked) == 1

    def test_also_where_it_hangs_up_at_more_than_one_question(
        self, start_sshd: StartSshd, home: Path
    ) -> None:
        """One key of which nobody knows the passphrase, one that is not let in, and the right."""
        sshd = start_sshd("LoginGraceTime 1")
        for folder, name in (("one", "id_ed25519"), ("other", "id_ecdsa"), ("right", "id_rsa")):
            made = home / folder
            made.mkdir()
            file = lock(sshd, made)
            if folder != "right":
                file.unlink()
                keygen(file, "-N", PASSPHRASE)
            file.rename(home / ".ssh" / name)
        person = Person("", PASSPHRASE, PASSPHRASE)

        def slow(origin: str) -> str | None:
            while sshd.sessions():
                time.sleep(0.1)
            return person(origin)

        assert connects(sshd, Keyring(slow))
        assert [Path(origin).name for origin in person.asked] == [
            "id_ed25519",
            "id_ecdsa",
            "id_rsa",
        ]

    def test_the_agent_unlocks_the_one_key(
        self, sshd: Sshd, encrypted: Path, agent: Callable[[Path], None]
    ) -> None:
        agent(sshd.user_key)
        assert connects(sshd, key_file=encrypted)

    def test_old_pem_keys(self, sshd: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "id_rsa"
        words = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-f", str(file)]
        subprocess.run([*words, "-N", PASSPHRASE], check=True)
        authorized = sshd.directory / "authorized_keys"
        before = authorized.read_text()
        authorized.write_text(before + Path(f"{file}.pub").read_text())
        try:
            assert connects(sshd, Keyring(Person(PASSPHRASE)), key_file=file)
        finally:
            authorized.write_text(before)


class TestAKeyThatOthersMayRead:
    """ssh refuses it, so that nobody goes on with a key that has leaked."""

    @pytest.fixture
    def open_key(self, sshd: Sshd, home: Path) -> Path:
        file = home / ".ssh/id_ed25519"
        shutil.copy(sshd.user_key, file)
        file.chmod(0o644)
        return file

    def test_is_refused_where_the_settings_name_it(self, sshd: Sshd, open_key: Path) -> None:
        with pytest.raises(ConfigError, match=r"others may read it \(mode 0644\)") as caught:
            connects(sshd, key_file=open_key)
        assert caught.value.next_step == f"chmod 600 {open_key}"
        open_key.chmod(0o600)
        assert connects(sshd, key_file=open_key)

    def test_is_not_offered_where_it_is_found(self, sshd: Sshd, open_key: Path) -> None:
        with pytest.raises(UnreachableError) as caught:
            connects(sshd)
        assert f"chmod 600 {open_key}" in str(caught.value.what) + caught.value.detail

    def test_is_used_where_the_agent_has_it(
        self, sshd: Sshd, open_key: Path, agent: Callable[[Path], None]
    ) -> None:
        agent(sshd.user_key)
        assert connects(sshd, key_file=open_key)


class TestSearching:
    def test_a_default_key(self, sshd: Sshd, home: Path) -> None:
        shutil.copy(sshd.user_key, home / ".ssh/id_ed25519")
        assert connects(sshd)

    def test_the_configurations_keys_replace_the_default_ones(self, sshd: Sshd, home: Path) -> None:
        shutil.copy(sshd.user_key, home / ".ssh/id_ed25519")
        other = keygen(home / ".ssh/other")
        (home / ".ssh/config").write_text(f"IdentityFile {other}\n")
        with pytest.raises(UnreachableError) as caught:
            connects(sshd)
        assert str(other) in caught.value.what

    def test_the_agents_keys(self, sshd: Sshd, agent: Callable[[Path], None]) -> None:
        agent(sshd.user_key)
        assert connects(sshd)

    def test_the_agent_is_asked_here_and_never_lent_to_the_host(
        self,
        start_sshd: StartSshd,
        home: Path,
        agent: Callable[[Path], None],
        program: Callable[..., str],
    ) -> None:
        """Whatever ssh_config says: whoever is root there could sign in our name."""
        sshd = start_sshd("AllowAgentForwarding yes", "LogLevel DEBUG2")
        agent(sshd.user_key)
        config = home / ".ssh" / "config"
        config.write_text("Host *\n ForwardAgent yes\n")
        log = sshd.directory / "log"
        with Host.connect(replace(sshd.address, key_file=None)) as host:
            answer = host.run(program('put sock "${SSH_AUTH_SOCK-none}"'), timeout=5)
        assert answer.text("sock") == "none"
        assert "Accepted publickey" in log.read_text()
        assert "auth-agent-req" not in log.read_text()
        words = ["ssh", "-F", config, "-p", str(sshd.port), "127.0.0.1"]
        known = ["-o", f"UserKnownHostsFile={sshd.known_hosts}", "-o", "BatchMode=yes"]
        subprocess.run([*words[:-1], *known, words[-1], "true"], check=True, capture_output=True)
        assert "auth-agent-req" in log.read_text(), "ssh itself lends it"

    def test_identities_only_leaves_the_agents_other_keys_alone(
        self, sshd: Sshd, home: Path, agent: Callable[[Path], None]
    ) -> None:
        agent(sshd.user_key)
        (home / ".ssh/config").write_text("IdentitiesOnly yes\n")
        with pytest.raises(UnreachableError, match="no key to offer"):
            connects(sshd)
        (home / ".ssh/config").write_text(f"IdentitiesOnly yes\nIdentityFile {sshd.user_key}\n")
        assert connects(sshd)

    def test_an_explicit_key_is_the_only_one(
        self, sshd: Sshd, tmp_path: Path, agent: Callable[[Path], None]
    ) -> None:
        agent(sshd.user_key)
        with pytest.raises(UnreachableError, match="does not let us in"):
            connects(sshd, key_file=keygen(tmp_path / "other"))

    def test_a_locked_key_is_asked_for_last(
        self, sshd: Sshd, home: Path, encrypted: Path, tmp_path: Path
    ) -> None:
        stranger = keygen(tmp_path / "stranger")
        (home / ".ssh/config").write_text(f"IdentityFile {encrypted}\nIdentityFile {stranger}\n")
        assert connects(sshd, Keyring(Person(PASSPHRASE)))
        with pytest.raises(UnreachableError) as caught:
            connects(sshd)
        assert f"refused: {stranger}" in caught.value.what
        assert f"ssh-add {encrypted}" in caught.value.what

    def test_a_dead_agent_is_no_fault(
        self, sshd: Sshd, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "none"))
        shutil.copy(sshd.user_key, home / ".ssh/id_ed25519")
        assert connects(sshd)

    def test_a_certificate_beside_the_key(self, sshd: Sshd, tmp_path: Path) -> None:
        authority = keygen(tmp_path / "user_ca")
        key = keygen(tmp_path / "certified")
        user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True)
        words = ["-s", str(authority), "-I", "t", "-n", user.stdout.strip(), f"{key}.pub"]
        subprocess.run(["ssh-keygen", "-q", *words], check=True)
        authorized = sshd.directory / "authorized_keys"
        before = authorized.read_text()
        authorized.write_text(f"cert-authority {Path(f'{authority}.pub').read_text()}")
        try:
            assert connects(sshd, key_file=key)
        finally:
            authorized.write_text(before)

    def test_too_many_keys_say_so(self, sshd: Sshd, home: Path, tmp_path: Path) -> None:
        keys = [keygen(tmp_path / f"key{n}") for n in range(8)]
        (home / ".ssh/config").write_text("".join(f"IdentityFile {key}\n" for key in keys))
        with pytest.raises(UnreachableError, match="too many authentication failures"):
            connects(sshd)

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"\x00\x00\x00\x01\x05",
            b"\xff\xff\xff\xff",
            b"\x00\x00\x00\x09\x0c\x00\x00\x00\x01\xff\xff\xff\xff",
            b"\x00\x00\x00\x05\x0c\x7f\xff\xff\xff",
        ],
        ids=["hangs up", "refuses", "a length", "a cut key", "a million keys"],
    )
    def test_an_agent_that_makes_no_sense_is_no_agent(
        self, sshd: Sshd, home: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
    ) -> None:
        path = str(home / "agent")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()

            def serve() -> None:
                peer, _ = listener.accept()
                with peer:
                    peer.recv(100)
                    peer.sendall(answer)

            threading.Thread(target=serve, daemon=True).start()
            monkeypatch.setenv("SSH_AUTH_SOCK", path)
            shutil.copy(sshd.user_key, home / ".ssh/id_ed25519")
            assert connects(sshd)
