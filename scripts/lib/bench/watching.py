"""Part J: what watching costs. Proxies in front of the same nodes: unwatched, with traces that sample nothing, scraped."""

import threading
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from . import ways
from .process import free_port

PLAIN, TRACED, SCRAPED = "unwatched", "traces, none sampled", "metrics read each second"
SCRAPE_SECONDS = 1.0


def _scraped(port, is_over, failures):
    """Reads the page of metrics again and again, as Prometheus would, until it cannot be had."""
    try:
        while not is_over.wait(SCRAPE_SECONDS):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
                page.read()
    except OSError as error:
        failures.append(error)


def measure(node, proxy, setup):
    """Samples of all ways in turns, and the commands that were run."""
    # Nobody listens there: what no command is sampled for is never sent.
    config = Path(setup.work_dir) / "traced.yaml"
    config.write_text(f"tracing: {{endpoint: \"http://127.0.0.1:{free_port()}\", sample: 0}}\n")
    admin = free_port()
    told = ((PLAIN, ()), (TRACED, ("--config", str(config))), (SCRAPED, ("--admin", f"127.0.0.1:{admin}")))
    with ExitStack() as stack:
        ports = ways.start_nodes(node, setup, stack)
        servers = []
        for name, flags in told:
            server = proxy.start(setup.server_core, setup.work_dir, ports, "", flags)
            stack.callback(server.stop)
            server.name = name
            servers.append((server, ()))
        is_over, failures = threading.Event(), []
        reader = threading.Thread(target=_scraped, args=(admin, is_over, failures))
        reader.start()
        try:
            samples = ways.in_turns(servers, setup)
        finally:
            is_over.set()
            reader.join()
        if failures:
            raise RuntimeError(f"the metrics could not be read all the time: {failures[0]}")
        return samples, [server.shown_command() for server, _ in servers]
