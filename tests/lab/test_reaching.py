"""Every way in which people reach a host: what `ssh HOST true` can do, deployctl can as well.

Where it can't, or won't, it says exactly why not.
"""

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cases import works
from tests.unit.host.conftest import Sshd, StartSshd, keygen, public, start_sshd

from .reaching import Place, Token, sign

__all__ = ["start_sshd"]
AREA = "Reaching a host"
USER = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()


@dataclass
class World:
    """One test's client, its servers, and what must be ended afterwards."""

    place: Place
    sshd: Sshd
    start: StartSshd
    folder: Path
    ending: ExitStack

    def key(self, name: str, *words: str) -> Path:
        return keygen(self.folder / name, *words)

    def agent(self, *keys: Path) -> str:
        return self.ending.enter_context(self.place.agent(*keys))

    def trusting(self, authority: Path, *options: str) -> Sshd:
        """A server that lets in whoever has a certificate of the authority's."""
        sshd = self.start(*options, user_key=self.key("unused"))
        text = f"cert-authority {Path(f'{authority}.pub').read_text()}"
        (sshd.directory / "authorized_keys").write_text(text)
        return sshd

    def locked(self, sshd: Sshd) -> Path:
        """The server's key, with a passphrase and without its public half beside it."""
        file = self.folder / "locked"
        shutil.copy(sshd.user_key, file)
        words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "a passphrase", "-f", str(file)]
        subprocess.run(words, check=True, capture_output=True)
        return file


@pytest.fixture(scope="session")
def shared_sshd(start_sshd: StartSshd) -> Sshd:
    return start_sshd()


