"""An independent look at the service, from inside the host, for as long as a cell takes."""

import subprocess
import threading
import time

from bench.outage import Outage, outage, parse
from deployctl.lab.machine import Host

# One bash and no more: it must not load the host that it looks at.
_ASK = r"""
exec 4<> <(:)  # nothing ever comes: to wait for it is a pause without a process
while :; do
  at=$EPOCHREALTIME; code=0
  if { exec 3<>/dev/tcp/127.0.0.1/8000; } 2>/dev/null; then
    printf 'GET /health HTTP/1.0\r\nUser-Agent: chaos\r\n\r\n' >&3
    IFS=' ' read -t 1 -r _ code _ <&3 || code=0
    exec 3>&-
  fi
  echo "$at ${code:-0}"
  read -r -t 0.05 <&4
done
"""
RESTART_SECONDS = 0.2


class Probe:
    """Looks until `stop`; a host that is switched off is looked at again once it is on."""

    def __init__(self, host: Host) -> None:
        self._words = ["docker", "exec", host.container, "bash", "-c", _ASK]
        self._lines: list[str] = []
        self._stopped = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stopped.is_set():
            self._process = subprocess.Popen(
                self._words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._process.stdout is not None
            for line in self._process.stdout:
                self._lines.append(line)
                if self._stopped.is_set():
                    break
            self._process.kill()
            self._process.wait()
            time.sleep(RESTART_SECONDS)

    def stop(self) -> Outage:
        """Raises ValueError where the service doesn't answer at the end."""
        self._stopped.set()
        self._thread.join(5)
        return outage(parse(line for line in self._lines if len(line.split()) == 2))
