"""The same with parallel-ssh. HOSTS PORT USER KEY PARALLEL COMMAND."""

import sys

from pssh.clients import ParallelSSHClient

hosts, port, user, key, parallel, command = sys.argv[1:7]
client = ParallelSSHClient(hosts.split(","), user=user, port=int(port), pkey=key, pool_size=int(parallel))
for output in client.run_command(command):
    for line in output.stdout:
        print(f"{output.host}: {line}")