@pytest.fixture
def world(shared_sshd: Sshd, start_sshd: StartSshd, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as ending:
        yield World(Place(tmp_path / "home"), shared_sshd, start_sshd, tmp_path, ending)


Setup = Callable[[World], object]
WAYS: list[object] = []


def way(name: str) -> Callable[[Setup], Setup]:
    """The setup writes a configuration in which `ssh vps true` works."""

    def note(setup: Setup) -> Setup:
        WAYS.append(pytest.param(setup, id=name, marks=works(AREA, name)))
        return setup

    return note


# -- the configuration ---------------------------------------------------------------------------


@way("an alias of ssh_config, with its port")
def _(world: World) -> None:
    world.place.write(world.place.host(world.sshd))


@way("Include, also of patterns and inside blocks")
def _(world: World) -> None:
    folder = world.folder / "conf.d"
    folder.mkdir()
    (folder / "1.conf").write_text(world.place.host(world.sshd))
    (folder / "2.conf").write_text("Port 1\n")
    world.place.write(
        f"Host other\n Include {folder}/2.conf\nHost vps\n Include {folder}/1.*\nPort 1\n"
    )


@way("Match by host, user, exec and final")
def _(world: World) -> None:
    sshd = world.sshd
    world.place.write(
        'Match host vps exec "false"\n Port 1\nMatch originalhost vps exec "test %n = vps"\n'
        f" HostName 127.0.0.1\n IdentityFile {sshd.user_key}\nMatch user nobody\n Port 2\n"
        f"Match final host 127.0.0.1\n Port {sshd.port}\n UserKnownHostsFile {sshd.known_hosts}\n"
    )


@way("quoted values, equals signs and comments behind values")
def _(world: World) -> None:
    folder = world.folder / "with a space"
    folder.mkdir()
    key = folder / "the key"
    shutil.copy(world.sshd.user_key, key)
    world.place.write(
        f'Host=vps # the server\n HostName="127.0.0.1" # here\n Port = {world.sshd.port} # odd\n'
        f' IdentityFile "{key}"\n UserKnownHostsFile /nowhere "{world.sshd.known_hosts}"\n'
    )


@way("tokens and variables of the environment in paths")
def _(world: World) -> None:
    shutil.copy(world.sshd.user_key, world.folder / f"key-of-{USER}-for-vps")
    world.place.environment["KEYS"] = str(world.folder)
    more = f" User {USER}\n IdentityFile ${{KEYS}}/key-of-%r-for-%n\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))


@way("ProxyJump over two hosts, each checked and with its own key")
def _(world: World) -> None:
    first, second = world.start(), world.start()
    host = world.place.host
    world.place.write(
        host(first, "one") + host(second, "two") + host(world.sshd, more=" ProxyJump one,two\n")
    )


@way("a ProxyJump that has a ProxyJump of its own")
def _(world: World) -> None:
    first, second, host = world.start(), world.start(), world.place.host
    world.place.write(
        host(first, "one")
        + host(second, "two", " ProxyJump one\n")
        + host(world.sshd, more=f" ProxyJump {USER}@two\n")
    )


@way("ProxyCommand")
def _(world: World) -> None:
    place, host = world.place, world.place.host
    more = f" ProxyCommand ssh -F {place.config} -W [%h]:%p bastion\n"
    place.write(host(world.start(), "bastion") + host(world.sshd, more=more))


@way("ProxyCommand before a ProxyJump, of which the first counts")
def _(world: World) -> None:
    place, host = world.place, world.place.host
    more = f" ProxyCommand ssh -F {place.config} -W [%h]:%p bastion\n ProxyJump nowhere.invalid\n"
    place.write(host(world.start(), "bastion") + host(world.sshd, more=more))


@way("AddressFamily, BindAddress and ConnectTimeout")
def _(world: World) -> None:
    more = " AddressFamily inet\n BindAddress 127.0.0.1\n ConnectTimeout 9\n"
    world.place.write(world.place.host(world.sshd, more=more))


@way("ControlMaster in the configuration, which is passed over")
def _(world: World) -> None:
    path = world.ending.enter_context(tempfile.TemporaryDirectory())  # a socket's path is short
    more = f" ControlMaster auto\n ControlPath {path}/%h-%p\n ControlPersist 2\n"
    world.place.write(world.place.host(world.sshd, more=more))


# -- keys ----------------------------------------------------------------------------------------


@way("a key that only the agent has")
def _(world: World) -> None:
    world.agent(world.sshd.user_key)
    world.place.write(world.place.host(world.sshd, key=False))


@way("an agent of one's own by IdentityAgent")
def _(world: World) -> None:
    path = world.agent(world.sshd.user_key)
    world.place.environment["SSH_AUTH_SOCK"] = "/nowhere"
    more = f" IdentityAgent {path}\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))


@way("an agent full of keys, of which IdentityFile names the right one")
def _(world: World) -> None:
    world.agent(*(world.key(f"k{n}") for n in range(7)), world.sshd.user_key)
    world.place.write(world.place.host(world.sshd))


@way("IdentityFile names a public key, whose other half the agent has (IdentitiesOnly)")
def _(world: World) -> None:
    right = world.folder / "token.pub"
    shutil.copy(f"{world.sshd.user_key}.pub", right)
    world.agent(*(world.key(f"k{n}") for n in range(7)), world.sshd.user_key)
    more = f" IdentitiesOnly yes\n IdentityFile {right}\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))


@way("a key with a passphrase that the agent has unlocked")
def _(world: World) -> None:
    locked = world.locked(world.sshd)
    world.agent(world.sshd.user_key)
    more = f" IdentitiesOnly yes\n IdentityFile {locked}\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))


@way("several keys that are refused first")
def _(world: World) -> None:
    others = "".join(f" IdentityFile {world.key(f'k{n}')}\n" for n in range(4))
    world.place.write(world.place.host(world.sshd, more=others))


@way("a user's certificate beside the key")
def _(world: World) -> None:
    authority, key = world.key("authority"), world.key("certified")
    sign(authority, key, "-n", USER)
    sshd = world.trusting(authority)
    world.place.write(world.place.host(sshd, more=f" IdentityFile {key}\n", key=False))


@way("CertificateFile for a key in the agent")
def _(world: World) -> None:
    authority, key = world.key("authority"), world.key("certified")
    world.agent(key)
    certificate = sign(authority, key, "-n", USER).rename(world.folder / "elsewhere")
    more = f" CertificateFile {certificate}\n IdentityFile {key}.pub\n"
    world.place.write(world.place.host(world.trusting(authority), more=more, key=False))


@way("a certificate that only the agent has")
def _(world: World) -> None:
    authority, key = world.key("authority"), world.key("certified")
    sign(authority, key, "-n", USER)
    world.agent(key)
    world.place.write(world.place.host(world.trusting(authority), key=False))


@way("an RSA key with a certificate in the agent")
def _(world: World) -> None:
    key = world.folder / "rsa"
    words = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)]
    subprocess.run(words, check=True)
    authority = world.key("authority")
    sign(authority, key, "-n", USER)
    world.agent(key)
    world.place.write(world.place.host(world.trusting(authority), key=False))


