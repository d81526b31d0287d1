"""Mean and spread of metrics over several runs."""

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from keras_resnet_recipes.recipe import Comparison
from keras_resnet_recipes.runs.log import TITLES, TOP1, monitored
from keras_resnet_recipes.runs.progress import reached

NOT_MEASURED = "not measured"

Log = Mapping[str, Sequence[float]]


@dataclasses.dataclass(frozen=True)
class Spread:
    """Mean and spread of a metric over several runs.

    Args:
        values: Value of each run, at least one.

    Example:
        >>> spread = Spread((93.5, 94.0, 94.2))
        >>> spread.cells()
        ('93.90', '0.36', '93.50', '94.20')
        >>> Spread((93.5,)).cells()
        ('93.50', 'not measured', '93.50', '93.50')
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation, with n - 1; None for a single run."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def cells(self, digits: int = 2) -> tuple[str, str, str, str]:
        """Returns mean, standard deviation, minimum and maximum as text."""
        metrics = (self.mean, self.deviation, min(self.values), max(self.values))
        return tuple(shown(metric, digits) for metric in metrics)


def compared(logs: Mapping[str, Sequence[Log]]) -> Comparison:
    """Returns a table of the accuracy of each row, top-1 or mean average precision, and its difference from the first.

    Example:
        >>> compared({"A": [{"val_top1": [0.5]}, {"val_top1": [0.75]}], "B": [{"val_top1": [0.75]}, {}]})
           top-1 %  standard deviation  runs    against A
        A  62.50    17.68               2
        B  75.00    not measured        1 of 2  +12.50
    """
    accuracies = {name: spread(runs, percent) for name, runs in logs.items()}
    first = next(iter(logs))
    rows = {}
    for name, runs in logs.items():
        row, baseline = accuracies[name], accuracies[first]
        gain = None if row is None or baseline is None else row.mean - baseline.mean
        difference = "" if name == first else shown(gain, signed=True)
        rows[name] = (*accuracy_cells(runs), difference)
    measured = [log for runs in logs.values() for log in runs if log]
    title = TITLES[monitored(measured[0])] if measured else TITLES[TOP1]
    return Comparison((f"{title} %", "standard deviation", "runs", f"against {first}"), rows)


def spread(logs: Iterable[Log], metric: Callable[[Log], float]) -> Spread | None:
    """Returns the spread of a metric over the completed runs; None if there is none."""
    values = tuple(metric(log) for log in logs if log)
    return Spread(values) if values else None


def shown(metric: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Formats a metric for a table.

    Example:
        >>> shown(0.125), shown(1, signed=True), shown(None)
        ('0.12', '+1.00', 'not measured')
    """
    if metric is None:
        return NOT_MEASURED
    return f"{metric:{'+' if signed else ''}.{digits}f}"


def spreads(logs: Sequence[Log], target_top1: float | None = None) -> Comparison:
    """Returns a table of last and best accuracy over runs of one recipe; without evaluation, of the last loss.

    With a target in percent, it includes the seconds of training until the target, over the runs that reached it.

    Example:
        >>> spreads([{"loss": [2.0, 1.0]}, {"loss": [2.0, 1.5]}])
                            mean    standard deviation  minimum  maximum
        loss, last epoch    1.2500  0.3536              1.0000   1.5000
    """
    names = {monitored(log) for log in logs if log} or {TOP1}
    if None not in names:
        title = TITLES[max(names)]
        metrics: dict[str, Callable[[Log], float]] = {
            f"{title}, last epoch": lambda log: log[monitored(log)][-1],
            f"{title}, best epoch": lambda log: max(log[monitored(log)]),
        }
    else:
        metrics = {"loss, last epoch": lambda log: log["loss"][-1]}
    found = {name: spread(logs, metric) for name, metric in metrics.items()}
    if target_top1 is not None and "top-1, last epoch" in metrics:
        times = [time for log in logs if log and (time := reached(log, target_top1))]
        name = f"seconds to {target_top1:g} %, {len(times)} of {len(logs)} runs"
        found[name] = Spread(tuple(seconds for _, seconds in times)) if times else None
    return Comparison(
        columns=("mean", "standard deviation", "minimum", "maximum"),
        rows={
            name: (NOT_MEASURED,) * 4 if one is None else one.cells(digits=4)
            for name, one in found.items()
        },
    )


def percent(log: Log) -> float:
    """Returns the validation accuracy after the last epoch, in percent."""
    return 100 * log[monitored(log)][-1]


def accuracy_cells(runs: Sequence[Log]) -> tuple[str, str, str]:
    """Returns mean and standard deviation of the accuracy, and the number of runs, as text."""
    found = spread(runs, percent)
    if found is None:
        return NOT_MEASURED, NOT_MEASURED, f"0 of {len(runs)}" if runs else "0"
    count = str(len(runs)) if all(runs) else f"{len(found.values)} of {len(runs)}"
    return shown(found.mean), shown(found.deviation), count
