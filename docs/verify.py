#!/usr/bin/env python3
"""Verify a TauDaemon ledger with nothing but Python's standard library.

usage: verify.py FOLDER [SIZE]

Checks every byte of the ledger in FOLDER, or its first SIZE records, and prints size, head (leaf
hash of the last record) and root (RFC 6962 tree hash): compare them with a head that you
got elsewhere, such as a TauDaemon's status. The format is that of the doc of daemon/ledger (of which
this page leaves out only the bounds on a body: 256 members, 64 levels, names without escapes).
Exit code: 0 good, 1 found wrong, 2 could not tell.
"""
import hashlib, json, os, re, sys

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


def verify(folder, size=None):
    names = sorted(n for n in os.listdir(folder) if n.endswith(".log"))
    if not names:
        raise OSError(f"no ledger in {folder}")
    seq, head, epoch, edge = 0, bytes(32), 0, []
    for name in names:
        expect(name == f"{seq:020d}.log", name, "gap, doubled or misnamed segment", f"{seq:020d}.log", name)
        with open(os.path.join(folder, name), "rb") as segment:
            for line in segment:
                where = f"{name}, record {seq}"
                if not line.endswith(b"\n"):
                    expect(name == names[-1] and len(line) <= 65535, where, "line", "an LF at its end", "none")
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
                if seq == size:
                    return seq, head, root(edge)
    expect(size is None or seq >= size, folder, "records", f"at least {size}", seq)
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
