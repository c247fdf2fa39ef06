"""Mutation testing of the decoder and the codecs: which small changes of the code no case, law or test sees.

Run it with `make mutants`, or `python -m benchmarks.mutants --help`. It is an engine of our own, since the usual ones
do not fit: mutmut changes nothing outside functions (half of a codec is tables), passes over properties and judges by
pytest, which takes longer to collect our cases than to run them; cosmic-ray starts a process for every mutant.

Here a child is forked for each mutant. Where a function changes, it gets other code, and everything else is imported
and warm. Where a module says something once, the child imports it with the change, before anything else. Then the
checks run that call the changed function, cheap ones first, up to the first that fails. What fails without a change
judges nothing. A check that takes many times its CPU time, or all memory, has failed.

- `operators.py`: what is changed, and what is left alone
- `checks.py`: the cases of fixtures/, and generated outputs, messages and values held to the laws
- `survey.py`: which functions each check and each test of tests/ calls, and how long it takes
- `forks.py`: one mutant in one child
- `equivalent.jsonl`: mutants that do what the program does, each with the reason
- `__main__.py`: the command: sample, run, count, list the survivors
"""
