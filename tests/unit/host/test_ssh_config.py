"""~/.ssh/config: aliases, includes, jumps, and whose word counts."""

import getpass
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from deployctl.errors import ConfigError, UnreachableError
from deployctl.host import ssh_options
from deployctl.host.address import HostAddress
from deployctl.host.connection import Host
from deployctl.host.ssh_config import Endpoint, route
from deployctl.host.trust import trust_for
from tests.unit.host.conftest import Sshd, StartSshd


@pytest.fixture
def config(home: Path) -> Path:
    return home / ".ssh" / "config"


def only(address: HostAddress) -> Endpoint:
    (endpoint,) = route(address)
    return endpoint


class TestAliases:
    def test_without_a_configuration_the_defaults_hold(self, home: Path) -> None:
        endpoint = only(HostAddress("vps.example.com"))
        assert (endpoint.host, endpoint.port) == ("vps.example.com", 22)
        assert endpoint.user == getpass.getuser()
        assert home / ".ssh" / "known_hosts" in endpoint.known_hosts
        assert Path("/etc/ssh/ssh_known_hosts") in endpoint.known_hosts

    def test_an_alias_gives_everything(self, config: Path, home: Path) -> None:
        config.write_text(
            "Host prod\n HostName 192.0.2.1\n User deploy\n Port 2222\n"
            " IdentityFile ~/.ssh/prod\n IdentitiesOnly yes\n"
            " UserKnownHostsFile ~/.ssh/known_prod\n HostKeyAlias the-vps\n"
        )
        endpoint = only(HostAddress("prod"))
        assert endpoint.label == "deploy@192.0.2.1:2222"
        assert endpoint.identity_files == (home / ".ssh/prod",)
        assert endpoint.identities_only
        assert endpoint.known_hosts[0] == home / ".ssh/known_prod"
        assert endpoint.trusted_name == "the-vps"

    def test_settings_go_before_the_configuration(self, config: Path) -> None:
        config.write_text("Host prod\n User a\n Port 1\n IdentityFile ~/x\n")
        address = HostAddress("prod", port=2, user="b", key_file=Path("/k"), known_hosts=Path("/h"))
        endpoint = only(address)
        assert (endpoint.user, endpoint.port) == ("b", 2)
        assert endpoint.identity_files is None
        assert endpoint.known_hosts == (Path("/h"),)

    def test_includes_may_have_patterns_and_blocks(self, config: Path, home: Path) -> None:
        (home / ".ssh/config.d").mkdir()
        (home / ".ssh/config.d/a.conf").write_text("Host prod\n HostName 192.0.2.1\n")
        (home / ".ssh/config.d/b.conf").write_text("Host prod\n User deploy\n")
        config.write_text("Include config.d/*.conf\nInclude none\nPort 2222\n")
        assert only(HostAddress("prod")).label == "deploy@192.0.2.1:2222"
        assert only(HostAddress("other")).port == 2222

    def test_an_include_of_itself_ends(self, config: Path) -> None:
        config.write_text("Host prod\n Port 7\nInclude config\n")
        assert only(HostAddress("prod")).port == 7

    def test_a_match_that_cannot_be_judged_does_not_match(self, config: Path) -> None:
        config.write_text(
            "Match tagged x\n Port 1\nMatch host prod user me\n Port 2\nMatch all\n User all\n"
        )
        assert only(HostAddress("prod", user="me")).port == 2
        assert only(HostAddress("prod")).user == "all"

    @pytest.mark.parametrize("text", ["Host\n", "Host x\nPort\n", "Port many\n", "Port 0\n"])
    def test_nonsense_is_an_error_for_people(self, config: Path, text: str) -> None:
        config.write_text(text)
        with pytest.raises(ConfigError):
            route(HostAddress("prod"))

    def test_an_ipv6_address(self) -> None:
        assert only(HostAddress("[::1]", port=22, user="u")).label == "u@[::1]:22"


