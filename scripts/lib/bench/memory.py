"""Parts C and F: resident memory a key: small strings, with and without a time to live, and small collections."""

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


def _strings(keys):
    return _commands(keys, False)


def _volatile_strings(keys):
    return _commands(keys, True)


def _hashes(keys):
    fields = [word for n in range(5) for word in (f"field{n}", f"value{n}")]
    return (wire.encode("HSET", b"key:%012d" % n, *fields) for n in range(keys))


def _integer_sets(keys):
    return (wire.encode("SADD", b"key:%012d" % n, *range(n % 100, n % 100 + 10)) for n in range(keys))


def _sorted_set(members):
    return (wire.encode("ZADD", "board", (n * 7919) % 1_000_003, b"member:%010d" % n) for n in range(members))


# What is stored: name, its commands by number of keys, at which numbers (the mean counts), how many replies DBSIZE gives.
SHAPES = (
    ("string", _strings, (800_000, 1_000_000, 1_300_000)),
    ("string with a time to live", _volatile_strings, (800_000, 1_000_000, 1_300_000)),
    ("hash of 5 short fields", _hashes, (300_000,)),
    ("set of 10 small integers", _integer_sets, (300_000,)),
    ("member of a sorted set of 200,000", _sorted_set, (200_000,)),
)


def measure_shape(start, commands, counts, setup):
    """The mean over `counts` of the resident bytes that each key or member added, on a new server for each."""
    sizes = []
    for count in (counts[:1] if setup.quick else counts):
        count = min(count, QUICK_KEYS) if setup.quick else count
        server = start(setup.server_core)
        try:
            with wire.Connection(server.port) as connection:
                connection.call("PING")
                before = server.resident_bytes()
                connection.call_all(commands(count))
            if not setup.quick:
                time.sleep(SETTLE_SECONDS)
            sizes.append((server.resident_bytes() - before) / count)
            shown = server.shown_command()
        finally:
            server.stop()
    return sum(sizes) / len(sizes), shown
