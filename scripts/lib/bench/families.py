"""Part E: CPU time an operation of the commands of all families at pipeline 16, servers side by side."""

from contextlib import ExitStack

from . import load, wire

PIPELINE = 16
# In this order: LPUSH fills the list that RPOP empties. LRANGE has a list of 100 items of its own.
OPERATIONS = ("get", "set", "incr", "lpush", "rpop", "sadd", "hset", "zadd", "LRANGE LIST:100 0 99", "mset")
RUN_LENGTH = {"LRANGE LIST:100 0 99": 200_000, "mset": 150_000}
RUN_LENGTH_ELSE = 1_000_000
QUICK_RUN_LENGTH = 20_000


def measure(contenders, setup):
    """Starts every contender, fills it, then measures them in turn. Returns the samples and the commands run."""
    samples, commands = [], []
    with ExitStack() as stack:
        servers = []
        for start in contenders:
            server = start(setup.server_core)
            stack.callback(server.stop)
            wire.prefill(server.port, load.KEYS, load.VALUE_BYTES)
            with wire.Connection(server.port) as connection:
                connection.call("RPUSH", "LIST:100", *(b"v" * load.VALUE_BYTES for _ in range(100)))
            servers.append(server)
            commands.append(server.shown_command())
        for round_number in range(1, setup.rounds + 1):
            for operation in OPERATIONS:
                length = QUICK_RUN_LENGTH if setup.quick else RUN_LENGTH.get(operation, RUN_LENGTH_ELSE)
                for server in servers[round_number % len(servers):] + servers[:round_number % len(servers)]:
                    samples.append(load.run(server, operation, PIPELINE, length, setup.load_core, round_number))
            setup.progress(f"round {round_number} of {setup.rounds}")
    commands.append(" ".join(load.command("PORT", "COMMAND", PIPELINE, "N", setup.load_core)))
    return samples, commands
