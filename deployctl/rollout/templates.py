"""A compose template with values, as text."""

from collections.abc import Mapping
from pathlib import Path

from deployctl.data import data_path
from deployctl.errors import UsageError

FOLDER = "compose-templates"
SUFFIX = ".yml.j2"
FILE_SUFFIX = ".j2"


def render(template: str, values: Mapping[str, str]) -> str:
    """Raises UsageError for an unknown template or value, or one that can't be rendered.

    Templates are rendered in Jinja2's sandbox: one from elsewhere runs no code here.
    """
    import jinja2  # noqa: PLC0415 - most runs render none
    from jinja2 import meta  # noqa: PLC0415
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    text = _source(template)
    environment = SandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    try:
        known = meta.find_undeclared_variables(environment.parse(text))
        unknown = sorted(set(values) - known)
        if unknown:
            raise UsageError(
                f"The template {template} has no value {', '.join(unknown)}.",
                next_step=f"Values that it has: {', '.join(sorted(known)) or 'none'}.",
            )
        return environment.from_string(text).render(values)
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        place = f"{template}, line {line}" if line else template
        raise UsageError(
            f"{place}: {error.message}.", next_step="Give missing values with --set KEY=VALUE."
        ) from error
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        # What an expression in the template can come to: a sum of text and number, say.
        raise UsageError(
            f"{template} can't be rendered: {error or type(error).__name__}.",
            next_step="Correct the expression, or the values given with --set.",
        ) from error


def _source(template: str) -> str:
    """The text behind a name that deployctl brings, or of a file that is called a template."""
    if template in (names := available()):
        path = data_path(FOLDER, f"{template}{SUFFIX}")
    elif template.endswith(FILE_SUFFIX) and _is_file(template):
        path = Path(template)
    else:
        raise UsageError(
            f"There is no template {template}, and no such file that ends in {FILE_SUFFIX}.",
            next_step=f"Templates that deployctl brings: {', '.join(names)}.",
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}.", next_step="Check the file.") from error


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False


def available() -> list[str]:
    return sorted(path.name.removesuffix(SUFFIX) for path in data_path(FOLDER).glob(f"*{SUFFIX}"))
