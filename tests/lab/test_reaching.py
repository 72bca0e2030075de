"""Every way in which people reach a host: what `ssh HOST true` can do, deployctl can as well.

Where it can't, or won't, it says exactly why not.
"""

import base64
import ipaddress
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.delay_proxy import DelayProxy
from tests.cases import Case, refuses, works
from tests.unit.host.conftest import (
    Sshd,
    StartSshd,
    free_port,
    keygen,
    public,
    start_sshd,
)

from .reaching import Place, Screen, Token, sign, token_handle

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


@way("a link with a round trip of most of a second")
def _(world: World) -> None:
    proxy = world.ending.enter_context(DelayProxy(world.sshd.port, rtt=0.8))
    file = world.folder / "known"
    file.write_text(f"[127.0.0.1]:{proxy.port} {public(world.sshd.host_key)}\n")
    more = f" Port {proxy.port}\n UserKnownHostsFile {file}\n"
    world.place.write(world.place.host(world.sshd, more=more))


@way("a link-local IPv6 address with its zone")
def _(world: World) -> None:
    fields = [line.split() for line in Path("/proc/net/if_inet6").read_text().splitlines()]
    local = [each for each in fields if each[3] == "20" and not each[5].startswith("veth")]
    if not local:
        pytest.skip("this machine has no link-local IPv6 address")
    digits, zone = local[0][0], local[0][5]
    address = str(ipaddress.IPv6Address(int(digits, 16)))
    sshd = world.start(f"ListenAddress {address}%{zone}")
    file = world.folder / "known"
    file.write_text(f"[{address}%{zone}]:{sshd.port} {public(sshd.host_key)}\n")
    more = f" HostName {address}%%{zone}\n UserKnownHostsFile {file}\n"
    world.place.write(world.place.host(sshd, more=more))


@pytest.mark.parametrize("setup", WAYS)
def test_what_ssh_can_do_deployctl_can(setup: Setup, world: World) -> None:
    setup(world)
    ssh = world.place.ssh()
    assert ssh.reached, ssh.said
    ours = world.place.deployctl()
    assert ours.reached, ours.said


# -- what is refused -------------------------------------------------------------------------------

REFUSALS: list[object] = []


def refusal_of(
    name: str, code: int, sentence: str, *, ssh: bool | None = False
) -> Callable[[Setup], Setup]:
    """The setup writes a configuration with which deployctl refuses; `ssh`: what ssh manages."""

    def note(setup: Setup) -> Setup:
        mark = refuses(AREA, name, code, sentence)
        REFUSALS.append(pytest.param(setup, ssh, id=name, marks=mark))
        return setup

    return note


@refusal_of("a host whose key is not known", 69, "is not known")
def _(world: World) -> None:
    more = " UserKnownHostsFile /dev/null\n StrictHostKeyChecking yes\n"
    world.place.write(world.place.host(world.sshd, more=more))


@refusal_of("a host whose key has changed", 69, "has changed, or somebody is in between")
def _(world: World) -> None:
    file = world.folder / "known"
    file.write_text(f"{world.sshd.name} {public(world.key('old'))}\n")
    world.place.write(world.place.host(world.sshd, more=f" UserKnownHostsFile {file}\n"))


@refusal_of("a host key that known_hosts revokes (@revoked)", 69, "which is revoked")
def _(world: World) -> None:
    file, key = world.folder / "known", public(world.sshd.host_key)
    file.write_text(f"{world.sshd.name} {key}\n@revoked * {key}\n")
    world.place.write(world.place.host(world.sshd, more=f" UserKnownHostsFile {file}\n"))


@refusal_of("a host key that RevokedHostKeys lists", 69, "which is revoked")
def _(world: World) -> None:
    more = f" RevokedHostKeys {world.sshd.host_key}.pub\n"
    world.place.write(world.place.host(world.sshd, more=more))


@refusal_of("a host key that RevokedHostKeys revokes (a KRL)", 69, "which is revoked")
def _(world: World) -> None:
    krl = world.folder / "krl"
    words = ["ssh-keygen", "-q", "-k", "-f", str(krl), f"{world.sshd.host_key}.pub"]
    subprocess.run(words, check=True)
    world.place.write(world.place.host(world.sshd, more=f" RevokedHostKeys {krl}\n"))


@refusal_of(
    "StrictHostKeyChecking no, with an unknown host key",
    69,
    "StrictHostKeyChecking no of ~/.ssh/config is not followed",
    ssh=True,
)
def _(world: World) -> None:
    more = " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n"
    world.place.write(world.place.host(world.sshd, more=more))


