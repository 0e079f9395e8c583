"""A native task, and the same as a script: `python examples/relayhost.py web1 web2`."""

import sys

from bedside import Done, Fleet, Host, task


@task
def relayhost(host: Host) -> str:
    """Ask Postfix for its relay host."""
    return host.run("postconf -h relayhost").out


if __name__ == "__main__":
    with Fleet(*sys.argv[1:]) as fleet:
        for outcome in fleet.do(relayhost):
            print(outcome.host, outcome.value if isinstance(outcome, Done) else outcome.error)
