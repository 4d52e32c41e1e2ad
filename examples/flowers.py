"""Learns to tell three kinds of iris apart, and leaves the model and the table that it learnt from.

himalia jobs submit examples/flowers.py --profile scikit-learn --name train-flowers
himalia models register flowers --job train-flowers
"""

import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import himalia.run as run

flowers = load_iris(as_frame=True).frame
rows, kinds = flowers.drop(columns="target"), flowers["target"]
model = LogisticRegression(max_iter=500).fit(rows, kinds)
run.log("accuracy", model.score(rows, kinds))
mlflow.sklearn.save_model(
    model,
    "outputs/model",
    signature=infer_signature(rows, model.predict(rows)),
    pip_requirements=["scikit-learn", "skops"],
)
flowers.to_csv("outputs/flowers.csv", index=False)
