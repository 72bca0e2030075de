"""However a command ends: one result, the right code, and never a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from deployctl.cli import status as status_module
from deployctl.cli.boundary import run as run_boundary
from deployctl.cli.docs import MEANINGS
from deployctl.cli.failure import Circumstances, explain
from deployctl.cli.output import Output, command_name, wanted_format
from deployctl.errors import TOUCHED_NOTHING, DeployctlError, ExitCode
from deployctl.host.failures import answer_timeout
from deployctl.result import Result
from deployctl.ui.result_schema import result_schema

from .conftest import Run

Fail = Callable[[BaseException], None]
FORMATS = [["--output", "json"], ["--output=ndjson"], ["-o", "json"], ["-ondjson"]]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Makes `status` raise an error."""

    def fail(error: BaseException) -> None:
        def load(*_: object) -> None:
            raise error

        monkeypatch.setattr(status_module, "load_settings", load)

    return fail


@pytest.mark.parametrize("code", [code for code in ExitCode if code != ExitCode.SEALED])
def test_each_error_has_its_code_in_process_and_document(
    run: Run, fail: Fail, code: ExitCode
) -> None:
    fail(DeployctlError("What.", production="State.", next_step="do this", code=code))
    ended = run("status", "--output", "json")
    assert ended.code == code
    assert ended.document["exitCode"] == code
    jsonschema.validate(ended.document, result_schema())
    lines = [line.strip() for line in ended.stderr.splitlines()]
    assert lines[0].endswith(f"(exit {code})")
    assert lines[1:] == ["What.", "Production: State.", "Next:       do this"]


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_raw_detail_is_part_of_the_reason(run: Run, fail: Fail) -> None:
    fail(DeployctlError("What.", detail="line 3: \x1b[31mtab", code=ExitCode.REFUSED))
    ended = run("status", "-o", "json")
    assert "line 3: tab" in ended.stderr
    assert "\x1b" not in ended.stderr
    assert ended.document["reason"].startswith("What.\nline 3")


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["hotfix"], "--sha"),
        (["hotfix", "--sha", "x", "--nonsense"], "--nonsense"),
        (["hotfix", "--sha", "x", "--advisory", "health"], "--reason"),
        (["hotfix", "--sha", "x", "--reason", "why"], "--advisory"),
        (["hotfix", "--sha", "x", "--lock-wait", "soon", "--config", "deployctl.yml"], "deployctl"),
        (["nonsense"], "nonsense"),
        (["history", "--limit", "0"], "--limit"),
        (["status", "extra"], "extra"),
    ],
)
def test_a_machine_gets_a_document_for_usage_errors(
    run: Run, argv: list[str], said: str, output: list[str]
) -> None:
    ended = run(*argv, *output)
    assert ended.code in (ExitCode.USAGE, ExitCode.CONFIG)
    assert ended.document["exitCode"] == ended.code
    assert said in ended.document["reason"]
    assert said in ended.stderr
    assert ended.document["nextStep"]


def test_people_get_text_and_an_empty_stdout(run: Run) -> None:
    ended = run("hotfix")
    assert ended.code == 2
    assert ended.stdout == ""
    assert "Missing option '--sha'" in ended.stderr
    assert "deployctl hotfix --help" in ended.stderr


def test_a_wrong_format_is_told_without_the_words_of_the_parser(run: Run) -> None:
    said = run("status", "-o", "xml").stderr
    assert "Invalid value for '--output' / '-o': 'xml' is not one of 'text', 'json'" in said


def test_missing_settings_are_78_and_name_init(run: Run) -> None:
    ended = run("status", "--config", "missing.yml", "-o", "json")
    assert ended.code == ExitCode.CONFIG
    assert ended.document["result"] == "invalid"
    assert "missing.yml" in ended.document["reason"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EOFError()])
def test_an_interruption_is_130(run: Run, fail: Fail, error: BaseException) -> None:
    fail(error)
    ended = run("status", "-o", "json")
    assert ended.code == 130
    assert ended.document["result"] == "interrupted"
    assert ended.document["production"] == "Production was not touched."


