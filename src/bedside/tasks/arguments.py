r"""A task's arguments as words: `TASK:a,b,key=value`, with `\,` and `\=` for the characters themselves."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Words:
    """A task's name and its arguments, all strings."""

    name: str
    args: tuple[str, ...] = ()
    kwargs: dict[str, str] = field(default_factory=dict)


def split(text: str, separator: str) -> list[str]:
    """Split at each separator that has no backslash before it, and take those backslashes away."""
    parts = [""]
    escaped = False
    for character in text:
        if escaped:
            parts[-1] += character if character == separator else "\\" + character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == separator:
            parts.append("")
        else:
            parts[-1] += character
    parts[-1] += "\\" if escaped else ""
    return parts


def parse(text: str) -> Words:
    """Read `TASK[:a,b,key=value]`; only the first colon counts. Raises ValueError for `a=b=c`."""
    name, colon, rest = text.partition(":")
    if not colon:
        return Words(name)
    args: list[str] = []
    kwargs: dict[str, str] = {}
    for part in split(rest, ","):
        pieces = split(part, "=")
        if len(pieces) > 2:
            raise ValueError(f"too many values to unpack: {part!r} has two bare '=': write \\= for others")
        if len(pieces) == 2:
            kwargs[pieces[0]] = pieces[1]
        else:
            args.append(pieces[0])
    return Words(name, tuple(args), kwargs)
