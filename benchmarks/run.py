"""Measure tables, queries and imputation again: `python -m benchmarks.run [--quick]`.

Each other page names its own command. The rivals of `benchmarks.imputation` have an environment of
their own: see there.
"""

import sys

from benchmarks import imputation, imputation_report, queries, queries_report, report, tables

if __name__ == "__main__":
    tables.main(sys.argv[1:])
    if "--quick" not in sys.argv[1:]:
        report.main([])
        queries.main([])
        queries_report.main([])
        imputation.main([])
        imputation_report.main([])
