"""Repeat every measurement and write the pages: `python -m benchmarks.run [--quick]`."""

import sys

from benchmarks import report, tables

if __name__ == "__main__":
    tables.main(sys.argv[1:])
    if "--quick" not in sys.argv[1:]:
        report.main([])
