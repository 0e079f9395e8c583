"""From a host as written to its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.connecting import Side

from bedside.config import Config
from bedside.errors import ConfigError, Unreachable, UsageError
from bedside.model import Host
from bedside.ssh.options import SecretSource, SshSection, Written
from bedside.ssh.resolve import Resolver


def test_a_host_may_be_written_with_user_and_port() -> None:
    assert Written.parse("web1") == Written("web1")
    assert Written.parse("ops@web1:2222") == Written("web1", "ops", 2222)
    assert Written.parse("[fe80::1]:2222") == Written("fe80::1", None, 2222)
    assert Written.parse("ops@[::1]") == Written("::1", "ops")
    assert Written.parse("fe80::1%eth0") == Written("fe80::1%eth0")
    assert Written.parse("o@ps@web1") == Written("web1", "o@ps")


@pytest.mark.parametrize(
    "text",
    ["", "@web1", "ops@", "-web1", "web1:", "web1:0", "web1:x", "web1:70000", "a b", "[::1", "[::1]x",
     "web\n1", "web1:\u0661"],
)  # fmt: skip
def test_what_can_not_be_a_host_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Written.parse(text)


@given(st.text(min_size=1))
def test_any_text_is_a_host_or_a_usage_error(text: str) -> None:
    try:
        written = Written.parse(text)
    except UsageError:
        return
    assert written.name
    assert not written.name.startswith("-")


def test_what_stands_nearest_wins(tmp_path: Path) -> None:
    side = Side(tmp_path)
    config = (
        "Host web1\n  User fromssh\n  Port 2201\n  HostName web1.example.com\nHost *\n  ConnectTimeout 3\n"
    )
    plain = side.resolver(config, connect_timeout=None)
    assert (plain("web1").user, plain("web1").port, plain("web1").address) == (
        "fromssh",
        2201,
        "web1.example.com",
    )
    assert plain("web1").connect_timeout == 3
    section: dict[str, Any] = {"user": "section", "port": 2202, "connect_timeout": "4s"}
    over = side.resolver(config, **section)
    assert (over("web1").user, over("web1").port, over("web1").connect_timeout) == ("section", 2202, 4)
    rules = [
        {"hosts": "name = web1", "user": "first", "login_timeout": "1m"},
        {"hosts": "name ~ web", "user": "second", "port": 2203},
    ]
    ruled = side.resolver(config, **section, rule=rules)
    assert (ruled("web1").user, ruled("web1").port, ruled("web1").login_timeout) == ("first", 2203, 60)
    assert (ruled("web2").user, ruled("db").user) == ("second", "section")
    assert ruled(Host("web1", user="source", port=2204)).user == "source"
    assert ruled("me@web1:2205").user == "me"
    assert ruled("me@web1:2205").port == 2205


def test_the_users_hostname_beats_the_sources_address(tmp_path: Path) -> None:
    resolve = Side(tmp_path).resolver("Host web1\n  HostName web1.example.com\n")
    one, two = resolve(Host("web1", address="10.0.0.1")), resolve(Host("web2", address="10.0.0.2"))
    assert (one.address, one.name) == ("web1.example.com", "web1.example.com")
    assert (two.address, two.name) == ("10.0.0.2", "web2")


def test_a_name_asked_after_its_host_gives_the_hosts_options(tmp_path: Path) -> None:
    resolve = Side(tmp_path).resolver(rule=[{"hosts": "facts.os.family = Debian", "user": "debian"}])
    host = Host("web1", facts={"os": {"family": "Debian"}}, sites=("bologna",))
    assert resolve(host) is resolve(host) is resolve("web1")
    assert (resolve("web1").user, resolve("web1").site) == ("debian", "bologna")


def test_the_users_ways_of_logging_in(tmp_path: Path) -> None:
    side = Side(tmp_path)
    config = """
Host *
  PasswordAuthentication no
  IdentityFile ~/.ssh/id_%h
  IdentitiesOnly yes
  CertificateFile /certs/%r
  PubkeyAcceptedAlgorithms +ssh-rsa
  StrictHostKeyChecking yes
  UserKnownHostsFile /known/one /known/two
  SetEnv A=1 B=2=3
  ServerAliveInterval 7
