"""`fab`'s own options, as Fabric 1 had them."""

from __future__ import annotations

import optparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedside.tasks.arguments import split

USAGE = "fab [options] <command>[:arg1,arg2=val2,host=foo,hosts='h1;h2',...] ..."

SSH_CONFIG = "~/.ssh/config"
OWN = (
    "Hosts that are excluded (bedside exclude) are left out; with --include-excluded REASON they are not, "
    "and the reason is recorded."
)

NOT_YET = {
    "forward_agent": "-A", "parallel": "-P", "pool_size": "-z", "gateway": "-g", "gss_auth": "--gss-auth",
    "gss_deleg": "--gss-deleg", "gss_kex": "--gss-kex", "system_known_hosts": "--system-known-hosts",
}  # fmt: skip
"""Options that Fabric 1 had and bedside refuses by name, rather than ignore them."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What was typed: options that are no key of `env`, those that are, task words, and what follows `--`."""

    options: optparse.Values
    env: dict[str, Any]
    words: list[str]
    remainder: str


def _flag(parser: optparse.OptionParser, *names: str, help: str, **more: Any) -> None:  # noqa: A002
    parser.add_option(*names, action="store_true", default=False, help=help, **more)


def make_parser() -> tuple[optparse.OptionParser, list[str]]:
    """Return the parser, and the names of the options that are keys of `env`."""
    parser = optparse.OptionParser(usage=USAGE, prog="fab", add_help_option=False, epilog=OWN)
    _own_options(parser)
    own = {option.dest for option in parser.option_list}
    _behaviour(parser)
    _places(parser)
    names = [option.dest for option in parser.option_list if option.dest and option.dest not in own]
    return parser, names


def _own_options(parser: optparse.OptionParser) -> None:
    _flag(parser, "-h", "--help", dest="help", help="show this text")
    parser.add_option("-d", "--display", metavar="NAME", help="describe one task")
    parser.add_option(
        "-F", "--list-format", choices=("short", "normal", "nested"), default="normal", metavar="FORMAT",
        help="format of --list: short, normal or nested",
    )  # fmt: skip
    _flag(parser, "-I", "--initial-password-prompt", help="ask for env.password at the start")
    _flag(parser, "--initial-sudo-password-prompt", help="ask for env.sudo_password at the start")
    _flag(parser, "-l", "--list", dest="list_commands", help="list the tasks")
    parser.add_option(
        "--set", metavar="KEY=VALUE,...", dest="env_settings", default="", help="set keys of env"
    )
    _flag(parser, "--shortlist", help="the same as -F short --list")
    _flag(parser, "-V", "--version", dest="show_version", help="print the version")
    # Our own; left out of the list, which is Fabric 1's, and told below it.
    parser.add_option("--include-excluded", metavar="REASON", default=None, help=optparse.SUPPRESS_HELP)


def _behaviour(parser: optparse.OptionParser) -> None:
    def flag(*names: str, **more: Any) -> None:
        _flag(parser, *names, **more)

    add = parser.add_option
    flag("-a", "--no_agent", help="don't use the SSH agent")
    flag("-A", "--forward-agent", help="forward the SSH agent")
    flag("--abort-on-prompts", help="abort instead of asking")
    add("-c", "--config", dest="rcfile", metavar="PATH", default="~/.fabricrc", help="file of env keys")
    flag("--colorize-errors", help="errors red, warnings magenta")
    flag("-D", "--disable-known-hosts", help="ignore the user's known_hosts")
    flag("-e", "--eagerly-disconnect", help="disconnect from each host at once")
    add("-f", "--fabfile", default="fabfile", metavar="PATH", help="the fabfile, or its name")
    add("-g", "--gateway", metavar="HOST", help="connect through this host")
    flag("--gss-auth", help="use GSS-API")
    flag("--gss-deleg", help="delegate GSS-API credentials")
    flag("--gss-kex", help="use GSS-API in the key exchange")
    for name in ("gss_auth", "gss_deleg", "gss_kex"):
        parser.defaults[name] = None
    add("--hide", metavar="LEVELS", help="levels of output to hide")


def _places(parser: optparse.OptionParser) -> None:
    def flag(*names: str, **more: Any) -> None:
        _flag(parser, *names, **more)

    add = parser.add_option
    add("-H", "--hosts", default=[], help="hosts to work on")
    add(
        "-i",
        action="append",
        dest="key_filename",
        metavar="PATH",
        default=None,
        help="a private key; repeatable",
    )
    flag("-k", "--no-keys", help="don't use keys in ~/.ssh")
    add("--keepalive", type=int, default=0, metavar="N", help="seconds between signs of life")
    flag("--linewise", help="print whole lines only")
    add("-n", "--connection-attempts", type=int, default=1, metavar="M", help="tries to connect")
    add("--no-pty", dest="always_use_pty", action="store_false", default=True, help="use no terminal")
    add("-p", "--password", default=None, help="password for login and sudo")
    flag("-P", "--parallel", help="work on hosts side by side")
    add("--port", default="22", help="SSH port")
    flag("-r", "--reject-unknown-hosts", help="refuse hosts whose key is not known")
    add("--sudo-password", default=None, help="password for sudo only")
    add("--system-known-hosts", default=None, help="a second known_hosts file")
    add("-R", "--roles", default=[], help="roles to work on")
    add("-s", "--shell", default="/bin/bash -l -c", help="shell around commands")
    add("--show", metavar="LEVELS", help="levels of output to show")
    flag("--skip-bad-hosts", help="go on where a host can't be reached")
    flag("--skip-unknown-tasks", help="go on where a task is unknown")
    add("--ssh-config-path", default=SSH_CONFIG, metavar="PATH", help="an ssh_config")
    add("-t", "--timeout", type=int, default=10, metavar="N", help="seconds to connect")
    add(
        "-T",
        "--command-timeout",
        dest="command_timeout",
        type=int,
        metavar="N",
        help="seconds a command may take",
    )
    add("-u", "--user", default=None, help="user to log in as")
    flag("-w", "--warn-only", help="go on where a command fails")
    add("-x", "--exclude-hosts", default=[], metavar="HOSTS", help="hosts to leave out")
    add("-z", "--pool-size", type=int, default=0, metavar="INT", help="hosts side by side with -P")


def parse(arguments: list[str]) -> tuple[optparse.OptionParser, CommandLine]:
    """Read `fab`'s arguments. A bad option ends with usage on standard error and status 2."""
    remainder: list[str] = []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, remainder = arguments[:cut], arguments[cut + 1 :]
    parser, names = make_parser()
    options, words = parser.parse_args(arguments)
    for name, option in NOT_YET.items():
        if getattr(options, name):
            parser.error(f"option {option}: bedside does not have it yet")
    keys = {name: getattr(options, name) for name in names}
    for name in ("hosts", "roles", "exclude_hosts"):
        if isinstance(keys[name], str):
            keys[name] = [part for part in split(keys[name], ",") if part]
    return parser, CommandLine(options, keys, words, " ".join(remainder))


def settings(text: str) -> dict[str, Any]:
    """Read `--set`'s value: `k` is True, `k=` is ''."""
    values: dict[str, Any] = {}
    for part in split(text, ","):
        pieces = split(part, "=")
        values[pieces[0]] = "=".join(pieces[1:]) if len(pieces) > 1 else True
    return values


def rc_file(path: str) -> dict[str, str]:
    """Read `key = value` lines; a missing file is an empty one."""
    file = Path(path).expanduser()
    if not file.is_file():
        return {}
    values = {}
    for line in file.read_text("utf-8", "surrogateescape").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values[key.strip()] = value.strip()
    return values
