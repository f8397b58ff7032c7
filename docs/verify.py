#!/usr/bin/env python3
"""Verify a TauDaemon ledger, or its export, with nothing but Python's standard library.

usage: verify.py FOLDER [SIZE] [--key KEY]

FOLDER is a ledger, a backup of one, or what `taud ledger export` wrote (C2SP tlog-tiles). Checks every byte of it,
or of a ledger's first SIZE records, and prints size, head (leaf hash of the last record) and root (RFC 6962 tree hash):
compare them with a head that you got elsewhere, such as a TauDaemon's status. KEY is the verifier key that you got
elsewhere ("name+hash+base64", or a file with it); without it the folder's own ledger.pub is taken, which shows damage,
but not that the whole folder is another's.

The format is that of the doc of daemon/ledger (of which this page leaves out only the bounds on a body: 256 members,
64 levels, names without escapes). Of records that retention has pruned their hashes are checked: that they are gone
is what the signed manifest says, or an export's first bundle. Sealed segments are unpacked by Python's own zstd
(3.14 and later) or the program zstd.
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


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


# ---- one record ----

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


def check_record(line, seq, head, epoch, where):
    """Check a line, without its LF, as record seq behind the leaf hash head; return its leaf hash and epoch."""
    where = f"{where}, record {seq}"
    expect(len(line) <= 65535, where, "length", "at most 65535 bytes", len(line))
    header = HEADER.match(line)
    expect(header, where, "header", "the six members of the format", line[:200])
    expect(max(int(header[i]) for i in (1, 4, 5)) < 2**53, where, "header", "numbers below 2^53", line[:200])
    expect(int(header[1]) == seq, where, "seq", seq, int(header[1]))
    expect(bytes.fromhex(header[2].decode()) == head, where, "prev", head.hex(), header[2].decode())
    expect(int(header[5]) >= epoch, where, "epoch", f"at least {epoch}", int(header[5]))
    expect(seq > 0 or header[3] == b"boot", where, "kind", "boot", header[3].decode())
    check_json(line, where)
    return sha256(b"\0", line), int(header[5])


# ---- the tree ----

def push(edge, leaf):
    """Add a leaf to edge: the roots of the perfect subtrees so far, largest first, as (records, hash). Returns the hashes
    that the leaf completes, itself first: what a tree file holds."""
    edge.append((1, leaf))
    made = [leaf]
    while len(edge) > 1 and edge[-1][0] == edge[-2][0]:
        (n, right), (_, left) = edge.pop(), edge.pop()
        made.append(sha256(b"\1", left, right))
        edge.append((2 * n, made[-1]))
    return made


def root(edge):
    if not edge:
        return sha256()
    h = edge[-1][1]
    for _, left in reversed(edge[:-1]):
        h = sha256(b"\1", left, h)
    return h


# ---- signed notes (C2SP signed-note), Ed25519 (RFC 8032) ----

P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE_Y = 4 * pow(5, -1, P) % P


def add(a, b):
    """Add two points in extended coordinates."""
    i, j, k, l = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0]), 2 * D * a[3] * b[3], 2 * a[2] * b[2]
    e, f, g, h = j - i, l - k, l + k, j + i
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = add(out, point)
        point, n = add(point, point), n >> 1
    return out


def unpack_point(raw):
    y, sign = int.from_bytes(raw, "little") & (2**255 - 1), raw[31] >> 7
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P or y >= P or x == 0 and sign:
        raise ValueError("no point")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def ed25519(public, text, signature):
    try:
        minus = unpack_point(public)
        minus = (P - minus[0], minus[1], 1, P - minus[3])
    except ValueError:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(r + public + text).digest(), "little") % ORDER
    x, y, z, _ = add(times(s, unpack_point(BASE_Y.to_bytes(32, "little"))), times(h, minus))
    inverse = pow(z, -1, P)
    return s < ORDER and r == (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


def signed(folder, name, key):
    """The lines of a signed file, whose signature is checked; None where there is no such file."""
    if not os.path.exists(os.path.join(folder, name)):
        return None
    try:
        text, signatures = read(folder, name).decode("utf-8").split("\n\n", 1)
        origin, key_hash, encoded = key.split("+", 2)
        public = base64.b64decode(encoded, validate=True)
        good = public[:1] == b"\1" and len(public) == 33 and sha256(origin.encode(), b"\n", public)[:4].hex() == key_hash
        expect(good, "key", "form", "a verifier key (name+hash+base64)", key)
        start = f"— {origin} "
        ours = [base64.b64decode(line[len(start):], validate=True) for line in signatures.split("\n") if line.startswith(start)]
    except ValueError as e:
        raise Wrong(f"{name}: expected a signed note, found {e}")
    by_key = [s[4:] for s in ours if s[:4].hex() == key_hash and len(s) == 68]
    expect(by_key and ed25519(public[1:], (text + "\n").encode(), by_key[0]), name, "signature", f"one by {origin}+{key_hash}", "none that is good")
    lines = text.split("\n")
    expect(lines[0] == origin, name, "origin", origin, lines[0])
    return lines


def checkpoint(folder, key):
    """Size and root of the folder's checkpoint (C2SP tlog-checkpoint); 0 where there is none."""
    lines = signed(folder, "checkpoint", key)
    if lines is None:
        return 0, None
    expect(len(lines) == 3 and re.fullmatch("0|[1-9][0-9]*", lines[1]), "checkpoint", "form", "origin, size and root", lines)
    return int(lines[1]), base64.b64decode(lines[2])


