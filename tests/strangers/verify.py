"""Checks a Daicho log as a stranger would: from the formats' specifications alone (RFC 6962 and
c2sp.org: signed-note, tlog-checkpoint, tlog-tiles, tlog-proof, tlog-witness). Nothing is shared with Daicho.

verify.py ADDRESS LOG-KEY OLD-CHECKPOINTS REQUEST FIGURE-PROOF; an auditor's token in DAICHO_TOKEN.
OLD-CHECKPOINTS is a folder with a checkpoint a file.
"""
import base64, hashlib, json, os, sys, urllib.request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

address, log_key, old_folder, request_file, figure_file = sys.argv[1:]
b64 = lambda text: base64.b64decode(text, validate=True)
sha = lambda data: hashlib.sha256(data).digest()
leaf = lambda data: sha(b"\x00" + data)
node = lambda left, right: sha(b"\x01" + left + right)


def fetch(path, token=None):
    request = urllib.request.Request(f"{address}/log/{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def checkpoint(note):
    """Size and root of a checkpoint that the log has signed."""
    text, signatures = note.decode().split("\n\n")
    text += "\n"
    name, key_id, key = log_key.split("+", 2)
    key = b64(key)
    assert key[0] == 1 and key_id == sha(name.encode() + b"\n" + key)[:4].hex(), "the key's id is false"
    own = [b64(line.split(" ")[2]) for line in signatures.splitlines() if line.startswith(f"— {name} ")]
    own = [signature[4:] for signature in own if signature[:4].hex() == key_id]
    assert len(own) == 1, "the log has not signed this"
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(own[0], text.encode())
    origin, size, root = text.splitlines()[:3]
    assert origin == name
    return int(size), b64(root)


def tree_hash(leaves):
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha(b"")
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def path_root(index, size, path, current):
    """RFC 9162, 2.1.3.2: the root that an audit path leads to."""
    last, path = size - 1, list(path)
    while last > 0:
        if index % 2 or index == last:
            if index % 2 == 0:
                while index % 2 == 0 and index:
                    index, last = index >> 1, last >> 1
                if index == 0:
                    break
            current = node(path.pop(0), current)
        else:
            current = node(current, path.pop(0))
        index, last = index >> 1, last >> 1
    assert not path, "the path is too long"
    return current


def consistent(old, old_root, new, new_root, proof):
    """RFC 9162, 2.1.4.2: whether the smaller tree is the beginning of the larger one."""
    proof = list(proof) if old & (old - 1) else [old_root] + list(proof)
    first, last = old - 1, new - 1
    while first % 2:
        first, last = first >> 1, last >> 1
    small = large = proof.pop(0)
    for hash_ in proof:
        assert last, "the proof is too long"
        if first % 2 or first == last:
            small, large = node(hash_, small), node(hash_, large)
            while first % 2 == 0 and first:
                first, last = first >> 1, last >> 1
        else:
            large = node(large, hash_)
        first, last = first >> 1, last >> 1
    return last == 0 and small == old_root and large == new_root


def tiles(kind, count):
    for index in range((count + 255) // 256):
        width = min(256, count - 256 * index)
        groups = f"{index:03}" if index < 1000 else f"x{index // 1000:03}/{index % 1000:03}"
        yield fetch(f"tile/{kind}/{groups}" + (f".p/{width}" if width < 256 else ""), os.environ["DAICHO_TOKEN"])


assert log_key in fetch("keys").decode().splitlines(), "the service shows other keys"
size, root = checkpoint(fetch("checkpoint"))
leaves = []
for bundle in tiles("entries", size):
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        leaves.append(leaf(bundle[2 : 2 + length]))
        bundle = bundle[2 + length :]
assert len(leaves) == size and tree_hash(leaves) == root, "the entries do not give the signed root"
level, hashes = 0, leaves
while hashes:
    assert b"".join(tiles(level, len(hashes))) == b"".join(hashes), f"hash tiles of level {level} differ"
    hashes = [tree_hash(hashes[at : at + 256]) for at in range(0, len(hashes) // 256 * 256, 256)]
    level += 1
olds = dict(checkpoint(open(os.path.join(old_folder, name), "rb").read()) for name in os.listdir(old_folder))
assert olds, f"no old checkpoints in {old_folder}"
for old_size, old_root in olds.items():
    assert 0 < old_size < size and tree_hash(leaves[:old_size]) == old_root, f"the old head of {old_size} is not the beginning"
head, note = open(request_file, "rb").read().split(b"\n\n", 1)
first, *proof = head.decode().splitlines()
old_size = int(first.removeprefix("old "))
old_root = olds[old_size]
new_size, new_root = checkpoint(note)
assert consistent(old_size, old_root, new_size, new_root, map(b64, proof)), "the consistency proof is false"
events = json.load(open(figure_file))["events"]
for event in events:
    head, note = event["proof"].split("\n\n", 1)
    first, index, *path = head.splitlines()
    assert first == "c2sp.org/tlog-proof@v1" and index == f"index {event['position']}"
    of_size, of_root = checkpoint(note.encode())
    found = path_root(event["position"], of_size, map(b64, path), leaf(b64(event["stored"])))
    assert found == of_root, f"event {event['position']} is not in the tree"
print(f"python: {size} entries, {level} levels, old heads of {sorted(olds)}, {len(events)} proofs of inclusion: all hold")
