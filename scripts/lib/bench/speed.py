"""Parts A and B: CPU time an operation, servers side by side, rounds interleaved."""

import statistics
from contextlib import ExitStack

from . import load, wire

PIPELINES = (1, 16, 64)
OPERATIONS = ("get", "set")
# Operations of a measured run by pipeline depth: a second or two each. A proxy shares the load's core with the nodes.
NODE_RUN_LENGTH = {1: 150_000, 16: 1_000_000, 64: 2_000_000}
PROXY_RUN_LENGTH = {1: 80_000, 16: 300_000, 64: 500_000}
QUICK_RUN_LENGTH = {1: 5_000, 16: 20_000, 64: 50_000}


def measure(contenders, run_length, setup):
    """Starts every contender, fills it, then measures them in turn; the order turns with each round.

    `contenders` are functions from a core to a running server. Returns the samples and the commands that were run.
    """
    length = QUICK_RUN_LENGTH if setup.quick else run_length
    samples, commands = [], []
    with ExitStack() as stack:
        servers = []
        for start in contenders:
            server = start(setup.server_core)
            stack.callback(server.stop)
            wire.prefill(server.port, load.KEYS, load.VALUE_BYTES)
            servers.append(server)
            commands.append(server.shown_command())
        for round_number in range(1, setup.rounds + 1):
            for pipeline in PIPELINES:
                for operation in OPERATIONS:
                    for server in servers[round_number % len(servers):] + servers[:round_number % len(servers)]:
                        sample = load.run(server, operation, pipeline, length[pipeline], setup.load_core, round_number)
                        samples.append(sample)
            setup.progress(f"round {round_number} of {setup.rounds}")
    commands.append(" ".join(load.command("PORT", "get|set", "1|16|64", "N", setup.load_core)))
    return samples, commands


def medians(samples, field="cpu_us_per_operation"):
    """{(server, operation, pipeline): median of `field` over the rounds}."""
    groups = {}
    for sample in samples:
        groups.setdefault((sample.server, sample.operation, sample.pipeline), []).append(getattr(sample, field))
    return {key: statistics.median(values) for key, values in groups.items()}


def spread(samples):
    """{(server, operation, pipeline): (least, largest)} of the CPU time an operation."""
    groups = {}
    for sample in samples:
        groups.setdefault((sample.server, sample.operation, sample.pipeline), []).append(sample.cpu_us_per_operation)
    return {key: (min(values), max(values)) for key, values in groups.items()}
