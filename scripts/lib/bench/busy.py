"""Part G: what heavy work on a node does to everybody else's latency, open loop, quiet and busy windows in turns.

Each kind of work has a node of its own. A busy window is one of the load alone with the work on top, from a connection
of its own and a thread that yields to the load. The node's clocks of turns and holds cost a system call each, so they
run in one more window, whose latency does not count.
"""

import json
import os
import shlex
import statistics
import subprocess
import threading
import time
from dataclasses import asdict, dataclass

from . import load, wire

# Share of the node's capacity at which latency is measured.
LOAD_SHARE = 0.2
RUN_SECONDS_MAX = 600
SETTLE_SECONDS_MAX = 120
# The load's warm-up, which is not counted, and a second more: when the work begins.
LEAD_SECONDS = 2
# Commands of the work that are sent together.
BATCH = 64


@dataclass
class Scale:
    """How large the work is and how long a window lasts."""

    window_seconds: int
    members: int
    keys: int
    expiring: int
    evicting_bytes: int


FULL = Scale(6, 10_000_000, 2_000_000, 1_000_000, 256 << 20)
QUICK = Scale(3, 200_000, 100_000, 50_000, 32 << 20)


@dataclass
class Sample:
    """One pair of windows."""

    work: str
    round: int
    quiet_p999_ms: float
    busy_p999_ms: float

    def row(self):
        return asdict(self)


class BigDelete:
    """One sorted set of many members is deleted."""

    name = "big delete"

    def __init__(self, scale):
        self.members = scale.members

    def prepare(self, connection, _port):
        step = 500
        for first in range(0, self.members, step * wire.BATCH):
            connection.call_all(
                wire.encode("ZADD", "big", *(word for n in range(start, min(start + step, self.members))
                                             for word in (n * 7919 % 1_000_003, b"member:%010d" % n)))
                for start in range(first, min(first + step * wire.BATCH, self.members), step))

    def run(self, connection, _end):
        connection.call("DEL", "big")


class Growth:
    """New keys come into one slot, so that its table grows, at an even pace."""

    name = "table growth"
    key, value = b"{grow}%012d", b"v" * 32

    def __init__(self, scale):
        self.keys = scale.keys

    def prepare(self, connection, _port):
        pass

    def run(self, connection, end):
        pace(connection, (wire.encode("SET", self.key % n, self.value) for n in range(self.keys)), self.keys, end)


