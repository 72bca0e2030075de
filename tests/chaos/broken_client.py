"""`python -m tests.chaos.broken_client`: deployctl, which halts where it is told to.

A halt is a directory's word: `at` names a stage (here, in CHAOS_DIR) or a step of the host's job
(there, in /run/chaos). Whoever comes to it renames `at` to `reached` and waits while there is
`hold` (there: while `hold` names that step).
Nothing of the program itself knows of this: the text of its job gets a line more on its way.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployctl.__main__ import main
from deployctl.engines.compose import job
from deployctl.host import link
from deployctl.host.programs import program_text
from deployctl.rollout import recorder

LONGEST_PATIENCE = 8.0
"""seconds for which a lost link is sought here; a person's client has more"""

HALT = """
halt() {
	[ "$(cat /run/chaos/at 2>/dev/null)" = "$1" ] || return 0
	mv /run/chaos/at /run/chaos/reached
	while [ "$(cat /run/chaos/hold 2>/dev/null)" = "$1" ]; do sleep 0.1; done
}
"""
WRITTEN = '\tdurable "$RUN/log"\n}'


def halting(name: str) -> str:
    """The program's text; that of the job halts at the step that it has just written down."""
    text = program_text(name)
    if name != "job":
        return text
    assert text.count(WRITTEN) == 1, "job.sh writes its steps down in another way"
    return HALT + text.replace(WRITTEN, '\tdurable "$RUN/log"\n\thalt "${1%% *}"\n}')


def _halt_here(stage: str) -> None:
    folder = Path(os.environ["CHAOS_DIR"])
    at = folder / "at"
    if at.exists() and at.read_text() == stage:
        at.rename(folder / "reached")
        while (folder / "hold").exists():
            time.sleep(0.05)


def run() -> None:
    recorded = recorder.Recorder.stage

    @contextmanager
    def stage(
        self: recorder.Recorder, name: str, title: str | None = None
    ) -> Iterator[recorder.StageNote]:
        with recorded(self, name, title) as note:
            _halt_here(name)
            yield note

    recorder.Recorder.stage = stage  # type: ignore[method-assign] # that is the point
    vars(job)["program_text"] = halting
    restore = link.Link.restore

    def briefly(self: link.Link, within: float = LONGEST_PATIENCE) -> None:
        restore(self, min(within, LONGEST_PATIENCE))

    link.Link.restore = briefly  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    run()