def test_a_bug_is_1_and_its_traceback_a_private_file_without_secrets(
    run: Run, fail: Fail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter two")
    fail(ZeroDivisionError("token=abcdef\n::x by 'hunter two'"))
    ended = run("status", "-o", "json")
    assert ended.code == 1
    assert "bug in deployctl" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    (path,) = (tmp_path / "state/deployctl/bugs").iterdir()
    assert str(path) in ended.document["reason"]
    assert "ZeroDivisionError" in path.read_text()
    for secret in ("abcdef", "hunter"):
        assert secret not in path.read_text() + ended.stderr
    assert path.stat().st_mode & 0o077 == 0


def test_a_bug_whose_traceback_can_not_be_kept_is_still_told(
    run: Run, fail: Fail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    fail(ZeroDivisionError())
    ended = run("status")
    assert ended.code == 1
    assert "could not be written" in ended.stderr


def test_help_and_version_are_0(run: Run) -> None:
    assert run("--help").code == 0
    assert "rollback" in run().stdout
    assert run("hotfix", "--help").code == 0
    assert run("--version").stdout.startswith("deployctl ")


def test_what_the_words_say() -> None:
    assert wanted_format(["hotfix", "--output", "json"]) == "json"
    assert wanted_format(["hotfix", "--", "--output", "json"]) == "text"
    assert wanted_format(["--output"]) == "text"
    assert wanted_format(["-o", "yaml"]) == "text"
    assert command_name(["compose", "diagnose", "x"]) == "compose diagnose"
    assert command_name(["--help"]) == "deployctl"


def deployctl(*argv: str, **options: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "deployctl", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_a_reader_that_goes_away_is_quiet() -> None:
    process = deployctl("docs", "result")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 0


def test_a_reader_that_goes_away_hides_no_fault(surroundings: Path) -> None:
    (surroundings / "bad.yml").write_text("services:\n  api:\n    ports: ['80']\n")
    process = deployctl("compose", "diagnose", "bad.yml")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == ExitCode.REFUSED
    assert process.stderr is not None
    assert process.stderr.read() == b""


@pytest.mark.parametrize("words", ["docs exit-codes", "plan --help", "--version"])
def test_a_full_disk_behind_stdout_is_told(words: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "deployctl", *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == ExitCode.USAGE
    assert b"can't be written" in done.stderr


@pytest.mark.parametrize(
    ("command", "untouched"), [("status", True), ("attach", True), ("unlock", False)]
)
def test_a_command_that_only_reads_has_finished_nothing_when_the_host_falls_silent(
    command: str, untouched: bool
) -> None:
    silent = answer_timeout("deploy@vps:22", "docker inspect", 30)
    known = Circumstances(command, datetime.now(UTC))
    assert (explain(silent, known, {}).production == TOUCHED_NOTHING) is untouched


@pytest.mark.parametrize(
    ("word", "code", "ends"),
    [
        ("planned", ExitCode.SEALED, ExitCode.USAGE),
        ("unchanged", ExitCode.SEALED, ExitCode.USAGE),
        ("sealed", ExitCode.SEALED, ExitCode.SEAL_FAILED),
        ("rolled-back", ExitCode.ROLLED_BACK, ExitCode.ROLLED_BACK),
        ("rollback-failed", ExitCode.ROLLBACK_FAILED, ExitCode.ROLLBACK_FAILED),
    ],
)
@pytest.mark.parametrize("output", ["json", "ndjson"])
def test_a_result_that_can_not_be_written_is_no_success_and_masks_no_failure(
    output: str,
    word: str,
    code: ExitCode,
    ends: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = Result(
        command="hotfix", result=word, exit_code=int(code), reason="Why.", production="State.",
        started_at=datetime.now(UTC), duration_ms=1,
    )  # fmt: skip
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        telling = Output(["hotfix"])
        telling.start(output)  # type: ignore[arg-type]
        assert telling.finish(result) == ends
        with suppress(OSError):
            full.close()
    told = capsys.readouterr().err
    assert "Why." in told
    assert ("can't be written to stdout" in told) == (code == ExitCode.SEALED)


def test_a_broken_stderr_changes_no_exit_code(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert run("status", "--config", "missing.yml", "-o", "json").code == ExitCode.CONFIG
        with suppress(OSError):
            full.close()


def test_closed_streams_and_poor_encodings_are_no_bug() -> None:
    command = f"{sys.executable} -m deployctl hotfix --output json"
    for shell in (f"{command} >&-", f"{command} 2>&-", f"PYTHONIOENCODING=ascii {command}"):
        done = subprocess.run(["sh", "-c", shell], capture_output=True, check=False)
        assert done.returncode == 2, shell
        assert b"Traceback" not in done.stderr
    without_input = f"{sys.executable} -m deployctl compose diagnose - <&-"
    done = subprocess.run(["sh", "-c", without_input], capture_output=True, check=False)
    assert done.returncode == ExitCode.REFUSED
    assert b"empty" in done.stdout


_WAITING = """
import sys, time
from deployctl.cli import status
from deployctl.cli.boundary import run
def wait(*_):
    try:
        print("waiting", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:
        print("cleaning", flush=True)
        time.sleep(float(sys.argv[1]))
        print("cleaned", flush=True)
        raise
status.load_settings = wait
sys.exit(run(["status", "-o", "ndjson"]))
"""


def signalled(clean_for: float, *signals: signal.Signals) -> tuple[int, list[bytes], bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WAITING, str(clean_for)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"waiting\n"
    process.send_signal(signals[0])
    assert process.stdout.readline() == b"cleaning\n"
    for number in signals[1:]:
        time.sleep(0.1)
        process.send_signal(number)
    # Not `communicate`: it would miss what `readline` has buffered.
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    return process.wait(10), out.splitlines(), err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_that_ends_a_process_is_an_interruption(number: signal.Signals) -> None:
    code, out, _ = signalled(0, number)
    assert code == 130
    assert out[0] == b"cleaned"
    assert json.loads(out[-1])["result"] == "interrupted"


def test_a_second_signal_does_not_break_off_the_cleaning() -> None:
    code, out, err = signalled(0.5, signal.SIGINT, signal.SIGTERM)
    assert code == 130
    assert b"cleaned" in out
    assert b"2 more to leave now" in err


def test_who_insists_is_let_go() -> None:
    many = [signal.SIGINT] * 4
    code, out, _ = signalled(20, *many)
    assert code == 130
    assert b"cleaned" not in out


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    run_boundary(["--version"])
    assert signal.getsignal(signal.SIGTERM) is before
