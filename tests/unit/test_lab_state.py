"""What a lab leaves on this machine: target files, keys, and nothing once it is gone."""

from pathlib import Path

import pytest
import yaml

from deployctl.config.load import load
from deployctl.errors import UsageError
from deployctl.lab import service, state
from deployctl.lab.service import Lab
from deployctl.lab.state import HostRecord, LabRecord


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "deployctl"


def made(name: str, hosts: int = 1) -> LabRecord:
    record = LabRecord(name)
    for number in range(1, hosts + 1):
        target = state.target_name(name, number)
        record.hosts.append(HostRecord(number, target, f"deployctl-lab-{target}", 2220 + number))
    record.save()
    for host in record.hosts:
        state.write_target(record, host)
    return record


def test_the_state_stands_under_the_home_directory_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state.state_home() == tmp_path / ".local/state/deployctl"


def test_a_record_survives() -> None:
    record = made("one", hosts=2)
    assert state.load("one") == record
    assert state.load("absent") is None


def test_the_first_host_has_the_name_of_the_lab(home: Path) -> None:
    made("one", hosts=3)
    names = sorted(path.name for path in (home / "targets").iterdir())
    assert names == ["one-2.yml", "one-3.yml", "one.yml"]


def test_a_target_file_is_valid_settings(home: Path) -> None:
    record = made("one")
    record.key_file.write_text("key")
    record.known_hosts.write_text("[127.0.0.1]:2221 ssh-ed25519 AAAA\n")
    record.repository.mkdir()
    settings = load(home / "targets" / "one.yml", "one", {})
    assert settings.project == "techno-os"


def test_a_target_file_pins_key_and_host_key(home: Path) -> None:
    record = made("one")
    target = yaml.safe_load((home / "targets" / "one.yml").read_text())["targets"]["one"]
    assert target["key_file"] == str(record.key_file)
    assert target["known_hosts"] == str(record.known_hosts)
    assert target["port"] == 2221


def test_a_forgotten_lab_leaves_nothing(home: Path) -> None:
    made("one", hosts=2).forget()
    assert not list(home.rglob("*"))


def test_forgetting_a_lab_keeps_one_whose_name_begins_alike(home: Path) -> None:
    made("one-more", hosts=2)
    made("one").forget()
    assert [lab.name for lab in state.load_all()] == ["one-more"]
    assert sorted(p.name for p in (home / "targets").iterdir()) == [
        "one-more-2.yml",
        "one-more.yml",
    ]


@pytest.mark.parametrize("name", ["", "Upper", "-x", "a b", "../up", "template", "x" * 40])
def test_a_name_that_docker_or_a_path_could_not_bear_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        Lab(name)


def test_an_unknown_lab_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no lab named rehearsal"):
        _ = Lab("rehearsal").hosts


def test_a_key_is_private_and_the_repository_is_there(home: Path) -> None:
    record = service.begin("fresh")
    assert record.key_file.stat().st_mode & 0o777 == 0o600
    assert record.key_file.read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert record.key_file.with_suffix(".pub").read_text().startswith("ssh-ed25519 ")
    assert (record.repository / "app" / "main.py").is_file()
    assert record.folder.is_relative_to(home)
