"""Our reading of ssh_config is ssh's own: whatever the file says, `ssh -G` says the same."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployctl.host.ssh_options import lookup

COMPARED = ("hostname", "user", "port", "hostkeyalias", "identityfile", "certificatefile",
            "identitiesonly", "proxycommand", "proxyjump", "userknownhostsfile",
            "addressfamily", "bindaddress", "connecttimeout")  # fmt: skip
ALIASES = ("prod", "prod.example.com", "10.0.0.1", "Bastion")

patterns = st.lists(
    st.sampled_from(["prod", "*", "prod*", "!prod", "?rod", "*.example.com", "10.0.*", "bastion"]),
    min_size=1,
    max_size=3,
)
settings_lines = st.sampled_from(
    [
        "HostName real.example.com", "HostName %h.example.com", "HostName=192.0.2.7",
        "hostname 0::1", "User deploy", 'User "deploy"', "user=ops # who is on duty",
        "Port 2222", "Port = 22",
        "IdentityFile ~/.ssh/one", "IdentityFile none", 'IdentityFile "~/.ssh/a b"',
        "CertificateFile ~/.ssh/one-cert.pub", "IdentitiesOnly yes", "IdentitiesOnly no",
        "ProxyCommand nc %h %p # it's a relay", "ProxyCommand none", "ProxyJump ops@jump:2200",
        "ProxyJump one,two", "ProxyJump none", "HostKeyAlias vps", "AddressFamily inet6",
        "BindAddress 127.0.0.1", "ConnectTimeout 7",
        "UserKnownHostsFile ~/.ssh/k1 ~/.ssh/k2", 'UserKnownHostsFile "~/k 1" ~/k2',
        "CanonicalizeHostname yes", "CanonicalizeHostname no", "CanonicalDomains invalid",
        "  \tPort\t7", "# Port 9", "", "Include {inc}",
    ]
)  # fmt: skip
blocks = st.one_of(
    settings_lines,
    settings_lines,
    patterns.map(lambda words: f"Host {' '.join(words)}"),
    st.tuples(
        st.sampled_from(["", "!"]),
        st.sampled_from(["host", "originalhost", "user", "localuser"]),
        patterns,
    ).map(lambda part: f"Match {part[0]}{part[1]} {','.join(part[2])}"),
    st.sampled_from(
        [
            "Match all",
            "Match final",
            "Match !final",
            "Match canonical",
            "Match final all",
            'Match exec "test %n = prod"',
            "Match host=prod* user=deploy",
            "Match user ops,deploy",
            'Match host prod exec "true"',
            "Match final host *.example.com",
        ]
    ),
)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh to compare with")
@settings(max_examples=60, deadline=None)
@given(
    outer=st.lists(blocks, max_size=9), inner=st.lists(blocks, max_size=4),
    alias=st.sampled_from(ALIASES),
)  # fmt: skip
def test_ssh_says_the_same(outer: list[str], inner: list[str], alias: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config, included = Path(folder) / "config", Path(folder) / "included"
        inner = [line for line in inner if not line.startswith("Include")]
        for file, lines in ((config, outer), (included, inner)):
            file.write_text("".join(f"{line}\n" for line in lines).replace("{inc}", str(included)))
        words = ["ssh", "-F", str(config), "-G", alias]
        told = subprocess.run(words, capture_output=True, text=True, check=False)
        if told.returncode != 0:
            return  # nothing to compare with: ssh itself refuses the file
        ours = lookup(alias, {}, (config,))
    theirs: dict[str, list[str]] = {}
    for line in told.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        theirs.setdefault(keyword, []).append(value)
    for keyword in COMPARED:
        said = ours.all(keyword)
        if not said:
            continue  # theirs is then a default
        assert theirs.get(keyword, ["none"]) == expected(keyword, said), (keyword, theirs)


def expected(keyword: str, said: tuple[str, ...]) -> list[str]:
    """What `ssh -G` prints of such a value."""
    if keyword in {"identityfile", "certificatefile"}:
        return list(said)
    if keyword == "userknownhostsfile":
        home = pwd.getpwuid(os.getuid()).pw_dir
        return [" ".join(word.replace("~", home) for word in said)]
    if keyword == "proxyjump":
        return [said[0].partition("#")[0].strip()]
    return [said[0]]
