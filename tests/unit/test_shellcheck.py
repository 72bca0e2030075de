"""Every program for the host, as it is sent: POSIX sh, and nothing that shellcheck warns of."""

import shutil
import subprocess
from pathlib import Path

import pytest

from deployctl.host import programs

DIRECTORY = Path(programs.__file__).parent
# Parameters are assigned by a preamble (SC2154, SC2153), and what one program does not use of a
# common file is used by another (SC2034, SC2317, SC2329). `A && B || fail` is meant as it works:
# also when B fails (SC2015).
EXCLUDED = "SC2015,SC2034,SC2153,SC2154,SC2317,SC2329"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("name", sorted(file.stem for file in DIRECTORY.glob("*.sh")))
def test_a_program_with_its_library(name: str) -> None:
    text = programs.program_text("lib")
    if name != "lib":
        text += "\n" + programs.program_text(name)
    checked = subprocess.run(
        ["shellcheck", "-s", "sh", "-e", EXCLUDED, "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
