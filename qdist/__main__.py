"""`python -m qdist` is `qdist`."""

from qdist.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
