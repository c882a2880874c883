"""See text.scm."""
import io

from bench import bench, check, numbers


def build(n):
    port = io.StringIO()
    for _ in range(n):
        port.write("piece, ")
    return port.getvalue()


check("build", 7000000, len(bench("build_1M", lambda: build(1000000))))
check("build", 14000000, len(bench("build_2M", lambda: build(2000000))))
words = [str(i) for i in reversed(range(1000000))]
check("join", 6888889, len(bench("join_1M", lambda: ",".join(words))))
floats = [x / 1048583.0 for x in numbers(500000)]
texts = bench("flonum_print", lambda: list(map(repr, floats)))
check("flonum_read", floats, bench("flonum_read", lambda: list(map(float, texts))))
