"""What the tests in C need: the load client of the benchmark and the library
that is preloaded, built once for each run of pytest."""

import os
import pathlib
import shlex
import subprocess

from responder import is_sanitized

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent / "bench"
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-O2"]
# The rest of that folder are programs of their own.
LOAD_SOURCES = ["address.c", "client.c", "decoder.c", "load.c", "options.c",
                "process.c", "report.c", "request.c", "window.c"]


def compile_c(target, sources, *flags):
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run(
        [*compiler, *FLAGS, "-o", str(target), *map(str, sources), *flags],
        check=True, stdin=subprocess.DEVNULL)
    return target


class Tools:
    def __init__(self, directory):
        self.load = compile_c(directory / "load",
                              [BENCH / name for name in LOAD_SOURCES])
        # A sanitizer has an allocator of its own.
        self.shim = self.build_shim(directory / "shim.so", is_sanitized())
        # For a program that may have an allocator of its own as well.
        self.shim_of_others = self.build_shim(directory / "others.so", True)

    @staticmethod
    def build_shim(target, is_without_malloc):
        flags = ["-DSHIM_WITHOUT_MALLOC"] if is_without_malloc else []
        return compile_c(target, [HERE / "shim.c"], "-shared", "-fPIC",
                         "-ldl", *flags)

    def preloaded(self, **settings):
        """The environment in which the program runs with the shim."""
        env = {"LD_PRELOAD": str(self.shim)}
        env.update({f"SHIM_{name.upper()}": str(value)
                    for name, value in settings.items()})
        if is_sanitized():
            env["ASAN_OPTIONS"] = "verify_asan_link_order=0:detect_leaks=1"
        return env
