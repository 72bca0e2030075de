"""What a verifier asks of a seal, as a file kept where reviewers see it; never taken from the seal.

```yaml
allowed_signers: allowed_signers   # who may sign, as ssh-keygen(1) has it; beside this file
signers: 1                         # how many different people
approvals: 2                       # how many different people must have approved of the plan
target: production
max_age: 30d
chain: required                    # every seal before it is there, signed, and follows
```
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from deployctl.config.faults import Fault, InvalidFileError, MeasureError
from deployctl.config.fields import LocalPath, TargetName
from deployctl.config.load import unreadable
from deployctl.config.section import Section
from deployctl.config.tree import LARGEST_BYTES, Mapping, parse
from deployctl.config.validate import validate
from deployctl.errors import ConfigError
from deployctl.evidence import plain_file

NEXT_STEP = "Correct the policy; the README shows every key of one."
MOST_SIGNATURES = 16
"""of one seal: each is a question to OpenSSH"""
MOST_APPROVALS = 20
"""as many as a target may ask for"""
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def _age(value: object) -> int:
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", value) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise MeasureError("expected an age such as 90m, 36h, 30d or 4w")
    return int(found[1]) * _SECONDS[found[2]]


class Policy(Section):
    """Every key may be left out; what isn't asked for isn't required."""

    allowed_signers: LocalPath | None = None
    signers: int = Field(default=1, ge=1, le=MOST_SIGNATURES, strict=True)
    """distinct people whom the allowed signers name and who have signed the seal itself"""
    approvals: int | None = Field(default=None, ge=1, le=MOST_APPROVALS, strict=True)
    """distinct people whom the allowed signers name and who have signed its plan"""
    target: TargetName | None = None
    max_age: Annotated[int, BeforeValidator(_age)] | None = None
    """in seconds, since it was sealed"""
    chain: Literal["required", "any"] = "any"

    @field_validator("*", mode="before")
    @classmethod
    def _filled(cls, value: object) -> object:
        """Who writes a key means to ask for something."""
        if value is None:
            raise MeasureError("expected a value; leave the key out to ask for nothing")
        return value


def _bytes(path: Path) -> bytes:
    try:
        return plain_file.read(path, LARGEST_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        told = f"The policy {path} can't be read: {why}."
        raise ConfigError(told, next_step="Check the path and its permissions.") from error


def load_policy(path: Path) -> Policy:
    """Raises ConfigError with every fault."""
    file = str(path)
    root, faults = parse(_bytes(path), file)
    if not isinstance(root, Mapping):
        expected = "expected a mapping such as {allowed_signers: FILE}"
        raise InvalidFileError(unreadable(file, root, faults, expected), next_step=NEXT_STEP)
    if not root.entries.keys() & Policy.model_fields.keys():
        expected = "no key here is a policy's; expected one of allowed_signers, target"
        raise InvalidFileError([Fault(file, root.mark, (), expected)], next_step=NEXT_STEP)
    policy, found = validate(Policy, root, file=file, directory=path.absolute().parent)
    if policy is None or faults or found:
        raise InvalidFileError([*faults, *found], next_step=NEXT_STEP)
    return policy