class TestCanonicalNames:
    """CanonicalizeHostname, with a resolver that knows just `vps.example.com`."""

    @pytest.fixture(autouse=True)
    def resolver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def knows(host: str, _port: int, _timeout: float) -> list[object]:
            if host == "vps.example.com.":
                return ["an address"]
            raise UnreachableError("no such name")

        monkeypatch.setattr(ssh_options, "resolve", knows)

    WANTED = "CanonicalizeHostname yes\nCanonicalDomains example.org example.com\n"

    def test_the_first_domain_that_has_the_name_counts(self, config: Path) -> None:
        config.write_text(f"{self.WANTED}Host *.example.com\n User deploy\n")
        endpoint = only(HostAddress("vps"))
        assert (endpoint.host, endpoint.user) == ("vps.example.com", "deploy")

    def test_an_unknown_name_stays_as_it_is_unless_that_is_forbidden(self, config: Path) -> None:
        config.write_text(self.WANTED)
        assert only(HostAddress("other")).host == "other"
        config.write_text(f"{self.WANTED}CanonicalizeFallbackLocal no\n")
        with pytest.raises(ConfigError, match=r"example\.org, example\.com"):
            route(HostAddress("other"))

    def test_a_name_with_dots_enough_is_left_alone(self, config: Path) -> None:
        config.write_text(f"{self.WANTED}CanonicalizeMaxDots 0\n")
        assert only(HostAddress("vps.x")).host == "vps.x"

    def test_behind_a_proxy_only_where_it_is_always_wanted(self, config: Path) -> None:
        config.write_text(f"{self.WANTED}ProxyCommand none\nMatch host vps\n ProxyJump b\n")
        assert only(HostAddress("vps")).host == "vps.example.com"
        config.write_text(f"{self.WANTED}ProxyJump b\n")
        assert route(HostAddress("vps"))[-1].host == "vps"
        config.write_text(f"{self.WANTED.replace('yes', 'always')}ProxyJump b\n")
        assert route(HostAddress("vps"))[-1].host == "vps.example.com"


