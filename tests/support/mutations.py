"""Damage to text files, one kind a function: `(generator, bytes) -> bytes`."""

import re

NUMBER = re.compile(rb"(?<![\w.])[+-]?\d+\.\d*(?:[eE][+-]\d+)?(?![\w.])")


def place(rng, things):
    """A random index."""
    return int(rng.integers(len(things)))


def binary_within(rng, data):
    at = place(rng, data)
    return data[:at] + rng.bytes(30) + data[at + 30 :]


def non_ascii_byte(rng, data):
    at = place(rng, data)
    return data[:at] + bytes([int(rng.integers(128, 256))]) + data[at + 1 :]


def one(pattern, change):
    """Change what a pattern matches somewhere in the file."""

    def mutate(rng, data):
        matches = list(re.finditer(pattern, data))
        if not matches:
            return data
        match = matches[place(rng, matches)]
        return data[: match.start()] + change(rng, match[0]) + data[match.end() :]

    return mutate


def lines_by(change):
    """Change the list of lines in place."""

    def mutate(rng, data):
        lines = data.splitlines(keepends=True)
        change(rng, lines)
        return b"".join(lines)

    return mutate


def duplicate(rng, lines):
    at = place(rng, lines)
    lines.insert(at, lines[at])


def exchange(rng, lines):
    a, b = rng.integers(len(lines), size=2)
    lines[a], lines[b] = lines[b], lines[a]


def lengthen(rng, lines):
    at = place(rng, lines)
    lines[at] = lines[at].rstrip(b"\n") * (100_000 // len(lines[at]) + 1) + b"\n"


def table(lines):
    """Indices of the lines that are atoms or rows of numbers."""
    words = [line.split() for line in lines]
    return [k for k, w in enumerate(words) if len(w) > 1 and all(map(NUMBER.fullmatch, w[1:3]))]


def shuffle(rng, lines):
    rows, before = table(lines), list(lines)
    for k, other in zip(rows, rng.permutation(rows), strict=True):
        lines[k] = before[other]


def swap_columns(rng, lines):
    if rows := table(lines):
        count = min(len(lines[k].split()) for k in rows)
        a, b = rng.choice(count, size=2, replace=False)
        for k in rows:
            words = lines[k].split()
            words[a], words[b] = words[b], words[a]
            lines[k] = b"  ".join(words) + b"\n"


def other_absorber(rng, data):
    """The absorber's index, atomic number or symbol, as each format names it."""
    other = str(int(rng.integers(1, 60))).encode()
    for pattern in (
        rb"(absorber=)\d+", rb"(Abs\s+Z=\s*)\d+", rb"(Z_absorber\s+)\d+",
        rb"(POTENTIALS[^\d]*\n\s*0\s+)\d+",
    ):  # fmt: skip
        if re.search(pattern, data):
            return re.sub(pattern, rb"\g<1>" + other, data)
    if b"XDI" in data[:20]:
        name = [b"Zn", b"Fe", b"Ni", b"Pt"][int(rng.integers(4))]
        return re.sub(rb"(Element.symbol:\s*)\w+", rb"\g<1>" + name, data)
    return data.replace(b"Cu", b"Zn")


MUTATIONS = {
    "truncated": lambda rng, data: data[: int(rng.integers(len(data) + 1))],
    "truncated_at_a_line": lines_by(
        lambda rng, lines: lines.__delitem__(slice(int(rng.integers(len(lines) + 1)), None))
    ),
    "empty": lambda rng, data: b"",
    "binary": lambda rng, data: rng.bytes(min(len(data), 5000)),
    "binary_within": binary_within,
    "non_ascii_byte": non_ascii_byte,
    "windows_line_ends": lambda rng, data: data.replace(b"\n", b"\r\n"),
    "decimal_commas": lambda rng, data: re.sub(rb"(?<=\d)\.(?=\d)", b",", data),
    "decimal_comma": one(NUMBER, lambda rng, word: word.replace(b".", b",")),
    "nan": one(NUMBER, lambda rng, word: b"NaN"),
    "stars": one(NUMBER, lambda rng, word: b"*" * len(word)),
    "fortran_exponent": one(NUMBER, lambda rng, word: b"1.0-101"),
    "sign": one(NUMBER, lambda rng, w: w[1:] if w[:1] == b"-" else b"-" + w.lstrip(b"+")),
    "underscore": one(NUMBER, lambda rng, word: word.replace(b".", b"0_0.", 1)),
    "too_large": one(NUMBER, lambda rng, word: b"1.0E+999"),
    "digit": one(rb"\d", lambda rng, word: str(int(rng.integers(10))).encode()),
    "duplicated_line": lines_by(duplicate),
    "deleted_line": lines_by(lambda rng, lines: lines.pop(place(rng, lines))),
    "exchanged_lines": lines_by(exchange),
    "long_line": lines_by(lengthen),
    "shuffled_rows": lines_by(shuffle),
    "swapped_columns": lines_by(swap_columns),
    "other_absorber": other_absorber,
}
HARMFUL = {
    "empty", "binary", "windows_line_ends", "decimal_commas", "decimal_comma", "nan", "stars",
    "too_large", "long_line",
}  # fmt: skip
"""After these a reader must refuse a file or give what it gave before; no other file comes out."""
