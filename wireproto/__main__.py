"""Runs the command line as `python -m wireproto`."""

from wireproto.cli.main import main

if __name__ == "__main__":
    main()
