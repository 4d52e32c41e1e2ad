"""An MLflow model behind KServe's own server: `python _kserve_model.py FOLDER PORT`, in KServe's environment."""

from __future__ import annotations

import sys
from typing import Any

import mlflow.pyfunc
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Pyfunc(Model):
    """Asks the model as ours does, by MLflow's pyfunc; takes one tensor and answers one."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(name)
        self.pyfunc = mlflow.pyfunc.load_model(folder)
        self.ready = True

    def predict(
        self, payload: InferRequest, headers: Any = None, response_headers: Any = None
    ) -> InferResponse:
        answer = self.pyfunc.predict(payload.inputs[0].as_numpy())
        output = InferOutput(name="output-0", shape=list(answer.shape), datatype="INT64")
        output.set_data_from_numpy(answer, binary_data=False)
        # Without an id of its own, KServe fails where the request has none.
        return InferResponse(response_id=payload.id or "", model_name=self.name, infer_outputs=[output])


if __name__ == "__main__":
    # What it would write for each request is left out, as ours writes none.
    server = ModelServer(http_port=int(sys.argv[2]), enable_grpc=False, enable_latency_logging=False)
    server.start([Pyfunc("iris", sys.argv[1])])
