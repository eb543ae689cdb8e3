"""What the machine was: part of every published figure."""

import os
import platform
import re
from pathlib import Path


def cpu_model():
    """The processor's name, as the kernel gives it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def kind():
    """The machine in a few characters, for a directory's name: `2cpu-amd-epyc`."""
    words = re.sub(r"\(r\)|\(tm\)|processor|cpu|@.*", " ", cpu_model().lower())
    slug = "-".join(re.findall(r"[a-z0-9]+", words)[:3])
    return f"{os.cpu_count()}cpu-{slug}"


def facts():
    """Lines that describe the machine."""
    distribution = "unknown"
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            distribution = line.split("=", 1)[1].strip('"')
    memory_kib = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1))
    return [
        f"{os.cpu_count()} CPUs, {cpu_model()}",
        f"{memory_kib / 1024 / 1024:.0f} GiB of memory",
        f"{distribution}, kernel {platform.release()}",
    ]


def load_average():
    """Runnable processes over the last minute: what else the machine was doing."""
    return os.getloadavg()[0]
