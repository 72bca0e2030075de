"""One command's output: its renderers, and the certainty that it ends with one result."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from deployctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import typer

    from deployctl.cli.watcher import Watcher
    from deployctl.events import Events
    from deployctl.result import Document, Result
    from deployctl.ui.choose import Format
    from deployctl.ui.passphrase import Passphrases
    from deployctl.ui.renderer import Renderer

D = TypeVar("D", bound="Document")


class Output:
    """Made by the boundary from the raw words, so that even a usage error is told in JSON.

    A command calls `start` with the options as parsed, then emits events; or writes a document.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = tuple(argv)
        self._started_at = datetime.now(UTC)
        self._events: Events | None = None
        self._watcher: Watcher | None = None
        self._renderers: list[Renderer] = []
        self._passphrases: Passphrases | None = None
        self._lost: Exception | None = None
        self._unread = False
        """whoever read stdout has closed it, and has seen enough"""

    @staticmethod
    def of(context: "typer.Context") -> "Output":
        return cast("Output", context.find_root().obj)

    def start(self, output: "Format", log_file: Path | None = None) -> "Events":
        """Opens the renderers. Raises UsageError if the log file can't be written."""
        from deployctl.cli.watcher import Watcher  # noqa: PLC0415 - keeps --help light
        from deployctl.events import Events  # noqa: PLC0415
        from deployctl.ui.choose import choose  # noqa: PLC0415

        self._renderers = choose(
            output,
            stdout=sys.stdout,
            stderr=sys.stderr,
            env=os.environ,
            log_file=log_file,
            lost=self._lose,
        )
        self._watcher, self._events = Watcher(), Events()
        self._events.subscribe(self._watcher)
        for renderer in self._renderers:
            self._events.subscribe(renderer)
        return self._events

    def suspended(self) -> AbstractContextManager[object]:
        stack = ExitStack()
        for renderer in self._renderers:
            stack.enter_context(renderer.suspended())
        return stack

    def ask_passphrase(self, origin: str) -> str | None:
        """What a person at the terminal types for the key `origin`; None if nobody does."""
        from deployctl.ui.passphrase import Passphrases  # noqa: PLC0415 - few are ever asked

        if self._passphrases is None:
            self._passphrases = Passphrases(sys.stdin, sys.stderr, self.suspended)
        return self._passphrases(origin)

    def stop_asking(self) -> None:
        """For a signal: ends a question that another thread waits on, and mends the terminal."""
        if self._passphrases is not None:
            self._passphrases.give_up()

    def finish(self, result: "Result") -> int:
        """Emits the run's last event, unless the rollout did; returns the exit code.

        A document that could not be written never masks a code that tells of a failure. In place
        of 0 it is 73 where a release was deployed, whose record is then missing where it was
        wanted, and else 2: nothing happened, but what was asked for can't be had there.
        """
        from deployctl.events import RunEnded  # noqa: PLC0415

        if self._events is not None and self._watcher is not None and not self._watcher.ended:
            self._events.emit(RunEnded(result=result.model_dump(mode="json", by_alias=True)))
        if self._lost is None or result.exit_code:
            return result.exit_code
        sys.stderr.write(f"The result can't be written to stdout: {_told(self._lost)}.\n")
        deployed = result.result == "sealed"
        return int(ExitCode.SEAL_FAILED if deployed else ExitCode.USAGE)

    def fail(self, error: BaseException) -> int:
        """Tells an error through the renderers in place, or those that the words ask for."""
        from deployctl.cli.failure import Circumstances, document, explain  # noqa: PLC0415

        if self._events is None:
            self.start(wanted_format(self.argv))
        seen = self._watcher
        known = Circumstances(
            command=command_name(self.argv),
            started_at=self._started_at,
            run_id=seen.run_id if seen else None,
            target=seen.target if seen else None,
            changing=seen.changing if seen else False,
        )
        if seen is not None and seen.ended:
            # The result has been told; a second one would contradict it. The code still counts.
            return int(explain(error, known, os.environ).code)
        return self.finish(document(error, known, os.environ))

    def answer(self, output: "Format", content: D, text: Callable[[D], list[str]]) -> None:
        """Writes a document that is no run's result (`status`, `history`, `doctor`) to stdout."""
        if output == "text":
            self.write("".join(f"{line}\n" for line in text(content)))
            return
        from deployctl.ui.machine import write_json, write_json_line  # noqa: PLC0415

        data = content.model_dump(mode="json", by_alias=True)
        if output == "json":
            self._print(lambda: write_json(sys.stdout, data))
        else:
            self._print(lambda: write_json_line(sys.stdout, {"type": "result", **data}))

    def write(self, text: str) -> None:
        """Writes data to stdout. Raises UsageError if it can't be written."""
        self._print(lambda: sys.stdout.write(text))

    def write_bytes(self, data: bytes) -> None:
        """The same for a file's bytes, which no encoding may change."""
        self._print(lambda: sys.stdout.buffer.write(data))

    def _print(self, put: Callable[[], object]) -> None:
        """A full disk becomes a sentence; a reader that has gone changes no exit code."""
        if self._unread:
            return
        try:
            sys.stdout.flush()
            put()
            sys.stdout.flush()
        except BrokenPipeError:
            self._unread = True
        except OSError as error:
            raise unwritable(error) from error

    def _lose(self, error: Exception) -> None:
        self._lost = error

    def close(self) -> None:
        self.stop_asking()
        for renderer in self._renderers:
            renderer.close()


def unwritable(error: OSError) -> UsageError:
    return UsageError(
        f"The output can't be written: {_told(error)}.", next_step="Send it somewhere else."
    )


def _told(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


_FORM = ("--output", "--format")


def wanted_format(argv: Sequence[str]) -> "Format":
    """The format that the words ask for, even where the rest of them can't be understood."""
    formats: dict[str, Format] = {"text": "text", "json": "json", "ndjson": "ndjson"}
    found: Format = "text"
    for index, word in enumerate(argv):
        if word == "--":
            break
        name, joined, value = word.partition("=")
        if name in _FORM and joined:
            found = formats.get(value, found)
        elif word in (*_FORM, "-o") and index + 1 < len(argv):
            found = formats.get(argv[index + 1], found)
        elif word.startswith("-o") and not word.startswith("--"):
            found = formats.get(word[2:], found)
    return found


def command_name(argv: Sequence[str]) -> str:
    """`hotfix`, `compose diagnose`: what the words name, as far as they name anything."""
    words = []
    for word in argv:
        if word.startswith("-"):
            break
        words.append(word)
    depth = 2 if words[:1] in (["compose"], ["lab"]) else 1
    return " ".join(words[:depth]) or "deployctl"
