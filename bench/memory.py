"""Peak memory of `plan` and `hotfix`, with a small tree and with a big one."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bed import Bed, BenchError
from bench.stats import Goal

LIMIT_MB = 120
SIZES_MB = (10, 400)
MEGABYTE = 1024 * 1024

Say = Callable[[str], None]


@dataclass(frozen=True)
class Peak:
    """Megabytes (2**20 bytes): of the process itself, and of the greatest of it and its children.

    The children are git, which maps the files it reads; that memory is the page cache's.
    """

    process: float
    greatest: float
    seconds: float


def measure(bed: Bed, say: Say) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for size in SIZES_MB:
        repository = _repository(bed, size)
        sha = bed.git("rev-parse", "--short=7", "HEAD", cwd=repository).strip()
        settings = bed.settings(bed.port, min_healthy="0s", repository=repository)
        for command in ("plan", "hotfix"):
            bed.reset()
            peak = peak_of(bed.deployctl(command, settings, sha))
            say(f"{command}, tree of {size} MB: {peak.process:.0f} MB, {peak.seconds:.1f} s")
            found[f"{command}, {size} MB"] = {
                "processMb": round(peak.process, 1),
                "greatestMb": round(peak.greatest, 1),
                "seconds": round(peak.seconds, 1),
            }
    return found


def goals(document: Mapping[str, Any]) -> list[Goal]:
    return [
        Goal(f"peak memory of {name}", peak["processMb"], LIMIT_MB, "MB")
        for name, peak in document.items()
    ]


def peak_of(words: Sequence[str]) -> Peak:
    """Runs a program that must succeed."""
    began = time.monotonic()
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        status = Path(f"/proc/{process.pid}/status")
        high_water = 0.0
        while True:
            with suppress(OSError):
                high_water = max(high_water, high_water_mb(status.read_text()))
            ended, code, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.01)
        process.returncode = os.waitstatus_to_exitcode(code)
        said = process.stderr.read() if process.stderr else b""
    if process.returncode != 0:
        raise BenchError(f"{words[:2]} ended with {process.returncode}: {said[-2000:]!r}")
    return Peak(high_water, usage.ru_maxrss / 1024, time.monotonic() - began)


def high_water_mb(status: str) -> float:
    """VmHWM of /proc/PID/status, which is the most that was ever resident; 0 where it is absent."""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _repository(bed: Bed, megabytes: int) -> Path:
    """A clone with that much in random files, half of it in one: nothing of it compresses.

    The image leaves them out, so that what is measured is deployctl and not the build.
    """
    clone = bed.folder / f"tree-{megabytes}"
    bed.git("clone", "--quiet", str(bed.repository), str(clone), cwd=bed.folder)
    ballast = clone / "ballast"
    ballast.mkdir()
    _random_file(ballast / "half", megabytes // 2)
    for number in range(megabytes - megabytes // 2):
        _random_file(ballast / f"part-{number}", 1)
    with (clone / ".dockerignore").open("a") as file:
        file.write("\nballast\n")
    bed.git("config", "core.compression", "0", cwd=clone)
    bed.git("add", "--all", cwd=clone)
    bed.git("commit", "--quiet", "--message=Ballast", cwd=clone)
    return clone


def _random_file(path: Path, megabytes: int) -> None:
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(MEGABYTE))
