"""The end of a run's evidence: it is signed and noted, and nothing of that fails a rollout."""

import json
import re
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.config.settings import HostSettings, Settings, SigningSettings
from deployctl.engines.host_journal import Seen
from deployctl.errors import ConfigError, LinkLostError, LockedError, RefusedError
from deployctl.events import Event, Events, Note
from deployctl.evidence.chain import Head
from deployctl.evidence.known_journal import Known
from deployctl.evidence.names import with_names
from deployctl.evidence.people import People
from deployctl.evidence.policy import Policy
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import SealError
from deployctl.evidence.statement import read_seal
from deployctl.evidence.verify import verify
from deployctl.host.keys import Offer
from deployctl.result import Result, SealRef
from deployctl.rollout import known_journal, sealing, signing
from deployctl.rollout.recorder import Recorder
from deployctl.rollout.session import Session
from tests.seals import allowed, new_key
from tests.unit.engines.support import survey

SEEN = Seen(
    head=Head("1" * 64, 5, "3" * 64), seal="sha256:" + "c" * 64, size=900, digest="d" * 64,
    head_before="2" * 64,
)  # fmt: skip


class Book:
    """The host's journal, as it is now and after it took the seals."""

    def __init__(self) -> None:
        self.seen = SEEN
        self.added: list[tuple[str, str]] = []
        self.unnoted: tuple[tuple[str, str], ...] = ()
        self.failed: frozenset[str] = frozenset()
        self.error: Exception | None = None

    def __call__(self, *words: Any) -> "Book":
        self.unnoted = tuple(words[4])
        return self

    def add(self, run: str, digest: str) -> tuple[Seen, frozenset[str]]:
        if self.error is not None:
            raise self.error
        self.added.append((run, digest))
        return SEEN, self.failed

    def close(self) -> None:
        pass


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = new_key(folder)
        self.notes: list[str] = []
        self.book = Book()
        events = Events()
        events.subscribe(self._hear)
        host = SimpleNamespace(
            label="deploy@vps:22", host_key="ssh-ed25519 AAAA", identity=Offer(self.key, "id")
        )
        self.link = SimpleNamespace(host=host, require=lambda: None)
        locked: Future[None] = Future()
        locked.set_result(None)
        self.session = Session(
            command="hotfix",
            settings=Settings(
                target="production", host=HostSettings(host="vps"), services=("api",)
            ),
            options=cast("Any", SimpleNamespace(operator="ana")),
            playbook=cast("Any", SimpleNamespace(name="hotfix", digest="sha256:b")),
            events=events,
            approve=cast("Any", None),
            recorder=Recorder(events),
            evidence=RunDirectory(folder / "evidence", "production", "r-2"),
            run_id="r-2",
            wanted=None,
            scratch=cast("Any", None),
            reaching=cast("Any", None),
            link=cast("Any", self.link),
            survey=survey(),
            job=cast("Any", SimpleNamespace(run="/state/runs/r-2")),
            locked=locked,
        )

    def _hear(self, event: Event) -> None:
        if isinstance(event, Note):
            self.notes.append(event.text)

    def seal(self) -> SealRef:
        session = self.session
        draft = Result(
            command="hotfix", result="sealed", exit_code=0, reason="", target="production",
            run_id="r-2", started_at=session.recorder.started_at, duration_ms=1,
        )  # fmt: skip
        return sealing.seal_run(session, draft)

    @property
    def known(self) -> Known:
        return known_journal.recalled(self.session.settings, self.link.host)

    def sign_by(self, **settings: Any) -> None:
        new = self.session.settings.model_copy(update={"signing": SigningSettings(**settings)})
        self.session.settings = new


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(sealing, "OpenJournal", made.book)
    return made


def predicate(reference: SealRef) -> dict[str, Any]:
    return read_seal(Path(reference.path)).predicate


