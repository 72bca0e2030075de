"""The host's journal in every shell that may be there: what adds to it, and what reads it."""

import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployctl.engines import host_journal
from deployctl.evidence import chain
from deployctl.host import programs
from deployctl.host.wire import Answer, RecordReader

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
SEAL = "sha256:" + "a" * 64


@dataclass
class World:
    state: Path
    words: list[str]

    @property
    def book(self) -> Path:
        return self.state / "journal.jsonl"

    def add(self, event: str, run: str, fields: str = "") -> int:
        """As job.sh does; the status."""
        text = "\n".join(
            [
                f"STATE_DIR='{self.state}'; NL='\n'; set -u; LC_ALL=C; umask 077",
                programs.program_text("docker"),
                programs.program_text("chain"),
                f"journal_add {event} {run} '{fields}'",
            ]
        )
        return subprocess.run([*self.words, "-c", text], timeout=30, check=False).returncode

    def program(self, name: str, stdin: str = "", **params: str) -> Answer:
        script = programs.script(name, {"STATE_DIR": str(self.state), **params})
        loader = [*self.words, "-c", 'IFS= read -r b && eval "$b"']
        ran = subprocess.run(
            loader, input=script.data + stdin.encode(), capture_output=True, timeout=30, check=False
        )
        reader = RecordReader(script.nonce)
        reader.feed(ran.stdout)
        return Answer(list(iter(reader.next, None)))

    def journal(self, stdin: str = "", run: str = "", unnoted: str = "") -> Answer:
        return self.program("journal", stdin, STATE_GROUP="", RUN_ID=run, UNNOTED=unnoted)


