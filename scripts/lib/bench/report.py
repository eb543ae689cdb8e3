"""The Markdown of a run, and its raw figures as CSV."""

import csv

from . import speed

ABSENT = "–"


def table(header, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def verdict(value, limit):
    """`yes` or `no`: whether a figure that should be small reached its target."""
    return "yes" if value <= limit else "no"


def speed_table(samples, ours, others, targets):
    """CPU time an operation of each server, the ratio of ours to the best of the others, the target."""
    cpu = speed.medians(samples)
    limits = speed.spread(samples)
    names = [name for name in [ours, *others] if any(key[0] == name for key in cpu)]
    rows = []
    for pipeline in speed.PIPELINES:
        for operation in speed.OPERATIONS:
            cells = [_cell(cpu, limits, (name, operation, pipeline)) for name in names]
            ratio = _ratio(cpu, ours, others, operation, pipeline)
            outcome = [ABSENT] * 2 if ratio is None else [f"{ratio:.2f}", verdict(round(ratio, 2), targets[pipeline])]
            rows.append([operation.upper(), pipeline, *cells, outcome[0], f"≤ {targets[pipeline]:.2f}", outcome[1]])
    return table(["command", "pipeline", *(f"{name} µs" for name in names), "ratio", "target", "reached"], rows)


def copies_table(samples, names, targets):
    """CPU time an operation with one copy and with two, their ratio, the target."""
    cpu, limits = speed.medians(samples), speed.spread(samples)
    rows = []
    for pipeline in speed.PIPELINES:
        for operation in speed.OPERATIONS:
            one, two = ((name, operation, pipeline) for name in names)
            ratio, limit = cpu[two] / cpu[one], targets[operation]
            rows.append([operation.upper(), pipeline, _cell(cpu, limits, one), _cell(cpu, limits, two),
                         f"{ratio:.2f}", f"≤ {limit:.2f}", verdict(round(ratio, 2), limit)])
    return table(["command", "pipeline", *(f"{name} µs" for name in names), "ratio", "target", "reached"], rows)


def copies_latency_table(samples, names, targets):
    """Median latency of one client with one copy and with two."""
    p50 = speed.medians(samples, "p50_ms")
    rows = []
    for operation in speed.OPERATIONS:
        one, two = (p50[(name, operation, 1)] for name in names)
        ratio, limit = two / one, targets[operation]
        reached = verdict(round(ratio, 2), limit) if limit else ABSENT
        rows.append([operation.upper(), f"{one:.3f}", f"{two:.3f}", f"{ratio:.2f}",
                     f"≤ {limit:.2f}" if limit else ABSENT, reached])
    return table(["command", *(f"{name} p50 ms" for name in names), "ratio", "target", "reached"], rows)


def ways_table(samples, plain, limits, pipelines):
    """CPU time an operation of each way, and its ratio to `plain`; `limits` are (way, pipeline) to the largest ratio."""
    cpu, ranges = speed.medians(samples), speed.spread(samples)
    rows = []
    for pipeline in pipelines:
        for operation in speed.OPERATIONS:
            rows.append([operation.upper(), pipeline, plain, _cell(cpu, ranges, (plain, operation, pipeline)), *[ABSENT] * 3])
            for way, limit in limits[pipeline].items():
                ratio = cpu[(way, operation, pipeline)] / cpu[(plain, operation, pipeline)]
                rows.append([operation.upper(), pipeline, way, _cell(cpu, ranges, (way, operation, pipeline)), f"{ratio:.2f}",
                             f"≤ {limit:.2f}" if limit else ABSENT, verdict(round(ratio, 2), limit) if limit else ABSENT])
    return table(["command", "pipeline", "way", "µs", "ratio", "target", "reached"], rows)


def families_table(samples, operations, pipeline, ours, theirs, target):
    """CPU time an operation of ours and theirs by command, the ratio, the target."""
    cpu, limits = speed.medians(samples), speed.spread(samples)
    rows = []
    for operation in operations:
        names = [name for name in (ours, theirs) if (name, operation, pipeline) in cpu]
        ratio = _ratio(cpu, ours, [theirs], operation, pipeline)
        outcome = [ABSENT] * 2 if ratio is None else [f"{ratio:.2f}", verdict(round(ratio, 2), target)]
        cells = [_cell(cpu, limits, (name, operation, pipeline)) for name in names]
        rows.append([operation.upper(), *cells, outcome[0], f"≤ {target:.2f}", outcome[1]])
    return table(["command", *(f"{name} µs" for name in names), "ratio", "target", "reached"], rows)


def shapes_table(results, ours, targets):
    """Bytes a key by what is stored; `results` is a list of (shape, server, bytes)."""
    rows = []
    for shape, server, size in results:
        limit = targets[shape] if server == ours else None
        rows.append([shape, server, f"{size:.1f}", f"≤ {limit}" if limit else ABSENT,
                     verdict(round(size, 1), limit) if limit else ABSENT])
    return table(["stored", "server", "bytes each", "target", "reached"], rows)


def _cell(cpu, limits, key):
    low, high = limits[key]
    return f"{cpu[key]:.2f} ({low:.2f}–{high:.2f})"


def _ratio(cpu, ours, others, operation, pipeline):
    mine = cpu.get((ours, operation, pipeline))
    theirs = [cpu[(name, operation, pipeline)] for name in others if (name, operation, pipeline) in cpu]
    return mine / min(theirs) if mine is not None and theirs else None


def throughput_table(samples):
    """What redis-benchmark itself saw: medians of operations a second and of its latencies."""
    rate, p50, p99 = (speed.medians(samples, f) for f in ("operations_per_second", "p50_ms", "p99_ms"))
    rows = [[server, operation.upper(), pipeline, f"{rate[key]:,.0f}", f"{p50[key]:.2f}", f"{p99[key]:.2f}"]
            for key in rate for server, operation, pipeline in [key]]
    rows.sort(key=lambda row: (row[2], row[1], row[0]))
    return table(["server", "command", "pipeline", "operations/s", "p50 ms", "p99 ms"], rows)


def memory_table(results, ours, targets):
    """Bytes a key by server; `results` is a list of (server, with_ttl, bytes)."""
    rows = []
    for server, with_ttl, size in results:
        limit = targets[with_ttl] if server == ours else None
        rows.append([server, "yes" if with_ttl else "no", f"{size:.1f}", f"≤ {limit}" if limit else ABSENT,
                     verdict(round(size, 1), limit) if limit else ABSENT])
    return table(["server", "time to live", "bytes a key", "target", "reached"], rows)


def latency_table(names, bench_report, ours, limit_ms, in_doubt):
    """Latency of the direct way, and what each proxy adds to it: medians over the rounds, in milliseconds."""
    differences = [None, *bench_report["differences"]]
    rows = []
    for name, target, difference in zip(names, bench_report["targets"], differences):
        figures = [f"{target['median'][key] / 1000:.3f}" for key in ("p50_us", "p99_us", "p999_us")]
        more = [ABSENT] * 3
        if difference is not None:
            more = [f"{difference[key] / 1000:+.3f}" for key in ("p50_us", "p99_us", "p999_us")]
        is_ours = name == ours
        reached = verdict(round(difference["p99_us"] / 1000, 3), limit_ms) if is_ours else ABSENT
        if is_ours and in_doubt:
            reached = "in doubt"
        way = f"{name} directly" if difference is None else f"through {name}"
        rows.append([way, *figures, *more, f"≤ {limit_ms}" if is_ours else ABSENT, reached])
    header = ["way", "p50 ms", "p99 ms", "p99.9 ms", "added p50", "added p99", "added p99.9", "target p99", "reached"]
    return table(header, rows)


def busy_table(medians, longest, limit_of, hold_limit_ms):
    """Quiet and busy p99.9 by work, and the longest turn and hold, in milliseconds."""
    rows = []
    for work, (quiet, loaded) in medians.items():
        limit = limit_of(quiet)
        turn, hold = longest[work]
        rows.append([work, f"{quiet:.2f}", f"{loaded:.2f}", f"≤ {limit:.2f}", verdict(round(loaded, 2), limit),
                     f"{turn:.2f}", f"{hold:.2f}", f"≤ {hold_limit_ms}", verdict(max(turn, hold), hold_limit_ms)])
    return table(["work", "quiet p99.9 ms", "busy p99.9 ms", "target", "reached", "longest turn ms", "longest hold ms",
                  "target", "reached"], rows)


def write_csv(path, rows):
    """Rows (dicts of equal keys) as CSV."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
