"""What is put into a crontab or a unit: one line of ours, whatever the state directory is called.

Nobody's own lines are lost. In every shell; scripts stand for crontab and cron.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deployctl.host import programs
from deployctl.host.wire import RecordReader

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
CRONTAB = """#!/bin/sh
if [ "$1" = -l ]; then
    [ ! -e "$PLACE/broken" ] || { echo 'crontab: disk I/O error' >&2; exit 1; }
    cat "$PLACE/crontab" 2>/dev/null || { echo 'no crontab for ann' >&2; exit 1; }
else
    cat >"$PLACE/crontab"
fi
"""
OWN = "# mine\n5 4 * * * /usr/local/bin/backup 100\\% 'a b'\n\n@daily  x\n"
HOSTILE = [
    "/srv/a b", "/srv/a\n* * * * * touch /tmp/owned", "/srv/a;touch owned", "/srv/$(touch owned)",
    "/srv/`touch owned`", "/srv/50%", "/srv/a'b", '/srv/a"b', "/srv/a\\b", "/srv/a#b", "/srv/a*",
    "/srv/é", "/srv/a\r", "/srv/a|b", "/srv/a&b", "/srv/$HOME", "/srv/~x", "/srv/a>b",
]  # fmt: skip
Guard = Callable[[str, str], dict[str, str]]


@pytest.fixture(params=SHELLS)
def guard(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guard:
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("crontab", CRONTAB), ("pidof", "#!/bin/sh\n"), ("cron", "#!/bin/sh\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    def guard(snippet: str, state: str) -> dict[str, str]:
        parts = [programs.program_text(name) for name in ("lib", "docker", "guard")]
        given = {"DOCKER": "docker", "STATE_DIR": state, "RUN": str(tmp_path)}
        script = programs._assemble("\n".join([*parts, snippet]), given)
        command = [*words, "-c", 'IFS= read -r b && eval "$b"']
        done = subprocess.run(
            command, input=script.data, capture_output=True, timeout=30, check=False, cwd=tmp_path
        )
        reader = RecordReader(script.nonce)
        reader.feed(done.stdout)
        return {record.name: record.text for record in iter(reader.next, None)}

    return guard


INSTALL = "if guard_install cron; then put done yes; else put done no; fi"
STATE = "/var/lib/deployctl/techno-os"
LINE = f"@reboot sh {STATE}/boot.sh {STATE}\n"


@pytest.mark.parametrize("state", HOSTILE)
def test_a_name_that_means_more_there_is_not_put_anywhere(guard: Guard, state: str) -> None:
    assert guard('put rung "$(guard_rung)"', state)["rung"] == "none"


def test_an_ordinary_one_is(guard: Guard) -> None:
    assert guard('put rung "$(guard_rung)"', STATE)["rung"] in {"cron", "root-unit"}


@pytest.mark.parametrize("own", ["", OWN], ids=["none before", "somebody's own"])
def test_the_line_comes_once_after_what_was_there(guard: Guard, tmp_path: Path, own: str) -> None:
    if own:
        (tmp_path / "crontab").write_text(own)
    for _ in range(2):
        assert guard(INSTALL, STATE)["done"] == "yes"
    assert (tmp_path / "crontab").read_text() == own + LINE


def test_a_crontab_that_can_not_be_read_is_not_replaced(guard: Guard, tmp_path: Path) -> None:
    (tmp_path / "crontab").write_text(OWN)
    (tmp_path / "broken").touch()
    assert guard(INSTALL, STATE)["done"] == "no"
    assert (tmp_path / "crontab").read_text() == OWN


def test_a_unit_holds_nothing_but_what_is_meant(guard: Guard) -> None:
    lines = guard("put unit \"$(guard_text multi-user.target 'User=ann\n')\"", STATE)["unit"].split(
        "\n"
    )
    assert [line for line in lines if line.startswith(("Exec", "User", "Condition"))] == [
        f"ConditionPathExists={STATE}/boot.sh",
        "User=ann",
        f"ExecStart=/bin/sh {STATE}/boot.sh {STATE}",
    ]
