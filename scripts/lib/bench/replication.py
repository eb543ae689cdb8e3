"""Part H: what copies cost. A cluster of one copy and one of two, each a proxy and three nodes, in one run."""

import contextlib
import time
from pathlib import Path

from . import load, process, speed, wire

NODES = 3
# Operations of a measured run by pipeline depth.
RUN_LENGTH = {1: 80_000, 16: 300_000, 64: 500_000}
# Operations of the run of one client.
ALONE_LENGTH = 20_000
ALONE_QUICK_LENGTH = 2_000
VIEW_SECONDS_MAX = 20
NAMES = ("1 copy", "2 copies")


class Cluster:
    """A proxy and its nodes as one server under test: their CPU time together, the proxy's port."""

    def __init__(self, replicas, node, proxy_bin, core, work_dir):
        self.name = NAMES[replicas - 1]
        self.processes = []
        try:
            self._start(replicas, node, proxy_bin, core, work_dir)
        except Exception:
            self.stop()
            raise

    def _start(self, replicas, node, proxy_bin, core, work_dir):
        for _ in range(NODES):
            self.processes.append(node.start(core, work_dir))
        file = Path(work_dir) / f"cluster-{replicas}-{self.processes[0].port}.yaml"
        nodes = "".join(f'  - {{name: n{at}, address: "127.0.0.1:{server.port}"}}\n'
                        for at, server in enumerate(self.processes))
        file.write_text(f"replicas: {replicas}\nnodes:\n{nodes}")
        self.port = process.free_port()
        command = [proxy_bin, "--cluster", str(file), "--listen", f"127.0.0.1:{self.port}",
                   "--admin", "127.0.0.1:0", "--threads", "1"]
        self.processes.append(process.Server("ringmaster-proxy", command, self.port, core, work_dir))
        self._wait_until_it_serves()

    def _wait_until_it_serves(self):
        give_up = time.monotonic() + VIEW_SECONDS_MAX
        while time.monotonic() < give_up:
            with contextlib.suppress(RuntimeError, OSError):
                return wire.prefill(self.port, 1, 1)
            time.sleep(0.05)
        raise RuntimeError(f"{self.name}: no view within {VIEW_SECONDS_MAX} s")

    def cpu_ns(self):
        """CPU time of the proxy and all nodes."""
        return sum(server.cpu_ns() for server in self.processes)

    def shown_command(self):
        """The proxy's command; `replicas` stands in its file."""
        return self.processes[-1].shown_command()

    def stop(self):
        """Ends all processes, the proxy first."""
        for server in reversed(self.processes):
            server.stop()


def measure(node, proxy_bin, setup):
    """As `speed.measure`, of a chain of one and a chain of two; and the samples of one client at pipeline 1."""
    alone = []

    def started(replicas, core):
        cluster = Cluster(replicas, node, proxy_bin, core, setup.work_dir)
        for operation in speed.OPERATIONS:
            length = ALONE_QUICK_LENGTH if setup.quick else ALONE_LENGTH
            alone.append(load.run(cluster, operation, 1, length, setup.load_core, 1, clients=1))
        return cluster

    starts = [lambda core, r=replicas: started(r, core) for replicas in (1, 2)]
    samples, commands = speed.measure(starts, RUN_LENGTH, setup)
    return samples, alone, commands
