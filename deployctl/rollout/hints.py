"""Commands to type next, complete enough to be copied. Pure."""

import re

_COMMAND = re.compile(
    r"\bdeployctl (hotfix|rollback|plan|status|history|logs|attach|confirm|unlock|doctor"
    # of a file there is none: `compose diagnose FILE` looks at one of this machine
    r"|compose (?:repair|diagnose(?! FILE)))\b(?! --target)"
)


def for_target(text: str, target: str) -> str:
    """The text with `--target TARGET` in every command of deployctl's that takes one."""
    return _COMMAND.sub(lambda match: f"deployctl {match[1]} --target {target}", text)
