"""Whatever is set otherwise is another plan; on which machine it is set makes none."""

from pathlib import Path
from typing import Any

from deployctl.config.load import load
from deployctl.rollout.settings_digest import section_digests

TEXT = """version: 1
services: [api]
{more}
targets:
  lab: {{host: vps, key_file: ~/.ssh/a{own}}}
"""


def digests(folder: Path, more: str = "", own: str = "") -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    path = folder / "deployctl.yml"
    path.write_text(TEXT.format(more=more, own=own))
    return section_digests(load(path, None, {}))


def changed(tmp_path: Path, **values: Any) -> set[str]:
    before, after = digests(tmp_path), digests(tmp_path, **values)
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def test_a_change_is_known_by_its_section(tmp_path: Path) -> None:
    assert changed(tmp_path, more="availability: {path: /health}") == {"availability"}
    assert changed(tmp_path, more="rollout: {min_healthy: 1s}") == {"rollout"}
    assert changed(tmp_path, more="gates: {health: {path: /h, headers: {Host: x}}}") == {"gates"}
    assert changed(tmp_path, more="approval: none") == {"approval"}
    assert changed(tmp_path, own=", state_dir: /srv/deployctl") == {"host"}


def test_the_machine_and_the_way_to_the_host_make_no_difference(tmp_path: Path) -> None:
    signs = "approval: {how: signed, allowed_signers: signers}"
    here, there = tmp_path / "here", tmp_path / "there"
    ours = digests(here, signs, ", connect_timeout: 5s, known_hosts: ours")
    assert ours == digests(there, signs, ", user: ci, port: 2222")
