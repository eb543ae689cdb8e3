"""Part D: what a proxy adds to latency, open loop: `ringmaster bench` sends at times fixed beforehand."""

import json
import os
import shlex
import subprocess
from contextlib import ExitStack

# Share of the proxy's capacity at which latency is measured.
LOAD_SHARE = 0.2
ROUND_SECONDS = 10
QUICK_ROUND_SECONDS = 1
RUN_SECONDS_MAX = 1800


def _bench(cli_bin, servers, setup, *words):
    """One run of `ringmaster bench` over the servers in turns: its report, the command as published, its warnings."""
    seconds = QUICK_ROUND_SECONDS if setup.quick else ROUND_SECONDS
    addresses = [word for server in servers for word in ("--address", f"127.0.0.1:{server.port}")]
    command = ["taskset", "-c", str(setup.load_core), cli_bin, "bench", *addresses, "--duration", f"{seconds}s",
               "--prefill", "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=RUN_SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ringmaster bench failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    shown = shlex.join(os.path.basename(word) if "/" in word else word for word in command)
    return json.loads(done.stdout), shown, [line for line in done.stderr.splitlines() if line.strip()]


def measure(start_node, start_proxies, cli_bin, setup):
    """Starts three nodes and the proxies, ours first; measures a node directly, then each proxy, in turns.

    Returns the rate (operations a second), the report of `ringmaster bench`, its warnings (the load itself was late, or
    busy), the servers' names in its order, and the commands that were run.
    """
    with ExitStack() as stack:
        def started(server):
            stack.callback(server.stop)
            return server

        nodes = [started(start_node(setup.server_core)) for _ in range(3)]
        proxies = [started(start(setup.server_core, [node.port for node in nodes])) for start in start_proxies]
        closed, closed_command, _ = _bench(cli_bin, proxies[:1], setup, "--rate", "0")
        rate = round(closed["targets"][0]["median"]["ops_per_second"] * LOAD_SHARE)
        setup.progress(f"{rate} operations a second, {setup.rounds} rounds")
        servers = [nodes[0], *proxies]
        opened, open_command, warnings = _bench(
            cli_bin, servers, setup, "--rate", str(rate), "--interleave", str(setup.rounds))
        commands = [*(server.shown_command() for server in servers), closed_command, open_command]
        return rate, opened, warnings, [server.name for server in servers], commands
