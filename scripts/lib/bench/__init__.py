"""The side-by-side benchmark behind scripts/benchmark.sh. Standard library only."""
