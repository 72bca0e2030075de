"""Who confirmed a run in the place of its client: told on the host, for when that comes back."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployctl.engines.compose import runs
from deployctl.engines.compose.job import Job
from deployctl.host.link import Link
from tests.unit.engines.support import survey

from .conftest import StartSshd


@pytest.fixture
def link(start_sshd: StartSshd) -> Iterator[Link]:
    link = Link(start_sshd().address)
    yield link
    link.close()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose job confirms at once."""
    run = tmp_path / "runs" / "r-1"
    run.mkdir(parents=True)
    os.mkfifo(run / "control")
    (run / "state").write_text("confirmed\n")
    return run


def confirmed_by(link: Link, run: Path, group: str, *names: str) -> str:
    for name in names:
        Job(link, str(run), group, lambda _: None).confirm(link.fresh(), name)
    return runs.ask(link.host, survey(state_dir=str(run.parent.parent)), run.name).confirmed_by


def test_the_last_one_is_named(link: Link, run: Path) -> None:
    assert confirmed_by(link, run, "", "ann", "bob") == "bob"


def test_the_runs_own_client_is_nobody_else(link: Link, run: Path) -> None:
    assert confirmed_by(link, run, "", "") == ""


@pytest.mark.parametrize(("group", "mode"), [("", 0o600), ("operators", 0o660)])
def test_other_operators_can_read_it(link: Link, run: Path, group: str, mode: int) -> None:
    confirmed_by(link, run, group, "bob")
    assert (run / "confirmed-by").stat().st_mode & 0o777 == mode


def test_what_can_not_be_written_is_in_the_way_of_no_confirmation(link: Link, run: Path) -> None:
    (run / "confirmed-by").mkdir()
    assert confirmed_by(link, run, "", "bob") == ""


def test_what_the_run_wrote_of_itself_is_told_with_it(link: Link, run: Path) -> None:
    (run / "about.json").write_text('{"sha": "d73cfb1"}')
    found = runs.ask(link.host, survey(state_dir=str(run.parent.parent)), run.name)
    assert found.about == {"sha": "d73cfb1"}
