"""A real Milvus server for the tests, in a network of its own: nobody but the tests can reach its ports.

The server listens on every interface it finds, and in a network namespace of its own there is only loopback.
A Unix socket leads in, and a `Wire` from a port of this machine's loopback to that socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

# In a network with nothing but a loopback, and with all that is started ending with the first.
APART = ("unshare", "--map-root-user", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")
_UP = 1
_SIOCSIFFLAGS = 0x8914
_PORT = 19530
_STARTS_WITHIN_S = 120
# quotaAndLimits.limitWriting.diskProtection.diskQuota of its settings, as it takes them from the environment.
_QUOTA = "QUOTAANDLIMITS_LIMITWRITING_DISKPROTECTION_DISKQUOTA"


class Wire:
    """Carries bytes from a port of loopback to a Unix socket, with a delay, or not at all while it is cut."""

    def __init__(self, target):
        self.target = str(target)
        self.delay_s = 0.0
        self.is_cut = False
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._carry, "127.0.0.1", 0), self._loop
        ).result()
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self):
        """End all connections, and refuse new ones until `mend`."""
        self.is_cut = True
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self._writers])

    def mend(self):
        self.is_cut = False

    def close(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self):
        self._server.close()
        self.is_cut = True
        for writer in self._writers:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)

    async def _carry(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._writers -= ends

    async def _pump(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()


def why_not_apart():
    """Return what this machine lacks for running something in a network of its own, "" if nothing."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return "a network of its own needs Linux and unshare"
    tried = subprocess.run([*APART, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this machine gives no network of its own (unshare)"


class MilvusServer:
    """The server as a process of its own; `disk_mb` is how much it may store."""

    def __init__(self, folder, *, disk_mb=None):
        self.folder = Path(folder)
        self._settings = {_QUOTA: str(disk_mb)} if disk_mb else {}
        # A path that is too long is no address of a socket.
        self.socket = self.folder / "in"
        self._process = None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.milvus_server", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*APART, *command],
                stdout=log,
                stderr=log,
                env={**os.environ, **self._settings},
            )
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while not self.socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Milvus did not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self):
        """End the server at once, as a power cut does, and all it has started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))


async def _let_in(path):
    async def carry(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", _PORT)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    async def _pump(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    server = await asyncio.start_unix_server(carry, str(path))
    async with server:
        await server.serve_forever()


def main(folder):
    """Run inside the namespace: start the server, then let connections in."""
    from milvus import MilvusServer as Server

    raise_loopback()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    server = Server(data_dir=str(folder / "data"), proxy_port=_PORT)
    server.start()
    sys.stdout.write(f"Milvus is up, process {server.server_proc.pid}\n")
    asyncio.run(_let_in(folder / "in"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
