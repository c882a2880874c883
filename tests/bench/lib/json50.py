"""See json50.eta."""
import json
import sys

from bench import bench, check

path = sys.argv[1]


def read_file():
    with open(path) as f:
        return json.load(f)


def write_file(value):
    with open(path + ".py", "w") as f:
        json.dump(value, f, ensure_ascii=False, separators=(",", ":"))


with open(path) as f:
    text = f.read()
value = bench("json_read", lambda: json.loads(text))
written = bench("json_write", lambda: json.dumps(value, ensure_ascii=False, separators=(",", ":")))
bench("json_read_file", read_file)
bench("json_write_file", lambda: write_file(value))
check("json", 200000, len(json.loads(written)))
