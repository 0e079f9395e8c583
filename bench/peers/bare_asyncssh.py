"""The bare AsyncSSH loop: connect, run, print; nothing else. HOSTS PORT USER KEY PARALLEL COMMAND."""

import asyncio
import sys

import asyncssh


async def main() -> None:
    """Log in to every host and run the command."""
    hosts, port, user, key, parallel, command = sys.argv[1:7]
    gate = asyncio.Semaphore(int(parallel))

    async def one(host: str) -> None:
        async with (
            gate,
            asyncssh.connect(
                host,
                int(port),
                username=user,
                client_keys=[key],
                known_hosts=None,
                config=None,
                agent_path=None,
            ) as connection,
        ):
            result = await connection.run(command)
            print(f"{host}: {str(result.stdout).strip()}")

    await asyncio.gather(*map(one, hosts.split(",")))


asyncio.run(main())
