//! The Kubernetes manifests: valid for the newest three versions, true of the programs, and good for a start.
//!
//! `scripts/test.sh` installs what they are looked at with and says where: `RINGMASTER_TEST_KUBECTL` is a kubectl (else the
//! one on the path), `RINGMASTER_TEST_KUBERNETES_VALIDATE` a kubernetes-validate. What is missing is skipped, loudly.

mod fit;
mod manifests;
mod processes;
mod start;
mod valid;

/// All that can be built, relative to `k8s`.
const BUILDS: [&str; 3] = ["base", "overlays/dev", "overlays/production"];
