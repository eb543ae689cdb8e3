//! Frameworks that keep jobs, caches and messages in Redis, unmodified, through a proxy in front of three nodes whose
//! slots have two copies.

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wire::Wire;

use super::scripts::{self, JOBS_PYTHON};

/// A cluster that serves, with so many copies of each key.
fn serving(copies: usize) -> Cluster {
    let cluster = Cluster::builder().yaml(&format!("replicas: {copies}")).start();
    Wire::connect(cluster.address()).ask_until("SET begun 1", |reply| reply == r"+OK\r\n");
    cluster
}

fn port(cluster: &Cluster) -> u16 {
    cluster.address().port()
}

/// It watches keys, which slots with copies refuse for now.
#[test]
fn rq_runs_its_jobs() {
    scripts::python(JOBS_PYTHON, "rq_jobs.py", port(&serving(1)));
}

#[test]
fn celery_runs_its_tasks() {
    scripts::python(JOBS_PYTHON, "celery_tasks.py", port(&serving(2)));
}

#[test]
fn django_keeps_its_cache_and_its_sessions() {
    scripts::python(JOBS_PYTHON, "django_cache.py", port(&serving(2)));
}

#[test]
fn bullmq_runs_its_jobs() {
    scripts::node("bullmq.js", "bullmq", port(&serving(2)));
}

#[test]
fn socket_io_reaches_the_clients_of_another_server() {
    scripts::node("socket_io.js", "@socket.io/redis-adapter", port(&serving(2)));
}
