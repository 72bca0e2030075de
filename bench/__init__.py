"""What deployctl costs, measured on one lab host. What each figure is: docs/benchmarks.md."""
