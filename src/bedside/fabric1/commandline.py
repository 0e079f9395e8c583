"""The command line that is really sent: `SUDO SHELL "EXPORT && CD && PREFIXES && COMMAND"`."""

from __future__ import annotations

from bedside.fabric1.env import env


def escape(text: str) -> str:
    """Put a backslash before every double quote, dollar and backtick; backslashes are left alone."""
    for character in ('"', "$", "`"):
        text = text.replace(character, "\\" + character)
    return text


def remote(command: str, *, shell: bool, shell_escape: bool | None, sudo: str | None = None) -> str:
    """Return the line for the host's login shell; `sudo` is what `sudo_prefix` returned."""
    whole = " && ".join([*_exports(), *_cd(env.cwd), *env.command_prefixes, command])
    words = [sudo] if sudo is not None else []
    if shell and env.use_shell:
        escaping = env.get("shell_escape", True) if shell_escape is None else shell_escape
        words += [env.shell, f'"{escape(whole) if escaping else whole}"']
    else:
        words.append(whole)
    return " ".join(words)


def local(command: str) -> str:
    """Return the line for the shell here."""
    return " && ".join([*_cd(env.lcwd), *env.command_prefixes, *_exports(), command])


def sudo_prefix(user: str | int | None, group: str | int | None) -> str:
    """Return sudo and its options for a user and group (numbers are uids and gids)."""
    words: str = env.sudo_prefix % env
    if user is not None:
        words += f' -u "{_account(user)}"'
    if group is not None:
        words += f' -g "{_account(group)}"'
    return words if user is None and group is None else words + " "


def _account(name: str | int) -> str:
    return f"#{name}" if str(name).isdigit() else str(name)


def _cd(folder: str) -> list[str]:
    return [f"cd {folder} >/dev/null"] if folder else []


_PATHS = {"append": '$PATH:"{}"', "prepend": '"{}":$PATH', "replace": '"{}"'}


def _exports() -> list[str]:
    values = [f'PATH="{_PATHS[env.path_behavior].format(env.path)}"'] if env.path else []
    values += [f'{key}="{escape(str(value))}"' for key, value in env.shell_env.items()]
    return [f"export {' '.join(values)}"] if values else []
