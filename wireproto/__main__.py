"""Runs the command line as `python -m wireproto`."""

from wireproto.cli import main

if __name__ == "__main__":
    main()
