import pytest

from bedside import errors
from bedside.exits import Exit, of_error, worst


def test_the_gravest_of_several_codes_wins() -> None:
    order = [Exit.INTERRUPTED, Exit.LOST, Exit.REFUSED, Exit.USAGE, Exit.HOST_FAILED, Exit.INCOMPLETE]
    for number, code in enumerate(order):
        assert worst([*order[number:], Exit.OK][::-1]) == code
    assert worst([]) == Exit.OK


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.ConfigError("x", file="f"), 2),
        (errors.QueryError("x", query="q", column=1), 2),
        (errors.LedgerError("x"), 2),
        (errors.SourceError("x", source="s"), 3),
        (errors.Denied("x", host="h", phase="run"), 1),
        (errors.FabfileError("x"), 1),
    ],
)
def test_each_error_has_its_exit_status(error: errors.BedsideError, code: int) -> None:
    assert of_error(error) == code