class Expiry:
    """Keys with deadlines spread over one second in the middle of the window."""

    name = "mass expiry"
    prepared_seconds_max = 30

    def __init__(self, scale):
        self.keys = scale.expiring

    def prepare(self, connection, _port):
        seconds = max(2.0, self.prepared_seconds_max * self.keys / FULL.expiring)
        self.first = time.time() + seconds + LEAD_SECONDS
        first = int(self.first * 1000)
        connection.call_all(wire.encode("SET", b"due:%012d" % n, b"v" * 32, "PXAT", first + n * 1000 // self.keys)
                            for n in range(self.keys))
        time.sleep(max(0.0, self.first - LEAD_SECONDS - time.time()))

    def run(self, connection, end):
        pass


class Eviction(Growth):
    """New keys of half a kilobyte come into a node that is full, so that each evicts."""

    name = "eviction at full memory"
    key, value = b"evict:%012d", b"v" * 500

    def __init__(self, scale):
        self.keys, self.room = scale.evicting_bytes // 500, scale.evicting_bytes

    def prepare(self, connection, _port):
        limit = used_bytes(connection) + self.room
        connection.call("CONFIG", "SET", "maxmemory", limit)
        connection.call_all(wire.encode("SET", b"old:%012d" % n, self.value) for n in range(self.keys * 5 // 4))


class Snapshot:
    """One snapshot after the other of a node that keeps a log: all keys, as fast as they come."""

    name = "snapshots"
    keeps = True
    key, value = b"kept:%011d", b"v" * 32

    def __init__(self, scale):
        self.keys = scale.keys

    def prepare(self, connection, _port):
        connection.call_all(wire.encode("SET", self.key % n, self.value) for n in range(self.keys))
        # The log has grown: what that begins is not to be in the window.
        connection.call("CONFIG", "SET", "auto-aof-rewrite-percentage", 0)
        while info(connection, "rdb_bgsave_in_progress"):
            time.sleep(0.1)

    def run(self, connection, end):
        while time.monotonic() < end:
            connection.call("SAVE")


WORKS = (BigDelete, Growth, Expiry, Eviction, Snapshot)


def pace(connection, commands, count, end):
    """Sends the commands evenly until about `end` of the monotonic clock."""
    began, sent, batch = time.monotonic(), 0, []
    span = max(0.1, end - began)
    for command in commands:
        batch.append(command)
        if len(batch) < BATCH:
            continue
        time.sleep(max(0.0, began + span * sent / count - time.monotonic()))
        connection.call_all(batch)
        sent, batch = sent + len(batch), []
        if time.monotonic() > end:
            return
    connection.call_all(batch)


def info(connection, field):
    """A number of INFO."""
    for line in connection.call("INFO", "everything").decode().splitlines():
        if line.startswith(field + ":"):
            return int(line.split(":", 1)[1])
    raise RuntimeError(f"INFO has no {field}")


def used_bytes(connection):
    """Bytes that the node has allocated."""
    return info(connection, "used_memory")


def _bench(cli_bin, server, rate, seconds, setup):
    """Starts `ringmaster bench`: the process, and the command as published."""
    command = ["taskset", "-c", str(setup.load_core), cli_bin, "bench", "--address", f"127.0.0.1:{server.port}",
               "--duration", f"{seconds}s", "--rate", str(rate), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                               text=True)
    return process, shlex.join(os.path.basename(word) if "/" in word else word for word in command)


def _figures(process):
    """What `ringmaster bench` measured, when it ends."""
    out, errors = process.communicate(timeout=RUN_SECONDS_MAX)
    if process.returncode != 0:
        raise RuntimeError(f"ringmaster bench failed: {out[-2000:]}{errors[-2000:]}")
    return json.loads(out)["targets"][0]["median"]


def _work(work, server, setup, end, failed):
    """The work, from the load's core but behind the load."""
    try:
        task = threading.get_native_id()
        os.sched_setaffinity(task, {setup.load_core})
        # Out of whatever class the whole run may have been started in.
        os.sched_setscheduler(task, os.SCHED_OTHER, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, task, 19)
        with wire.Connection(server.port, RUN_SECONDS_MAX) as connection:
            work.run(connection, end)
    except (RuntimeError, OSError) as error:
        failed.append(error)


class Busy:
    """A node under one kind of work."""

    def __init__(self, work, server, cli_bin, scale, setup):
        self.work, self.server, self.cli_bin, self.scale, self.setup = work, server, cli_bin, scale, setup
        self.connection = wire.Connection(server.port, RUN_SECONDS_MAX)
        self.fill()
        closed, self.closed_command = _bench(cli_bin, server, 0, scale.window_seconds, setup)
        self.rate = round(_figures(closed)["ops_per_second"] * LOAD_SHARE)

    def fill(self):
        """The keys of the load alone, once memory is back."""
        self.connection.call("CONFIG", "SET", "maxmemory", 0)
        self.connection.call("FLUSHALL")
        wire.prefill(self.server.port, load.KEYS, load.VALUE_BYTES)
        give_up = time.monotonic() + SETTLE_SECONDS_MAX
        while used_bytes(self.connection) > 256 << 20 and time.monotonic() < give_up:
            time.sleep(0.1)

    def quiet(self):
        """p99.9 of a window without work, in milliseconds."""
        opened, self.open_command = _bench(self.cli_bin, self.server, self.rate, self.scale.window_seconds, self.setup)
        return _figures(opened)["p999_us"] / 1000

    def busy(self):
        """p99.9 of a window with the work."""
        self.work.prepare(self.connection, self.server.port)
        self.connection.call("CONFIG", "RESETSTAT")
        opened, _ = _bench(self.cli_bin, self.server, self.rate, self.scale.window_seconds, self.setup)
        time.sleep(LEAD_SECONDS)
        end, failed = time.monotonic() + self.scale.window_seconds - 1.5, []
        thread = threading.Thread(target=_work, args=(self.work, self.server, self.setup, end, failed))
        thread.start()
        figures = _figures(opened)
        thread.join()
        if failed:
            raise RuntimeError(f"{self.work.name}: {failed[0]}")
        return figures["p999_us"] / 1000

    def longest(self):
        """The longest turn and hold of one more busy window, in milliseconds of the node's CPU clocks."""
        self.connection.call("CONFIG", "SET", "latency-monitor-threshold", 1)
        self.busy()
        longest = [info(self.connection, f"longest_{kind}_cpu_usec") / 1000 for kind in ("turn", "slot_hold")]
        self.connection.call("CONFIG", "SET", "latency-monitor-threshold", 0)
        return longest


def measure(start, cli_bin, setup):
    """Measures each kind of work on a node of its own.

    Returns the samples, the longest turn and hold by work, and the commands that were run.
    """
    scale = QUICK if setup.quick else FULL
    samples, longest, commands = [], {}, []
    for kind in WORKS:
        server = start(setup.server_core, getattr(kind, "keeps", False))
        try:
            busy = Busy(kind(scale), server, cli_bin, scale, setup)
            for round_number in range(1, setup.rounds + 1):
                sample = Sample(kind.name, round_number, busy.quiet(), busy.busy())
                setup.progress(f"{kind.name}, {busy.rate} operations a second, p99.9 quiet "
                               f"{sample.quiet_p999_ms:.2f}, busy {sample.busy_p999_ms:.2f} ms")
                samples.append(sample)
                busy.fill()
            longest[kind.name] = busy.longest()
            setup.progress(f"{kind.name}: longest turn {longest[kind.name][0]}, hold {longest[kind.name][1]} ms")
            commands += [server.shown_command(), busy.closed_command, busy.open_command]
        finally:
            server.stop()
    return samples, longest, commands


def medians(samples):
    """{work: (quiet, busy)}: medians over the rounds, in milliseconds."""
    works = dict.fromkeys(sample.work for sample in samples)
    return {work: tuple(statistics.median(getattr(sample, field) for sample in samples if sample.work == work)
                        for field in ("quiet_p999_ms", "busy_p999_ms")) for work in works}
