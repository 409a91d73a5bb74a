"""What a web process loads: each library is memory of every child and time of every start."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# Numbers are the workers'; of the server's choices one is used; the rest is used elsewhere.
UNUSED = ("numpy", "scipy", "sklearn", "pandas", "requests", "markdown", "httpx", "apprise")
SERVERS = ("h11", "h2", "websockets", "wsproto", "zttp", "watchfiles", "gunicorn.asgi.protocol")


def test_a_web_process_loads_what_it_uses() -> None:
    loads = "import sys, json, backend.web_process, backend.asgi, backend.wire"
    program = f"{loads}; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(found.stdout.splitlines()[-1]))
    assert {"uvicorn.protocols.http.httptools_impl", "uvloop", "rest_framework.compat"} <= loaded
    assert not loaded & {*UNUSED, *SERVERS}
