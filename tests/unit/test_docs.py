"""What can be set or typed is documented."""

from pathlib import Path

import click
import msgspec
import pytest

from bedside.cli import COMMANDS, group
from bedside.ssh.options import SshRule, SshSection

DOCS = Path(__file__).parents[2] / "docs"
EVERYTHING = "\n".join(page.read_text() for page in DOCS.glob("*.md"))


@pytest.mark.parametrize("section", [SshSection, SshRule])
def test_every_key_of_the_configuration_is_documented(section: type) -> None:
    text = (DOCS / "configuration.md").read_text()
    for field in msgspec.structs.fields(section):
        stem = field.encode_name.removesuffix("_file").removesuffix("_env")
        assert f"`{field.encode_name}`" in text or f"{stem}" in text, field.encode_name


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_and_is_documented(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.help
    assert f"bedside {name}" in EVERYTHING
