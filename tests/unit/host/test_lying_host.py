"""A host that lies, truncates, floods or says nothing: an error that says so, and no hang."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from deployctl.cli.boundary import run
from deployctl.errors import ExitCode, UnreachableError
from deployctl.host import connection, conversation
from deployctl.host.address import HostAddress
from deployctl.host.commands import run_command
from deployctl.host.connection import AnswerTimeoutError, Host, ProgramFailed
from tests.cases import works
from tests.listening import Listener
from tests.unit.host.conftest import keygen
from tests.unit.host.liar import Liar, Reply, floods, lying, says

END = "end 0\n\n"


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    with lying(tmp_path_factory.mktemp("liar")) as liar:
        yield liar


@pytest.fixture
def host(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Less is a flood here, and soon silent is silent, than in earnest."""
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 1024 * 1024)
    monkeypatch.setattr(conversation, "SETTLE_SECONDS", 0.2)
    with Host.connect(liar.address) as host:
        yield host


REPLIES: list[tuple[str, Reply, str, str]] = [
    ("closes at once", says("", started=False), "no-shell", "said nothing"),
    ("another nonce", says(f"deployctl-0000-start\n{END}", started=False), "no-shell", "0000"),
    ("no end", says("a 1\nx\n"), "died", "ended early, with status 0"),
    ("EOF in a record", says("a 10\nxxx", then="eof"), "died", "ended early"),
    ("negative length", says(f"a -1\n\n{END}"), "protocol", "header"),
    ("no length", says(f"a\n\n{END}"), "protocol", "header"),
    ("a length in words", says(f"a ten\n\n{END}"), "protocol", "header"),
    ("a length too long", says(f"a 9999999999\n\n{END}"), "protocol", "9999999999 bytes"),
    ("shorter than it says", says(f"a 3\nx\n{END}"), "protocol", "not as long"),
    ("longer than it says", says(f"a 1\nxxx\n{END}"), "protocol", "not as long"),
    ("a header without end", says("a" * 5000), "protocol", "too long"),
    ("not UTF-8", says(b"\xff\xfe 1\nx\n"), "protocol", "header"),
    ("a flood of noise", floods(b"Welcome! ", started=False), "protocol", "login shell"),
    ("a flood of records", floods(b"a 0\n\n"), "too-big", "bytes"),
    ("a flood of bytes", floods(b"a 600000\n" + b"x" * 600_000 + b"\n"), "too-big", "bytes"),
    ("a long failure", says(f"fail 1000000\n{'x' * 1_000_000}\n{END}"), "failed", "xxx"),
]


@works("Hostile input", "a host whose answers are cut, doubled, floods, or not ours at all")
@pytest.mark.parametrize(
    ("reply", "kind", "told"), [r[1:] for r in REPLIES], ids=[r[0] for r in REPLIES]
)
def test_an_answer_that_is_none_is_a_failed_program(
    liar: Liar, host: Host, reply: Reply, kind: str, told: str
) -> None:
    liar.reply = reply
    with pytest.raises(ProgramFailed) as caught:
        host.run("alive", timeout=60)
    assert caught.value.kind == kind
    assert told in caught.value.message
    assert len(caught.value.message) < 30_000


def test_what_follows_the_end_is_not_heard(liar: Liar, host: Host) -> None:
    liar.reply = says(f"a 1\nx\n{END}{END}fail 1\nx\nb -1")
    assert [record.name for record in host.run("alive", timeout=60).records] == ["a"]


@pytest.mark.parametrize("reply", [says("", then="silence"), floods(b"no end\n", stderr=True)])
def test_who_never_ends_is_given_up(liar: Liar, host: Host, reply: Reply) -> None:
    liar.reply = reply
    with pytest.raises(AnswerTimeoutError):
        host.run("alive", timeout=0.3)


def test_who_always_says_a_little_more_is_given_up(liar: Liar, host: Host) -> None:
    liar.reply = floods(b"line 1\nx\n")
    with host.open("alive") as talk, pytest.raises(AnswerTimeoutError):
        for _ in talk.records(60, within=0.3):
            pass


@pytest.mark.parametrize("said", [END, f"exit 3\nten\n{END}", f"exit 1\n0\n{END}"])
def test_a_commands_end_that_is_none(liar: Liar, host: Host, said: str) -> None:
    liar.reply = says(said)
    with pytest.raises(ProgramFailed, match="can't be understood"):
        run_command(host, "true", {}, 60)


