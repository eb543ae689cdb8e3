"""The little RESP that filling and checking a server needs: pipelined commands, replies counted."""

import socket

BATCH = 1000


def encode(*words):
    """One command as an array of bulk strings."""
    out = b"*%d\r\n" % len(words)
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode()
        out += b"$%d\r\n%s\r\n" % (len(raw), raw)
    return out


class Connection:
    """A blocking connection to a server on this machine."""

    def __init__(self, port, timeout_seconds=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_seconds)
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def reply(self):
        """One simple, integer or bulk reply; raises what the server calls an error."""
        line = self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise RuntimeError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(f"error reply: {rest.decode(errors='replace')}")
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self.reader.read(length + 2)[:-2]
        if kind in b"+:":
            return rest
        raise RuntimeError(f"unexpected reply {line!r}")

    def call(self, *words):
        """Sends one command and waits for its reply."""
        self.socket.sendall(encode(*words))
        return self.reply()

    def call_all(self, commands):
        """Sends encoded commands in batches of `BATCH` and reads a reply for each."""
        batch = []
        for command in commands:
            batch.append(command)
            if len(batch) == BATCH:
                self._flush(batch)
                batch = []
        self._flush(batch)

    def _flush(self, batch):
        self.socket.sendall(b"".join(batch))
        for _ in batch:
            self.reply()


def prefill(port, keys, value_bytes):
    """Sets every key that `redis-benchmark -r keys` can name, then reads some back."""
    value = b"v" * value_bytes
    with Connection(port) as connection:
        connection.call_all(encode("SET", b"key:%012d" % n, value) for n in range(keys))
        for n in range(0, keys, max(1, keys // 100)):
            if connection.call("GET", b"key:%012d" % n) != value:
                raise RuntimeError(f"port {port}: key {n} is not what was set")
