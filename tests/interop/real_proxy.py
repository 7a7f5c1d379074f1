"""Runs proxy.py on loopback, for whom every name leads to loopback; prints what it is asked for.

Takes a login and, to be asked by TLS, the files of a certificate and its key.
"""

import os
import signal
import sys
import threading
import time

import proxy
from proxy.http.proxy import HttpProxyBasePlugin


class Loopback(HttpProxyBasePlugin):
    """Resolves every name to loopback, and says so."""

    def resolve_dns(self, host, port):
        print(f"asked for {host}:{port}", flush=True)
        return "127.0.0.1", None


def end_with(parent):
    """Ends this process when its parent has been killed, which could not end it."""
    while os.getppid() == parent:
        time.sleep(0.1)
    os._exit(1)


if __name__ == "__main__":
    watch = {"target": end_with, "args": (os.getpid(),), "daemon": True}
    os.register_at_fork(after_in_child=lambda: threading.Thread(**watch).start())
    # Under the name by which its workers find the plugin.
    options = ["--hostname", "127.0.0.1", "--port", "0", "--num-acceptors", "1", "--num-workers", "1"]
    options += ["--plugins", "real_proxy.Loopback"]
    login, *files = sys.argv[1:]
    options += ["--basic-auth", login]
    if files:
        options += ["--cert-file", files[0], "--key-file", files[1]]
    with proxy.Proxy(options) as running:
        print(f"listening on http://127.0.0.1:{running.flags.port}", flush=True)
        signal.pause()