"""
    options = side.options("ops@web1", config)
    assert options.methods == ("publickey", "keyboard-interactive")
    assert options.identity_files == (Path.home() / ".ssh/id_web1",)
    assert options.certificate_files == (Path("/certs/ops"),)
    assert options.algorithms.signatures == "+ssh-rsa"
    assert options.identities_only
    assert options.host_keys == "strict"
    assert options.other_known_hosts[:2] == (Path("/known/one"), Path("/known/two"))
    assert options.env == {"A": "1", "B": "2=3"}
    assert options.keepalive == 7
    assert side.options("web1", config, host_keys="accept-new").host_keys == "accept-new"
    assert side.options("web1", "Host *\n  PreferredAuthentications password,publickey\n").methods == (
        "password", "publickey",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("config", "jump", "proxy"),
    [
        ("ProxyJump a,ops@b:22", ("a", "ops@b:22"), None),
        ("ProxyJump ssh://ops@a:2222", ("ops@a:2222",), None),
        ("ProxyJump none", (), None),
        ("ProxyCommand nc %h %p", (), "nc web1 22"),
        ("ProxyCommand none\nProxyJump a", (), None),
        ("ProxyJump a\nProxyCommand nc", ("a",), None),
        ("ProxyCommand nc\nProxyJump a", (), "nc"),
        ("ProxyJump a,web1,b", ("a",), None),
    ],
)
def test_the_first_of_proxy_jump_and_proxy_command_counts(
    tmp_path: Path, config: str, jump: tuple[str, ...], proxy: str | None
) -> None:
    options = Side(tmp_path).options("web1", f"Host *\n{config}\n")
    assert (options.jump, options.proxy_command) == (jump, proxy)


def test_a_jump_host_of_our_own_beats_the_users(tmp_path: Path) -> None:
    options = Side(tmp_path).options("web1", "Host *\n  ProxyCommand nc %h %p\n", jump="bastion")
    assert (options.jump, options.proxy_command) == (("bastion",), None)


def test_an_unsafe_name_is_one_hosts_failure(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        Side(tmp_path).options("a;b", "Host *\n  ProxyCommand nc %h %p\n")
    assert caught.value.reason == "name"
    assert caught.value.host == "a;b"


def test_secrets_are_named_never_written(tmp_path: Path) -> None:
    rules = [{"hosts": "name = web1", "sudo_password_file": "secret", "password_env": "PW"}]
    options = Side(tmp_path).options("web1", rule=rules, sudo_password_command="pass show x")
    assert options.sudo_password == SecretSource("file", str(tmp_path / "secret"))
    assert options.password == SecretSource("env", "PW")


def test_a_rule_with_a_broken_query_points_at_its_line(tmp_path: Path) -> None:
    text = '[ssh]\n\n[[ssh.rule]]\nhosts = "name = web1"\n\n[[ssh.rule]]\nuser = "x"\nhosts = "name ~"\n'
    rules = [{"hosts": "name = web1"}, {"hosts": "name ~", "user": "x"}]
    config = Config(tmp_path / "bedside.toml", {"ssh": {"config_file": "none", "rule": rules}}, text)
    with pytest.raises(ConfigError) as caught:
        Resolver(config.section("ssh", SshSection), config, environ={}, state=tmp_path, warn=print)
    assert caught.value.line == 8
    assert caught.value.key == "ssh.rule[1].hosts"


def test_a_named_ssh_config_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file"):
        Side(tmp_path).resolver(config_file="nowhere")


def test_the_agent_is_where_the_user_says(tmp_path: Path) -> None:
    side = Side(tmp_path)
    environ = {"SSH_AUTH_SOCK": "/run/agent", "OTHER": "/run/other", "USER": "me"}

    def agent(line: str, **section: bool) -> str | None:
        return side.resolver(f"Host *\n{line}\n", environ, **{"agent": True} | section)("web1").agent

    assert agent("") == "/run/agent"
    assert agent("IdentityAgent none") is None
    assert agent("IdentityAgent $OTHER") == "/run/other"
    assert agent("IdentityAgent /run/%r") == "/run/me"
    assert agent("", agent=False) is None