class TestTheSignature:
    def test_it_is_by_the_key_that_let_us_in(self, world: World, tmp_path: Path) -> None:
        reference = world.seal()
        policy = Policy(allowed_signers=allowed(tmp_path / "allowed", world.key))
        moment = world.session.recorder.started_at
        assert verify(Path(reference.path), policy, moment).holds
        assert world.notes == []

    def test_or_by_the_one_that_the_settings_name(self, world: World, tmp_path: Path) -> None:
        other = new_key(tmp_path, "other")
        world.sign_by(key_file=tmp_path / "other")
        policy = Policy(allowed_signers=allowed(tmp_path / "allowed", other))
        reference = world.seal()
        assert verify(Path(reference.path), policy, world.session.recorder.started_at).holds

    def test_without_a_key_it_is_said_plainly(self, world: World) -> None:
        world.link.host.identity = None
        assert predicate(world.seal())["signer"] is None
        [told] = world.notes
        assert told.startswith("The evidence is not signed: no key let us in to the host")

    def test_where_it_is_required_that_is_73(self, world: World) -> None:
        def gone(*_: Any) -> bytes:
            raise OSError("the agent has gone")

        world.sign_by(required=True)
        world.link.host.identity = Offer(cast("Any", SimpleNamespace(
            asbytes=lambda: b"x", get_name=lambda: "ssh-ed25519", sign_ssh_data=gone
        )), "agent key ana")  # fmt: skip
        with pytest.raises(SealError, match="agent key ana did not sign: the agent has gone"):
            world.seal()
        assert (world.session.evidence.path / "seal.json").exists()
        assert world.book.added, "it is noted all the same"

    def test_of_a_run_that_reached_no_host_nothing_is_said(self, world: World) -> None:
        world.session.link, world.session.survey = None, None
        world.session.locked = None
        assert predicate(world.seal())["signer"] is None
        assert world.notes == []


class TestBeforeARun:
    def test_a_key_that_can_not_be_used_is_told_or_refused(
        self, world: World, tmp_path: Path
    ) -> None:
        world.sign_by(key_file=tmp_path / "none")
        signing.check_signing(world.session)
        assert world.notes[0].startswith("The evidence will not be signed: The signing key")
        world.sign_by(key_file=tmp_path / "none", required=True)
        with pytest.raises(ConfigError):
            signing.check_signing(world.session)

    def test_no_key_at_all_is_refused_where_one_is_required(self, world: World) -> None:
        world.link.host.identity = None
        signing.check_signing(world.session)
        world.sign_by(required=True)
        with pytest.raises(RefusedError, match="requires signed evidence"):
            signing.check_signing(world.session)


