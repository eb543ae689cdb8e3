"""Runs the chosen parts and writes the report. Started by scripts/benchmark.sh, which finds the binaries."""

import argparse
import datetime
import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import busy, contenders, families, host, latency, memory, replication, report, security, speed, targets, watching, ways

PARTS = "ABCDEFGHIJ"


@dataclass
class Setup:
    """What every part needs to know of the run."""

    quick: bool
    rounds: int
    server_core: int
    load_core: int
    work_dir: str
    part: str = ""

    def progress(self, text):
        print(f"part {self.part}: {text}", file=sys.stderr, flush=True)


class Report:
    """Collects the sections and raw files of a run, then writes them into one directory."""

    def __init__(self, directory):
        self.directory, self.sections, self.versions = Path(directory), [], {}
        (self.directory / "raw").mkdir(parents=True, exist_ok=True)

    def add(self, title, text, commands):
        shown = "\n".join(dict.fromkeys(commands))
        self.sections.append(f"## {title}\n\n{text}\n\n```\n{shown}\n```\n")

    def raw(self, name, rows):
        report.write_csv(self.directory / "raw" / f"{name}.csv", rows)

    def raw_json(self, name, value):
        (self.directory / "raw" / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")

    def write(self, command, load_before, quick):
        smoke = "**A smoke of seconds: no figure and no `reached` below means anything.**\n\n" if quick else ""
        versions = "\n".join(f"- {name}: {version}" for name, version in self.versions.items())
        facts = "\n".join(f"- {fact}" for fact in host.facts())
        head = (f"# Benchmark of {datetime.date.today()}\n\n{smoke}Command: `{command}`. Raw figures: [raw/](raw/). "
                f"How to read them: [docs/BENCHMARKS.md](../../BENCHMARKS.md).\n\n{facts}\n"
                f"- other load (runnable processes, one-minute average): {load_before:.1f} before the run\n{versions}\n")
        (self.directory / "README.md").write_text("\n".join([head, *self.sections]))


def part_a(setup, options, out):
    """The node beside redis-server."""
    servers = [contenders.RedisServer()]
    if options.node_bin:
        servers.insert(0, contenders.RingmasterNode(options.node_bin))
    for server in servers:
        out.versions[server.name] = server.version()
    starts = [lambda core, s=server: s.start(core, setup.work_dir) for server in servers]
    samples, commands = speed.measure(starts, speed.NODE_RUN_LENGTH, setup)
    out.raw("node", [sample.row() for sample in samples])
    text = ("CPU time of the server an operation: median over the rounds (least–largest). One thread each, "
            "pinned to one core, load on the other; 50 clients, 64-byte values, keys from 100,000, all present.\n\n"
            + report.speed_table(samples, contenders.RingmasterNode.name, [contenders.RedisServer.name],
                                 targets.NODE_RATIO_MAX)
            + "\n\nAs redis-benchmark saw it:\n\n" + report.throughput_table(samples))
    out.add("Node", text, commands)


def proxied(options):
    """The servers to put behind proxies, and the proxies that can be run here, ours first."""
    node = contenders.RingmasterNode(options.node_bin) if options.node_bin and not options.redis_behind \
        else contenders.RedisServer()
    proxies = [contenders.Nutcracker(), *(contenders.Envoy(options.envoy_bin, b) for b in (False, True))]
    proxies = [proxy for proxy in proxies if contenders.executable(proxy.binary)]
    if options.proxy_bin:
        proxies.insert(0, contenders.RingmasterProxy(options.proxy_bin))
    return node, proxies


def part_b(setup, options, out):
    """The proxy beside nutcracker and Envoy, all in front of the same three servers."""
    node, proxies = proxied(options)
    for server in [node, *proxies]:
        out.versions[server.name] = server.version()
    backing = [node.start(setup.load_core, setup.work_dir) for _ in range(3)]
    try:
        ports = [server.port for server in backing]
        starts = [lambda core, p=proxy: p.start(core, setup.work_dir, ports) for proxy in proxies]
        samples, commands = speed.measure(starts, speed.PROXY_RUN_LENGTH, setup)
    finally:
        for server in backing:
            server.stop()
    out.raw("proxy", [sample.row() for sample in samples])
    text = (f"CPU time of the proxy alone an operation, in front of the same three of {node.name}: median over the "
            "rounds (least–largest). The proxy has one core to itself; the three servers and the load share the other, "
            "so throughput is that of this set-up and only the CPU time compares. The ratio is to the best of the "
            "others.\n\n"
            + report.speed_table(samples, contenders.RingmasterProxy.name,
                                 [p.name for p in proxies if p.name != contenders.RingmasterProxy.name],
                                 targets.PROXY_RATIO_MAX)
            + "\n\nAs redis-benchmark saw it:\n\n" + report.throughput_table(samples))
    out.add("Proxy", text, [backing[0].shown_command(), *commands])


def part_c(setup, options, out):
    """Memory a key."""
    servers = [contenders.RedisServer()]
    if options.node_bin:
        servers.insert(0, contenders.RingmasterNode(options.node_bin))
    results, commands = [], []
    for with_ttl in (False, True):
        for server in servers:
            out.versions[server.name] = server.version()
            size, command = memory.measure(lambda core, s=server: s.start(core, setup.work_dir), with_ttl, setup)
            setup.progress(f"{server.name}, time to live {with_ttl}: {size:.1f} bytes a key")
            results.append((server.name, with_ttl, size))
            commands.append(command)
    out.raw("memory", [{"server": s, "with_ttl": t, "bytes_a_key": f"{b:.2f}"} for s, t, b in results])
    keys = memory.QUICK_KEYS if setup.quick else memory.KEYS
    text = (f"Resident memory that {keys:,} strings added, divided by their number: 16-byte keys, 32-byte values.\n\n"
            + report.memory_table(results, contenders.RingmasterNode.name, targets.KEY_BYTES_MAX))
    out.add("Memory", text, commands)


def part_d(setup, options, out):
    """Latency that a proxy adds."""
    if not options.cli_bin:
        setup.progress("left out: it needs --cli-bin, whose `bench` is the load")
        return
    node, proxies = proxied(options)
    proxies = [proxy for proxy in proxies if proxy.name != "envoy-buffered"]  # it trades latency away
    for server in [node, *proxies]:
        out.versions[server.name] = server.version()
    rate, figures, warnings, names, commands = latency.measure(
        lambda core: node.start(core, setup.work_dir),
        [lambda core, ports, p=proxy: p.start(core, setup.work_dir, ports) for proxy in proxies],
        options.cli_bin, setup)
    out.raw_json("latency", {"rate": rate, "servers": names, "warnings": warnings, "report": figures})
    text = (f"Open loop: {rate:,} operations a second at times fixed beforehand, a fifth of what {names[1]} carried in a "
            "closed loop of 50 connections; latency counts from those times. Nodes and proxies share one core, the load "
            "has the other. One node directly, then each proxy, in turns; added is the median over the rounds of the "
            "difference within a round, in milliseconds.\n\n"
            + report.latency_table(names, figures, contenders.RingmasterProxy.name, targets.ADDED_P99_MS_MAX,
                                   in_doubt=bool(warnings)))
    if warnings:
        text += "\n\nThe load warned, so these figures are in doubt:\n\n" + "\n".join(f"- {line}" for line in warnings)
    out.add("Latency", text, commands)


def part_e(setup, options, out):
    """Commands of all families."""
    servers = [contenders.RedisServer()]
    if options.node_bin:
        servers.insert(0, contenders.RingmasterNode(options.node_bin))
    for server in servers:
        out.versions[server.name] = server.version()
    starts = [lambda core, s=server: s.start(core, setup.work_dir) for server in servers]
    samples, commands = families.measure(starts, setup)
    out.raw("families", [sample.row() for sample in samples])
    text = ("CPU time of the server an operation at pipeline 16: median over the rounds (least–largest). One thread "
            "each, pinned to one core, load on the other; 50 clients, 64-byte values.\n\n"
            + report.families_table(samples, families.OPERATIONS, families.PIPELINE, contenders.RingmasterNode.name,
                                    contenders.RedisServer.name, targets.COMMAND_RATIO_MAX))
    out.add("Commands", text, commands)


def part_f(setup, options, out):
    """Memory of strings and small collections."""
    servers = [contenders.RedisServer()]
    if options.node_bin:
        servers.insert(0, contenders.RingmasterNode(options.node_bin))
    results, commands = [], []
    for shape, stored, counts in memory.SHAPES:
        for server in servers:
            out.versions[server.name] = server.version()
            size, command = memory.measure_shape(
                lambda core, s=server: s.start(core, setup.work_dir), stored, counts, setup)
            setup.progress(f"{server.name}, {shape}: {size:.1f} bytes each")
            results.append((shape, server.name, size))
            commands.append(command)
    out.raw("shapes", [{"stored": s, "server": n, "bytes_each": f"{b:.2f}"} for s, n, b in results])
    text = ("Resident memory that keys added, divided by their number; 16-byte keys. Strings have 32-byte values and are "
            "the mean at 0.8, 1.0 and 1.3 million keys; hashes and sets at 300,000 keys; members have 17 bytes.\n\n"
            + report.shapes_table(results, contenders.RingmasterNode.name, targets.SHAPE_BYTES_MAX))
    out.add("Memory by shape", text, commands)


def part_g(setup, options, out):
    """Latency under heavy work."""
    if not (options.cli_bin and options.node_bin):
        setup.progress("left out: it needs --node-bin, and --cli-bin, whose `bench` is the load")
        return
    node = contenders.RingmasterNode(options.node_bin)
    out.versions[node.name] = node.version()
    samples, longest, commands = busy.measure(
        lambda core, keeps: node.start(core, setup.work_dir, keeps), options.cli_bin, setup)
    out.raw("busy", [sample.row() for sample in samples])
    text = ("Open loop at a fifth of what the node carried in a closed loop of 50 connections; quiet windows and windows "
            "with heavy work in turns, medians over the pairs. The longest turn of the node's data thread and the longest "
            "hold of a slot by the thread's CPU clock, in one more busy window.\n\n"
            + report.busy_table(busy.medians(samples), longest, targets.busy_p999_ms_max, targets.HOLD_MS_MAX))
    out.add("Latency under heavy work", text, commands)


def part_h(setup, options, out):
    """What copies cost."""
    if not (options.proxy_bin and options.node_bin):
        setup.progress("left out: it needs --node-bin and --proxy-bin")
        return
    node, proxy = contenders.RingmasterNode(options.node_bin), contenders.RingmasterProxy(options.proxy_bin)
    for server in (node, proxy):
        out.versions[server.name] = server.version()
    samples, alone, commands = replication.measure(node, options.proxy_bin, setup)
    out.raw("replication", [sample.row() for sample in samples])
    out.raw("replication-one-client", [sample.row() for sample in alone])
    names = replication.NAMES
    text = ("CPU time an operation of a proxy and three nodes together, all slots with one copy and with two: median over "
            "the rounds (least–largest). All of a cluster has one core, the load the other; 50 clients, 64-byte values.\n\n"
            + report.copies_table(samples, names, targets.COPY_CPU_RATIO_MAX)
            + "\n\nLatency of one client at pipeline 1:\n\n"
            + report.copies_latency_table(alone, names, targets.COPY_LATENCY_RATIO_MAX)
            + "\n\nAs redis-benchmark saw it:\n\n" + report.throughput_table(samples))
    out.add("Copies", text, commands)


def part_i(setup, options, out):
    """What security costs."""
    if not (options.proxy_bin and options.node_bin):
        setup.progress("left out: it needs --node-bin and --proxy-bin")
        return
    security.raise_limit()
    node, proxy = contenders.RingmasterNode(options.node_bin), contenders.RingmasterProxy(options.proxy_bin)
    for server in (node, proxy):
        out.versions[server.name] = server.version()
    samples, idle, commands = security.measure(node, proxy, setup)
    out.raw("security", [sample.row() for sample in samples])
    out.raw("idle-clients", [{"bytes_a_client": f"{idle:.0f}"}])
    limits = {pipeline: {security.USERS: targets.USERS_RATIO_MAX,
                         security.TLS: targets.TLS_RATIO_MAX if pipeline == targets.TLS_RATIO_PIPELINE else None}
              for pipeline in ways.PIPELINES}
    text = ("CPU time of a proxy alone an operation, three proxies in front of the same three nodes: in the clear, with a user "
            "for whom each command and key is looked at, with TLS 1.3 (the handshakes of its 50 clients included). Median over "
            "the rounds (least–largest); the proxies have one core, nodes and load share the other.\n\n"
            + report.ways_table(samples, security.PLAIN, limits, ways.PIPELINES)
            + "\n\nA client that has asked once and is silent since, of "
            f"{security.QUICK_IDLE_CLIENTS if setup.quick else security.IDLE_CLIENTS:,}: {idle:,.0f} resident bytes "
            f"(target ≤ {targets.IDLE_CLIENT_BYTES_MAX:,}: {report.verdict(idle, targets.IDLE_CLIENT_BYTES_MAX)}).")
    out.add("Security", text, commands)


def part_j(setup, options, out):
    """What watching costs."""
    if not (options.proxy_bin and options.node_bin):
        setup.progress("left out: it needs --node-bin and --proxy-bin")
        return
    node, proxy = contenders.RingmasterNode(options.node_bin), contenders.RingmasterProxy(options.proxy_bin)
    for server in (node, proxy):
        out.versions[server.name] = server.version()
    samples, commands = watching.measure(node, proxy, setup)
    out.raw("watching", [sample.row() for sample in samples])
    limits = {pipeline: {watching.TRACED: targets.TRACED_RATIO_MAX, watching.SCRAPED: targets.SCRAPED_RATIO_MAX}
              for pipeline in ways.PIPELINES}
    text = ("CPU time of a proxy alone an operation, three proxies in front of the same three nodes: unwatched, with traces set up "
            "of which none is sampled, with its metrics read once a second. Median over the rounds (least–largest); the "
            "proxies have one core, nodes and load share the other.\n\n"
            + report.ways_table(samples, watching.PLAIN, limits, ways.PIPELINES))
    out.add("Watching", text, commands)


def parse(arguments):
    """The options that scripts/benchmark.sh hands over; its help text explains them."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark.sh")
    parser.add_argument("--part", action="append", choices=list(PARTS))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--node-bin")
    parser.add_argument("--proxy-bin")
    parser.add_argument("--cli-bin")
    parser.add_argument("--envoy-bin")
    parser.add_argument("--redis-behind", action="store_true")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--out", required=True)
    parser.add_argument("--shown-command", default="scripts/benchmark.sh")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))  # so that the servers are stopped too
    load_before = host.load_average()
    out = Report(options.out)
    failed = []
    rounds = options.rounds or (1 if options.quick else 5)
    with tempfile.TemporaryDirectory(prefix="ringmaster-bench-") as work_dir:
        setup = Setup(options.quick, rounds, options.server_core, options.load_core, work_dir)
        for part, run in zip(PARTS, (part_a, part_b, part_c, part_d, part_e, part_f, part_g, part_h, part_i, part_j)):
            if part in (options.part or PARTS):
                setup.part = part
                try:
                    run(setup, options, out)
                except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                    failed.append(part)
                    setup.progress(f"FAILED: {error}")
    out.write(options.shown_command, load_before, options.quick)
    print((out.directory / "README.md").read_text())
    if failed:
        sys.exit(f"not measured, see above: part {', '.join(failed)}")


if __name__ == "__main__":
    main()
