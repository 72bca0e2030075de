"""Entry point of `deployctl` and of `python -m deployctl`."""

import gc
import sys

OBJECTS = 50_000
"""Loading modules makes many objects and hardly any garbage: a tenth of the start was looking for
it. The rest of a run makes little of either."""


def main() -> None:
    gc.set_threshold(OBJECTS)
    from deployctl.cli.boundary import run  # noqa: PLC0415 - keeps `import deployctl` light

    code = run(sys.argv[1:])
    gc.freeze()  # the last look for garbage would take longer than the rest of the end
    sys.exit(code)


if __name__ == "__main__":
    main()
