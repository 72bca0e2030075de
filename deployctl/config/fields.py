"""The strict types of single settings. Each failure says what was expected, never the value.

The value may be a secret, so it is not repeated here; what of it may be shown, `validate` says.
"""

import base64
import binascii
import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema

from deployctl.config import references
from deployctl.config.faults import MeasureError

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
TARGET_NAME: Final = r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}"
_LABEL: Final = r"[a-zA-Z_][a-zA-Z0-9_]*"
_KEY_TYPE: Final = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+")


def _plain(text: str, expected: str) -> None:
    if not text or text != text.strip() or _CONTROL.search(text) or text.startswith("-"):
        raise ValueError(
            f"expected {expected}: not empty, no control characters, no space around it, "
            "no dash in front"
        )


def _matching(pattern: str, expected: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def _text(text: str) -> str:
    _plain(text, "text on one line")
    return text


def without_nul(text: str) -> str:
    """No process can be given one."""
    if "\0" in text:
        raise ValueError("expected text without a NUL character")
    return text


def _image(text: str) -> str:
    expected = "an image name without a tag or digest, such as techno-os-api"
    if "@" in text or ":" in text.rsplit("/", 1)[-1]:
        raise ValueError(f"expected {expected}: deployctl sets the tag itself")
    if not references.NAME.fullmatch(text) or len(text) > 200:
        raise ValueError(f"expected {expected}, in Docker's spelling (lower case)")
    return text


def _integer(value: object) -> object:
    if isinstance(value, bool):
        raise MeasureError("expected a whole number")
    return value


def _port(number: int) -> int:
    if not 1 <= number <= 65535:
        raise MeasureError("expected a whole number from 1 to 65535")
    return number


def _release_count(number: int) -> int:
    if not 2 <= number <= 1000:
        raise ValueError("expected 2 releases or more: the live one and the one before always stay")
    return number


def _approver_count(number: int) -> int:
    if not 1 <= number <= 20:
        raise MeasureError("expected a whole number from 1 to 20")
    return number


def _local_path(value: object, info: ValidationInfo) -> object:
    """An absolute path; what is relative starts at the settings file's directory."""
    if not isinstance(value, str | Path):
        return value
    _plain(str(value), "a path on this machine")
    base = Path((info.context or {}).get("directory", Path.cwd()))
    try:
        return base / Path(value).expanduser()
    except RuntimeError:
        raise ValueError("expected a path whose ~user exists on this machine") from None


def _inside(text: str) -> str:
    _plain(text, "a relative path inside the repository")
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text:
        raise ValueError("expected a relative path inside the repository, without ..")
    return str(path)


def _from_context(text: str) -> str:
    expected = "a relative path to a file of the repository"
    _plain(text, expected)
    if PurePosixPath(text).is_absolute() or "\\" in text:
        raise ValueError(f"expected {expected}")
    return str(PurePosixPath(text))


def _on_host(text: str) -> str:
    _plain(text, "an absolute path on the host")
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts or path == PurePosixPath("/"):
        raise ValueError("expected an absolute path on the host, without .. and not / itself")
    return str(path)


def _host_key(text: str) -> str:
    """A public key as `TYPE BASE64`; a line of known_hosts or of a .pub file is cut down to it."""
    expected = "a public host key such as: ssh-ed25519 AAAAC3Nz…"
    _plain(text, expected)
    words = text.split()
    if len(words) > 1 and not _KEY_TYPE.fullmatch(words[0]):
        words = words[1:]
    if len(words) < 2 or not _KEY_TYPE.fullmatch(words[0]):
        raise ValueError(f"expected {expected}")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise ValueError(f"expected {expected} (the second word isn't base64)") from None
    name = words[0].encode()
    if not blob.startswith(len(name).to_bytes(4, "big") + name):
        raise ValueError(f"expected {expected} (the key's data is not of the type it names)")
    return f"{words[0]} {words[1]}"


BuildArgument = Annotated[
    str, _matching(r"[^\x00-\x08\x0a-\x1f\x7f]*", "text on one line, without control characters")
]
Text = Annotated[str, AfterValidator(_text)]
ProjectName = Annotated[
    str,
    _matching(
        r"[a-z0-9][a-z0-9_-]{0,62}",
        "a project name: lower-case letters, digits, - and _, beginning with a letter or digit",
    ),
]
ServiceName = Annotated[
    str,
    _matching(
        r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}",
        "a Compose service's name: letters, digits, . _ and -, beginning with a letter or digit",
    ),
]
TargetName = Annotated[
    str,
    _matching(
        TARGET_NAME,
        "a target's name: letters, digits, . _ and -, beginning with a letter or digit",
    ),
]
GateName = Annotated[
    str,
    _matching(
        r"[a-z0-9][a-z0-9-]{0,62}",
        "a gate's name: lower-case letters, digits and -, beginning with a letter or digit",
    ),
]
StepName = Annotated[
    str,
    _matching(
        r"[a-z0-9][a-z0-9-]{0,62}",
        "a step's name: lower-case letters, digits and -, beginning with a letter or digit",
    ),
]
EnvName = Annotated[
    str,
    _matching(r"[A-Za-z_][A-Za-z0-9_]{0,254}", "the name of an environment variable"),
]
SecretId = Annotated[
    str,
    _matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", "a secret's ID: letters, digits, . _ and -"),
]
UnixName = Annotated[
    str,
    _matching(
        r"[a-zA-Z_][a-zA-Z0-9._@-]{0,63}\$?",
        "a user's or group's name: letters, digits, . _ @ and -",
    ),
]
StageName = Annotated[
    str,
    _matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", "the name or number of a stage of the Dockerfile"
    ),
]
Platform = Annotated[
    str,
    _matching(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?", "a platform such as linux/amd64"),
]
DockerCommand = Annotated[
    str,
    _matching(
        r"[A-Za-z0-9_./][A-Za-z0-9_./=-]*(?: [A-Za-z0-9_./=-]+)*",
        "the command that runs Docker on the host, such as docker or sudo -n docker",
    ),
]
LabelName = Annotated[
    str,
    _matching(_LABEL, "a label's name: letters, digits and _, not beginning with a digit"),
    WithJsonSchema({"type": "string", "pattern": f"^{_LABEL}$"}),
]
HttpPath = Annotated[
    str,
    _matching(r"/[^\s\x00-\x1f\x7f#]*", "a path that begins with /, such as /health"),
]
Port = Annotated[
    int,
    BeforeValidator(_integer),
    AfterValidator(_port),
]
ReleaseCount = Annotated[
    int,
    BeforeValidator(_integer),
    AfterValidator(_release_count),
]
ApproverCount = Annotated[
    int,
    BeforeValidator(_integer),
    AfterValidator(_approver_count),
]
LocalPath = Annotated[Path, BeforeValidator(_local_path)]
ImageName = Annotated[str, AfterValidator(_image)]
RepositoryPath = Annotated[str, AfterValidator(_inside)]
DockerfilePath = Annotated[str, AfterValidator(_from_context)]
HostPath = Annotated[str, AfterValidator(_on_host)]
HostKey = Annotated[str, AfterValidator(_host_key)]
