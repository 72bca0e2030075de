"""Where the data files are: playbooks and compose templates.

In a checkout they stand at the top of the repository; in the wheel, under `deployctl/data/`.
"""

from pathlib import Path

from deployctl.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def data_path(kind: str, name: str = "") -> Path:
    """The file, or without a name the folder: `data_path("playbooks", "hotfix.yml")`."""
    for root in (_PACKAGE / "data", _PACKAGE.parent):
        path = root / kind / name
        if path.exists():
            return path
    raise UsageError(
        f"There is no {name or 'folder'} among the {kind} that deployctl brings.",
        next_step="Reinstall deployctl, or give the path of a file of your own.",
    )
