"""`python -m openkap`: the command line, where no console script is installed."""

from openkap.cli.main import entry

if __name__ == "__main__":
    entry()
