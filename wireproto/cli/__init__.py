"""The command line: commands, their options, files in and out, and how it looks at a terminal.

It must not know how anything works: it calls the public functions.
Law: standard output has the result and nothing else; an error is one line, with a hint, and exit code 2.
"""
