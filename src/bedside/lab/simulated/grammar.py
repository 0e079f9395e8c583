"""The grammar of the simulated hosts' shell: command lines in, a tree out. Pure.

A small part of POSIX sh (2.10): lists, pipelines, `if`, groups, subshells, redirections, assignments,
all quoting, `$name`, `${name:-word}`, `$(...)`. What it does not know it refuses by name, so that a
simulated host never seems to have run something that it has not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace


class ShellSyntaxError(Exception):
    """The line is wrong."""

    def __str__(self) -> str:
        return f"Syntax error: {self.args[0]}"


class NotSimulatedError(ShellSyntaxError):
    """The line is right, but uses what the simulated shell does not have."""

    def __str__(self) -> str:
        return f"this shell is simulated and has no {self.args[0]}"


class IncompleteError(ShellSyntaxError):
    """The line ends in the middle of a command; more lines may complete it."""


@dataclass(frozen=True, slots=True)
class Text:
    """Characters as they are; `quoted` ones are neither split nor matched against file names."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Param:
    """`$name` or `${name OP word}`, OP one of `-`, `:-`, `+`, `:+`, or empty."""

    name: str
    quoted: bool
    op: str = ""
    word: Word = ()


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(script)` or the same in backquotes."""

    script: Script
    quoted: bool


Word = tuple[Text | Param | Substitution, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """`fd op target`; op one of `<`, `>`, `>>`, `>&`."""

    fd: int
    op: str
    target: Word


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments and words."""

    assigns: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """`{ ...; }`, or `( ... )` where `subshell`."""

    body: Script
    subshell: bool
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class If:
    """`if`: pairs of condition and body, and the body of `else`."""

    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script
    redirects: tuple[Redirect, ...] = ()


Node = Simple | Group | If


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`; `negate` for a leading `!`."""

    commands: tuple[Node, ...]
    negate: bool = False


@dataclass(frozen=True, slots=True)
class AndOr:
    """Pipelines joined by `&&` and `||`; the operator of the first one is empty."""

    parts: tuple[tuple[str, Pipeline], ...]


Script = tuple[AndOr, ...]

_NAME = re.compile(r"[A-Za-z_]\w*")
_PARAM = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_ASSIGN = re.compile(r"([A-Za-z_]\w*)=")
_REDIRECT = re.compile(r"(\d?)(>>|>&|<<|<&|<>|>\||>|<)")
_BREAKS = " \t\n;&|<>()"
_OPENERS = {"if", "{", "(", "!"}
_CLOSERS = {"then", "elif", "else", "fi", "}", ")"}
_UNKNOWN = {"for", "while", "until", "case", "function", "do", "done", "esac", "select"}


def parse(text: str) -> Script:
    """Return the script's tree. Raises ShellSyntaxError, IncompleteError."""
    return _Parser(text).script(top=True)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    # --- commands

    def script(self, *, top: bool = False) -> Script:
        items: list[AndOr] = []
        self.blank(lines=True)
        while self.at < len(self.text) and self.peek_word() not in _CLOSERS:
            items.append(self.and_or())
            self.blank()
            if self.take("&"):
                raise NotSimulatedError('"&"')
            if not self.take(";") and not self.at_any("\n"):
                break
            self.blank(lines=True)
        if top and self.at < len(self.text):
            raise ShellSyntaxError(f'"{self.peek_word() or self.text[self.at]}" unexpected')
        return tuple(items)

    def body(self, closers: set[str]) -> tuple[Script, str]:
        script = self.script()
        word = self.peek_word()
        if word not in closers:
            raise self.unexpected(word)
        if not script:
            raise ShellSyntaxError(f'"{word}" unexpected')
        self.at += len(word)
        return script, word

    def unexpected(self, word: str) -> ShellSyntaxError:
        if self.at >= len(self.text):
            return IncompleteError("end of file unexpected")
        return ShellSyntaxError(f'"{word or self.text[self.at]}" unexpected')

    def and_or(self) -> AndOr:
        parts, op = [], ""
        while True:
            parts.append((op, self.pipeline()))
            self.blank()
            op = self.take("&&") or self.take("||")
            if not op:
                return AndOr(tuple(parts))
            self.blank(lines=True)

    def pipeline(self) -> Pipeline:
        negate = False
        while self.peek_word() == "!":
            self.at += 1
            self.blank()
            negate = not negate
        commands = [self.command()]
        self.blank()
        while not self.at_any("||") and self.take("|"):
            self.blank(lines=True)
            commands.append(self.command())
            self.blank()
        return Pipeline(tuple(commands), negate)

    def command(self) -> Node:
        word = self.peek_word()
        if word in _UNKNOWN:
            raise NotSimulatedError(f'"{word}"')
        node: Node
        if word in ("{", "("):
            self.at += 1
            node = Group(self.body({"}" if word == "{" else ")"})[0], word == "(")
        elif word == "if":
            self.at += 2
            node = self.conditional()
        else:
            return self.simple()
        return replace(node, redirects=self.redirects())

    def conditional(self) -> If:
        branches, word = [], "if"
        while word in ("if", "elif"):
            condition = self.body({"then"})[0]
            then, word = self.body({"elif", "else", "fi"})
            branches.append((condition, then))
        return If(tuple(branches), self.body({"fi"})[0] if word == "else" else ())

    def redirects(self) -> tuple[Redirect, ...]:
        found = []
        self.blank()
        while redirect := self.redirect():
            found.append(redirect)
            self.blank()
        return tuple(found)

    def redirect(self) -> Redirect | None:
        if not (found := _REDIRECT.match(self.text, self.at)):
            return None
        op = found[2]
        if op not in (">", ">>", "<", ">&"):
            raise NotSimulatedError(f'"{op}"')
        self.at = found.end()
        self.blank()
        if not (target := self.word()):
            raise self.unexpected("")
        return Redirect(int(found[1] or op != "<"), op, target)

    def simple(self) -> Simple:
        assigns: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            self.blank()
            if redirect := self.redirect():
                redirects.append(redirect)
            elif not words and (found := _ASSIGN.match(self.text, self.at)):
                self.at = found.end()
                assigns.append((found[1], self.word()))
            elif word := self.word():
                words.append(word)
            else:
                break
        if self.at_any("(") and words:
            raise NotSimulatedError("functions")
        if not (assigns or words or redirects):
            raise self.unexpected("")
        return Simple(tuple(assigns), tuple(words), tuple(redirects))

    # --- words

    def word(self) -> Word:
        parts: list[Text | Param | Substitution] = []
        while self.at < len(self.text) and self.text[self.at] not in _BREAKS:
            char = self.text[self.at]
            if char == "'":
                end = self.find("'", self.at + 1)
                parts.append(Text(self.text[self.at + 1 : end], quoted=True))
                self.at = end + 1
            elif char == '"':
                self.at += 1
                parts += self.double()
            elif char == "\\":
                parts += self.escape()
            elif char in "$`":
                parts.append(self.dollar(quoted=False))
            else:
                parts.append(self.plain("'\"\\$`" + _BREAKS, quoted=False))
        return tuple(parts)

    def plain(self, stop: str, *, quoted: bool) -> Text:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in stop:
            self.at += 1
        return Text(self.text[start : self.at], quoted)

    def escape(self) -> list[Text]:
        if self.at + 1 >= len(self.text):
            raise IncompleteError("a backslash ends the line")
        char = self.text[self.at + 1]
        self.at += 2
        return [] if char == "\n" else [Text(char, quoted=True)]

    def double(self) -> list[Text | Param | Substitution]:
        parts: list[Text | Param | Substitution] = [Text("", quoted=True)]
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return parts
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in tuple('$`"\\\n'):
                parts += self.escape()
            elif char == "\\":
                self.at += 1
                parts.append(Text("\\", quoted=True))
            elif char in "$`":
                parts.append(self.dollar(quoted=True))
            else:
                parts.append(self.plain('"\\$`', quoted=True))
        raise IncompleteError("unterminated quoted string")

    def dollar(self, *, quoted: bool) -> Text | Param | Substitution:
        if self.take("`"):
            end = self.find("`", self.at)
            inner = self.text[self.at : end]
            self.at = end + 1
            return Substitution(parse(inner), quoted)
        self.at += 1
        if self.at_any("(("):
            raise NotSimulatedError("arithmetic")
        if self.take("("):
            script = self.script()
            if not self.take(")"):
                raise self.unexpected("")
            return Substitution(script, quoted)
        if self.take("{"):
            return self.braced(quoted=quoted)
        if found := _PARAM.match(self.text, self.at):
            self.at = found.end()
            return Param(found[0], quoted)
        return Text("$", quoted)

    def braced(self, *, quoted: bool) -> Param:
        if not (found := _PARAM.match(self.text, self.at)):
            raise ShellSyntaxError("Bad substitution")
        self.at = found.end()
        op = next((self.take(o) for o in (":-", "-", ":+", "+") if self.at_any(o)), "")
        word: list[Text | Param | Substitution] = []
        while op and self.at < len(self.text) and not self.at_any("}"):
            if self.take('"'):
                word += self.double()
            elif self.at_any("$"):
                word.append(self.dollar(quoted=quoted))
            else:
                word.append(self.plain('}"$', quoted=quoted))
        if not self.take("}"):
            raise (
                IncompleteError("Missing '}'")
                if self.at >= len(self.text)
                else ShellSyntaxError("Bad substitution")
            )
        return Param(found[0], quoted, op, tuple(word))

    # --- characters

    def find(self, char: str, start: int) -> int:
        if (end := self.text.find(char, start)) < 0:
            raise IncompleteError("unterminated quoted string")
        return end

    def at_any(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def take(self, token: str) -> str:
        if not self.at_any(token):
            return ""
        self.at += len(token)
        return token

    def peek_word(self) -> str:
        """Return the reserved word that stands here, if one does."""
        if self.at_any("(") or self.at_any(")"):
            return self.text[self.at]
        found = re.compile(r"[A-Za-z{}!]+(?=[\s;&|<>()]|$)").match(self.text, self.at)
        return found[0] if found and found[0] in _OPENERS | _CLOSERS | _UNKNOWN else ""

    def blank(self, *, lines: bool = False) -> None:
        """Skip white space and comments, line ends too where `lines`."""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t" or (lines and char == "\n"):
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif char == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                break
