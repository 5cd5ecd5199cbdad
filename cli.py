"""The command line, run from a checkout as ``python cli.py``."""

from gallery.commands import main

if __name__ == "__main__":
    main()
