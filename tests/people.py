"""People who sign: each with an SSH key of their own, and a file that says who may."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import paramiko

from deployctl.host.private_keys import load_private_key


@dataclass(frozen=True)
class Person:
    name: str
    """as the allowed signers name them"""
    key_file: Path

    @property
    def key(self) -> paramiko.PKey:
        return load_private_key(self.key_file.read_text(), None)

    @property
    def public(self) -> str:
        """`TYPE BASE64`"""
        return " ".join(
            self.key_file.with_name(f"{self.key_file.name}.pub").read_text().split()[:2]
        )

    @property
    def fingerprint(self) -> str:
        words = ["ssh-keygen", "-l", "-f", f"{self.key_file}.pub"]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[1]


def person(folder: Path, name: str, kind: str = "ed25519", file: str = "") -> Person:
    """Makes a key for them; `file` where one person has several."""
    key_file = folder / (file or f"{name}.key")
    size = ["-b", "2048"] if kind == "rsa" else []
    words = ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", name, "-f", str(key_file)]
    subprocess.run(words, check=True, capture_output=True)
    return Person(name, key_file)


def allow(folder: Path, *people: Person, options: str = "") -> Path:
    """An allowed signers file of these people, and of nobody else."""
    file = folder / "allowed_signers"
    lines = [" ".join(filter(None, (each.name, options, each.public))) for each in people]
    file.write_text("".join(f"{line}\n" for line in lines))
    return file
