"""What differs from the approved plan is named field by field, and by what it is about."""

from typing import Any

import pytest

from deployctl.rollout.plan_difference import changed_parts, differences

from .test_plan_digest import COMMIT, FILE, GATE, SERVICE, decisions


def document(**changes: Any) -> dict[str, Any]:
    return decisions(**changes).model_dump(mode="json", by_alias=True)


def test_the_same_plan_differs_in_nothing() -> None:
    assert differences(document(), document()) == ()
    assert changed_parts(document(), document()) == ()


@pytest.mark.parametrize(
    ("change", "part", "line"),
    [
        (
            {"services": (SERVICE.model_copy(update={"container_ids": ("c2",)}),)},
            "the host",
            "services.api.containerIds: c1 was approved, now it is c2",
        ),
        (
            {"services": (SERVICE.model_copy(update={"state": "stopped"}),)},
            "the host",
            "services.api.state: running was approved, now it is stopped",
        ),
        (
            {"files": (FILE.model_copy(update={"before_sha256": "9"}),)},
            "the host",
            "files./c.yml.beforeSha256: 1 was approved, now it is 9",
        ),
        (
            {"commit": COMMIT.model_copy(update={"source_digest": "sha256:t"})},
            "the commit's tree",
            "commit.sourceDigest: sha256:s was approved, now it is sha256:t",
        ),
        (
            {"gates": (GATE.model_copy(update={"threshold": "204"}),)},
            "the settings",
            "gates.health.threshold: 200 was approved, now it is 204",
        ),
        (
            {"settings": {"rollout": "sha256:2"}},
            "the settings",
            "settings.rollout: nothing was approved, now it is sha256:2",
        ),
        (
            {"playbook_digest": "sha256:q"},
            "the playbook",
            "playbookDigest: sha256:p was approved, now it is sha256:q",
        ),
        ({"swap": False}, "the host", "swap: yes was approved, now it is no"),
        ({"gates": ()}, "the settings", "gates.health: "),
    ],
)
def test_a_change_is_named(change: dict[str, Any], part: str, line: str) -> None:
    changed = document(**change)
    (found,) = differences(document(), changed)
    assert found.startswith(line)
    assert changed_parts(document(), changed) == (part,)


def test_two_items_of_one_name_hide_none() -> None:
    both = document(gates=(GATE, GATE.model_copy(update={"threshold": "204"})))
    other = document(gates=(GATE, GATE))
    (found,) = differences(both, other)
    assert "204 was approved" in found


def test_nothing_long_is_repeated_in_full() -> None:
    (found,) = differences({"image": "a" * 5000}, {"image": "b"})
    assert len(found) < 300
