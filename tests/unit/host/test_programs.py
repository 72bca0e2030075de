"""The bootstrap and `lib.sh`, in every shell that may be there."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from deployctl.host import programs
from deployctl.host.programs import EXEC_LINE, Script
from deployctl.host.wire import Record, RecordReader

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
LOGIN_SHELLS = ["sh", "bash", "dash", "fish", "csh", "tcsh", "ksh", "zsh"]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """The words by which a shell runs the first line, as the bootstrap's /bin/sh does."""
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return [*words, "-c", 'IFS= read -r b && eval "$b"']


def assemble(text: str, params: dict[str, str] | None = None) -> Script:
    lib = programs.program_text("lib")
    return programs._assemble(f"{lib}\n{text}", params or {})


def records_of(script: Script, out: bytes) -> list[tuple[str, bytes]]:
    reader = RecordReader(script.nonce)
    reader.feed(out)
    found: list[Record] = []
    while record := reader.next():
        found.append(record)
    return [(record.name, record.data) for record in found]


def run(
    words: list[str], text: str, params: dict[str, str] | None = None, stdin: bytes = b""
) -> list[tuple[str, bytes]]:
    script = assemble(text, params)
    ran = subprocess.run(
        words, input=script.data + stdin, capture_output=True, timeout=10, check=False
    )
    return records_of(script, ran.stdout)


class TestPut:
    @pytest.mark.parametrize(
        "value",
        ["", "plain", "ä€𝄞", "two\nlines\n", "\n\n", "it's \"quoted\" `x` $HOME \\n %s %%",
         "-n", "\t\r\x01\x7f", "trailing space ", "*", "deployctl-0-program"],
    )  # fmt: skip
    def test_any_value_comes_back(self, shell: list[str], value: str) -> None:
        assert run(shell, 'put it "$V"', {"V": value}) == [("it", value.encode()), ("end", b"")]

    def test_bytes_that_are_no_utf8(self, shell: list[str]) -> None:
        value = b"\xff\xfe\x80caf\xe9".decode("utf-8", "surrogateescape")
        assert run(shell, 'put it "$V"', {"V": value})[0][1] == b"\xff\xfe\x80caf\xe9"

    def test_a_big_value(self, shell: list[str]) -> None:
        value = ("ü" * 20 + "\n") * 3_000
        assert run(shell, 'put it "$V"', {"V": value})[0] == ("it", value.encode())

    def test_from_a_substitution_a_pipe_and_the_background(self, shell: list[str]) -> None:
        text = "x=$(put a 1; echo seen)\necho | put b 2\nput c 3 &\nwait\nput d $x"
        names = [name for name, _ in run(shell, text)]
        assert names == ["a", "b", "c", "d", "end"]

    def test_a_file(self, shell: list[str], tmp_path: Path) -> None:
        file = tmp_path / "a file"
        file.write_bytes(bytes(range(256)) * 99 + b"\n\n")
        assert run(shell, 'put_file f "$F"', {"F": str(file)})[0] == ("f", file.read_bytes())

    def test_a_file_that_is_not_there_sends_nothing(self, shell: list[str]) -> None:
        text = "put_file f /nonexistent || put missing 1"
        assert [name for name, _ in run(shell, text)] == ["missing", "end"]


class TestEnding:
    def test_fail(self, shell: list[str]) -> None:
        got = run(shell, 'fail disk "no\nspace"\nput never 1')
        assert got == [("fail-kind", b"disk"), ("fail", b"no\nspace"), ("end", b"")]

    def test_finish(self, shell: list[str]) -> None:
        assert run(shell, "if true; then finish; fi\nput never 1") == [("end", b"")]

    @pytest.mark.parametrize("text", ["exit 3", "echo $UNSET", "kill $$"])
    def test_an_early_end_is_not_an_end(self, shell: list[str], text: str) -> None:
        assert ("end", b"") not in run(shell, f"{text}\n:")


