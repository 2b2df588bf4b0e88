"""What `evaluate` found, to read, to print, or to store as JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

__all__ = ["Association", "Marginal", "Report"]


@dataclass(frozen=True)
class Marginal:
    """How far one column's marginal is off.

    Attributes:
        column: Its name.
        kind: "number", "time", "category" or "id".
        error: Kolmogorov distance (numbers, times) or total variation (categories), "missing"
            being a value of its own; in [0, 1]. Of an "id" only the shares of cells that are
            missing, met once and met again are compared.
        missing_real: Share of missing cells among the real rows.
        missing_synthetic: The same among the synthetic rows.
        bootstrap: The error of training rows drawn with replacement, as many as there are
            synthetic rows; None without training rows.
    """

    column: str
    kind: str
    error: float
    missing_real: float
    missing_synthetic: float
    bootstrap: float | None = None


@dataclass(frozen=True)
class Association:
    """How far the association of two columns is off; `error` in [0, 1]."""

    columns: tuple[str, str]
    error: float


@dataclass(frozen=True, repr=False)
class Report:
    """How far a synthetic table is from a real one. Zero is best; for `c2st` it is 0.5.

    Attributes:
        c2st: Mean AUC of trees that tell synthetic rows from real ones.
        c2st_folds: The AUC of each fold.
        c2st_noise: Standard deviation of `c2st` when both frames follow one law.
        marginal_error: Mean error of the marginals.
        marginal_ratio: That over the one of bootstrapped training rows; None without these.
        association_error: Mean error of the pairwise associations; None with one column.
        energy_distance: Of the encoded rows (unbiased, hence at times slightly negative).
        copied: Share of synthetic rows that repeat a training row; None without these.
        copied_real: Share of real rows that do.
        marginals: One entry for each column, in the order of the real frame.
        associations: One entry for each pair of columns.
        settings: Every constant that the numbers depend on.
    """

    c2st: float
    c2st_folds: tuple[float, ...]
    c2st_noise: float
    marginal_error: float
    marginal_ratio: float | None
    association_error: float | None
    energy_distance: float
    copied: float | None
    copied_real: float | None
    marginals: tuple[Marginal, ...]
    associations: tuple[Association, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data that `json.dumps` takes."""
        plain = asdict(self)
        plain["c2st_folds"] = list(self.c2st_folds)
        plain["marginals"] = [asdict(m) for m in self.marginals]
        plain["associations"] = [
            {"columns": list(a.columns), "error": a.error} for a in self.associations
        ]
        return plain

    def table(self) -> str:
        """The marginals as a markdown table, the worst column first."""
        with_train = any(m.bootstrap is not None for m in self.marginals)
        head = ["column", "kind", "error", "missing, real", "missing, synthetic"]
        lines = []
        for m in sorted(self.marginals, key=lambda m: -m.error):
            cells = [m.column.replace("|", "\\|"), m.kind, f"{m.error:.4f}"]
            cells += [f"{m.missing_real:.2%}", f"{m.missing_synthetic:.2%}"]
            if with_train:
                cells.append("" if m.bootstrap is None else f"{m.bootstrap:.4f}")
            lines.append(cells)
        if with_train:
            head.append("bootstrap")
        rule = ["---", "---", *(["---:"] * (len(head) - 2))]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])

    def __repr__(self) -> str:
        lines = [
            f"C2ST (AUC)          {self.c2st:.3f}   0.5 is perfect; "
            f"equal laws give 0.5 +- {self.c2st_noise:.3f}",
            f"marginal error      {self.marginal_error:.4f}{self._worst_marginal()}",
        ]
        if self.marginal_ratio is not None:
            lines.append(
                f"  over a bootstrap  {self.marginal_ratio:.2f}    1 is that of the training rows"
            )
        if self.association_error is not None:
            lines.append(
                f"association error   {self.association_error:.4f}{self._worst_association()}"
            )
        lines.append(f"energy distance     {self.energy_distance:.4f}")
        if self.copied is not None:
            lines.append(
                f"copied rows         {self.copied:.2%}   real rows: {self.copied_real:.2%}"
            )
        rows = self.settings
        title = (
            f"Report: {rows['n_synthetic']:,} synthetic rows against {rows['n_real']:,} real ones"
        )
        return "\n  ".join([title, *lines])

    def _worst_marginal(self) -> str:
        worst = self.marginals[int(np.argmax([m.error for m in self.marginals]))]
        return f"  worst: {worst.column}, {worst.error:.4f}"

    def _worst_association(self) -> str:
        worst = self.associations[int(np.argmax([a.error for a in self.associations]))]
        return f"  worst: {worst.columns[0]} with {worst.columns[1]}, {worst.error:.4f}"
