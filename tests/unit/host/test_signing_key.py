"""Which key signs: the one named, else the agent's first, else a usual file."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployctl.errors import UsageError
from deployctl.evidence import sshsig
from deployctl.host.signing_key import signing_key
from tests.people import Person, person


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and no agent."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir(mode=0o700)
    return tmp_path / ".ssh"


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Person], None]]:
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True)
    values = dict(re.findall(r"(SSH_\w+)=([^;]+);", started.stdout))
    monkeypatch.setenv("SSH_AUTH_SOCK", values["SSH_AUTH_SOCK"])

    def add(who: Person) -> None:
        subprocess.run(["ssh-add", "-q", str(who.key_file)], check=True, capture_output=True)

    yield add
    subprocess.run(["kill", values["SSH_AGENT_PID"]], check=True)


def chosen(file: Path | None = None) -> str:
    return sshsig.fingerprint(signing_key(file).key)


def test_the_one_that_is_named(tmp_path: Path, home: Path) -> None:
    person(home, "me", file="id_ed25519")
    other = person(tmp_path, "me")
    assert chosen(other.key_file) == other.fingerprint


def test_else_the_agents_first(tmp_path: Path, home: Path, agent: Callable[[Person], None]) -> None:
    person(home, "me", file="id_ed25519")
    first, second = person(tmp_path, "first"), person(tmp_path, "second")
    agent(first)
    agent(second)
    assert chosen() == first.fingerprint


def test_else_a_usual_file(home: Path) -> None:
    assert chosen_is(person(home, "me", file="id_ed25519"))


def chosen_is(who: Person) -> bool:
    return chosen() == who.fingerprint


def test_a_certificate_signs_only_where_it_is_named(home: Path) -> None:
    """Most allowed signers files list the key, and a certificate of it is another one to them."""
    authority = person(home, "ca")
    mine = person(home, "me", file="id_ed25519")
    words = ["ssh-keygen", "-q", "-s", str(authority.key_file), "-I", "me", "-n", "me"]
    subprocess.run([*words, f"{mine.key_file}.pub"], check=True, capture_output=True)
    assert signing_key(None).key.public_blob is None
    certified = signing_key(home / "id_ed25519-cert.pub").key
    assert certified.public_blob is not None
    assert sshsig.fingerprint(certified) == mine.fingerprint


def test_a_certificate_that_is_none_is_refused(home: Path) -> None:
    person(home, "me", file="id_ed25519")
    with pytest.raises(UsageError, match="is not a certificate of the key beside it"):
        signing_key(home / "id_ed25519-cert.pub")


def test_a_passphrase_is_asked_for(home: Path) -> None:
    mine = person(home, "me")
    words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "horse", "-f", str(mine.key_file)]
    subprocess.run(words, check=True, capture_output=True)
    offer = signing_key(mine.key_file, lambda _: "horse")
    assert sshsig.fingerprint(offer.key) == mine.fingerprint
    with pytest.raises(UsageError, match="needs a passphrase, and nobody is here") as error:
        signing_key(mine.key_file)
    assert "ssh-add" in error.value.next_step


@pytest.mark.parametrize("make", [False, True])
def test_what_is_no_key_is_told(home: Path, make: bool) -> None:
    file = home / "key"
    if make:
        file.write_text("no key\n")
    with pytest.raises(UsageError, match="not a private key" if make else "can't be read"):
        signing_key(file)


def test_nothing_to_sign_with(home: Path) -> None:
    with pytest.raises(UsageError, match="no key to sign with") as error:
        signing_key(None)
    assert "--key FILE" in error.value.next_step
