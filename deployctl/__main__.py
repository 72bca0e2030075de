"""Entry point of `deployctl` and of `python -m deployctl`."""

import gc
import sys

OBJECTS = 50_000
"""Loading modules makes many objects and hardly any garbage: a tenth of the start was looking for
it. The rest of a run makes little of either."""


def main() -> None:
    gc.set_threshold(OBJECTS)
    from deployctl.cli.boundary import run  # noqa: PLC0415 - keeps `import deployctl` light

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
