"""Generated inputs for dialects: tools, calls, hostile values, mutated outputs. Needs hypothesis."""
