#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the code blocks of a page of docs/ against a server of its own and compares what they print.

Usage: run_blocks.py KYRODB PAGE [--write]

Blocks marked sql run in one psql session, blocks marked sh in a shell at the root of the tree, in the page's order. A block marked text
that follows is what must be printed; ".." in it stands for anything on the line, runs of blanks and dashes count as one.
127.0.0.1:3030 is where the server of the test listens. --write puts the output into text blocks that hold only a line starting with @@.
Exit status 77: psql or curl is not here.
"""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BLOCK = re.compile(r"^```(sh|sql)\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.M | re.S)
ANY_BLOCK = re.compile(r"^```(\w*)\n.*?^```$", re.M | re.S)


def normal(text):
    lines = (re.sub(r"-+", "-", re.sub(r"\s+", " ", line)).strip() for line in text.splitlines())
    return [line for line in lines if line]


def matches(wanted, got):
    wanted, got = normal(wanted), normal(got)
    pattern = (re.escape(line).replace(r"\.\.", ".*") for line in wanted)
    return len(wanted) == len(got) and all(re.fullmatch(p, line) for p, line in zip(pattern, got))


class Psql:
    """One session; the output of each piece ends with a line of its own."""

    def __init__(self, environment):
        self.process = subprocess.Popen(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "postgres"], env=environment, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, sql):
        end = "@end@"
        try:
            self.process.stdin.write(f"{sql}\n\\echo {end}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == end:
                return "".join(lines), True
            lines.append(line)
        return "".join(lines), False

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run_page(page, environment, http_port):
    """The page's text with what was printed in place of @@ blocks, and the complaints."""
    text = open(page, encoding="utf-8").read()
    blocks, psql, complaints, written = list(BLOCK.finditer(text)), Psql(environment), [], text
    marked = [m.group(1) for m in ANY_BLOCK.finditer(text)]
    if not blocks or len(marked) != sum(2 if b.group(3) is not None else 1 for b in blocks):
        complaints.append(f"{len(marked)} blocks on the page, but some are not sh, sql or the text after one")
    for block in blocks:
        kind, code, wanted = block.groups()
        if kind == "sql":
            output, is_good = psql.run(code)
        else:
            code = code.replace("127.0.0.1:3030", f"127.0.0.1:{http_port}")
            ended = subprocess.run(["bash", "-c", "set -eo pipefail\n" + code], env=environment, cwd=ROOT, text=True,
                                   stdout=subprocess.PIPE)
            output, is_good = ended.stdout, ended.returncode == 0
        if wanted is not None and wanted.startswith("@@"):
            lines = [line.rstrip() for line in output.strip("\n").splitlines()]
            written = written.replace(wanted, "\n".join(lines) + "\n", 1)
        elif not is_good or not matches(wanted or "", output):
            line = text.count("\n", 0, block.start()) + 1
            complaints.append(f"{page}:{line}:\n{code}--- wanted\n{wanted or ''}--- got\n{output}")
        if not is_good:
            complaints.append("failed; the rest was not run")
            break
    psql.close()
    return written, complaints


def wait_until_ready(http_port, server):
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/ready"):
                return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    sys.exit("the server did not get ready")


def main():
    kyrodb, page = sys.argv[1], sys.argv[2]
    if not shutil.which("psql") or not shutil.which("curl"):
        print("skipped: psql or curl is not installed (packages postgresql-client, curl)")
        sys.exit(77)
    port = random.randrange(20000, 30000, 2)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    environment |= {"PGHOST": "127.0.0.1", "PGUSER": "postgres", "PGPORT": str(port), "PAGER": "", "PGOPTIONS": "-c client_min_messages=warning"}
    with tempfile.TemporaryDirectory(prefix="kyro-docs.") as folder:
        server = subprocess.Popen([kyrodb, "serve", "--data-dir", folder + "/data", "--port", str(port), "--http-port", str(port + 1),
                                   "--socket-dir", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_ready(port + 1, server)
            written, complaints = run_page(page, environment, port + 1)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
    if "--write" in sys.argv:
        open(page, "w", encoding="utf-8").write(written)
    print("\n".join(complaints))
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
