from typing import get_args

import pytest

from bedside.errors import ConnectionLost, TimedOut, Unreachable, UnreachableReason


@pytest.mark.parametrize("reason", get_args(UnreachableReason))
def test_every_reason_for_not_reaching_a_host_comes_with_advice(reason: UnreachableReason) -> None:
    assert Unreachable("no", reason=reason, host="web1").advice
    assert Unreachable("no", reason=reason, host="web1", advice="mine").advice == "mine"


def test_time_outs_and_lost_connections_come_with_advice_and_say_where_and_when() -> None:
    for kind in (TimedOut, ConnectionLost):
        error = kind("it ended", host="web1", phase="run", seconds=2.5)
        assert error.advice
        assert str(error) == f"web1: it ended; {error.advice} (run, after 2.5 s)"
