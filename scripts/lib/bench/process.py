"""Servers under test: started pinned to a core, measured from /proc, ended by the process that started them."""

import contextlib
import os
import shlex
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 5

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One running server process: its port, its core, what it has used."""

    def __init__(self, name, command, port, core, work_dir, env=None):
        self.name, self.port, self.core, self.command = name, port, core, command
        self.log = Path(work_dir) / f"{name}-{port}.log"
        pinned = ["taskset", "-c", str(core), *command]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                pinned, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=work_dir,
                env={**os.environ, **(env or {})},
            )
        try:
            self._wait_until_it_listens()
        except Exception:
            self.stop()
            raise

    def _wait_until_it_listens(self):
        give_up = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        tail = self.log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{self.name} does not listen on port {self.port}: {self.shown_command()}\n{tail}")

    def shown_command(self):
        """The command as published: without directories of this machine."""
        return shlex.join(["taskset", "-c", str(self.core), *(os.path.basename(w) if "/" in w else w for w in self.command)])

    def cpu_ns(self):
        """CPU time of all threads so far, user and kernel, in nanoseconds (10 ms steps without schedstat)."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        try:
            return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())
        except FileNotFoundError:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // _CLOCK_TICKS

    def resident_bytes(self):
        """Resident memory, anonymous and mapped."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"{self.name} has ended")

    def stop(self):
        """Ends the process: asked first, then killed."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
