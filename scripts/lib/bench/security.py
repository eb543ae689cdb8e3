"""Part I: what security costs. Proxies in front of the same nodes, in the clear, with users, with TLS; and idle clients."""

import resource
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from . import load, ways, wire

PLAIN, USERS, TLS = "in the clear", "with users", "with TLS"
# A user for whom each command and key is looked at.
RULES = "on nopass ~key:* &* +@all -flushall"
IDLE_CLIENTS = 10_000
QUICK_IDLE_CLIENTS = 500
SETTLE_SECONDS = 3
LIMITS = "limits: {clients: 20000}\n"


def certificate(work_dir):
    """A certificate of its own making for 127.0.0.1: its file and that of its key."""
    cert, key = Path(work_dir) / "security.pem", Path(work_dir) / "security.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return cert, key


def _started(proxy, ports, setup, stack):
    """The three proxies, each with the words that its load needs."""
    cert, key = certificate(setup.work_dir)
    users = f'users: [{{name: default, rules: "{RULES}"}}]\n'
    ways = ((PLAIN, LIMITS, (), ()), (USERS, LIMITS + users, (), ()),
            (TLS, LIMITS, ("--tls-certificate", str(cert), "--tls-key", str(key)), ("--tls", "--cacert", str(cert))))
    servers = []
    for name, yaml, flags, words in ways:
        server = proxy.start(setup.server_core, setup.work_dir, ports, yaml, flags)
        stack.callback(server.stop)
        server.name = name
        servers.append((server, words))
    return servers


def measure(node, proxy, setup):
    """Samples of all three ways in turns, the bytes of an idle client, and the commands that were run."""
    with ExitStack() as stack:
        ports = ways.start_nodes(node, setup, stack)
        servers = _started(proxy, ports, setup, stack)
        samples = ways.in_turns(servers, setup)
        idle = idle_bytes(servers[0][0], setup)
        commands = [server.shown_command() for server, _ in servers]
    commands.append(" ".join(load.command("PORT", "get|set", "1|16", "N", setup.load_core, more=("[--tls --cacert FILE]",))))
    return samples, idle, commands


def idle_bytes(server, setup):
    """Resident bytes that each of many clients adds that has asked something once and is silent since."""
    count = QUICK_IDLE_CLIENTS if setup.quick else IDLE_CLIENTS
    before = server.resident_bytes()
    clients = []
    try:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", server.port), 30)
            clients.append(client)
            client.sendall(wire.encode("GET", "key:000000000001"))
            client.recv(4096)
        time.sleep(SETTLE_SECONDS)
        return (server.resident_bytes() - before) / count
    finally:
        for client in clients:
            client.close()


def raise_limit():
    """Lets this process, and those that it starts, have as many connections as part I needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE_CLIENTS * 2 + 1000
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
