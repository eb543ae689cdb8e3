"""What an application does with RQ, against the port given: jobs that succeed, fail, depend on others and wait.

RQ keeps a job, its queue and its registries in keys that it changes together: a hash tag as the prefix of all of them
keeps them in one slot.
"""
import os
import sys
from datetime import timedelta

os.environ["RQ_KEY_PREFIX"] = "{rq}"

import redis  # noqa: E402
from rq import Queue, Retry, SimpleWorker, Worker  # noqa: E402
from rq.job import JobStatus  # noqa: E402
from rq.registry import FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry  # noqa: E402


def work(connection: redis.Redis, kind: type, scheduled: bool = False) -> None:
    kind(["default"], connection=connection).work(burst=True, with_scheduler=scheduled, logging_level="WARNING")


connection = redis.Redis(port=int(sys.argv[1]))
queue = Queue("default", connection=connection)

joined = [queue.enqueue("posixpath.join", "a", str(n)) for n in range(20)]
first = queue.enqueue("posixpath.join", "first", "x")
second = queue.enqueue("posixpath.join", "second", "y", depends_on=first)
broken = queue.enqueue("json.loads", "{")
tried = queue.enqueue("json.loads", "{", retry=Retry(max=2))
assert queue.count == 23, queue.count
assert second.get_status() == JobStatus.DEFERRED
work(connection, SimpleWorker)
assert [job.return_value() for job in joined] == [f"a/{n}" for n in range(20)]
assert (first.return_value(), second.return_value()) == ("first/x", "second/y")
failed = FailedJobRegistry(queue=queue).get_job_ids()
assert sorted(failed) == sorted([broken.id, tried.id]), failed
assert "JSONDecodeError" in broken.latest_result().exc_string
assert len(FinishedJobRegistry(queue=queue)) == 22 and queue.count == 0

# A worker that forks for each job, and the scheduler's process beside it.
forked = queue.enqueue("posixpath.join", "fork", "z")
work(connection, Worker)
assert forked.return_value() == "fork/z"
later = queue.enqueue_in(timedelta(milliseconds=1), "posixpath.join", "later", "w")
assert ScheduledJobRegistry(queue=queue).get_job_ids() == [later.id]
work(connection, Worker, scheduled=True)
assert later.return_value() == "later/w", later.get_status()

assert FailedJobRegistry(queue=queue).requeue(broken.id).get_status() == JobStatus.QUEUED
assert queue.empty() == 1 and Worker.all(connection=connection) == []
print("rq works")
