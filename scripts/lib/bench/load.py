"""redis-benchmark as the load: one run, the server's CPU time around it, its own figures beside."""

import csv
import io
import subprocess
from dataclasses import asdict, dataclass

CLIENTS = 50
KEYS = 100_000
VALUE_BYTES = 64


@dataclass
class Sample:
    """One run of redis-benchmark against one server."""

    server: str
    operation: str
    pipeline: int
    round: int
    operations: int
    cpu_us_per_operation: float
    operations_per_second: float
    p50_ms: float
    p99_ms: float

    def row(self):
        return asdict(self)


def command(port, operation, pipeline, operations, core, clients=CLIENTS, more=()):
    """The command line of one run. An operation in capitals is a command of its own, words at single spaces; `more` are
    further words of redis-benchmark's."""
    own = operation.isupper()
    return ["taskset", "-c", str(core), "redis-benchmark", "-h", "127.0.0.1", "-p", str(port),
            *([] if own else ["-t", operation]),
            "-n", str(operations), "-r", str(KEYS), "-d", str(VALUE_BYTES), "-c", str(clients), "-P", str(pipeline),
            "--csv", *more, *(operation.split(" ") if own else [])]


def run(server, operation, pipeline, operations, core, round_number, clients=CLIENTS, more=()):
    """Runs the load once; raises when any reply was an error or any figure is missing."""
    words = command(server.port, operation, pipeline, operations, core, clients, more)
    before = server.cpu_ns()
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=False)
    used = server.cpu_ns() - before
    rows = list(csv.DictReader(io.StringIO(done.stdout[done.stdout.find('"test"'):])))
    if done.returncode != 0 or "Error from server" in done.stderr + done.stdout or len(rows) != 1:
        raise RuntimeError(f"{server.name}: redis-benchmark failed: {done.stdout}{done.stderr}")
    figures = rows[0]
    return Sample(
        server.name, operation, pipeline, round_number, operations, used / 1000 / operations,
        float(figures["rps"]), float(figures["p50_latency_ms"]), float(figures["p99_latency_ms"]),
    )
