"""What retention does after a hotfix, and that it never changes how that ended."""

import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.config.settings import RetentionSettings
from deployctl.engines.releases import ServiceImage
from deployctl.engines.retention import Inventory, RunLeft, Tag
from deployctl.errors import LinkLostError
from deployctl.evidence.known_journal import NOTHING
from deployctl.host.connection import Answer, ProgramFailed
from deployctl.host.wire import Record
from deployctl.rollout import checks, retain
from tests.seals import sealed
from tests.unit.engines.support import record, survey

RELEASES = tuple(
    record(
        f"r{number}",
        sha=f"{number}" * 40,
        build_digest="sha256:d",
        run_id=f"2026010{number}T000000Z-hotfix-00000{number}",
        services={"api": ServiceImage(image=f"api:{number}", image_id=f"sha256:{number}")},
        previous=f"r{number - 1}" if number else None,
    )
    for number in range(4)
)
FOUND = Inventory(
    tags=tuple(Tag(f"sha256:{number}", f"api:{number}") for number in range(4)),
    runs=(RunLeft("now", "swapped", 4, "r3"),),
)
TIDIED = Answer([Record("freed", b"41000000"), Record("failed", b"")])


class Told(list[tuple[str, str]]):
    @property
    def warnings(self) -> list[str]:
        return [text for level, text in self if level == "warning"]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def session(told: Told) -> Callable[..., Any]:
    def make(found: Inventory | Exception = FOUND, answer: Any = TIDIED, **changes: Any) -> Any:
        inventory: Future[Inventory] = Future()
        if isinstance(found, Exception):
            inventory.set_exception(found)
        else:
            inventory.set_result(found)
        asked: list[dict[str, str]] = []

        def run(_: str, params: dict[str, str], **__: Any) -> Answer:
            asked.append(params)
            if isinstance(answer, Exception):
                raise answer
            return cast("Answer", answer)

        values = {
            "confirmed": True,
            "inventory": inventory,
            "asked": asked,
            "job": SimpleNamespace(run="/state/runs/now"),
            "goal": RELEASES[3],
            "found": None,
            "facts": survey(releases=RELEASES[:3]),
            "hostlink": SimpleNamespace(
                host=SimpleNamespace(run=run, label="deploy@vps:22"), restore=lambda _: None
            ),
            "settings": SimpleNamespace(
                target="production",
                host=SimpleNamespace(operators_group=None),
                retention=RetentionSettings(keep=2),
            ),
            "options": SimpleNamespace(evidence_dir=None),
            "note": lambda level, text: told.append((level, text)),
        }
        return SimpleNamespace(**{**values, **changes})

    return make


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_the_releases_beyond_the_last_go_and_it_is_told(
    session: Callable[..., Any], told: Told
) -> None:
    run = session()
    retain.retain(run)
    [asked] = run.asked
    assert asked["TAGS"].split("\n") == ["sha256:0 api:0", "sha256:1 api:1"]
    assert (asked["LIVE"], asked["RUN_ID"], asked["CACHE"]) == ("r3", "now", "")
    [(level, text)] = told
    assert level == "info"
    assert text.endswith("are kept: r0 (0000000), r1 (1111111). 41 MB are free again.")


def test_the_host_is_not_asked_where_nothing_is_to_go(session: Callable[..., Any]) -> None:
    run = session(replace(FOUND, tags=FOUND.tags[2:]))
    retain.retain(run)
    assert run.asked == []


def test_but_for_its_build_cache_where_that_is_bounded(session: Callable[..., Any]) -> None:
    settings = SimpleNamespace(
        target="production",
        host=SimpleNamespace(operators_group="ops"),
        retention=RetentionSettings(build_cache="2GB"),
    )
    run = session(replace(FOUND, tags=FOUND.tags[2:]), settings=settings)
    retain.retain(run)
    [asked] = run.asked
    assert (asked["CACHE"], asked["STATE_GROUP"], asked["TAGS"]) == ("2000000000", "ops", "")


@pytest.mark.parametrize(
    "changes", [{"confirmed": False}, {"inventory": None}], ids=["rolled back", "nothing switched"]
)
def test_nothing_goes_but_after_a_hotfix_that_is_live(
    session: Callable[..., Any], told: Told, changes: dict[str, Any]
) -> None:
    run = session(**changes)
    retain.retain(run)
    assert run.asked == []
    assert told == []


