"""Tables that come with the package."""

from importlib.resources import as_file, files
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from qdist.errors import InputError
from qdist.extras import require

__all__ = ["load_penguins"]


def load_penguins(*, as_frame: Literal["pandas", "polars", "pyarrow"] = "pandas") -> Any:
    """The Palmer penguins: 344 birds of three species, 8 columns, some cells missing.

    Source: K. B. Gorman, T. D. Williams, W. R. Fraser, "Ecological Sexual Dimorphism and
    Environmental Variability within a Community of Antarctic Penguins (Genus Pygoscelis)", PLoS
    ONE 9(3): e90081 (2014), https://doi.org/10.1371/journal.pone.0090081; as prepared by A. M.
    Horst, A. P. Hill, K. B. Gorman, palmerpenguins: Palmer Archipelago (Antarctica) penguin data,
    R package (2020), https://allisonhorst.github.io/palmerpenguins/. Licence: CC0.

    Args:
        as_frame: The make of the frame.

    Returns:
        A frame of 344 rows: species, island, bill_length_mm, bill_depth_mm, flipper_length_mm,
        body_mass_g, sex, year.

    Raises:
        InputError: If the make is not one of the three.
        ExtraMissingError: If pandas is asked for and not installed.

    Example:
        >>> load_penguins(as_frame="pyarrow").shape
        (344, 8)
    """
    with as_file(files("qdist.data") / "penguins" / "penguins.parquet") as path:
        table: pa.Table = pq.read_table(path)
    if as_frame == "pyarrow":
        return table
    if as_frame == "pandas":
        require("pandas", extra="pandas")  # pyarrow's own words do not say how to get it
        return table.to_pandas()
    if as_frame == "polars":
        import polars as pl

        return pl.from_arrow(table)
    raise InputError(f"Expected 'pandas', 'polars' or 'pyarrow'; got {as_frame!r}.")