class TestTheJournal:
    def test_the_seal_says_where_it_stood_and_is_noted_in_it(self, world: World) -> None:
        reference = world.seal()
        said = predicate(reference)
        assert said["journal"] == {
            "id": "sha256:" + "1" * 64, "seq": 5,
            "headBefore": "sha256:" + "2" * 64, "headAfter": "sha256:" + "3" * 64,
        }  # fmt: skip
        assert said["previousSeal"] == {"digest": SEEN.seal}
        assert world.book.added == [("r-2", reference.digest)]
        assert world.known == Known("1" * 64, 5, "3" * 64, 900, "d" * 64)

    @pytest.mark.parametrize("when", ["open", "add"])
    def test_a_lost_link_leaves_it_to_the_next_run(
        self, world: World, monkeypatch: pytest.MonkeyPatch, when: str
    ) -> None:
        def lost(*_: Any) -> Any:
            raise LinkLostError("cut")

        if when == "open":
            monkeypatch.setattr(sealing, "OpenJournal", lost)
        world.book.error = LinkLostError("cut")
        reference = world.seal()
        assert world.known.unnoted == (("r-2", reference.digest),)
        [told] = world.notes
        assert "could not be noted in the host's journal (cut)" in told

    def test_which_notes_it_first(self, world: World) -> None:
        world.session.known_journal = Known("", 0, "", 0, "", (("r-1", "sha256:1"),))
        world.seal()
        assert world.book.unnoted == (("r-1", "sha256:1"),)
        assert world.known.unnoted == ()

    def test_a_full_disk_there_leaves_it_to_the_next_run_too(self, world: World) -> None:
        world.book.failed = frozenset({"r-2"})
        reference = world.seal()
        assert world.known.unnoted == (("r-2", reference.digest),)
        assert "did not take this run's seal" in world.notes[0]

    def test_and_so_does_a_journal_that_can_not_be_begun(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(world.book, "add", lambda run, _: (Seen(), frozenset({run})))
        reference = world.seal()
        assert world.known.unnoted == (("r-2", reference.digest),)

    @pytest.mark.parametrize("why", ["dry", "locked", "refused"])
    def test_what_only_looked_or_was_refused_is_not_noted(self, world: World, why: str) -> None:
        if why == "dry":
            world.session.dry = True
        elif why == "locked":
            world.session.locked = Future()
            world.session.locked.set_exception(LockedError("taken"))
        else:
            world.session.locked = None
        said = predicate(world.seal())
        assert world.book.added == []
        assert said["journal"] is None

    def test_a_live_release_that_was_only_checked_is(self, world: World) -> None:
        world.session.locked, world.session.confirmed = None, True
        world.seal()
        assert world.book.added

    def test_the_settings_are_kept_and_named(self, world: World) -> None:
        said = predicate(world.seal())
        assert said["settings"]["name"] == "settings.json"
        assert said["client"]["user"]
        assert said["playbook"] == {"name": "hotfix", "digest": "sha256:b"}


class TestAKnownJournal:
    def test_one_that_was_cut_off_stops_a_run(self) -> None:
        known = Known("1" * 64, 5, "3" * 64, 900, "d" * 64)
        known_journal.require_grown(known, SEEN, "vps")
        with pytest.raises(RefusedError, match="is shorter") as refused:
            known_journal.require_grown(known, Seen(size=10, digest="d" * 64), "vps")
        assert "deployctl audit --accept" in refused.value.next_step

    def test_a_record_that_can_not_be_read_stops_it_too(self, world: World) -> None:
        place = known_journal.place(world.session.settings, world.link.host)
        place.parent.mkdir(parents=True)
        place.write_text("{")
        with pytest.raises(RefusedError, match="can't be read"):
            known_journal.recalled(world.session.settings, world.link.host)


def test_a_ci_job_is_named_by_its_address() -> None:
    env = {"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "a/b", "USER": "runner"}
    assert sealing.client(env).run == "https://github.com/a/b/actions/runs/7"
    assert sealing.client({"CI_JOB_URL": "https://g/1"}).run == "https://g/1"
    assert sealing.client({"LOGNAME": "ana"}).user == "ana"


class TestNamesOfPeople:
    def test_none_is_in_the_seal_or_in_the_settings_beside_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.session.evidence.people = People(b"k" * 16, ["ana"], str(world.folder))
        world.session.approved_by, world.session.approved_how = "ana, bruno", "signed"
        world.session.approvals = ({"principal": "bruno", "by": "bruno", "digest": "sha256:d"},)
        monkeypatch.setenv("USER", "ana")
        world.sign_by(key_file=world.folder / "id_ed25519")
        reference = world.seal()
        run = Path(reference.path).parent
        settings = (run / "settings.json").read_text()
        assert '"key_file": "~/id_ed25519"' in settings
        for text in (json.dumps(predicate(reference)), settings):
            assert re.search(r"\b(ana|bruno)\b", text) is None
        shown = with_names(run, predicate(reference))
        assert shown["context"]["approvedBy"] == shown["approval"]["by"] == "ana, bruno"
        assert (shown["client"]["user"], shown["approvals"][0]["principal"]) == ("ana", "bruno")


@pytest.mark.parametrize(
    ("command", "named", "asked"),
    [
        ("hotfix", {"wanted": "d73cfb1"}, "hotfix --sha d73cfb1"),
        ("rollback", {"wanted": "r3"}, "rollback --to r3"),
        ("rollback", {"ending": "r-1"}, "rollback --run r-1"),
        ("rollback", {}, "rollback"),
    ],
)
def test_what_was_asked_for_is_sealed_though_no_plan_was_made(
    world: World, command: Any, named: dict[str, str], asked: str
) -> None:
    world.session.command = command
    for name, value in named.items():
        setattr(world.session, name, value)
    assert predicate(world.seal())["context"]["asked"] == asked


def test_and_the_commit_that_it_came_to(world: World) -> None:
    assert predicate(world.seal())["context"]["commit"] == ""
    world.session.commit = cast("Any", SimpleNamespace(sha="d" * 40))
    assert predicate(world.seal())["context"]["commit"] == "d" * 40
