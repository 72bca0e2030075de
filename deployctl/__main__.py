"""Entry point of `deployctl` and of `python -m deployctl`."""

import sys


def main() -> None:
    from deployctl.cli.boundary import run  # noqa: PLC0415 - keeps `import deployctl` light

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
