"""`--format`, of the commands that answer with tables: what `--output` can, and CSV."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from deployctl.cli.options import OutputFormat
from deployctl.errors import UsageError

if TYPE_CHECKING:
    from deployctl.cli.output import Output
    from deployctl.result import Document

D = TypeVar("D", bound="Document")


class TableFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    CSV = "csv"


Format = Annotated[
    TableFormat | None,
    typer.Option("--format", help="text; json: one document on stdout; csv: for a spreadsheet."),
]
AlsoOutput = Annotated[
    OutputFormat | None,
    typer.Option("--output", "-o", help="text, json or ndjson, as with the other commands."),
]


def answer(
    told: "Output",
    content: "Callable[[], D]",
    wanted: TableFormat | None,
    output: OutputFormat | None,
    text: "Callable[[D], list[str]]",
    csv: "Callable[[D], str]",
) -> None:
    """Writes the document as asked. UsageError, before it is made, if two forms are asked for."""
    if wanted is not None and output is not None and wanted.value != output.value:
        raise UsageError(
            f"--format {wanted.value} and --output {output.value} ask for two forms at once.",
            next_step="Leave one of them out.",
        )
    found = content()
    if wanted is TableFormat.CSV:
        told.write_bytes(csv(found).encode(errors="replace"))
        return
    told.answer((output or OutputFormat(wanted or TableFormat.TEXT)).value, found, text)
