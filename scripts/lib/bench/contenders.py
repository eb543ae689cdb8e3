"""How each server under comparison is started: command line, configuration file, version."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from .process import Server, free_port

HOST = "127.0.0.1"


def version_line(command):
    """The first line in which a program names its version."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if any(c.isdigit() for c in line)]
    return lines[0] if lines else "unknown"


class RedisServer:
    """redis-server on one thread, without persistence."""

    name = "redis-server"

    def __init__(self, binary="redis-server"):
        self.binary = shutil.which(binary) or binary

    def version(self):
        return version_line([self.binary, "--version"])

    def start(self, core, work_dir):
        port = free_port()
        command = [self.binary, "--port", str(port), "--bind", HOST, "--io-threads", "1", "--save", "",
                   "--appendonly", "no", "--daemonize", "no"]
        return Server(self.name, command, port, core, work_dir)


class RingmasterNode:
    """ringmaster-node with one data thread, without persistence unless it `keeps`."""

    name = "ringmaster-node"

    def __init__(self, binary):
        self.binary = binary

    def version(self):
        return version_line([self.binary, "--version"])

    def start(self, core, work_dir, keeps=False):
        port = free_port()
        command = [self.binary, "--listen", f"{HOST}:{port}", "--admin", f"{HOST}:{free_port()}", "--threads", "1",
                   *(["--persistence", "wal", "--data-dir", str(Path(work_dir) / f"data-{port}")] if keeps
                     else ["--persistence", "off"])]
        return Server(self.name, command, port, core, work_dir)


class RingmasterProxy:
    """ringmaster-proxy with one data thread in front of the given node ports."""

    name = "ringmaster-proxy"

    def __init__(self, binary):
        self.binary = binary

    def version(self):
        return version_line([self.binary, "--version"])

    def start(self, core, work_dir, node_ports, yaml="", flags=()):
        """`yaml` are more lines of its cluster.yaml."""
        port = free_port()
        nodes = [f"  - {{name: node-{i}, address: \"{HOST}:{p}\"}}\n" for i, p in enumerate(node_ports)]
        cluster = Path(work_dir) / f"cluster-{port}.yaml"
        cluster.write_text(f"cluster: benchmark\nreplicas: 1\n{yaml}nodes:\n" + "".join(nodes))
        admin = () if "--admin" in flags else ("--admin", f"{HOST}:{free_port()}")
        command = [self.binary, "--cluster", str(cluster), "--listen", f"{HOST}:{port}", *admin, "--threads", "1", *flags]
        return Server(self.name, command, port, core, work_dir)


class Nutcracker:
    """nutcracker (twemproxy), which has one data thread by design."""

    name = "nutcracker"

    def __init__(self, binary="nutcracker"):
        self.binary = shutil.which(binary) or shutil.which(binary, path="/usr/sbin:/usr/local/sbin") or binary

    def version(self):
        return version_line([self.binary, "--version"])

    def start(self, core, work_dir, node_ports):
        port = free_port()
        servers = "".join(f"    - {HOST}:{p}:1 node-{i}\n" for i, p in enumerate(node_ports))
        config = Path(work_dir) / "nutcracker.yaml"
        config.write_text(
            f"benchmark:\n  listen: {HOST}:{port}\n  hash: fnv1a_64\n  distribution: ketama\n  redis: true\n"
            f"  preconnect: true\n  auto_eject_hosts: false\n  servers:\n{servers}")
        command = [self.binary, "-c", str(config), "-a", HOST, "-s", str(free_port())]
        return Server(self.name, command, port, core, work_dir)


class Envoy:
    """Envoy's redis_proxy filter with one worker and a Maglev cluster.

    `buffered` lets it gather a node's commands into one write (max_buffer_size_before_flush), as the other proxies do
    by themselves; without it Envoy writes each command alone, which is its default.
    """

    def __init__(self, binary, buffered):
        self.binary, self.buffered = binary, buffered
        self.name = "envoy-buffered" if buffered else "envoy"

    def version(self):
        return version_line([self.binary, "--version"]).split("version:")[-1].strip()

    def start(self, core, work_dir, node_ports):
        port = free_port()
        config = Path(work_dir) / f"{self.name}.json"
        config.write_text(json.dumps(self._config(port, node_ports), indent=1))
        command = [self.binary, "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
        return Server(self.name, command, port, core, work_dir)

    def _config(self, port, node_ports):
        settings = {"op_timeout": "5s"}
        if self.buffered:
            settings |= {"max_buffer_size_before_flush": 16384, "buffer_flush_timeout": "0.001s"}
        filter_config = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.redis_proxy.v3.RedisProxy",
            "stat_prefix": "benchmark",
            "settings": settings,
            "prefix_routes": {"catch_all_route": {"cluster": "nodes"}},
        }
        return {"static_resources": {
            "listeners": [{
                "name": "redis",
                "address": _address(port),
                "filter_chains": [{"filters": [{"name": "envoy.filters.network.redis_proxy",
                                                "typed_config": filter_config}]}],
            }],
            "clusters": [{
                "name": "nodes",
                "type": "STATIC",
                "connect_timeout": "1s",
                "lb_policy": "MAGLEV",
                "load_assignment": {"cluster_name": "nodes", "endpoints": [
                    {"lb_endpoints": [{"endpoint": {"address": _address(p)}} for p in node_ports]}]},
            }],
        }}


def _address(port):
    return {"socket_address": {"address": HOST, "port_value": port}}


def executable(path):
    """True when `path` names a program that can be run, by path or by name."""
    return bool(path) and (os.access(path, os.X_OK) or shutil.which(path) is not None)
