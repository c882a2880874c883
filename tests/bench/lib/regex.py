"""See regex.eta."""
import re

from bench import bench, check

KINDS = ["INFO", "WARN", "ERROR"]


def line(i):
    return "2024-%02d-%02d 12:%02d:%02d [%s] user%d@example%d.com GET /path/%d/index.html %d" % (
        i % 12 + 1, i % 28 + 1, i % 60, i * 7 % 60, KINDS[i % 3], i, i % 10, i, i * 37)


lines = [line(i) for i in range(100000)]
text = "\n".join(lines)
mail = re.compile(r"[a-z0-9]+@[a-z0-9]+\.com")
full = re.compile(r"^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) \[(\w+)\] (\S+) (GET|POST) (\S+) (\d+)$")
error = re.compile(".*ERROR.*")
check("find", 100000, len(bench("regex_find", lambda: list(mail.finditer(text)))))
check("groups", 2188890, bench("regex_groups", lambda: sum(len(full.search(s).group(8)) for s in lines)))
check("match", 33333, bench("regex_match", lambda: sum(1 for s in lines if error.fullmatch(s))))
check("replace", 8381078,
      len(bench("regex_replace", lambda: re.sub(r"(\w+)@(\w+)\.com", r"\2 at \1", text))))
check("replace_fn", 10481078,
      len(bench("regex_call", lambda: re.sub(r"\d+", lambda m: "<" + m.group(0) + ">", text))))
check("split", 700000, len(bench("regex_split", lambda: re.split("[ \n]+", text))))
