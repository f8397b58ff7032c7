#!/usr/bin/env python3
"""Verify a TauDaemon ledger with nothing but Python's standard library.

usage: verify.py FOLDER [SIZE]

Checks every byte of the ledger in FOLDER, or its first SIZE records, and prints size, head (leaf
hash of the last record) and root (RFC 6962 tree hash): compare them with a head that you
got elsewhere, such as a TauDaemon's status. The format is that of the doc of daemon/ledger (of which
this page leaves out only the bounds on a body: 256 members, 64 levels, names without escapes).
Sealed segments are unpacked by Python's own zstd (3.14 and later) or the program zstd. When the folder has
a checkpoint, its size and root are compared; its Ed25519 signature, the manifest and the tree files are for
`taud ledger verify`, and a ledger with pruned records too.
Exit code: 0 good, 1 found wrong, 2 could not tell.
"""
import base64, hashlib, json, os, re, subprocess, sys

HEADER = re.compile(
    rb'\{"v":1,"seq":(0|[1-9][0-9]*),"prev":"([0-9a-f]{64})","kind":"(boot|tick|outcome|command|snapshot|shutdown)",'
    rb'"ms":(0|[1-9][0-9]*),"epoch":(0|[1-9][0-9]*)(?=[,}])')
NAMES = ["v", "seq", "prev", "kind", "ms", "epoch"]  # of the header, in order


class Wrong(Exception):
    pass


def expect(good, where, problem, expected, found):
    if not good:
        raise Wrong(f"{where}: {problem}: expected {expected}, found {found}")


def refuse(what):
    raise ValueError(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def check_json(line, where):
    """One JSON object, no whitespace outside strings, names of the top level unique."""
    try:
        pairs = json.loads(line.decode("utf-8"), object_pairs_hook=lambda p: p, parse_constant=refuse)
    except (ValueError, RecursionError) as e:
        raise Wrong(f"{where}: expected a JSON object, found {e}")
    names = [name for name, _ in pairs]
    expect(names[:6] == NAMES and len(set(names)) == len(names), where, "member names", f"{NAMES} first, none twice", names)
    bare = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", line)
    expect(not re.search(rb"\s", bare), where, "form", "no whitespace", "some")


def push(edge, leaf):
    """Add a leaf to edge: the roots of the perfect subtrees so far, largest first, as (records, hash)."""
    edge.append((1, leaf))
    while len(edge) > 1 and edge[-1][0] == edge[-2][0]:
        (n, right), (_, left) = edge.pop(), edge.pop()
        edge.append((2 * n, sha256(b"\1", left, right)))


def root(edge):
    if not edge:
        return sha256()
    h = edge[-1][1]
    for _, left in reversed(edge[:-1]):
        h = sha256(b"\1", left, h)
    return h


def unpack(path):
    """The lines of a zstd file."""
    try:
        from compression import zstd
        with zstd.open(path) as f:
            yield from f
        return
    except ImportError:
        pass
    with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        yield from p.stdout
        problem = p.stderr.read().decode(errors="replace").strip()
    expect(p.returncode == 0, path, "compressed data", "a zstd frame", problem)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def segments(folder):
    """Name, and lines, of each segment in order: sealed ones are compressed."""
    names = os.listdir(folder)
    if "manifest" in names and b'"pruned":true' in read(os.path.join(folder, "manifest")):
        raise OSError("records were pruned here: taud ledger verify checks what is left")
    firsts = sorted({n[:20] for n in names if n.endswith((".log", ".log.zst"))})
    if not firsts:
        raise OSError(f"no ledger in {folder}")
    for first in firsts:
        path = os.path.join(folder, first + ".log")
        if first + ".log.zst" in names and not (first + ".log" in names and "manifest" not in names):
            yield first, unpack(path + ".zst"), first == firsts[-1]
        else:
            with open(path, "rb") as lines:
                yield first, lines, first == firsts[-1]


def checkpoint(folder):
    """Size and root of the folder's checkpoint (C2SP tlog-checkpoint)."""
    path = os.path.join(folder, "checkpoint")
    if not os.path.exists(path):
        return 0, None
    lines = read(path).split(b"\n")
    expect(len(lines) > 4 and lines[3] == b"" and lines[1].isdigit(), path, "form", "origin, size, root and an empty line", lines[:4])
    return int(lines[1]), base64.b64decode(lines[2])


def verify(folder, size=None):
    signed, signed_root = checkpoint(folder)
    seq, head, epoch, edge = 0, bytes(32), 0, []
    for first, lines, is_last in segments(folder):
        expect(first == f"{seq:020d}", first, "gap, doubled or misnamed segment", f"{seq:020d}", first)
        for line in lines:
            where = f"{first}, record {seq}"
            if not line.endswith(b"\n"):
                expect(is_last and len(line) <= 65535, where, "line", "an LF at its end", "none")
                print(f"torn tail: {len(line)} bytes of an unfinished record {seq}", file=sys.stderr)
                break
            line = line[:-1]
            expect(len(line) <= 65535, where, "length", "at most 65535 bytes", len(line))
            header = HEADER.match(line)
            expect(header, where, "header", "the six members of the format", line[:200])
            expect(max(int(header[i]) for i in (1, 4, 5)) < 2**53, where, "header", "numbers below 2^53", line[:200])
            expect(int(header[1]) == seq, where, "seq", seq, int(header[1]))
            expect(bytes.fromhex(header[2].decode()) == head, where, "prev", head.hex(), header[2].decode())
            expect(int(header[5]) >= epoch, where, "epoch", f"at least {epoch}", int(header[5]))
            expect(seq > 0 or header[3] == b"boot", where, "kind", "boot", header[3].decode())
            check_json(line, where)
            head, epoch, seq = sha256(b"\0", line), int(header[5]), seq + 1
            push(edge, head)
            if seq == signed:
                expect(root(edge) == signed_root, where, "root of the checkpoint", signed_root.hex(), root(edge).hex())
            if seq == size:
                return seq, head, root(edge)
    least = max(size or 0, signed)
    expect(seq >= least, folder, "records", f"at least {least}", seq)
    return seq, head, root(edge)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not all(a.isdigit() and int(a) > 0 for a in sys.argv[2:]):
        sys.exit(print(__doc__, file=sys.stderr) or 2)
    try:
        n, leaf, tree = verify(sys.argv[1], *map(int, sys.argv[2:]))
    except Wrong as e:
        sys.exit(print(f"WRONG: {e}", file=sys.stderr) or 1)
    except OSError as e:
        sys.exit(print(f"cannot tell: {e}", file=sys.stderr) or 2)
    print(f"size {n}\nhead {leaf.hex()}\nroot {tree.hex()}")
