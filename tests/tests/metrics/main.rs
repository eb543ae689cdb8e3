//! What nodes and proxies tell Prometheus: by live pages, and by Prometheus's own `promtool` where it is installed.

mod files;
mod pages;
mod promtool;
