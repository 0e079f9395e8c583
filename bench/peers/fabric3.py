"""The same with Fabric 3. HOSTS PORT USER KEY PARALLEL COMMAND (it starts a thread per host)."""

import sys

from fabric import ThreadingGroup

hosts, port, user, key, _, command = sys.argv[1:7]
group = ThreadingGroup(*hosts.split(","), user=user, port=int(port), connect_kwargs={"key_filename": key})
for connection, result in group.run(command, hide=True).items():
    print(f"{connection.host}: {result.stdout.strip()}")
