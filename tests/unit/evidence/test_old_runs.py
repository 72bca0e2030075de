"""Which evidence of this machine retention may remove, and which never."""

from pathlib import Path
from typing import Any

import pytest

from deployctl.evidence.old_runs import Whose, older, remove
from tests.seals import sealed

WHOSE = Whose("production", "deploy@vps:22", "shop")
FIRST = "20260105T000000Z-hotfix-aaaaaa"


def run(base: Path, name: str = "20260104T235959Z-hotfix-bbbbbb", **changes: Any) -> Path:
    """The evidence of a sealed run; `seal` replaces the seal's bytes."""
    path = base / "production" / name
    path.mkdir(parents=True)
    document = {
        "result": {"target": changes.get("target", "production")},
        "context": {"host": changes.get("host", "deploy@vps:22")},
        "plan": {"document": changes.get("plan", {"decisions": {"project": "shop"}})},
    }
    (path / "seal.json").write_bytes(changes.get("seal", sealed(document)))
    (path / "gates").mkdir()
    (path / "gates" / "health.txt").write_text("200")
    return path


def names(base: Path) -> list[str]:
    return [path.name for path in older(base, WHOSE, FIRST)]


@pytest.mark.parametrize("command", ["hotfix", "rollback", "confirm"])
def test_a_run_before_the_first_of_those_that_are_kept(tmp_path: Path, command: str) -> None:
    path = run(tmp_path, f"20260104T235959Z-{command}-bbbbbb")
    assert list(older(tmp_path, WHOSE, FIRST)) == [path]
    assert remove(path) == ""
    assert not path.exists()


def test_one_whose_ssh_user_stands_there_by_a_pseudonym(tmp_path: Path) -> None:
    path = run(tmp_path, host="person-0123456789ab@vps:22")
    assert list(older(tmp_path, WHOSE, FIRST)) == [path]


@pytest.mark.parametrize(
    "name", [FIRST, "20260105T000001Z-hotfix-000000", "20260104-mine", "notes"]
)
def test_a_later_run_or_no_run_at_all_stays(tmp_path: Path, name: str) -> None:
    run(tmp_path, name)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "staging"}, {"host": "deploy@other:22"}, {"host": "ana@vps:22"},
        {"host": "person-0123456789ab@other:22"}, {"plan": {}},
        {"plan": {"decisions": {"project": "another"}}}, {"plan": {"decisions": ["shop"]}},
        {"seal": b""}, {"seal": b"null"}, {"seal": sealed({"result": 7})},
        {"seal": b'{"result": {"target": "production"}}'}, {"seal": b"[" * 100_000},
    ],
)  # fmt: skip
def test_what_is_not_provably_of_this_target_stays(tmp_path: Path, changes: dict[str, Any]) -> None:
    run(tmp_path, **changes)
    assert names(tmp_path) == []


def test_a_run_without_a_seal_may_still_be_going_on(tmp_path: Path) -> None:
    (run(tmp_path) / "seal.json").unlink()
    assert names(tmp_path) == []


def test_a_link_to_evidence_elsewhere_is_not_followed(tmp_path: Path) -> None:
    path = run(tmp_path / "archive")
    (tmp_path / "production").mkdir()
    (tmp_path / "production" / path.name).symlink_to(path)
    assert names(tmp_path) == []


def test_without_any_evidence_there_is_none(tmp_path: Path) -> None:
    assert names(tmp_path) == []


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    assert "No such file" in remove(tmp_path / "gone")
