#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A data set to look at: small grey drawings, each with its pixels as a vector and as a PNG.

    bench/data/shapes.py [COUNT=2000] [SEED=1] | psql -q ...

makes the collection `shapes (key, vector(256), kind text, picture text)`; picture is the PNG in
base64, for an <img src="data:image/png;base64,..."> of 16 x 16 pixels.
"""
import base64
import math
import random
import struct
import sys
import zlib

SIDE = 16
KINDS = ("disc", "ring", "square", "cross", "bar", "wave")


def inside(kind, x, y, size, angle):
    """How far a point is inside of a shape, in pixels; negative is outside."""
    u = x * math.cos(angle) + y * math.sin(angle)
    v = y * math.cos(angle) - x * math.sin(angle)
    if kind == "disc":
        return size - math.sqrt(u * u + v * v)
    if kind == "ring":
        return 1.2 - abs(size - math.sqrt(u * u + v * v))
    if kind == "square":
        return size - max(abs(u), abs(v))
    if kind == "cross":
        return min(1.3 - min(abs(u), abs(v)), size - max(abs(u), abs(v)))
    if kind == "bar":
        return min(1.6 - abs(v), size + 1 - abs(u))
    return 1.3 - abs(v - size / 2 * math.sin(u * 2 / size))


def draw(rng, kind):
    size, angle = rng.uniform(3, 6), rng.uniform(0, math.pi)
    left, top = rng.uniform(-1.5, 1.5), rng.uniform(-1.5, 1.5)
    pixels = []
    for row in range(SIDE):
        for column in range(SIDE):
            depth = inside(kind, column - 7.5 - left, row - 7.5 - top, size, angle)
            grey = 255 * min(1, max(0, depth + 0.5)) + rng.gauss(0, 6)
            pixels.append(min(255, max(0, round(grey))))
    return pixels


def png(pixels):
    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes(pixels[i : i + SIDE]) for i in range(0, len(pixels), SIDE))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print("DROP VECTORS IF EXISTS shapes;")
    print(f"CREATE VECTORS shapes (dim {SIDE * SIDE}, kind text, picture text);")
    for first in range(0, count, 100):
        rows = []
        for key in range(first, min(first + 100, count)):
            kind = KINDS[key % len(KINDS)]
            pixels = draw(rng, kind)
            picture = base64.b64encode(png(pixels)).decode()
            rows.append(f"({key}, '[{','.join(map(str, pixels))}]', '{kind}', '{picture}')")
        print("INSERT INTO shapes VALUES\n" + ",\n".join(rows) + ";")


if __name__ == "__main__":
    main()