@pytest.mark.parametrize(
    "error",
    [
        ProgramFailed("busy", "another rollout has begun", Answer()),
        LinkLostError("The connection was lost."),
        TimeoutError("nothing came"),
        OSError("broken"),
        ValueError("a bug"),
    ],
)
def test_whatever_fails_is_a_warning_and_no_more(
    session: Callable[..., Any], told: Told, error: Exception
) -> None:
    retain.retain(session(found=error))
    retain.retain(session(answer=error))
    assert len(told.warnings) == 2
    assert all("the next hotfix tries again" in text for text in told.warnings)


def test_a_link_that_was_lost_beside_the_gates_and_came_back_serves_the_clean_up(
    session: Callable[..., Any], told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retain.tidy, "take", lambda *_: FOUND)
    run = session(found=LinkLostError("The connection was lost."))
    retain.retain(run)
    [asked] = run.asked
    assert asked["TAGS"].split("\n") == ["sha256:0 api:0", "sha256:1 api:1"]
    assert told.warnings == []


def test_what_docker_would_not_let_go_is_a_warning(session: Callable[..., Any], told: Told) -> None:
    answer = Answer([Record("freed", b"-"), Record("failed", b"conflict: in use\n")])
    retain.retain(session(answer=answer))
    assert told.warnings == ["Not removed from the host: conflict: in use"]


class TestEvidence:
    @pytest.fixture
    def paths(self, state: Path) -> list[Path]:
        """Of the runs of r0 to r3, oldest first."""
        paths = [state / "deployctl/evidence/production" / each.run_id for each in RELEASES]
        for path in paths:
            path.mkdir(parents=True)
            predicate = {
                "result": {"target": "production"},
                "context": {"host": "deploy@vps:22"},
                "plan": {"document": {"decisions": {"project": "techno-os"}}},
            }
            (path / "seal.json").write_bytes(sealed(predicate))
        return paths

    def test_that_of_runs_before_the_oldest_kept_release_goes(
        self, session: Callable[..., Any], paths: list[Path]
    ) -> None:
        retain.retain(session())
        assert [path.exists() for path in paths] == [False, False, True, True]

    def test_it_stays_where_the_settings_say_so(
        self, session: Callable[..., Any], paths: list[Path]
    ) -> None:
        run = session()
        run.settings.retention = RetentionSettings(keep=2, evidence="all")
        retain.retain(run)
        assert all(path.exists() for path in paths)

    def test_and_wherever_the_user_has_put_it(
        self, session: Callable[..., Any], paths: list[Path], state: Path
    ) -> None:
        place = state / "deployctl/evidence"
        retain.retain(session(options=SimpleNamespace(evidence_dir=place)))
        assert all(path.exists() for path in paths)


class TestARunThatTidiesUp:
    def look(self, monkeypatch: pytest.MonkeyPatch, phase: str, looks: int) -> tuple[Any, Any]:
        """Looks at a host whose lock is held for so many looks; (what was seen, the notes)."""
        held = survey(lock_holder={"runId": "other", "phase": phase})
        facts = iter([*[held] * looks, survey()])
        monkeypatch.setattr(checks.survey, "take", lambda *_, **__: next(facts))
        monkeypatch.setattr(checks.time, "sleep", lambda _: None)
        notes: list[str] = []
        session = SimpleNamespace(
            command="hotfix",
            options=SimpleNamespace(lock_wait=0.0, typed_at=0.0),
            settings=None,
            dry=False,
            marks=None,
            known_journal=NOTHING,
            note=lambda _, text: notes.append(text),
        )
        link = SimpleNamespace(host=None)
        return checks._survey(cast("Any", session), cast("Any", link)), notes

    def test_is_waited_for_without_being_asked_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found, notes = self.look(monkeypatch, "clean-up", 3)
        assert not found.locked
        [told] = notes
        assert re.search(r"Until \S+ UTC at the latest", told)

    def test_another_is_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found, notes = self.look(monkeypatch, "gate", 3)
        assert found.locked
        assert notes == []
