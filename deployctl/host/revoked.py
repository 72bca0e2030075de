"""RevokedHostKeys of ssh_config: a list of public keys, or OpenSSH's key revocation list (KRL)."""

import shlex
import subprocess
import tempfile
from pathlib import Path

from deployctl.errors import ConfigError
from deployctl.host.known_hosts import Entry, PublicKey, parse_key

_KRL = b"SSHKRL\n\0"
_REVOKED = 1
_SECONDS = 10


def read_revoked(file: Path | None) -> tuple[list[Entry], Path | None]:
    """The keys listed, or the file itself where it is a KRL.

    Raises ConfigError when it can't be read: ssh then trusts no host at all, and nor do we.
    """
    if file is None:
        return [], None
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"RevokedHostKeys: {file} can't be read: {error.strerror}. No host is trusted then.",
            next_step=f"ls -l {shlex.quote(str(file))}",
        ) from error
    if data.startswith(_KRL):
        return [], file
    lines = enumerate(data.decode("utf-8", "replace").splitlines(), 1)
    keys = [(number, parse_key(line)) for number, line in lines]
    return [Entry("*", key, "@revoked", f"{file}:{number}") for number, key in keys if key], None


def revokes(file: Path, key: PublicKey) -> bool:
    """Whether the KRL revokes the key. Raises ConfigError where that can't be told."""
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as public:
        public.write(f"{key.line}\n")
        public.flush()
        try:
            done = subprocess.run(
                ["ssh-keygen", "-Q", "-f", str(file), public.name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError(
                f"RevokedHostKeys: ssh-keygen, which reads {file}, can't be run: {error}.",
                next_step="Install OpenSSH's client.",
            ) from error
    told = done.stdout + done.stderr
    if done.returncode not in {0, _REVOKED} or (done.returncode and b"REVOKED" not in told):
        raise ConfigError(
            f"RevokedHostKeys: ssh-keygen can't read {file}.",
            next_step=f"Look at it: ssh-keygen -Q -l -f {shlex.quote(str(file))}",
            detail=told.decode("utf-8", "replace").strip(),
        )
    return done.returncode == _REVOKED
