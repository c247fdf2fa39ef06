"""What the package costs, as one table: `python -m benchmarks`."""
