"""A server for MLflow models that speaks the Open Inference Protocol V2 over HTTP, run in the model's environment::

    python -m himalia.serving MODEL_FOLDER

tensors.py   tensors as the protocol writes them, in JSON and in bytes
signature.py what a model takes and gives, from its MLflow signature
model.py     a loaded model: tensors in, tensors out
inference.py one request: its bytes in, the answer's bytes out
app.py       the HTTP side (ASGI)

Sources: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and, for tensors in
bytes, https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""
