"""The secrets that this process itself knows: those that the settings name."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from deployctl.config.settings import Settings
from deployctl.evidence.ci_facts import TOKEN

PLAIN = frozenset({"HOME", "LANG", "PATH", "PWD", "SHELL", "TERM", "USER"})
"""variables of every process, which are nobody's secret"""

_LARGEST_BYTES = 64 * 1024
_LONG_PATH = 16
"""of an address: a shorter one may be a word that stands anywhere"""


def known_secrets(
    settings: Settings, env: Mapping[str, str], more: Iterable[str] = ()
) -> dict[str, str]:
    """Names to values for the redactor: every `…env` setting's variable, and secret files.

    `more` are variables that others pass on (steps of a playbook). What isn't set or can't be read
    is left out: whoever needs it will say so.
    """
    names = {*_variables(settings.model_dump()), *(set(more) - PLAIN), TOKEN}
    found = {name: _as_shown(os.fsencode(env[name])) for name in names if env.get(name)}
    for name, secret in settings.source.secrets.items():
        if secret.file is not None and (text := _read(secret.file)):
            found[f"{name}_secret"] = text
    for name, value in list(found.items()):
        # `user:password` is also sent and printed in its parts.
        _, colon, password = value.partition(":")
        if colon and "\n" not in value:
            found[f"{name}_password"] = password
    return {**found, **dict(_addresses(settings, env))}


def _addresses(settings: Settings, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Where others are told: who has such an address may write there. In its parts as well, as
    libraries print it; not the mere name of a host.
    """
    for number, notice in enumerate(settings.notify, 1):
        literal, name = getattr(notice, "url", None), getattr(notice, "url_env", None)
        address = literal.get_secret_value() if isinstance(literal, SecretStr) else ""
        parts = (address or env.get(name or "", "")).strip().split("/", 3)
        if len(parts) == 4 and parts[3]:
            yield f"notify_{number}_secret", "/".join(parts)
            if len(parts[3]) >= _LONG_PATH:
                yield f"notify_{number}_path_secret", parts[3]


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, str) and (key == "env" or str(key).endswith("_env")):
                yield item
            else:
                yield from _variables(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _variables(item)


def _read(path: Path) -> str:
    try:
        with path.expanduser().open("rb") as file:
            return _as_shown(file.read(_LARGEST_BYTES))
    except OSError:
        return ""


def _as_shown(value: bytes) -> str:
    """As it comes back in a log: what is not UTF-8 is replaced there too."""
    return value.decode(errors="replace")