@way("an expired certificate beside a key that is let in by itself")
def _(world: World) -> None:
    key = world.folder / "key"
    for end in ("", ".pub"):
        shutil.copy(f"{world.sshd.user_key}{end}", f"{key}{end}")
    sign(world.key("authority"), key, "-n", USER, "-V", "20200101:20200102")
    more = f" IdentityFile {key}\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))


@way("an ECDSA key")
def _(world: World) -> None:
    key = world.folder / "ecdsa"
    words = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(key)]
    subprocess.run(words, check=True)
    world.place.write(world.place.host(world.start(user_key=key)))


@way("the key of a FIDO token, through the agent")
def _(world: World) -> None:
    path = world.folder / "token-agent"
    token = Token(path)
    sshd = world.start(user_key=world.key("unused"))
    line = f"sk-ssh-ed25519@openssh.com {base64.b64encode(token.blob).decode()}\n"
    (sshd.directory / "authorized_keys").write_text(line)
    world.place.environment["SSH_AUTH_SOCK"] = str(path)
    world.place.write(world.place.host(sshd, key=False))


# -- the host's key --------------------------------------------------------------------------------


@way("hashed names in known_hosts")
def _(world: World) -> None:
    file = world.folder / "known"
    shutil.copy(world.sshd.known_hosts, file)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    world.place.write(
        world.place.host(world.sshd, more=f" UserKnownHostsFile {file}\n HashKnownHosts yes\n")
    )


@way("several known_hosts files, of which some are missing")
def _(world: World) -> None:
    file = world.folder / "known"
    file.write_text("# nothing\n")
    more = f" UserKnownHostsFile /nowhere {file}\n GlobalKnownHostsFile {world.sshd.known_hosts}\n"
    world.place.write(world.place.host(world.sshd, more=more))


@way("HostKeyAlias")
def _(world: World) -> None:
    file = world.folder / "known"
    file.write_text(f"the-vps {public(world.sshd.host_key)}\n")
    more = f" HostKeyAlias the-vps\n UserKnownHostsFile {file}\n"
    world.place.write(world.place.host(world.sshd, more=more))


@way("a host certificate of an authority that known_hosts trusts (@cert-authority)")
def _(world: World) -> None:
    authority, key = world.key("authority"), world.key("host")
    certificate = sign(authority, key, "-h", "-n", "127.0.0.1")
    sshd = world.start(f"HostCertificate {certificate}", host_key=key)
    file = world.folder / "known"
    file.write_text(f"@cert-authority [127.0.0.*]:* {public(authority)}\n")
    world.place.write(world.place.host(sshd, more=f" UserKnownHostsFile {file}\n"))


@way("StrictHostKeyChecking and CheckHostIP, whatever they say, where the key is known")
def _(world: World) -> None:
    more = " StrictHostKeyChecking yes\n CheckHostIP yes\n"
    world.place.write(world.place.host(world.sshd, more=more))


@way("RevokedHostKeys that revoke another key (a KRL)")
def _(world: World) -> None:
    other, krl = world.key("other"), world.folder / "krl"
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", krl, f"{other}.pub"], check=True)
    world.place.write(world.place.host(world.sshd, more=f" RevokedHostKeys {krl}\n"))


# -- the host --------------------------------------------------------------------------------------


@way("a banner before the login")
def _(world: World) -> None:
    banner = world.folder / "banner"
    banner.write_text("AUTHORIZED USE ONLY\n" * 200)
    world.place.write(world.place.host(world.start(f"Banner {banner}")))


@way("a login shell that takes seconds to start")
def _(world: World) -> None:
    sshd = world.start('ForceCommand sleep 3; eval "$SSH_ORIGINAL_COMMAND"')
    world.place.write(world.place.host(sshd))


@way("a login shell that prints noise")
def _(world: World) -> None:
    noise = "echo Welcome; head -c 200000 /dev/urandom; echo records 12"
    sshd = world.start(f'ForceCommand {noise}; eval "$SSH_ORIGINAL_COMMAND"')
    world.place.write(world.place.host(sshd))


@pytest.mark.parametrize("setup", WAYS)
def test_what_ssh_can_do_deployctl_can(setup: Setup, world: World) -> None:
    setup(world)
    ssh = world.place.ssh()
    assert ssh.reached, ssh.said
    ours = world.place.deployctl()
    assert ours.reached, ours.said