@refusal_of(
    "a host key that only KnownHostsCommand tells",
    69,
    "KnownHostsCommand of ~/.ssh/config is not followed",
    ssh=True,
)
def _(world: World) -> None:
    tells = f"/bin/cat {world.sshd.known_hosts}"
    more = f" KnownHostsCommand {tells}\n UserKnownHostsFile /dev/null\n"
    world.place.write(world.place.host(world.sshd, more=more))


@refusal_of(
    "an sshd that knows only outdated algorithms (SHA-1)",
    69,
    "have no algorithm in common",
    ssh=True,
)
def _(world: World) -> None:
    key = world.folder / "rsa"
    words = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)]
    subprocess.run(words, check=True)
    sshd = world.start("HostKeyAlgorithms ssh-rsa", host_key=key)
    more = " HostKeyAlgorithms ssh-rsa\n"
    world.place.write(world.place.host(sshd, more=more))


@refusal_of("a key that the host does not let in", 69, "does not let us in as")
def _(world: World) -> None:
    more = f" IdentityFile {world.key('stranger')}\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))


@refusal_of("more keys than the host bears (MaxAuthTries)", 69, "too many authentication failures")
def _(world: World) -> None:
    world.agent(*(world.key(f"k{n}") for n in range(7)), world.sshd.user_key)
    world.place.write(world.place.host(world.sshd, key=False))


@refusal_of("a host that takes only passwords", 69, "It takes no keys at all, only password")
def _(world: World) -> None:
    sshd = world.start("PubkeyAuthentication no", "PasswordAuthentication yes")
    world.place.write(world.place.host(sshd))


@refusal_of(
    "a host that takes only keyboard-interactive",
    69,
    "It takes no keys at all, only keyboard-interactive",
)
def _(world: World) -> None:
    options = ("UsePAM yes", "PubkeyAuthentication no", "KbdInteractiveAuthentication yes")
    world.place.write(world.place.host(world.start(*options)))


@refusal_of(
    "a wrong key, where keyboard-interactive is left",
    69,
    "It would also take keyboard-interactive; deployctl offers only keys",
)
def _(world: World) -> None:
    sshd = world.start("UsePAM yes", "KbdInteractiveAuthentication yes")
    more = f" IdentityFile {world.key('stranger')}\n"
    world.place.write(world.place.host(sshd, more=more, key=False))


@refusal_of("a second factor after the key", 69, "and then also wants keyboard-interactive")
def _(world: World) -> None:
    methods = "AuthenticationMethods publickey,keyboard-interactive"
    sshd = world.start("UsePAM yes", "KbdInteractiveAuthentication yes", methods)
    world.place.write(world.place.host(sshd))


@refusal_of("a key with a passphrase, and nobody at a terminal", 69, "needs a passphrase")
def _(world: World) -> None:
    more = f" IdentityFile {world.locked(world.sshd)}\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))


@refusal_of(
    "the key of a FIDO token without an agent", 69, "only an SSH agent can have the token sign"
)
def _(world: World) -> None:
    more = f" IdentityFile {token_handle(world.folder / 'id_ed25519_sk')}\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))


@refusal_of("a user's certificate that has expired", 69, "It refused: ")
def _(world: World) -> None:
    authority, key = world.key("authority"), world.key("certified")
    sign(authority, key, "-n", USER, "-V", "20200101:20200102")
    more = f" IdentityFile {key}\n"
    world.place.write(world.place.host(world.trusting(authority), more=more, key=False))


@refusal_of("a port where nobody listens", 69, "refused the connection on port")
def _(world: World) -> None:
    world.place.write(world.place.host(world.sshd, more=f" Port {free_port()}\n"))


@refusal_of(
    "a port that takes connections and never speaks", 69, "takes the connection and says nothing"
)
def _(world: World) -> None:
    silent = world.ending.enter_context(socket.create_server(("127.0.0.1", 0)))
    world.place.write(world.place.host(world.sshd, more=f" Port {silent.getsockname()[1]}\n"))


@refusal_of(
    "an sshd with too many logins under way (MaxStartups)",
    69,
    "closed the connection before it said who it is",
)
def _(world: World) -> None:
    sshd = world.start("MaxStartups 1:100:1")
    greeting = b""
    while greeting != b"SSH-":  # the fixture's own look at the port counts until sshd sees its end
        waiting = world.ending.enter_context(socket.create_connection(("127.0.0.1", sshd.port)))
        with suppress(ConnectionResetError):
            greeting = waiting.recv(4)
    world.place.write(world.place.host(sshd))


@refusal_of("a name that does not resolve", 69, "can't be resolved")
def _(world: World) -> None:
    world.place.write(world.place.host(world.sshd, more=" HostName nowhere.invalid\n"))


@refusal_of("a jump host that forwards nothing", 23, "refuses to forward to")
def _(world: World) -> None:
    host = world.place.host
    jump = host(world.start("AllowTcpForwarding no"), "jump")
    world.place.write(jump + host(world.sshd, more=" ProxyJump jump\n"))