@pytest.fixture(params=SHELLS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    state = tmp_path / "state of r0"
    state.mkdir()
    return World(state, words)


class TestAdding:
    def test_each_entry_holds_the_digest_of_the_line_before(self, world: World) -> None:
        assert world.add("begin", "r-1", ',"command":"hotfix","sha":null') == 0
        assert world.add("end", "r-1", ',"state":"confirmed"') == 0
        assert world.add("seal", "r-1", f',"seal":"{SEAL}"') == 0
        found = chain.follow(world.book.read_bytes())
        assert found.broken is None
        assert [(e.seq, e.event, e.run) for e in found.entries] == [
            (1, "begin", "r-1"), (2, "end", "r-1"), (3, "seal", "r-1"),
        ]  # fmt: skip
        first = json.loads(world.book.read_text().splitlines()[0])
        assert first["prev"] == chain.NO_ENTRY
        assert first["command"] == "hotfix"

    def test_nobody_else_may_read_it(self, world: World) -> None:
        world.add("begin", "r-1")
        assert stat.S_IMODE(world.book.stat().st_mode) == 0o600

    def test_a_job_that_took_over_adds_nothing_twice(self, world: World) -> None:
        for _ in range(2):
            world.add("begin", "r-1", ',"command":"hotfix"')
        world.add("end", "r-1", ',"state":"rollback_failed"')
        for _ in range(2):
            world.add("end", "r-1", ',"state":"rolled_back"')
        assert len(world.book.read_text().splitlines()) == 3

    def test_half_a_line_of_one_that_was_killed_goes(self, world: World) -> None:
        world.add("begin", "r-1")
        with world.book.open("ab") as file:
            file.write(b'{"seq":2,"prev":"')
        world.add("begin", "r-2")
        found = chain.follow(world.book.read_bytes())
        assert found.broken is None
        assert [entry.run for entry in found.entries] == ["r-1", "r-2"]

    def test_many_at_once_wait_for_each_other(self, world: World) -> None:
        text = "\n".join(
            [
                f"STATE_DIR='{world.state}'; NL='\n'; set -u; LC_ALL=C",
                programs.program_text("docker"),
                programs.program_text("chain"),
                "for n in 1 2 3 4 5 6; do journal_add begin r-$n '' & done; wait",
            ]
        )
        subprocess.run([*world.words, "-c", text], timeout=60, check=True)
        found = chain.follow(world.book.read_bytes())
        assert found.broken is None
        assert len(found.entries) == 6

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
    def test_what_does_not_fit_leaves_the_journal_as_it_was(self, world: World) -> None:
        world.add("begin", "r-1")
        before = world.book.read_bytes()
        text = "\n".join(
            [
                f"STATE_DIR='{world.state}'; NL='\n'; set -u; LC_ALL=C",
                programs.program_text("docker"),
                programs.program_text("chain"),
                'durable() { printf half >>"$_book"; return 1; }',
                "journal_add begin r-2 ''",
            ]
        )
        done = subprocess.run([*world.words, "-c", text], timeout=30, check=False)
        assert done.returncode != 0
        assert world.book.read_bytes() == before

    def test_without_a_state_directory_it_fails_and_says_so(self, world: World) -> None:
        world.state.rmdir()
        assert world.add("begin", "r-1") != 0


class TestTheClientsHalves:
    def test_a_host_without_a_journal_is_a_valid_start(self, world: World) -> None:
        answer = world.journal(f"r-1 {SEAL}\n")
        assert "failed" not in answer
        found = chain.follow(world.book.read_bytes())
        assert [(entry.event, entry.seal) for entry in found.entries] == [("seal", SEAL)]
        assert answer.text("bytes") == str(world.book.stat().st_size)

    def test_it_tells_where_the_run_began_and_what_was_sealed_before(self, world: World) -> None:
        world.add("seal", "r-0", f',"seal":"{SEAL}"')
        world.add("begin", "r-1", ',"command":"hotfix"')
        world.add("end", "r-1", ',"state":"confirmed"')
        answer = world.journal(run="r-1")
        lines = world.book.read_bytes().splitlines()
        assert answer.all("first")[0] == lines[0]
        assert answer.all("last")[0] == lines[2]
        assert answer.all("begin") == [lines[1]]
        assert answer.all("seal") == [lines[0]]

    def test_it_waits_a_moment_for_the_jobs_last_entry(self, world: World) -> None:
        world.add("begin", "r-1", ',"command":"hotfix"')
        last = chain.follow(world.book.read_bytes()).head
        line = f'{{"seq":2,"prev":"{last}","at":"x","event":"end","run":"r-1","state":"confirmed"}}'
        late = subprocess.Popen(["sh", "-c", f"sleep 0.5; echo '{line}' >>'{world.book}'"])
        answer = world.journal(run="r-1")
        late.wait()
        assert answer.all("last")[0] == line.encode()

    def test_what_earlier_runs_could_not_note_stands_before_it(self, world: World) -> None:
        answer = world.journal(f"r-2 {SEAL}\n", unnoted=f"r-0 {SEAL}\nr-1 {SEAL}")
        found = chain.follow(world.book.read_bytes())
        assert [entry.run for entry in found.entries] == ["r-0", "r-1", "r-2"]
        told = chain.read(answer.all("seal")[0])
        assert told is not None
        assert told.run == "r-1"

    def test_a_seal_that_is_none_is_refused(self, world: World) -> None:
        assert "fail" in world.journal("r-1 $(touch x)\n")
        assert not world.book.exists()


def test_all_of_it_comes_in_pieces(world: World, make_long: Callable[[Path], bytes]) -> None:
    data = make_long(world.book)
    pieces = world.program("entries").all("piece")
    assert len(pieces) == 2
    assert b"".join(pieces) == data


@pytest.fixture
def make_long() -> Callable[[Path], bytes]:
    def make(book: Path) -> bytes:
        data = b'{"seq":1}\n' * 900_000
        book.write_bytes(data)
        return data

    return make


def test_what_a_survey_says_of_it() -> None:
    assert host_journal.parse(Answer([])) == host_journal.NOTHING