# ---- a ledger's folder ----

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


def segments(folder, key, known):
    """First record (20 digits), lines and the manifest's entry of each segment, in order. A sealed one is compressed and has an
    entry, a pruned one has no lines."""
    names = set(os.listdir(folder))
    manifest = signed(folder, "manifest", key) or [None, "ledger manifest v1"]
    expect(manifest[1] == "ledger manifest v1", "manifest", "form", "ledger manifest v1", manifest[1])
    entries = [json.loads(line) for line in manifest[2:]]
    for e in entries:
        first = f"{e['first']:020d}"
        if e.get("pruned"):
            yield first, None, e
            continue
        packed = first + ".log.zst"
        expect(packed in names, packed, "sealed segment", f"a file of {e['packed']} bytes", "none")
        expect(hashlib.sha256(read(folder, packed)).hexdigest() == e["sha256"], packed, "content", f"SHA-256 {e['sha256']} (manifest)", "another")
        yield first, unpack(os.path.join(folder, packed)), e
    end = entries[-1]["first"] + entries[-1]["records"] if entries else 0
    expect(known >= end, "checkpoint", "size", f"at least {end}, as there is a manifest", known)
    for name in sorted(n for n in names if re.fullmatch(r"[0-9]{20}\.log", n) and int(n[:20]) >= end):
        with open(os.path.join(folder, name), "rb") as lines:
            yield name[:20], lines, None


def pruned(folder, e, edge):
    """Take the leaf hashes of a pruned segment from its tree file, which holds with each what it completes."""
    name = f"{e['first']:020d}.tree"
    stored, at = read(folder, name), 0
    leaf = b""
    for _ in range(e["records"]):
        leaf = stored[at:at + 32]
        made = b"".join(push(edge, leaf))
        expect(stored[at:at + len(made)] == made, name, f"stored hashes at byte {at}", made.hex(), stored[at:at + len(made)].hex())
        at += len(made)
    expect(at == len(stored), name, "length", at, len(stored))
    expect(leaf.hex() == e["leaf"], name, "leaf hash of the last record", e["leaf"] + " (manifest)", leaf.hex())
    return leaf


def verify(folder, key, size=None):
    known, known_root = checkpoint(folder, key)
    seq, head, epoch, edge, torn = 0, bytes(32), 0, [], 0
    for first, lines, e in segments(folder, key, known):
        expect(not torn, first, "line", "an LF at the end of the segment before", "none")
        expect(first == f"{seq:020d}", first, "gap, doubled or misnamed segment", f"{seq:020d}", first)
        if lines is None:
            if seq < (size or 0) < seq + e["records"]:
                raise OSError(f"record {size - 1} is in a segment that was pruned: ask for another size")
            print(f"pruned: records {seq} to {seq + e['records'] - 1} are gone, by the signed manifest: their hashes are checked", file=sys.stderr)
            head, epoch, seq = pruned(folder, e, edge), e["epoch"], seq + e["records"]
            if seq == known:
                expect(root(edge) == known_root, first, "root of the checkpoint", known_root.hex(), root(edge).hex())
            if seq == size:
                return seq, head, root(edge)
            continue
        stored = []
        for line in lines:
            if not line.endswith(b"\n"):
                expect(e is None and len(line) <= 65535, f"{first}, record {seq}", "line", "an LF at its end", "none")
                torn = len(line)
                break
            head, epoch = check_record(line[:-1], seq, head, epoch, first)
            stored += push(edge, head)
            seq += 1
            if seq == known:
                expect(root(edge) == known_root, f"{first}, record {seq - 1}", "root of the checkpoint", known_root.hex(), root(edge).hex())
            if seq == size:
                return seq, head, root(edge)
        if e is not None:
            found = {"records": seq - e["first"], "leaf": head.hex(), "epoch": epoch}
            for name, value in found.items():
                expect(e[name] == value, first, f"{name} in the manifest", value, e[name])
            tree = os.path.join(folder, first + ".tree")
            expect(not os.path.exists(tree) or read(tree) == b"".join(stored), first + ".tree", "stored hashes", "those of the records", "others")
    if seq == 0 and not known:
        raise OSError(f"no ledger in {folder}")
    least = max(size or 0, known)
    expect(seq >= least, folder, "records", f"at least {least}", seq)
    if torn:
        print(f"torn tail: {torn} bytes of an unfinished record {seq}", file=sys.stderr)
    return seq, head, root(edge)


