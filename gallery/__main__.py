"""The command line, run as ``python -m gallery``."""

from gallery.commands import main

if __name__ == "__main__":
    main()
