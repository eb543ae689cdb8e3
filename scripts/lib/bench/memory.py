"""Part C: resident memory a key, for one million small strings, with and without a time to live."""

import time

from . import wire

KEYS = 1_000_000
QUICK_KEYS = 50_000
VALUE = b"0123456789abcdef" * 2
TTL_SECONDS = 1_000_000
SETTLE_SECONDS = 2


def _commands(keys, with_ttl):
    tail = ("EX", TTL_SECONDS) if with_ttl else ()
    return (wire.encode("SET", b"key:%012d" % n, VALUE, *tail) for n in range(keys))


def measure(start, with_ttl, setup):
    """Starts a server, sets the keys and returns the bytes of resident memory that each added."""
    keys = QUICK_KEYS if setup.quick else KEYS
    server = start(setup.server_core)
    try:
        with wire.Connection(server.port) as connection:
            connection.call("PING")
            before = server.resident_bytes()
            connection.call_all(_commands(keys, with_ttl))
            if int(connection.call("DBSIZE")) != keys:
                raise RuntimeError(f"{server.name} does not hold {keys} keys")
        if not setup.quick:
            time.sleep(SETTLE_SECONDS)
        return (server.resident_bytes() - before) / keys, server.shown_command()
    finally:
        server.stop()
