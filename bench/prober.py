"""Asks a service every 10 ms until standard input ends. It runs inside the host, by itself.

    python prober.py PORT PATH

One line a probe: the time at which it was sent and the HTTP status, 0 for no answer within two
seconds. Probes don't wait for each other: one that hangs is no gap in what is known.
"""

import asyncio
import contextlib
import sys
import time

INTERVAL = 0.01
TIMEOUT = 2.0


async def ask(port: int, path: str) -> int:
    """The status of one answer, on a connection of its own; 0 where there was none."""
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                request = f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n"
                writer.write(request.encode())
                return int((await reader.readline()).split()[1])
            finally:
                writer.close()
    except (OSError, TimeoutError, IndexError, ValueError):
        return 0


async def probe(port: int, path: str) -> None:
    sent = time.time()
    status = await ask(port, path)
    print(f"{sent:.4f} {status}", flush=True)


async def main(port: int, path: str) -> None:
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    flying: set[asyncio.Task[None]] = set()
    while not ended.done():
        task = asyncio.create_task(probe(port, path))
        flying.add(task)
        task.add_done_callback(flying.discard)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(ended), INTERVAL)
    await asyncio.gather(*flying)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
