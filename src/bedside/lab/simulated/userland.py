"""Which commands each kind of simulated host has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from bedside.lab.level import Kind
from bedside.lab.simulated.builtin import BUILTINS
from bedside.lab.simulated.call import Call, Command
from bedside.lab.simulated.filetools import FILE_TOOLS
from bedside.lab.simulated.packaging import PACKAGING
from bedside.lab.simulated.programs import PROGRAMS
from bedside.lab.simulated.wrappers import BASH, SUDO, WRAPPERS


async def _getcfg(call: Call) -> int:
    if len(call.argv) < 3:
        return await call.fail("usage: getcfg SECTION KEY", 2)
    text = (await call.host.files.reader("/etc/config/uLinux.conf", "root", "/").read_all()).decode()
    _, _, section = text.partition(f"[{call.argv[1]}]\n")
    found = re.search(rf"^{re.escape(call.argv[2])} = (.*)$", section.partition("\n[")[0], re.MULTILINE)
    return await call.out(found[1] + "\n" if found else "")


_BASE = BUILTINS | PROGRAMS | FILE_TOOLS | WRAPPERS  # type: ignore[operator]  # MappingProxyType has |
USERLANDS: Mapping[Kind, Mapping[str, Command]] = MappingProxyType(
    {
        "debian": _BASE | BASH | SUDO | PACKAGING,
        "openwrt": _BASE,
        "qnap": _BASE | {"getcfg": _getcfg},
        "cygwin": _BASE | BASH,
        "appliance": {},
    }
)
