"""What the project has set itself to reach; the tables show each figure beside its target."""

# Server CPU an operation, as a share of redis-server's, by pipeline depth.
NODE_RATIO_MAX = {1: 0.88, 16: 0.36, 64: 0.28}
# Proxy CPU an operation, as a share of the better of nutcracker and Envoy.
PROXY_RATIO_MAX = {1: 0.75, 16: 0.30, 64: 0.22}
# Resident bytes a key: 16-byte keys, 32-byte values; without and with a time to live.
KEY_BYTES_MAX = {False: 82, True: 88}
# The median over the pairs of: p99 through the proxy minus p99 of a node directly.
ADDED_P99_MS_MAX = 0.3
# Server CPU an operation at pipeline 16, as a share of redis-server's, whatever the command.
COMMAND_RATIO_MAX = 0.6
# Bytes a key (of a sorted set: a member) by what is stored; see memory.SHAPES.
SHAPE_BYTES_MAX = {"string": 80, "string with a time to live": 82, "hash of 5 short fields": 120,
                   "set of 10 small integers": 70, "member of a sorted set of 200,000": 70}
# Longest hold of a slot's lock and longest turn of a data thread, in milliseconds of its own clock.
HOLD_MS_MAX = 1.0
# A chain of two beside a chain of one: CPU an operation of proxy and nodes together, and median latency of one client.
COPY_CPU_RATIO_MAX = {"get": 1.05, "set": 2.6}
COPY_LATENCY_RATIO_MAX = {"get": None, "set": 2.5}

# CPU time an operation of a proxy, beside that in the clear at the same pipeline; and resident bytes of an idle client.
USERS_RATIO_MAX = 1.10
TLS_RATIO_MAX = 1.6
TLS_RATIO_PIPELINE = 16
IDLE_CLIENT_BYTES_MAX = 20 * 1024
# The same of a proxy that is watched, beside one that is not.
TRACED_RATIO_MAX = 1.02
SCRAPED_RATIO_MAX = 1.03


def busy_p999_ms_max(quiet_ms):
    """Median p99.9 under heavy work, in milliseconds, by that of the quiet windows."""
    return max(2 * quiet_ms, quiet_ms + 1.0)