@refusal_of("a ProxyCommand that fails", 69, "failed before an SSH server answered")
def _(world: World) -> None:
    more = " ProxyCommand sh -c 'echo the VPN is down >&2; exit 1'\n"
    world.place.write(world.place.host(world.sshd, more=more))


@refusal_of("ProxyUseFdpass", 78, "passes a socket (ProxyUseFdpass)")
def _(world: World) -> None:
    more = " ProxyCommand false\n ProxyUseFdpass yes\n"
    world.place.write(world.place.host(world.sshd, more=more))


@refusal_of("a user whose shell is nologin", 23, "its login shell does not run commands")
def _(world: World) -> None:
    world.place.write(world.place.host(world.start("ForceCommand /usr/sbin/nologin")))


@refusal_of(
    "a user who may only use SFTP (ForceCommand internal-sftp)",
    23,
    "its login shell does not run commands",
    ssh=None,
)
def _(world: World) -> None:
    world.place.write(world.place.host(world.start("ForceCommand internal-sftp")))


@pytest.mark.parametrize(("setup", "ssh"), REFUSALS)
def test_what_deployctl_refuses_it_explains(
    setup: Setup, ssh: bool | None, world: World, refusal: Case
) -> None:
    setup(world)
    if ssh is not None:
        theirs = world.place.ssh()
        assert theirs.reached is ssh, theirs.said
    code, told = world.place.status()
    assert code == refusal.code, told
    assert refusal.sentence in told
    assert "Next:" in told


# -- what the settings say -------------------------------------------------------------------------


@works(AREA, "user, host and port in the settings, with a key file and a known_hosts file")
def test_all_in_the_settings(world: World) -> None:
    sshd = world.sshd
    files = {"key_file": str(sshd.user_key), "known_hosts": str(sshd.known_hosts)}
    ours = world.place.deployctl(f"{USER}@127.0.0.1:{sshd.port}", **files)
    assert ours.reached, ours.said


@works(AREA, "the host's key pinned in the settings, and the private key in the environment")
def test_as_in_ci(world: World) -> None:
    sshd = world.sshd
    world.place.environment["DEPLOY_KEY"] = sshd.user_key.read_text().replace("\n", "\\n")
    host, pinned = f"127.0.0.1:{sshd.port}", public(sshd.host_key)
    ours = world.place.deployctl(host, key_env="DEPLOY_KEY", host_key=pinned)
    assert ours.reached, ours.said


def test_the_hint_for_a_wrong_key_is_a_command_that_shows_the_same(world: World) -> None:
    sshd, stranger = world.sshd, world.key("stranger")
    files = {"key_file": str(stranger), "known_hosts": str(sshd.known_hosts)}
    _, told = world.place.status(f"127.0.0.1:{sshd.port}", **files)
    command = told.partition("the key: ")[2].partition(";")[0]
    assert f"-i {stranger}" in command
    for key, code in ((stranger, 255), (sshd.user_key, 0)):
        words = command.replace(str(stranger), str(key)).split()
        words[1:1] = ["-F", "none", "-o", "BatchMode=yes"]
        assert subprocess.run(words, capture_output=True, check=False).returncode == code


# -- a passphrase on a terminal --------------------------------------------------------------------


@pytest.fixture(params=["doctor", "plan --sha HEAD"])
def asked(request: pytest.FixtureRequest, world: World) -> Iterator[Screen]:
    """A command that asks for a passphrase: by itself, or while it does other things."""
    more = f" IdentityFile {world.locked(world.sshd)}\n"
    world.place.write(world.place.host(world.sshd, more=more, key=False))
    person = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org"]
    for words in (["init", "-q"], [*person, "commit", "-q", "--allow-empty", "-m", "First"]):
        subprocess.run(["git", *words], cwd=world.place.home, check=True)
    command, *rest = request.param.split()
    screen = Screen(world.place, [*world.place.argv(command), *rest])
    try:
        screen.until(b"Passphrase for ")
        screen.until_still()
        yield screen
    finally:
        screen.close()


@works(AREA, "a key with a passphrase, typed on the terminal")
def test_nothing_is_drawn_over_the_question(asked: Screen) -> None:
    assert asked.shown.endswith(b"locked: "), asked.shown[-300:]
    assert not asked.echoes
    asked.type(b"a passphrase\n")
    assert asked.end() == 23  # it got in, and the host has no such project
    assert b"a passphrase" not in asked.shown
    assert asked.echoes


def test_ctrl_c_at_the_question_ends_with_130(asked: Screen) -> None:
    asked.type(b"\x03")
    assert asked.end() == 130, asked.shown
    assert asked.echoes