@pytest.mark.parametrize(
    "said", [END, "have 4\n\N{SUPERSCRIPT TWO} 0\n" + END, f"have 2\n-5\n{END}"]
)
def test_an_upload_to_a_host_that_lies(liar: Liar, host: Host, said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    liar.reply = says(said, then="silence")
    with pytest.raises(ProgramFailed) if said == END else nullcontext():
        assert host.upload(tmp_path / "file", "/x", progress=lambda *_: None, timeout=60) == 100


# -- before SSH has begun -------------------------------------------------------------------------


def _listen(sock: socket.socket) -> None:
    while sock.recv(65536):
        pass


def _flood(sock: socket.socket, data: bytes) -> None:
    while True:
        sock.sendall(data)


BANNERS: list[tuple[str, Callable[[socket.socket], None]]] = [
    ("closes", lambda _: None),
    ("says nothing", _listen),
    ("a line without end", lambda sock: _flood(sock, b"x" * 65536)),
    ("lines without end", lambda sock: _flood(sock, b"Welcome!\r\n" * 6000)),
    ("a web server", lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("SSH 1", lambda sock: sock.sendall(b"SSH-1.5-old\r\n")),
    ("a version of bytes", lambda sock: sock.sendall(b"SSH-2.0-\xff\xfe\x1b[2J\r\n")),
    ("noise after the banner", lambda sock: _flood(sock, b"SSH-2.0-x\r\n" + b"\x00" * 65536)),
    (
        "a packet of 4 GB",
        lambda sock: _flood(sock, b"SSH-2.0-x\r\n" + b"\xff\xff\xff\xf0" + b"\x14" * 65536),
    ),
]  # fmt: skip


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    def take(sock: socket.socket) -> None:
        with sock:
            answer(sock)

    listener = Listener(take)
    try:
        yield listener.port
    finally:
        listener.close()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keygen(tmp_path_factory.mktemp("key") / "id_ed25519")


@works("Hostile input", "an sshd that says nothing, floods before the login, or is none")
@pytest.mark.parametrize("answer", [b[1] for b in BANNERS], ids=[b[0] for b in BANNERS])
def test_what_is_no_sshd_is_unreachable(
    answer: Callable[[socket.socket], None], key: Path, tmp_path: Path
) -> None:
    with answering(answer) as port:
        address = HostAddress(
            host="127.0.0.1", port=port, key_file=key, known_hosts=tmp_path / "none",
            connect_timeout=0.5,
        )  # fmt: skip
        with pytest.raises(UnreachableError) as caught:
            Host.connect(address)
    assert caught.value.next_step
    assert len(caught.value.what) < 30_000


# -- the commands ---------------------------------------------------------------------------------


@pytest.fixture
def project(liar: Liar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    target = {
        "host": "127.0.0.1", "port": liar.port, "key_file": str(liar.user_key),
        "known_hosts": str(liar.known_hosts),
    }  # fmt: skip
    settings = {"version": 1, "services": ["api"], "targets": {"lab": target}}
    (place / "deployctl.yml").write_text(json.dumps(settings))
    (place / "Dockerfile").write_text("FROM scratch\n")
    person = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    for words in (["init", "-q"], ["add", "."], [*person, "commit", "-qm", "A commit"]):
        subprocess.run(["git", *words], cwd=place, check=True)
    return place


@works("Hostile input", "escape codes in what a host says: no terminal gets to see them")
@pytest.mark.parametrize(
    "reply",
    [
        says("\x1b[2J\x1b]0;owned\x07no shell here", started=False),
        says(f"docker 6\n\x1b[31mx\nproject 3\n\x1b[m\n{END}"),
        says(f"fail-kind 4\n\x1b[2J\nfail 9\n\x1b[31mfail\n{END}"),
        says(END),
    ],
    ids=["noise", "records", "failure", "nothing"],
)
@pytest.mark.parametrize("words", ["doctor", "history", "logs", "plan --sha HEAD"])
def test_every_command_says_what_it_could_not_make_sense_of(
    words: str, reply: Reply, liar: Liar, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    liar.reply = reply
    code = run(words.split())
    told = "".join(capfd.readouterr())
    assert code == ExitCode.REFUSED, told
    assert "did not answer as it should" in told or "does not run commands" in told
    assert "\x1b" not in told
