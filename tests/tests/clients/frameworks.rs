//! Frameworks that keep jobs, caches and messages in Redis, unmodified, through a proxy in front of three nodes whose
//! slots have two copies.

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wire::Wire;

use super::scripts::{self, JOBS_PYTHON};

/// A cluster that serves.
fn serving() -> Cluster {
    let cluster = Cluster::builder().yaml("replicas: 2").start();
    Wire::connect(cluster.address()).ask_until("SET begun 1", |reply| reply == r"+OK\r\n");
    cluster
}

fn port(cluster: &Cluster) -> u16 {
    cluster.address().port()
}

#[test]
fn rq_runs_its_jobs() {
    scripts::python(JOBS_PYTHON, "rq_jobs.py", port(&serving()));
}

#[test]
fn celery_runs_its_tasks() {
    scripts::python(JOBS_PYTHON, "celery_tasks.py", port(&serving()));
}

#[test]
fn django_keeps_its_cache_and_its_sessions() {
    scripts::python(JOBS_PYTHON, "django_cache.py", port(&serving()));
}

#[test]
fn bullmq_runs_its_jobs() {
    scripts::node("bullmq.js", "bullmq", port(&serving()));
}

#[test]
fn socket_io_reaches_the_clients_of_another_server() {
    scripts::node("socket_io.js", "@socket.io/redis-adapter", port(&serving()));
}
