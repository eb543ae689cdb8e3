"""Proxies in front of the same nodes, each told something else, measured in turns."""

from . import load, wire

PIPELINES = (1, 16)
OPERATIONS = ("get", "set")
# Operations of a measured run by pipeline depth: enough that the handshakes of 50 clients are little of it.
RUN_LENGTH = {1: 150_000, 16: 1_500_000}
QUICK_RUN_LENGTH = {1: 5_000, 16: 50_000}


def start_nodes(node, setup, stack):
    """The ports of three nodes, on the core of the load; they end with `stack`."""
    nodes = [node.start(setup.load_core, setup.work_dir) for _ in range(3)]
    for server in nodes:
        stack.callback(server.stop)
    return [server.port for server in nodes]


def in_turns(servers, setup):
    """Samples of all of them, (proxy, words of its load) each; who begins changes with the round."""
    length = QUICK_RUN_LENGTH if setup.quick else RUN_LENGTH
    samples = []
    wire.prefill(servers[0][0].port, load.KEYS, load.VALUE_BYTES)
    for round_number in range(1, setup.rounds + 1):
        turn = round_number % len(servers)
        for pipeline in PIPELINES:
            for operation in OPERATIONS:
                for server, words in servers[turn:] + servers[:turn]:
                    samples.append(load.run(server, operation, pipeline, length[pipeline], setup.load_core,
                                            round_number, more=words))
        setup.progress(f"round {round_number} of {setup.rounds}")
    return samples
