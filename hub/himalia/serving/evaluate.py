"""Evaluates an MLflow model on a table, in the model's environment::

    python -m himalia.serving.evaluate MODEL_FOLDER --data FILE_OR_FOLDER --target COLUMN

It writes, below `outputs/evaluation`, `report.json` with the metrics and, for a classifier, the confusion matrix and
the metrics of each class; beside it the pictures and tables of `mlflow.models.evaluate`. Metrics are the job's, too.

    {"type": "classifier", "target": "digit", "rows": 360, "metrics": {"accuracy_score": 0.97},
     "labels": ["0", "1"], "left_out": 0, "confusion_matrix": [[35, 0], [1, 34]], "right": 69,
     "per_class": [{"label": "0", "precision": 0.97, "recall": 1.0, "f1": 0.99, "rows": 35}],
     "artifacts": [{"name": "roc_curve_plot", "path": "artifacts/roc_curve_plot.png"}]}

For a regressor it holds `points` instead, [right, answered] of up to a thousand rows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

import himalia.run as run

OUTPUT = Path("outputs/evaluation")
READERS: dict[str, Any] = {
    ".csv": pd.read_csv,
    ".tsv": pd.read_table,
    ".parquet": pd.read_parquet,
    ".jsonl": pd.read_json,
}
MOST_CLASSES = 100
"""A target with more values than this, or with fractions, is a quantity and no class."""
NO_MEASURES = {"example_count", "mean_on_target", "sum_on_target"}
"""What MLflow counts among the metrics, and which says nothing of the model."""
MOST_POINTS = 1000
MOST_SHOWN = 60
"""Classes in the report: a matrix of thousands fills the memory, and nobody can read it."""


class EvaluationError(Exception):
    """The model cannot be evaluated on this; the message says why."""


def main() -> int:
    """The program; answers its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m himalia.serving.evaluate", description="Evaluate a model."
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--type", choices=("classifier", "regressor"))
    given = parser.parse_args()
    try:
        table = _table(given.data)
        if given.target not in table.columns:
            known = ", ".join(map(str, table.columns[:30]))
            raise EvaluationError(f"There is no column {given.target}. The table has: {known}.")
        evaluate(given.model, table, given.target, given.type or _type(table[given.target]))
    except EvaluationError as error:
        run.progress(str(error))  # the last words are what is shown of an evaluation that failed
        print(error, file=sys.stderr, flush=True)
        return 1
    except Exception as error:
        run.progress(f"{type(error).__name__}: {error}"[:2000])
        raise
    return 0


def evaluate(model: Path, table: pd.DataFrame, target: str, kind: str) -> None:
    """Write the evaluation of a model on a table. Raises EvaluationError."""
    run.progress("Loading the model")
    if "MLFLOW_TRACKING_URI" not in os.environ:  # tried out, outside of a platform
        os.environ |= {"MLFLOW_TRACKING_URI": "file:mlruns", "MLFLOW_ALLOW_FILE_STORE": "true"}
    import mlflow

    pyfunc = mlflow.pyfunc.load_model(str(model))
    pyfunc._model_id = None  # the MLflow that logged it is not asked: an evaluation has no network
    run.progress(f"Evaluating on {len(table)} rows")
    try:
        answers = pyfunc.predict(table.drop(columns=[target]))
        metrics = _evaluated(pyfunc, table, target, kind)
    except mlflow.exceptions.MlflowException as error:
        raise EvaluationError(f"The model does not take this table: {error.message}") from error
    report: dict[str, Any] = {"type": kind, "target": target, "rows": len(table)}
    if kind == "classifier":
        report |= class_report(table[target], answers)
        metrics.setdefault("accuracy_score", report["right"] / max(len(table), 1))
    else:
        report["points"] = points(table[target], answers)
    for name, value in metrics.items():
        run.log(name, value, step=0)
    report["metrics"] = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
    made = sorted(OUTPUT.glob("artifacts/*"))
    report["artifacts"] = [{"name": one.stem, "path": f"artifacts/{one.name}"} for one in made]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "report.json").write_text(json.dumps(report, indent=1))


