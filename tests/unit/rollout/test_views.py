"""The documents beside the seal never change how a run ended."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployctl.evidence.report import views as made
from deployctl.result import SealRef
from deployctl.rollout import views
from deployctl.rollout.session import Session
from tests.unit.evidence.report.support import make


@pytest.fixture
def notes() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def session(notes: list[tuple[str, str]]) -> Session:
    told: Any = SimpleNamespace(
        run_id="20260103T073200Z-hotfix-sealed",
        settings=SimpleNamespace(language="pt-BR"),
        note=lambda level, text: notes.append((level, text)),
    )
    return cast("Session", told)


def reference(directory: Path) -> SealRef:
    return SealRef(path=str(directory / "seal.json"), digest="sha256:x")


def test_both_are_written_beside_the_seal_in_the_language_of_the_settings(
    session: Session, notes: list[tuple[str, str]], tmp_path: Path
) -> None:
    directory = make(tmp_path)
    before = (directory / "seal.json").read_bytes()
    views.write(session, reference(directory))
    assert "Selado" in (directory / "seal.html").read_text()
    assert "Resumo executivo" in (directory / "seal.md").read_text()
    assert (directory / "seal.html").stat().st_mode & 0o777 == 0o600
    assert (directory / "seal.json").read_bytes() == before
    assert notes == []


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), ValueError("no seal"), KeyError("word")]
)
def test_what_goes_wrong_is_a_warning(
    session: Session,
    notes: list[tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(made, "write_views", fail)
    views.write(session, reference(tmp_path))
    [(level, text)] = notes
    assert level == "warning"
    assert "deployctl report 20260103T073200Z-hotfix-sealed" in text


def test_without_a_seal_there_is_nothing_to_view(
    session: Session, notes: list[tuple[str, str]]
) -> None:
    views.write(session, None)
    assert notes == []
