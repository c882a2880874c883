"""Times one call of work and prints "NAME MILLISECONDS ms"."""
import time


def bench(name, work):
    start = time.perf_counter_ns()
    result = work()
    print(name, (time.perf_counter_ns() - start) / 1e6, "ms", flush=True)
    return result


def check(name, expected, got):
    if expected != got:
        print(name + ": wrong result", got)


def numbers(n):
    x = 42
    result = []
    for _ in range(n):
        x = (x * 1103515245 + 12345) % 2147483648
        result.append(x)
    result.reverse()
    return result