def _evaluated(pyfunc: Any, table: pd.DataFrame, target: str, kind: str) -> dict[str, float]:
    """MLflow's metrics, with its pictures and tables saved; none where it cannot make them of this table."""
    import mlflow

    try:
        result: Any = mlflow.models.evaluate(  # type: ignore[no-untyped-call]
            pyfunc,
            table,
            targets=target,
            model_type=kind,
            evaluators="default",
            evaluator_config={"log_explainer": False},
        )
    except ValueError as error:  # such as a table in which a class does not occur
        print(f"MLflow's curves and metrics are left out: {error}", flush=True)
        return {}
    result.save(str(OUTPUT))
    return {
        name: float(value)
        for name, value in result.metrics.items()
        if isinstance(value, int | float) and name not in NO_MEASURES
    }


def _table(place: Path) -> pd.DataFrame:
    if place.is_dir():
        files = sorted(one for one in place.rglob("*") if one.suffix.lower() in READERS)
        if len(files) != 1:
            listed = ", ".join(str(one.relative_to(place)) for one in files[:10]) or "none"
            raise EvaluationError(f"Name the table of the dataset to evaluate on. It has: {listed}.")
        place = files[0]
    reader = READERS.get(place.suffix.lower())
    if reader is None or not place.is_file():
        raise EvaluationError(f"{place.name} is no table: CSV, TSV, Parquet and JSON lines can be read.")
    try:
        table: pd.DataFrame = reader(place, **({"lines": True} if place.suffix.lower() == ".jsonl" else {}))
        return table
    except (ValueError, ImportError) as error:
        raise EvaluationError(f"{place.name} cannot be read: {error}") from error


def _type(target: pd.Series[Any]) -> str:
    if pd.api.types.is_float_dtype(target) and (target.dropna() % 1 != 0).any():
        return "regressor"
    is_number = pd.api.types.is_numeric_dtype(target) and not pd.api.types.is_bool_dtype(target)
    return "regressor" if is_number and target.nunique() > MOST_CLASSES else "classifier"


def points(target: pd.Series[Any], answers: Any) -> list[list[float]]:
    """[right, answered] of `MOST_POINTS` rows at most, evenly from all that have numbers in both."""
    said = pd.Series(getattr(answers, "squeeze", lambda: answers)(), dtype=float)
    both = pd.DataFrame({"right": target.astype(float).to_numpy(), "said": said.to_numpy()})
    both = both[(both.abs() < math.inf).all(axis=1)]
    step = max(1, math.ceil(len(both) / MOST_POINTS))
    return [[float(one), float(other)] for one, other in both.iloc[::step].itertuples(index=False)]


def class_report(target: pd.Series[Any], answers: Any) -> dict[str, Any]:
    """The confusion matrix, rows are the right answers, and what follows from it for each class.

    Of many classes those with most rows; `left_out` counts the others.
    """
    right = [str(one) for one in target.tolist()]
    said = [str(one) for one in pd.Series(getattr(answers, "squeeze", lambda: answers)()).tolist()]
    pairs = Counter(zip(right, said, strict=True))
    rows, answered = Counter(right), Counter(said)
    every = sorted({*right, *said}, key=_order)
    labels = sorted(sorted(every, key=lambda label: -rows[label])[:MOST_SHOWN], key=_order)
    return {
        "labels": labels,
        "left_out": len(every) - len(labels),
        "confusion_matrix": [[pairs[one, other] for other in labels] for one in labels],
        "per_class": [
            _of_class(label, pairs[label, label], rows[label], answered[label]) for label in labels
        ],
        "right": sum(pairs[label, label] for label in every),
    }


def _of_class(label: str, hits: int, rows: int, said: int) -> dict[str, Any]:
    precision, recall = hits / said if said else 0.0, hits / rows if rows else 0.0
    both = precision + recall
    return {
        "label": label,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / both if both else 0.0,
        "rows": rows,
    }


def _order(label: str) -> tuple[int, float, str]:
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label


if __name__ == "__main__":
    sys.exit(main())
