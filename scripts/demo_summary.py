"""A table of what two probes saw: demo_summary.py BEFORE AFTER (outputs of `bedside run --json`)."""

import json
import sys
from collections import Counter
from pathlib import Path


def verdicts(path: str) -> dict[str, str]:
    """Return each host's verdict."""
    seen = {}
    for line in Path(path).read_text().splitlines():
        told = json.loads(line)
        words = told["stdout"].split()
        seen[told["host"]] = (
            "no answer" if not told["ok"] else "vulnerable" if "vulnerable" in words else "healed"
        )
    return seen


def main() -> int:
    """Print the table; return 1 where a host is not healed."""
    before, after = verdicts(sys.argv[1]), verdicts(sys.argv[2])
    rows = Counter((host.rpartition("-")[0], before[host], after.get(host, "no answer")) for host in before)
    print(f"{'hosts':12}{'number':>7}  {'before':12}{'after'}")
    for (kind, first, then), count in sorted(rows.items()):
        print(f"{kind:12}{count:7}  {first:12}{then}")
    healed = sum(v == "healed" for v in after.values())
    print(f"{healed} of {len(before)} hosts are healed, shown by the probe")
    return 0 if before and healed == len(before) else 1


if __name__ == "__main__":
    sys.exit(main())
