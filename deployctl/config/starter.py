"""A first deployctl.yml: the annotated example with the user's own values in it."""

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deployctl.config.example import complete
from deployctl.config.load import load
from deployctl.errors import ConfigError, UsageError

_RULER = "# ------"
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_LINE = re.compile(r"(?P<indent> *)(?P<key>[a-z_]+):(?P<value>[^#]*?)(?P<comment>\s*#.*)?")


@dataclass(frozen=True)
class Answers:
    """What `init` was told. None leaves a setting in the file as a comment."""

    target: str
    host: str
    services: tuple[str, ...]
    project: str | None = None
    image: str | None = None
    health: str | None = None
    metrics: str | None = None
    prometheus: tuple[str, str] | None = None
    """URL and job"""


def starter(answers: Answers) -> str:
    """The file's text. What isn't known, and everything optional, is there as a comment."""
    values = _values(answers)
    lines = []
    needed = True  # rulers in the example part what every file needs from what is optional
    for line in complete().splitlines():
        if line.startswith(_RULER):
            needed = not needed
        if needed:
            lines.append(_with_value(line, values, answers.target))
        else:
            lines.append(line if _is_comment(line) else f"# {line}")
    return "\n".join(lines) + "\n"


def write_starter(path: Path, text: str, target: str) -> None:
    """Writes the file if it loads. Raises UsageError with the fault otherwise, writing nothing."""
    try:
        with tempfile.TemporaryDirectory() as directory:
            trial = Path(directory) / path.name
            trial.write_text(text, encoding="utf-8")
            load(trial, target, {})
        path.write_text(text, encoding="utf-8")
    except ConfigError as error:
        told = error.what.replace(f"{trial}:", "").replace(str(trial), str(path))
        raise UsageError(
            f"These settings would not be valid:\n{told}",
            next_step="Correct the option that it names; nothing was written.",
        ) from error
    except OSError as error:
        raise UsageError(
            f"{path} can't be written: {error.strerror}.", next_step="Choose another --config."
        ) from error


def _values(answers: Answers) -> dict[str, str | None]:
    url, job = answers.prometheus or (None, None)
    return {
        "project": _scalar(answers.project),
        "image": _scalar(answers.image),
        "services": f"[{', '.join(_scalar(name) or '' for name in answers.services)}]",
        "health": f"{{path: {_scalar(answers.health)}}}" if answers.health else None,
        "metrics": f"{{path: {_scalar(answers.metrics)}}}" if answers.metrics else None,
        "prometheus": f"{{url: {json.dumps(url)}, job: {_scalar(job)}}}" if url else None,
        "availability": f"{{path: {_scalar(answers.health)}}}" if answers.health else None,
        "host": _scalar(answers.host),
        "user": None,
        "gates": "" if answers.health or answers.metrics or answers.prometheus else "{}",
    }


def _with_value(line: str, values: dict[str, str | None], target: str) -> str:
    found = _LINE.fullmatch(line)
    if found is None:
        return line
    key, comment = found["key"], found["comment"] or ""
    if key == "production":
        key, value = _scalar(target) or "", ""
    elif key in values:
        given = values[key]
        if given is None:
            return f"{found['indent']}# {line.strip()}"
        value = given
    else:
        return line
    text = f"{found['indent']}{key}: {value}".rstrip()
    return f"{text:<34}{comment.strip()}".rstrip() if comment else text


def _scalar(value: str | None) -> str | None:
    """The value as YAML that means exactly this text."""
    if value is None:
        return None
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value)


def _is_comment(line: str) -> bool:
    return not line.strip() or line.startswith("#")
