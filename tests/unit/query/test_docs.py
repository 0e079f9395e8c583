from __future__ import annotations

import re
from pathlib import Path

from bedside.inventory import rules
from bedside.query import parse
from bedside.query.vocabulary import PLAIN, WITH_PATH

PAGE = (Path(__file__).parents[3] / "docs/asking.md").read_text("utf-8")


def test_every_query_in_the_documentation_can_be_read() -> None:
    queries = re.findall(r"bedside hosts '([^']+)'", PAGE)
    told = PAGE.split("| you write |")[1].split("| field |")[0]
    cells = [row.split(" | ")[0] for row in told.splitlines() if row.startswith("| `")]
    queries += [words for cell in cells for words in re.findall(r"`(\w[^`]+)`", cell) if "A" not in words]
    assert len(queries) > 8
    for query in queries:
        parse(query)


def test_every_field_and_every_shipped_rule_is_documented() -> None:
    for field in (*PLAIN, *WITH_PATH):
        assert re.search(rf"`{re.escape(field)}[`. ]", PAGE), field
    for name in re.findall(r'^name = "(.*)"', rules.SHIPPED.read_text("utf-8"), re.MULTILINE):
        assert f"`{name}`" in PAGE
