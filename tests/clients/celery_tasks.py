"""What an application does with Celery, against the port given: the proxy is broker and keeper of results.

Celery changes several keys together: a hash tag as the prefix of all of them keeps them in one slot.
"""
import sys

from celery import Celery, chain, chord, group
from celery.contrib.testing.worker import start_worker

SECONDS = 30
tagged = {"global_keyprefix": "{celery}:"}
url = f"redis://127.0.0.1:{sys.argv[1]}"
app = Celery("conformance", broker=f"{url}/0", backend=f"{url}/1")
app.conf.update(
    broker_transport_options=tagged,
    result_backend_transport_options=tagged,
    broker_connection_retry_on_startup=False,
    worker_hijack_root_logger=False,
)


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task(bind=True, max_retries=2, default_retry_delay=0.1)
def third_time(self) -> int:
    if self.request.retries < 2:
        raise self.retry()
    return self.request.retries


@app.task
def broken() -> None:
    raise ValueError("broken")


with start_worker(app, pool="solo", concurrency=1, perform_ping_check=False, loglevel="ERROR"):
    assert add.delay(2, 3).get(timeout=SECONDS) == 5
    assert group(add.s(n, n) for n in range(20))().get(timeout=SECONDS) == [2 * n for n in range(20)]
    assert chain(add.s(1, 2), add.s(3), add.s(4))().get(timeout=SECONDS) == 10
    assert chord((add.s(n, 1) for n in range(10)), total.s())().get(timeout=SECONDS) == 55
    assert third_time.delay().get(timeout=SECONDS) == 2
    assert add.apply_async((4, 5), countdown=0.2).get(timeout=SECONDS) == 9
    try:
        broken.delay().get(timeout=SECONDS)
        raise AssertionError("the task must fail")
    except ValueError as error:
        assert str(error) == "broken"
    # A question to all workers by publish and subscribe; a solo worker answers between two tasks.
    answers = app.control.ping(timeout=SECONDS, limit=1)
    assert [list(answer.values()) for answer in answers] == [[{"ok": "pong"}]], answers
print("celery works")