class TestALinkThatBreaks:
    def test_half_a_program_is_not_run(self, shell: list[str], tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        script = assemble(f"touch '{mark}'\nput done 1\n: the rest")
        for missing in (1, 5, len(b": the rest") + 40):
            subprocess.run(shell, input=script.data[:-missing], check=False, timeout=10)
            assert mark.exists() is (missing == 1), "only the last newline may be missing"
            mark.unlink(missing_ok=True)


class TestInput:
    def test_not_a_byte_of_it_is_read_ahead(self, shell: list[str]) -> None:
        data = b"first\n" + bytes(range(256)) + b"\nlast"
        text = 'read -r line\nput line "$line"\nput rest "$(od -An -v -tx1 | tr -d \' \\n\')"'
        got = dict(run(shell, text, stdin=data))
        assert got["line"] == b"first"
        assert bytes.fromhex(got["rest"].decode()) == data[6:]

    def test_a_program_with_backslashes_and_blanks(self, shell: list[str]) -> None:
        text = "  v='a\\\\b\\n  c'\n\n\tput it \"$v\"   "
        assert run(shell, text)[0] == ("it", b"a\\\\b\\n  c")


class TestLines:
    def test_every_line_is_a_record(self, shell: list[str]) -> None:
        text = "printf 'one\\n\\n  two \\\\ \\nlast' | stream_lines line"
        got = [data for name, data in run(shell, text) if name == "line"]
        assert got == [b"one", b"", b"  two \\ ", b"last"]


class TestTemporaryFiles:
    TEXT = 'put tmp "$TMPDIR"; f=$(mktemp "$TMPDIR/x.XXXXXX") && rm "$f" && put made 1'

    @pytest.fixture
    def usual(self, tmp_path: Path) -> Path:
        (tmp_path / "usual").mkdir()
        return tmp_path / "usual"

    def test_go_where_the_host_says(self, shell: list[str], usual: Path) -> None:
        words = ["env", f"TMPDIR={usual}", *shell]
        assert run(words, self.TEXT)[:2] == [("tmp", bytes(usual)), ("made", b"1")]
        assert list(usual.iterdir()) == []

    def test_go_elsewhere_where_nothing_can_be_written(self, shell: list[str]) -> None:
        """/proc is a directory in which nobody can make a file."""
        got = dict(run(["env", "TMPDIR=/proc", *shell], self.TEXT))
        assert got["made"] == b"1"
        assert got["tmp"] != b"/proc"

    def test_leave_nothing_where_there_is_no_room(self, shell: list[str], usual: Path) -> None:
        """A limit on the size of files stands for the full disk, and holds everywhere."""
        limited = ["sh", "-c", 'ulimit -f 1; trap "" XFSZ; exec "$@"', "-"]
        got = run([*limited, "env", f"TMPDIR={usual}", *shell], 'put tmp "$TMPDIR"')
        assert got[0][1] != bytes(usual)
        assert list(usual.iterdir()) == []


class TestWithClient:
    def test_both_streams_and_the_status(self, shell: list[str]) -> None:
        text = "job() { echo out; echo err >&2; cat; return 5; }\nwith_client job\nput status $?\n"
        script = assemble(text)
        with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(script.data)
            process.stdin.flush()  # and stays open: the client is there
            assert process.stdout is not None
            out = process.stdout.read()
            process.stdin.close()
        assert records_of(script, out) == [
            ("line", b"out"), ("line", b"err"), ("status", b"5"), ("end", b"")
        ]  # fmt: skip

    def test_the_end_of_the_client_is_the_end_of_the_whole_tree(
        self, shell: list[str], tmp_path: Path
    ) -> None:
        assert_ended_with_client(shell, tmp_path / "pids", "")

    def test_a_command_that_does_not_want_to_end_is_made_to(self, tmp_path: Path) -> None:
        words = ["sh", "-c", 'IFS= read -r b && eval "$b"']
        assert_ended_with_client(words, tmp_path / "pids", "trap '' TERM; ")

    def test_nothing_is_left_in_the_temporary_directory(
        self, shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        directory = tmp_path / "tmp"
        directory.mkdir()
        monkeypatch.setenv("TMPDIR", str(directory))
        assert run(shell, "with_client true\nwith_client false\nput done 1")[0][0] == "done"
        assert list(directory.iterdir()) == []


def assert_ended_with_client(shell: list[str], pids: Path, before: str) -> None:
    command = f'{before}echo $$ >>"$0"; sleep 50 & echo $! >>"$0"; wait; wait'
    text = f'with_client sh -c {programs.quote(command)} "$FILE"\nput status $?'
    started = time.monotonic()
    # The client beats once and is gone.
    got = dict(run(shell, text, {"FILE": str(pids)}, stdin=b"beat\n"))
    assert time.monotonic() - started < 6
    assert int(got["status"]) > 128
    for pid in pids.read_text().split() if pids.exists() else ():
        stat = Path(f"/proc/{pid}/stat")
        assert not stat.exists() or ") Z " in stat.read_text()


class TestLoginShells:
    @pytest.mark.parametrize("name", LOGIN_SHELLS)
    def test_the_exec_line_means_the_same_to_all(self, name: str) -> None:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        assert run([name, "-c", EXEC_LINE], 'put it "$V"', {"V": "x'y"})[0] == ("it", b"x'y")

    def test_a_banner_before_the_program_is_passed_over(self) -> None:
        words = ["sh", "-c", f"echo welcome; printf 'a 3\\nno newline '; {EXEC_LINE}"]
        assert run(words, "put it 1") == [("it", b"1"), ("end", b"")]


class TestPrograms:
    def test_includes_are_put_in_place(self) -> None:
        text = programs.program_text("look")
        assert "#include" not in text
        assert "INSPECT=" in text

    @pytest.mark.parametrize("name", ["none", "../lib", "", "Lib", "lib.sh"])
    def test_a_program_that_is_not_there(self, name: str) -> None:
        with pytest.raises(ValueError, match="no program"):
            programs.program_text(name)

    @pytest.mark.parametrize(
        ("params", "message"),
        [({"A": "\0"}, "NUL"), ({"A;B": ""}, "called"), ({"ifs": ""}, "called"),
         ({"BIG": "x" * 2_000_000}, "at most")],
    )  # fmt: skip
    def test_parameters_that_cannot_be(self, params: dict[str, str], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            programs.script("lib", params)

    def test_nothing_of_the_parameters_is_in_the_exec_line(self) -> None:
        assert b"hunter2" in programs.script("lib", {"PASSWORD": "hunter2"}).data
        assert "{" not in EXEC_LINE
        assert os.linesep not in EXEC_LINE