# ---- an export: C2SP tlog-tiles ----

def tile(folder, level, n, width):
    """The content of a tile or a bundle of entries, None where there is none. Its number is in groups of three digits."""
    path = f"{n % 1000:03d}"
    while n >= 1000:
        n //= 1000
        path = f"x{n % 1000:03d}/{path}"
    path = os.path.join(folder, "tile", str(level), path + (f".p/{width}" if width < 256 else ""))
    return read(path) if os.path.exists(path) else None


def verify_export(folder, key):
    size, known_root = checkpoint(folder, key)
    expect(size > 0, folder, "checkpoint", "one", "none")
    head, epoch, edge, above, begun, gone = bytes(32), 0, [], [], False, 0
    for n in range(0, size, 256):
        width = min(256, size - n)
        where = f"tile {n // 256}"
        hashes, bundle, at, part = tile(folder, 0, n // 256, width), tile(folder, "entries", n // 256, width), 0, []
        expect(hashes is not None and len(hashes) == 32 * width, where, "hashes", width, hashes and len(hashes) / 32)
        expect(bundle is not None or not begun, where, "entries", "a bundle, as before it", "none")
        begun, gone = bundle is not None, gone if bundle is not None else n + width
        for i in range(width):
            leaf = hashes[32 * i:32 * i + 32]
            if begun:
                line = bundle[at + 2:at + 2 + int.from_bytes(bundle[at:at + 2], "big")]
                found, epoch = check_record(line, n + i, head, epoch, where)
                expect(found == leaf, f"{where}, record {n + i}", "leaf hash", found.hex(), leaf.hex())
                at += 2 + len(line)
            head = leaf
            push(edge, leaf)
            push(part, leaf)
        expect(not begun or at == len(bundle), where, "entries", f"{at} bytes", bundle and len(bundle))
        above += [root(part)] if width == 256 else []
    level = 1
    while above:  # a level's hashes are the roots of the whole tiles below
        part, tops = above, []
        for n in range(0, len(part), 256):
            group = part[n:n + 256]
            expect(tile(folder, level, n // 256, len(group)) == b"".join(group), f"tile {n // 256} of level {level}", "hashes", "the roots of the tiles below", "others")
            if len(group) == 256:
                top = []
                for h in group:
                    push(top, h)
                tops.append(root(top))
        above, level = tops, level + 1
    expect(root(edge) == known_root, "checkpoint", "root", root(edge).hex(), known_root.hex())
    if gone:
        print(f"pruned: records 0 to {gone - 1} are not in the export: their hashes are checked", file=sys.stderr)
    return size, head, root(edge)


def main(args):
    key = None
    if "--key" in args[:-1]:
        at = args.index("--key")
        key, args = args[at + 1], args[:at] + args[at + 2:]
    if len(args) not in (1, 2) or not all(a.isdigit() and int(a) > 0 for a in args[1:]):
        return print(__doc__, file=sys.stderr) or 2
    try:
        own = os.path.join(args[0], "ledger.pub")
        if key and "+" not in key:
            key = read(key).decode().strip()
        key = key or (read(own).decode().strip() if os.path.exists(own) else "")
        if os.path.isdir(os.path.join(args[0], "tile")):
            n, leaf, tree = verify_export(args[0], key)
        else:
            n, leaf, tree = verify(args[0], key, *map(int, args[1:]))
    except Wrong as e:
        return print(f"WRONG: {e}", file=sys.stderr) or 1
    except OSError as e:
        return print(f"cannot tell: {e}", file=sys.stderr) or 2
    print(f"size {n}\nhead {leaf.hex()}\nroot {tree.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
