"""Awkward hosts as data: what they change is a shell script, and the settings that go with it."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deployctl.config.load import load
from deployctl.errors import UsageError
from deployctl.lab import flavours, state
from deployctl.lab.flavours import FLAVOURS, PRELUDE, Flavour
from deployctl.lab.service import Lab
from deployctl.lab.state import HostRecord, LabRecord

EACH = pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)


def made(flavour: str) -> LabRecord:
    record = LabRecord("one", [HostRecord(1, "one", "deployctl-lab-one", 2221, flavour=flavour)])
    record.save()
    for path in (record.key_file, record.known_hosts):
        path.touch()
    record.repository.mkdir()
    return record


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_each_has_a_name_of_its_own() -> None:
    names = [flavour.name for flavour in FLAVOURS]
    assert len(set(names)) == len(names)
    assert all(flavours.named(name).name == name for name in names)


def test_an_unknown_one_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        Lab("one").up(flavour="odd")
    assert "crash-loop" in caught.value.next_step


@EACH
def test_its_target_file_is_valid_settings(flavour: Flavour) -> None:
    record = made(flavour.name)
    path = state.write_target(record, record.hosts[0])
    settings = load(path, "one", {})
    user = dict(flavour.target).get("user", "deploy")
    assert settings.host.user == user


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@EACH
def test_its_scripts_are_plain_shell(flavour: Flavour) -> None:
    # An unused helper (SC2034, SC2317, SC2329), and what is meant for another shell or for Compose
    # (SC2016).
    for script in (PRELUDE + flavour.change, flavour.undo):
        checked = subprocess.run(
            ["shellcheck", "-s", "sh", "-e", "SC2016,SC2034,SC2317,SC2329", "-"],
            input=script, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert checked.returncode == 0, checked.stdout


def test_settings_go_over_settings_section_by_section() -> None:
    plain = {"a": {"b": 1, "c": 2}, "d": 3}
    assert flavours.over(plain, {"a": {"b": None, "e": 4}, "d": None}) == {"a": {"c": 2, "e": 4}}
    assert plain == {"a": {"b": 1, "c": 2}, "d": 3}


def test_a_plain_host_has_plain_settings() -> None:
    record = made("")
    plain = state.settings(record, record.hosts[0])
    assert yaml.safe_load(yaml.safe_dump(plain))["services"] == ["api"]
    assert "compose" not in plain


def test_a_host_keeps_its_flavour(monkeypatch: pytest.MonkeyPatch) -> None:
    made("replicas")
    monkeypatch.setattr("deployctl.lab.service.require_engine", lambda: None)
    monkeypatch.setattr("deployctl.lab.template.prepare", lambda say: say)
    with pytest.raises(UsageError, match="there already, as replicas"):
        Lab("one").up(flavour="tcp")
