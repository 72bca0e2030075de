"""What of an approved plan is no longer so, field by field. Pure: two JSON documents in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

SHOWN: Final = 40
_LONGEST: Final = 160
_NAMES: Final = ("name", "path")
"""by what the items of a list are known"""
_ABSENT: Final = object()
_PARTS: Final = {
    "commit": "the commit's tree",
    "playbook": "the playbook",
    "playbookDigest": "the playbook",
    "gates": "the settings",
    "settings": "the settings",
    "strategy": "the settings",
    "minHealthyMs": "the settings",
    "deadlineMs": "the settings",
}
"""what a field of the decisions is about; all others are about the host"""


def differences(approved: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """`services.api.imageId: sha256:1 was approved, now it is sha256:2`, a line a field."""
    return tuple(_differing("", approved, now))


def changed_parts(approved: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Of what the differences are: the host, the commit's tree, the settings, the playbook."""
    keys = [*approved, *(key for key in now if key not in approved)]
    moved = (key for key in keys if approved.get(key, _ABSENT) != now.get(key, _ABSENT))
    return tuple(dict.fromkeys(_PARTS.get(key, "the host") for key in moved))


def _differing(path: str, approved: Any, now: Any) -> Iterator[str]:
    if approved == now:
        return
    if isinstance(approved, Mapping) and isinstance(now, Mapping):
        for key in (*approved, *(key for key in now if key not in approved)):
            inner = f"{path}.{key}" if path else str(key)
            yield from _differing(inner, approved.get(key, _ABSENT), now.get(key, _ABSENT))
    elif _are_named(approved) and _are_named(now):
        yield from _differing(path, _by_name(approved), _by_name(now))
    else:
        yield f"{path}: {_shown(approved)} was approved, now it is {_shown(now)}"


def _are_named(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and any(name in item for name in _NAMES) for item in value
    )


def _by_name(items: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Numbered where two have one name, so that none of them hides the other."""
    found: dict[str, Mapping[str, Any]] = {}
    for item in items:
        name = str(next(item[key] for key in _NAMES if key in item))
        while name in found:
            name += "'"
        found[name] = item
    return found


def _shown(value: Any) -> str:
    if value is None or value is _ABSENT or value in ("", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        text = ", ".join(_shown(item) for item in value)
    elif isinstance(value, Mapping):
        text = ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