class TestProxies:
    def test_a_chain_of_jumps(self, config: Path) -> None:
        config.write_text(
            "Host a\n HostName 192.0.2.1\n User ua\nHost prod\n ProxyJump a,ub@b:2222\n"
        )
        labels = [endpoint.label for endpoint in route(HostAddress("prod", user="u"))]
        assert labels == ["ua@192.0.2.1:22", "ub@b:2222", "u@prod:22"]

    def test_a_jump_may_have_its_own_jump(self, config: Path) -> None:
        config.write_text("User u\nHost a\n ProxyJump b\nHost prod\n ProxyJump a\n")
        assert [e.host for e in route(HostAddress("prod"))] == ["b", "a", "prod"]

    def test_a_jump_for_all_does_not_jump_through_itself(self, config: Path) -> None:
        config.write_text("Host *\n ProxyJump bastion\n")
        assert [e.host for e in route(HostAddress("prod"))] == ["bastion", "prod"]

    @pytest.mark.parametrize(
        ("jump", "itself"),
        [
            ("deploy@127.0.0.1:2", True),
            ("127.0.0.1:2", True),
            ("deploy@127.0.0.1:1", False),
            ("127.0.0.1:1", False),
            ("other@127.0.0.1:2", False),
            ("deploy@127.0.0.1", False),
        ],
    )
    def test_another_port_or_user_of_a_host_is_another_server_as_for_ssh(
        self, config: Path, jump: str, itself: bool
    ) -> None:
        config.write_text(
            f"Host x\n HostName 127.0.0.1\n Port 2\n User deploy\n ProxyJump {jump}\n"
        )
        ssh = ["ssh", "-F", str(config), "-o", "BatchMode=yes", "x", "true"]
        said = subprocess.run(ssh, capture_output=True, text=True, timeout=30, check=False).stderr
        assert ("jumphost loop" in said) is itself
        assert len(route(HostAddress("x"))) == (1 if itself else 2)

    def test_a_host_is_reached_through_another_port_of_its_own_machine(self, config: Path) -> None:
        config.write_text(
            "Host x\n HostName 127.0.0.1\n User u\n ProxyJump deploy@127.0.0.1:2223\n"
        )
        labels = [endpoint.label for endpoint in route(HostAddress("x"))]
        assert labels == ["deploy@127.0.0.1:2223", "u@127.0.0.1:22"]

    def test_none_switches_it_off(self, config: Path) -> None:
        config.write_text("Host prod\n ProxyJump none\nHost *\n ProxyJump bastion\n")
        assert only(HostAddress("prod"))

    def test_jumps_in_a_circle_are_refused(self, config: Path) -> None:
        config.write_text("Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
        with pytest.raises(ConfigError, match="more than 8"):
            route(HostAddress("a"))

    def test_settings_of_the_host_are_not_those_of_its_jumps(self, config: Path) -> None:
        config.write_text("Host prod\n ProxyJump a\n")
        address = HostAddress("prod", user="u", port=9, key_file=Path("/k"), host_key="pin")
        jump, host = route(address)
        assert (jump.port, jump.key_file, jump.pinned) == (22, None, None)
        assert (host.port, host.key_file, host.pinned) == (9, Path("/k"), "pin")

    def test_a_command_sees_the_settings(self, config: Path) -> None:
        config.write_text("Host prod\n HostName 192.0.2.1\n ProxyCommand nc %h %p\n")
        assert only(HostAddress("prod", port=7)).proxy_command == "nc 192.0.2.1 7"


class TestForReal:
    def test_an_alias_connects(self, sshd: Sshd, config: Path) -> None:
        config.write_text(
            f"Host prod\n HostName 127.0.0.1\n Port {sshd.port}\n"
            f" IdentityFile {sshd.user_key}\n UserKnownHostsFile {sshd.known_hosts}\n"
        )
        with Host.connect(HostAddress("prod")) as host:
            assert host.alive()

    def test_a_jump_through_the_same_server(self, sshd: Sshd, config: Path) -> None:
        jump(config, sshd)
        with Host.connect(HostAddress("prod", known_hosts=sshd.known_hosts)) as host:
            assert host.alive()
            assert len(sshd.sessions()) >= 2
            assert host.run("upload", upload_nothing(sshd.directory), timeout=5)

    def test_every_hop_is_checked(self, sshd: Sshd, start_sshd: StartSshd, config: Path) -> None:
        other = start_sshd(user_key=sshd.user_key)
        jump(config, sshd, to=other)
        both = [file.read_text().strip() for file in (sshd.known_hosts, other.known_hosts)]
        address = replace(other.knowing(*both), host="prod", port=None, key_file=None)
        with Host.connect(address) as host:
            assert host.alive()
        for known, unknown in (both, reversed(both)):
            address = replace(other.knowing(known), host="prod", port=None, key_file=None)
            with pytest.raises(UnreachableError, match="is not known") as caught:
                Host.connect(address)
            assert unknown.split()[0] in caught.value.what

    def test_the_command_for_a_host_behind_a_jump_names_the_key_itself(
        self, sshd: Sshd, start_sshd: StartSshd, config: Path
    ) -> None:
        other = start_sshd(user_key=sshd.user_key)
        jump(config, sshd, to=other)
        address = replace(
            other.knowing(sshd.known_hosts.read_text().strip()),
            host="prod", port=None, key_file=None,
        )  # fmt: skip
        with pytest.raises(UnreachableError) as caught:
            Host.connect(address)
        assert "echo '[127.0.0.1]" in caught.value.next_step

    def test_a_host_that_the_jump_cannot_reach(self, sshd: Sshd, config: Path) -> None:
        jump(config, sshd, port=1)
        with pytest.raises(UnreachableError, match="refused the connection on port 1") as caught:
            Host.connect(HostAddress("prod", known_hosts=sshd.known_hosts))
        assert "From " in caught.value.what

    def test_a_command_in_between(self, sshd: Sshd, config: Path) -> None:
        script = sshd.directory / "relay.py"
        script.write_text(
            "import socket, sys, threading, os\n"
            "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
            "def up():\n"
            "    while d := os.read(0, 65536): s.sendall(d)\n"
            "threading.Thread(target=up, daemon=True).start()\n"
            "while d := s.recv(65536): os.write(1, d)\n"
        )
        config.write_text(f"Host 127.0.0.1\n ProxyCommand python3 {script} %h %p\n")
        with Host.connect(sshd.address) as host:
            assert host.alive()

    @pytest.mark.parametrize(
        ("command", "how", "said"),
        [
            ("sh -c 'echo trying >&2; echo vpn is down >&2; exit 3'", "status 3", "vpn is down"),
            ("no-such-netcat %h %p", "status 127", "not found"),
            ("true", "status 0", "it said nothing"),
            ("sh -c 'kill -9 $$'", "signal 9", "it said nothing"),
        ],
    )
    def test_a_command_that_fails_is_what_is_told_of(
        self, sshd: Sshd, config: Path, command: str, how: str, said: str
    ) -> None:
        config.write_text(f"Host *\n ProxyCommand {command}\n")
        with pytest.raises(UnreachableError, match="The ProxyCommand of 127") as caught:
            Host.connect(sshd.address)
        told = caught.value
        assert how in told.what
        assert said in told.what
        assert said in told.next_step or said == "it said nothing"
        assert "MaxStartups" not in told.what + told.next_step


def test_a_host_key_alias_stands_for_host_and_port(sshd: Sshd, config: Path) -> None:
    config.write_text("Host *\n HostKeyAlias the-vps\n")
    key = sshd.known_hosts.read_text().split(" ", 1)[1]
    with Host.connect(sshd.knowing(f"the-vps {key}")) as host:
        assert host.alive()
    (endpoint,) = route(sshd.knowing(f"the-vps {key}"))
    assert len(trust_for(endpoint).known) == 1


def jump(config: Path, sshd: Sshd, to: Sshd | None = None, port: int | None = None) -> None:
    target = port or (to or sshd).port
    config.write_text(
        f"Host 127.0.0.1 prod bastion\n HostName 127.0.0.1\n IdentityFile {sshd.user_key}\n"
        f"Host bastion\n Port {sshd.port}\nHost prod\n Port {target}\n ProxyJump bastion\n"
    )


def upload_nothing(directory: Path) -> dict[str, str]:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (directory / "empty").write_bytes(b"")
    return {"REMOTE": str(directory / "empty"), "SIZE": "0", "SHA256": empty}
